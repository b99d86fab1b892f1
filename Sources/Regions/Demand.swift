import Ruleset

/// What a frame must have for a rule to go on: conditions, and tests of what rules assign.
struct Demand {
    var condition = Condition()
    var tests: [StateTest] = []
}

/// When a match holds: where one of `any` does, or where one of `readable` does and none of `none`.
enum Holding {
    case any([Demand])
    case none([Demand], readable: [Demand])
    /// Nobody can tell.
    case unknown
}

/// Turns matches into demands.
struct DemandBuilder {
    var reader: FieldReader
    /// The names of the two ports.
    var ports: [String]
    /// Variables that steps assign, each with the unknown values that they may give it.
    var assigned: [Variable: [String]]

    /// Numbers that are listed one by one rather than as a range with a mask.
    private static let mostNumbers: UInt128 = 1 << 16
    private static let mostMasked: UInt128 = 64

    // MARK: Keys

    /// For a key of one component.
    func holding(_ component: MatchKey.Component, _ values: [Value], isNegated: Bool, at place: ReadingPlace) -> Holding {
        if component.field.isInterface {
            guard let set = ports(component.field, values, at: place) else { return .any([]) }
            let ingress = isNegated ? ValueSet(0, 1).subtracting(set) : set
            return .any(ingress.isEmpty ? [] : [demand(Condition([(.ingress, ingress)]))])
        }
        var set = ValueSet(values.flatMap { Self.intervals(of: $0, bits: component.field.bitWidth) })
        guard component.mask != nil || component.xor != 0 else {
            if isNegated { set = ValueSet.all(bits: component.field.bitWidth).subtracting(set) }
            return .any(demands(component.field, set, at: place))
        }
        return masked(component, set, isNegated: isNegated, at: place)
    }

    /// For elements of concatenations: by element what it asks for; nil where that can't be told.
    func demands(_ key: MatchKey, _ value: Value, at place: ReadingPlace) -> [Demand]? {
        let values: [Value]
        switch value {
        case .concatenation(let parts): values = parts
        case .any: values = Array(repeating: .any, count: key.components.count)
        default: values = [value]
        }
        guard values.count == key.components.count else { return [] }
        var all = [Demand()]
        for (component, value) in zip(key.components, values) {
            guard case .any(let some) = holding(component, [value], isNegated: false, at: place) else { return nil }
            all = all.flatMap { demand in some.compactMap { combined(demand, $0) } }
        }
        return all
    }

    /// Where a key can be read.
    func readable(_ key: MatchKey, at place: ReadingPlace) -> [Demand] { demands(key, .any, at: place) ?? [] }

    /// Both; nil where no frame of the kind has both.
    func combined(_ left: Demand, _ right: Demand) -> Demand? {
        var both = left
        for (variable, set) in right.condition.sets {
            both.condition.restrict(variable, to: set)
            if both.condition.sets[variable]?.isDisjoint(reader.kind.domain(of: variable)) == true { return nil }
        }
        both.tests += right.tests.filter { !both.tests.contains($0) }
        return both
    }

    /// Ports at which the name is one of these; nil where the chain doesn't know the port, and nothing matches.
    private func ports(_ field: Field, _ values: [Value], at place: ReadingPlace) -> ValueSet? {
        let isIngress = field.port == .ingress
        let isKnown = isIngress ? place.hook != .postrouting : place.hook != .prerouting
        func isNamed(_ port: Int) -> Bool {
            values.contains { value in
                switch value {
                case .any: true
                case .interface(let name, let isPrefix): isKnown && (isPrefix ? ports[port].hasPrefix(name) : ports[port] == name)
                case .number, .range, .prefix, .concatenation: false
                }
            }
        }
        let numbers = [0, 1].filter { isNamed(isIngress ? $0 : 1 - $0) }.map { UInt128($0) }
        return ValueSet(numbers: numbers)
    }

    // MARK: Numbers

    static func intervals(of value: Value, bits: Int) -> [ValueSet.Interval] {
        switch value {
        case .number(let number): return [ValueSet.Interval(number, number)]
        case .range(let low, let high): return [ValueSet.Interval(low, high)]
        case .prefix(let base, let length): return [ValueSet.Interval(base, base | ValueSet.ones(bits - length))]
        case .any: return [ValueSet.Interval(0, ValueSet.ones(bits))]
        case .interface, .concatenation: return []
        }
    }

    /// Frames in which the field is one of these numbers.
    func demands(_ field: Field, _ set: ValueSet, at place: ReadingPlace) -> [Demand] {
        reader.readings(of: field, at: place).flatMap { demands($0, set) }
    }

    private func demands(_ reading: Reading, _ set: ValueSet) -> [Demand] {
        let widths = reading.pieces.map(\.bits)
        return set.digits(widths[...]).compactMap { digits in
            var condition = reading.guards
            for (piece, digit) in zip(reading.pieces, digits) {
                switch piece {
                case .constant(let number, _): if !digit.contains(number) { return nil }
                case .variable(let variable, _):
                    let domain = reader.kind.domain(of: variable)
                    // A variable may be given any number, whichever it has at first.
                    if assigned[variable] != nil {
                        if digit != .all(bits: piece.bits) { condition.restrict(variable, to: digit) }
                    } else {
                        if domain.isDisjoint(digit) { return nil }
                        if !domain.isSubset(of: digit) { condition.restrict(variable, to: digit) }
                    }
                }
            }
            return demand(condition)
        }
    }

