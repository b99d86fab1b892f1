import Classifier
import Decisions
import FrameBuilder
import Ruleset
import Storage

/// Statements that remember, in numbers so small that frames come to their ends.
extension RandomRulesets {
    static let objects: [NamedObject] = [
        NamedObject(name: "a", content: .counter(packets: 0, bytes: 0), location: Build.nowhere),
        NamedObject(name: "b", content: .counter(packets: 3, bytes: 9), location: Build.nowhere),
        NamedObject(name: "a", content: .quota(Quota(bytes: 400, isOver: true)), location: Build.nowhere),
        NamedObject(name: "b", content: .quota(Quota(bytes: 900, used: 500)), location: Build.nowhere),
        NamedObject(name: "a", content: .limit(Limit(rate: 1, unit: .minute, burst: 3)), location: Build.nowhere),
        NamedObject(
            name: "b", content: .limit(Limit(rate: 90, unit: .second, measure: .bytes, burst: 0, isOver: true)), location: Build.nowhere),
    ]

    mutating func statefulStatement() -> Statement {
        switch Int.random(in: 0...9, using: &random) {
        case 5, 6:
            // Rules change no maps to verdicts.
            let set = random.pick(Self.changingSets.filter { $0.contents != .verdicts && !$0.isInterval })
            var update = SetUpdate(
                operation: random.pick([.add, .update, .update, .delete]), key: key(of: set), set: set.name, location: Build.nowhere)
            update.data = data(of: set)
            if set.dynamics.hasTimeout, random.oneIn(2) { update.timeout = random.pick([1, 1_000, 60_000]) }
            if set.dynamics.statements.isEmpty, random.oneIn(2) { update.statements = [elementStatement()] }
            return .update(update)
        case 7:
            let set = random.pick(Self.changingSets)
            if set.contents == .verdicts {
                return .verdictMap(VerdictMap(key: key(of: set), elements: .named(set.name), location: Build.nowhere))
            }
            if set.isMap, random.oneIn(3) {
                let map = ValueMap(key: key(of: set), elements: .named(set.name), location: Build.nowhere)
                return .assignment(
                    Assignment(
                        field: random.pick([.etherDaddr, .thDport, .tcpDport, .ip6Hoplimit]), value: .mapped(map), location: Build.nowhere))
            }
            if set.isMap {
                let map = ValueMap(key: key(of: set), elements: .named(set.name), location: Build.nowhere)
                return .assignment(Assignment(field: .metaMark, value: .mapped(map), location: Build.nowhere))
            }
            return .match(
                Match(
                    key: key(of: set), relation: random.pick([.equal, .notEqual]), operand: .named(set.name), location: Build.nowhere))
        case 8:
            var meter = SetUpdate(
                operation: random.pick([.add, .update]), key: key(of: random.pick(Self.changingSets)),
                set: "m\(UInt64.random(in: 0 ... .max, using: &random))", location: Build.nowhere)
            meter.meterSize = 3
            meter.statements = [elementStatement()]
            return .update(meter)
        case 9:
            let kind = random.pick([NamedObject.Kind.counter, .quota, .limit])
            let field: Field = random.pick([.thDport, .ipSaddr, .metaL4proto, .metaIifname])
            var elements = mapElements(of: field, jumpingTo: [])
            for index in elements.indices {
                elements[index].mapped = .object(random.pick(["a", "b"]))
            }
            if random.oneIn(3) { elements.append(SetElement(value: .any, mapped: .object("a"), location: Build.nowhere)) }
            return .objectMap(
                ObjectMap(kind: kind, key: MatchKey(MatchKey.Component(field)), elements: .anonymous(elements), location: Build.nowhere))
        case 0:
            let measure: Limit.Measure = random.pick([.packets, .bytes])
            return .limit(
                Limit(
                    rate: random.pick([1, 3, 50, 1_000]), unit: random.pick(Limit.Unit.allCases), measure: measure,
                    burst: UInt32(random.pick(measure == .packets ? [1, 2, 5] : [0, 40, 100])), isOver: random.oneIn(3)),
                location: Build.nowhere)
        case 1:
            let bytes: UInt64 = random.pick([0, 46, 92, 500])
            return .quota(Quota(bytes: bytes, used: bytes / random.pick([1, 2, 3]), isOver: random.oneIn(2)), location: Build.nowhere)
        case 2, 3:
            let object = random.pick(Self.objects)
            return .object(ObjectReference(kind: object.kind, name: object.name), location: Build.nowhere)
        default:
            return .log(LogStatement(prefix: "x"), location: Build.nowhere)
        }
    }

