import FrameBuilder
import Ruleset

/// Concatenations, maps to values, `*`, elements that count, and marks.
extension RandomRulesets {
    /// Of several fields, or of one with what is done to its bits.
    private mutating func key() -> MatchKey {
        let fields = (0..<Int.random(in: 1...4, using: &random)).map { _ in random.oneIn(4) ? field() : random.pick(Self.keyFields) }
        let components = fields.map { field in
            if fields.count > 1, random.oneIn(12) { return MatchKey.Component(Self.constant, mask: 0, xor: 5) }
            if field.isInterface { return MatchKey.Component(field) }
            return MatchKey.Component(
                field, mask: random.oneIn(6) ? corner(of: field) : nil, xor: random.oneIn(8) ? corner(of: field) : 0)
        }
        return MatchKey(components[0], rest: Array(components.dropFirst()))
    }

    /// Few, and such as frames have together.
    private static let keyFields: [Field] = [
        .ipSaddr, .ipDaddr, .thDport, .thSport, .metaL4proto, .metaMark, .metaIifname, .metaOifname, .etherSaddr, .ipDscp, .ip6Saddr,
    ]

    /// In the place of a field.
    private static let constant = Field(constant: "5", bitWidth: 16)

    private mutating func keyValue(of fields: [Field]) -> Value {
        let values = fields.map { field in
            if field.isConstant { return Value.number(random.pick([5, 5, 6])) }
            // Whatever a frame has there, so that keys of several components are met.
            return random.oneIn(3) && !field.isInterface ? Value.range(0, field.allOnes) : value(of: field)
        }
        return values.count == 1 ? values[0] : .concatenation(values)
    }

