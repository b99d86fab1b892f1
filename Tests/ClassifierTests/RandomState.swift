import Classifier
import FrameBuilder
import Ruleset

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
        switch Int.random(in: 0...7, using: &random) {
        case 5, 6:
            let set = random.pick(Self.changingSets)
            return .update(
                SetUpdate(
                    operation: random.pick([.add, .update, .update, .delete]), field: set.key.field,
                    mask: random.oneIn(3) ? set.key.field.allOnes << 1 & set.key.field.allOnes : nil, set: set.name,
                    timeout: set.dynamics.hasTimeout && random.oneIn(2) ? random.pick([1, 1_000, 60_000]) : nil,
                    statements: set.dynamics.statements.isEmpty && random.oneIn(2) ? [elementStatement()] : [], location: Build.nowhere))
        case 7:
            let set = random.pick(Self.changingSets)
            return .match(
                Match(
                    field: set.key.field, relation: random.pick([.equal, .notEqual]), operand: .named(set.name), location: Build.nowhere))
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

    private mutating func elementStatement() -> ElementStatement {
        switch Int.random(in: 0...2, using: &random) {
        case 0: .counter(packets: 0, bytes: 0)
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
    ]

    private static func set(_ name: String, _ field: Field, size: UInt32, _ change: (inout SetDynamics) -> Void) -> NamedSet {
        var dynamics = SetDynamics()
        dynamics.isDynamic = true
        change(&dynamics)
        dynamics.hasTimeout = dynamics.timeout != nil
        let values: [UInt128] = field == .thDport ? [80, 53] : []
        return NamedSet(
            name: name, key: SetKey(field: field, isTypeof: true), dynamics: dynamics, size: size,
            elements: values.map { SetElement(value: .number($0), location: Build.nowhere) }, location: Build.nowhere)
    }

    /// The clocks some time later: now and then not at all, now and then by days.
    mutating func later(than instant: Instant) -> Instant {
        let step: UInt64 = random.pick([0, 1, 1_000_000, 1_000_000_000, 20_000_000_000, 3_600_000_000_000, 90_000_000_000_000])
        return Instant(monotonic: instant.monotonic + step, sinceEpoch: instant.sinceEpoch + step)
    }
}