    /// The set's own, now and then with what is done to its bits.
    private mutating func key(of set: NamedSet) -> MatchKey {
        let components = set.key.fields.map { field in
            if field.isInterface { return MatchKey.Component(field == .metaIifname && random.oneIn(2) ? .metaOifname : field) }
            return MatchKey.Component(
                field, mask: random.oneIn(3) ? field.allOnes << 1 & field.allOnes : nil, xor: random.oneIn(6) ? 1 : 0)
        }
        return MatchKey(components[0], rest: Array(components.dropFirst()))
    }

    private mutating func data(of set: NamedSet) -> SetUpdate.Data? {
        guard let data = set.data else { return nil }
        if random.oneIn(2) { return .constant(UInt128(random.pick([1, 2, 3])), of: data.field) }
        return .field(MatchKey.Component(random.pick([.metaMark, .ipDaddr, .ip6Flowlabel, .thSport]), xor: random.pick([0, 3])))
    }

    mutating func elementStatement() -> ElementStatement {
        switch Int.random(in: 0...3, using: &random) {
        case 0: .counter(packets: 0, bytes: 0)
        case 3: .last(LastUse())
        case 1: .limit(Limit(rate: 1, unit: random.pick([.second, .hour]), burst: 1, isOver: random.oneIn(2)))
        default: .quota(Quota(bytes: 50, isOver: random.oneIn(2)))
        }
    }

    /// The small ones, which fill up, have no timeouts: when an expired element makes room is the program's own affair.
    static let changingSets: [NamedSet] = [
        set("u", .ipSaddr, size: 2) { _ in },
        set("v", .etherSaddr, size: 1_000) { $0.timeout = 2_000 },
        set("w", .thDport, size: 1_000) {
            $0.statements = [.counter(packets: 0, bytes: 0), .limit(Limit(rate: 1, unit: .hour, burst: 2))]
        },
        set("x", .ip6Saddr, size: 1_000) { _ in },
        set("pairs", .ipSaddr, .thDport, size: 3) { _ in },
        set("wide", .ip6Saddr, .ip6Daddr, .etherSaddr, .thDport, size: 1_000) { $0.timeout = 2_000 },
        set("ports", .etherSaddr, .metaIifname, size: 1_000) { $0.statements = [.quota(Quota(bytes: 200))] },
        set("points", .ipDscp, size: 1_000) { _ in },
        set("names", .metaIifname, size: 2) { _ in },
        map("marks", .ipSaddr, size: 1_000) { $0.timeout = 2_000 },
        verdicts("verdicts", .ipSaddr),
        verdicts("decided", .ipSaddr, .ipTtl) { $0.statements = [.quota(Quota(bytes: 200))] },
        map("flows", .ipSaddr, .thDport, size: 4) { $0.statements = [.limit(Limit(rate: 1, unit: .hour, burst: 3))] },
        guarded("spans", .ipSaddr) { $0.timeout = 60_000 },
        guarded("counted", .ipDaddr) { $0.statements = [.counter(packets: 1, bytes: 2), .quota(Quota(bytes: 300, isOver: true))] },
        guarded("rooms", .ipSaddr, .thDport) { $0.hasTimeout = true },
        guarded("gates", .thDport, contents: .verdicts) { $0.statements = [.limit(Limit(rate: 1, unit: .hour, burst: 3))] },
        guarded("worth", .ipSaddr, contents: .values(SetKey(field: .metaMark, isTypeof: true))) { $0.hasTimeout = true },
    ]