    /// Elements of concatenations may overlap; of a single field the map's own don't.
    private mutating func keyElements(of fields: [Field], jumpingTo chains: [String], isCounted: Bool) -> [SetElement] {
        var elements: [SetElement]
        if fields.count == 1 {
            elements = mapElements(of: fields[0], jumpingTo: chains)
        } else {
            elements = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                SetElement(value: keyValue(of: fields), mapped: .verdict(verdict(jumpingTo: chains)), location: Build.nowhere)
            }
        }
        if random.oneIn(3) {
            let any = SetElement(value: .any, mapped: .verdict(verdict(jumpingTo: chains)), location: Build.nowhere)
            elements.insert(any, at: Int.random(in: 0...elements.count, using: &random))
        }
        if isCounted { for index in elements.indices { elements[index].counter = SetElement.Counter() } }
        return elements
    }

    /// Elements of a set in a rule, some of which have statements; those of a single field don't overlap.
    mutating func withStatements(_ elements: [SetElement]) -> [SetElement] {
        guard remembers, random.oneIn(3) else { return elements }
        return elements.map { element in
            var element = element
            if !random.oneIn(3) { element.statements = (0..<random.pick([1, 1, 2])).map { _ in elementStatement() } }
            return element
        }
    }

    private mutating func valueElements(of fields: [Field], isCounted: Bool) -> [SetElement] {
        keyElements(of: fields, jumpingTo: [], isCounted: isCounted).map { element in
            var element = element
            element.mapped = .value(.number(UInt128(random.pick([1, 2, 3]))))
            return element
        }
    }

    /// A set, or a map to verdicts or to marks.
    mutating func keyedSet(jumpingTo chains: [String]) -> NamedSet {
        let fields = key().components.map(\.field)
        let isCounted = random.oneIn(2)
        let kind = Int.random(in: 0..<3, using: &random)
        var elements =
            kind == 2 ? valueElements(of: fields, isCounted: isCounted) : keyElements(of: fields, jumpingTo: chains, isCounted: isCounted)
        if kind == 0 { for index in elements.indices { elements[index].mapped = .nothing } }
        var set = NamedSet(
            name: "s\(sets.count)", key: SetKey(field: fields[0], rest: Array(fields.dropFirst()), isTypeof: true),
            contents: [.keys, .verdicts, .values(SetKey(field: .metaMark, isTypeof: true))][kind],
            elements: elements, location: Build.nowhere)
        set.isInterval = true
        set.hasCounters = isCounted
        return set
    }

    private func wholeKey(of set: NamedSet) -> MatchKey {
        MatchKey(MatchKey.Component(set.key.field), rest: set.key.rest.map { MatchKey.Component($0) })
    }

    mutating func keyedMatch() -> Statement {
        let named = sets.filter { !$0.isMap }
        if !named.isEmpty, random.oneIn(2) {
            let set = random.pick(named)
            let mayNegate = set.elements.allSatisfy { $0.value != .any }
            return .match(
                Match(
                    key: wholeKey(of: set), relation: mayNegate && random.oneIn(3) ? .notEqual : .equal, operand: .named(set.name),
                    location: Build.nowhere))
        }
        let key = key()
        let values = (0..<Int.random(in: 1...5, using: &random)).map { _ in keyValue(of: key.components.map(\.field)) }
        var match = Match(key: key, relation: random.oneIn(3) ? .notEqual : .equal, operand: .set(values), location: Build.nowhere)
        if key.isConcatenation || random.oneIn(2) {
            let plain =
                key.isConcatenation
                ? values.map { SetElement(value: $0, location: Build.nowhere) } : mapElements(of: key.first.field, jumpingTo: [])
            let elements = withStatements(plain)
            if elements.contains(where: { !$0.statements.isEmpty }) {
                match.elements = elements
                match.operand = .set(elements.map(\.value))
            }
        }
        return .match(match)
    }

    mutating func keyedVerdictMap(jumpingTo chains: [String]) -> Statement {
        let maps = sets.filter { $0.contents == .verdicts }
        if !maps.isEmpty, random.oneIn(2) {
            let map = random.pick(maps)
            return .verdictMap(VerdictMap(key: wholeKey(of: map), elements: .named(map.name), location: Build.nowhere))
        }
        let key = key()
        let elements = withStatements(keyElements(of: key.components.map(\.field), jumpingTo: chains, isCounted: false))
        return .verdictMap(VerdictMap(key: key, elements: .anonymous(elements), location: Build.nowhere))
    }

    /// `meta mark set …`.
    mutating func marking() -> Statement {
        let value: AssignedValue
        let maps = sets.filter { $0.data != nil }
        if remembers, random.oneIn(6) {
            value = .bits(MatchKey.Component(random.pick(Self.drawn), mask: random.oneIn(2) ? 3 : nil, xor: random.pick([0, 1])))
        } else if random.oneIn(4) {
            value = .shifted(shiftedBits(of: remembers && random.oneIn(3) ? random.pick(Self.drawn) : random.pick(Self.calculable)))
        } else if random.oneIn(2) {
            value = .constant(UInt128(random.pick([0, 1, 2, 3])))
        } else if !maps.isEmpty, random.oneIn(2) {
            let map = random.pick(maps)
            value = .mapped(ValueMap(key: wholeKey(of: map), elements: .named(map.name), location: Build.nowhere))
        } else {
            value = mapped()
        }
        return .assignment(Assignment(field: .metaMark, value: value, location: Build.nowhere))
    }

    /// Of at most 32 bits.
    static let calculable: [Field] = [.metaMark, .metaMark, .ipDscp, .ip6Dscp, .thDport, .vlanId, .ipTtl, .ipSaddr, .metaLength]

    /// Small numbers come and go within a few bits.
    mutating func shiftedBits(of field: Field) -> ShiftedBits {
        let count = Int.random(in: 1...4, using: &random)
        let steps = (0..<count).map { _ -> ShiftedBits.Step in
            if random.oneIn(4) {
                let fields = Self.calculable + (remembers ? Self.drawn : [])
                let other = ShiftedBits(
                    random.pick(fields), steps: random.oneIn(2) ? [.shift(2), .bits(mask: 0xfc, xor: 1)] : [])
                return .combined(random.pick([.or, .and, .exclusiveOr]), other)
            }
            if random.oneIn(2) { return .shift(random.pick([1, -1, 2, -2, 30, 31, -31])) }
            return .bits(mask: random.oneIn(2) ? random.pick([1, 3, 0xff, 0xffff_fffe]) : nil, xor: random.pick([0, 1, 6]))
        }
        return ShiftedBits(field, steps: steps)
    }

    /// By a map in the rule.
    mutating func mapped() -> AssignedValue {
        let key = key()
        let elements = withStatements(valueElements(of: key.components.map(\.field), isCounted: false))
        return .mapped(ValueMap(key: key, elements: .anonymous(elements), location: Build.nowhere))
    }
}