    /// Conditions on what steps assign become tests.
    private func demand(_ condition: Condition) -> Demand {
        guard condition.sets.keys.contains(where: { assigned[$0] != nil }) else { return Demand(condition: condition) }
        var demand = Demand()
        for (variable, set) in condition.sets.sorted(by: { $0.key.rank < $1.key.rank }) {
            if assigned[variable] == nil {
                demand.condition.restrict(variable, to: set)
            } else {
                demand.tests.append(test(StateTest(variable: variable, set: set)))
            }
        }
        return demand
    }

    private func test(_ test: StateTest) -> StateTest {
        var test = test
        for value in assigned[test.variable] ?? [] {
            let text = "\(test.mask.map { "& \($0) " } ?? "")^ \(test.xor) in \(test.set.intervals.map { "\($0.low)-\($0.high)" })"
            test.unknowns[value] = .opaque(Variable.Opaque(text: value, place: text))
        }
        return test
    }

    // MARK: Masks

    private func masked(_ component: MatchKey.Component, _ set: ValueSet, isNegated: Bool, at place: ReadingPlace) -> Holding {
        let field = component.field
        let (mask, xor) = (component.mask ?? field.allOnes, component.xor)
        var positive: [Demand] = []
        var negative: [Demand] = []
        let readings = reader.readings(of: field, at: place)
        let isWhole = readings.allSatisfy { $0.pieces.count == 1 }
        for reading in readings {
            if reading.pieces.count == 1 {
                let turns = isNegated && isWhole
                guard let found = single(reading, mask, xor, set, isNegated: turns, bits: field.bitWidth) else { return .unknown }
                positive += found
                continue
            }
            guard let numbers = Self.numbers(of: set, xor: xor, mask: mask) else { return .unknown }
            for number in numbers {
                guard let found = demands(reading, number: number, mask: mask, bits: field.bitWidth) else { return .unknown }
                negative += found
            }
        }
        if !isNegated || isWhole { return .any(positive + negative) }
        // A frame is in one reading at most: where it is in one of these, it must have none of the numbers.
        return .none(positive + negative, readable: readable(MatchKey(MatchKey.Component(field)), at: place))
    }

    /// Numbers before the mask is turned over, one by one.
    private static func numbers(of set: ValueSet, xor: UInt128, mask: UInt128) -> [UInt128]? {
        guard set.count(upTo: mostMasked) != nil else { return nil }
        let all = set.intervals.flatMap { interval in (0...interval.high - interval.low).map { interval.low + $0 } }
        return all.map { $0 ^ xor }.filter { $0 & ~mask == 0 }
    }

    /// A value in one piece; nil where its numbers can't be listed.
    private func single(
        _ reading: Reading, _ mask: UInt128, _ xor: UInt128, _ set: ValueSet, isNegated: Bool, bits: Int
    ) -> [Demand]? {
        switch reading.pieces[0] {
        case .constant(let number, _): return set.contains((number & mask) ^ xor) != isNegated ? [demand(reading.guards)] : []
        case .variable(let variable, _):
            // The frame's mark may be any number; all other variables have numbers of their domain, whatever they are assigned.
            if variable == .mark {
                var demand = demand(reading.guards)
                let asked = isNegated ? ValueSet.all(bits: bits).subtracting(set) : set
                demand.tests.append(test(StateTest(variable: variable, mask: mask, xor: xor, set: asked)))
                return [demand]
            }
            let domain = reader.kind.domain(of: variable)
            guard let found = Self.unmasked(set, mask, xor, in: domain, bits: bits) else { return nil }
            let asked = isNegated ? domain.subtracting(found) : found
            return demands(reading, asked)
        }
    }

    /// Numbers of the domain that the mask brings into the set.
    private static func unmasked(_ set: ValueSet, _ mask: UInt128, _ xor: UInt128, in domain: ValueSet, bits: Int) -> ValueSet? {
        if domain.count(upTo: mostNumbers) != nil {
            var found: [ValueSet.Interval] = []
            for interval in domain.intervals {
                for number in interval.low...interval.high where set.contains((number & mask) ^ xor) {
                    found.append(ValueSet.Interval(number, number))
                }
            }
            return ValueSet(found)
        }
        let host = ValueSet.ones(bits) & ~mask
        guard xor == 0, host & (host &+ 1) == 0 else { return nil }
        return ValueSet(
            set.intervals.compactMap { interval in
                let low = interval.low & host == 0 ? interval.low : (interval.low | host) &+ 1
                let high = interval.high & ~host
                return low <= high && low & host == 0 ? ValueSet.Interval(low, high | host) : nil
            })
    }

    /// Frames that have a number in the bits of a mask; nil unless the mask's runs are pieces of the value.
    private func demands(_ reading: Reading, number: UInt128, mask: UInt128, bits: Int) -> [Demand]? {
        var left = bits
        var condition = reading.guards
        for piece in reading.pieces {
            left -= piece.bits
            let ones = ValueSet.ones(piece.bits)
            let (own, asked) = (mask >> UInt128(left) & ones, number >> UInt128(left) & ones)
            switch piece {
            case .constant(let constant, _): if constant & own != asked { return [] }
            case .variable(let variable, _):
                guard own == 0 || own == ones else { return nil }
                if own == ones { condition.restrict(variable, to: ValueSet(asked, asked)) }
            }
        }
        return condition.isImpossible(in: reader.kind) ? [] : [demand(condition)]
    }
}