    /// Intervals that stay for a second, for a minute, for the set's time and for good; none overlaps another.
    private static func guarded(
        _ name: String, _ fields: Field..., contents: NamedSet.Contents = .keys, change: (inout SetDynamics) -> Void
    ) -> NamedSet {
        var set = set(name, fields, size: 1_000, change)
        set.dynamics.isDynamic = false
        if set.name != "counted" { set.dynamics.hasTimeout = true }
        set.isInterval = true
        set.contents = contents
        let spans: [(UInt128, UInt128)] =
            fields[0] == .thDport
            ? [(0, 53), (80, 80), (443, 1_023), (1_024, 65_535)]
            : [(0x0a00_0001, 0x0a00_0001), (0x0a00_0002, 0x0a00_00ff), (0x0a00_0100, 0x0a00_ffff), (0xc000_0200, 0xc000_02ff)]
        let elements = spans.enumerated().map { index, span in
            let value: Value = span.0 == span.1 ? .number(span.0) : .range(span.0, span.1)
            var element = SetElement(
                value: fields.count == 1 ? value : .concatenation([value, .range(0, 1_023)]), location: Build.nowhere)
            if set.dynamics.hasTimeout { element.timeout = [1_000, 60_000, nil, 0][index] }
            if index == 2 { element.expires = set.dynamics.timeout.map { $0 / 2 } }
            switch contents {
            case .keys, .objects: break
            case .verdicts: element.mapped = .verdict([.accept, .drop, .continue, .return][index])
            case .values: element.mapped = .value(.number(UInt128(index)))
            }
            return element
        }
        set.elements = SetElements(elements)
        return set
    }

    /// Its elements live for a second, for a minute, and for good.
    private static func verdicts(_ name: String, _ fields: Field..., change: (inout SetDynamics) -> Void = { _ in }) -> NamedSet {
        var map = set(name, fields, size: 1_000, change)
        map.contents = .verdicts
        for (index, verdict) in [Verdict.accept, .drop, .continue, .return].enumerated() {
            let address = UInt128(0x0a00_0001 + index)
            let value: Value = fields.count == 1 ? .number(address) : .concatenation([.number(address), .number(64)])
            var element = SetElement(value: value, mapped: .verdict(verdict), location: Build.nowhere)
            element.timeout = [1_000, 60_000, nil, nil][index]
            map.elements.append(element)
        }
        return map
    }

    private static func map(
        _ name: String, _ fields: Field..., size: UInt32, _ change: (inout SetDynamics) -> Void
    ) -> NamedSet {
        var map = set(name, fields, size: size, change)
        map.contents = .values(SetKey(field: .metaMark, isTypeof: true))
        map.elements = SetElements(
            map.elements.enumerated().map { index, element in
                var element = element
                element.mapped = .value(.number(UInt128(index)))
                return element
            })
        return map
    }

    private static func set(
        _ name: String, _ fields: Field..., size: UInt32, _ change: (inout SetDynamics) -> Void
    ) -> NamedSet {
        set(name, fields, size: size, change)
    }

    private static func set(
        _ name: String, _ fields: [Field], size: UInt32, _ change: (inout SetDynamics) -> Void
    ) -> NamedSet {
        var dynamics = SetDynamics()
        dynamics.isDynamic = true
        change(&dynamics)
        dynamics.hasTimeout = dynamics.timeout != nil
        var elements: [SetElement] = []
        switch fields {
        case [.thDport]: elements = [80, 53].map { SetElement(value: .number($0), location: Build.nowhere) }
        case [.metaIifname]: elements = [SetElement(value: .interface("other0", isPrefix: false), location: Build.nowhere)]
        case [.ipSaddr, .thDport]:
            elements = [[0x0a00_0001, 80], [0x0a00_0002, 53]].map {
                SetElement(value: .concatenation($0.map { .number($0) }), location: Build.nowhere)
            }
            elements[1].statements = [.limit(Limit(rate: 1, unit: .day, burst: 1))]
        default: break
        }
        var set = NamedSet(
            name: name, key: SetKey(field: fields[0], rest: Array(fields.dropFirst()), isTypeof: true), elements: elements,
            location: Build.nowhere)
        set.dynamics = dynamics
        set.size = size
        return set
    }

    /// The clocks some time later: now and then not at all, now and then by days.
    mutating func later(than instant: Instant) -> Instant {
        let step: UInt64 = random.pick([0, 1, 1_000_000, 1_000_000_000, 20_000_000_000, 3_600_000_000_000, 90_000_000_000_000])
        return Instant(monotonic: instant.monotonic + step, sinceEpoch: instant.sinceEpoch + step)
    }
}
