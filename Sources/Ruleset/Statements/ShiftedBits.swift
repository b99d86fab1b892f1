/// What is made of a field and of others, for a mark or for a field: `(meta mark & 0xf) << 4 | ip dscp`.
///
/// For a mark the kernel's registers have 32 bits; what is shifted out of them is gone.
public struct ShiftedBits: Sendable, Equatable {
    public enum Step: Sendable, Equatable {
        /// To the left or, below 0, to the right; 1 to 31 bits.
        case shift(Int)
        /// `(bits & mask) ^ xor`, as in `MatchKey.Component`; without a mask all of them.
        case bits(mask: UInt128?, xor: UInt128)
        /// With what is made of another field.
        case combined(BitOperator, ShiftedBits)
    }

    public var field: Field
    /// In the order in which they are carried out.
    public var steps: [Step]
    /// Bits of the registers.
    public var width: Int

    public init(_ field: Field, steps: [Step], width: Int = 32) {
        self.field = field
        self.steps = steps
        self.width = width
    }

    /// All that is read, in the order in which it is.
    public var fields: [Field] {
        steps.reduce(into: [field]) { fields, step in
            if case .combined(_, let other) = step { fields += other.fields }
        }
    }

    /// Whether another field has a part in it.
    public var isCombined: Bool { steps.contains { if case .combined = $0 { true } else { false } } }

    /// As many ones as the registers have bits.
    public var allOnes: UInt128 { width >= 128 ? .max : (1 << UInt128(width)) - 1 }

    private static let all: UInt128 = 0xffff_ffff

    /// Step by step.
    /// - Parameter numbers: What the fields have; those that are used are taken away.
    public func value(of numbers: inout ArraySlice<UInt128>) -> UInt128 {
        var bits = (numbers.popFirst() ?? 0) & allOnes
        for step in steps {
            switch step {
            case .shift(let distance): bits = distance < 0 ? bits >> UInt128(-distance) : (bits << UInt128(distance)) & allOnes
            case .bits(let mask, let xor): bits = (bits & (mask ?? allOnes)) ^ xor
            case .combined(let kind, let other): bits = kind.result(bits, other.value(of: &numbers))
            }
        }
        return bits
    }

    /// All steps in one, where no other field has a part: the number, shifted, then masked, then turned over.
    public var combined: (shift: Int, mask: UInt128, xor: UInt128) {
        var (shift, mask, xor) = (0, Self.all, 0 as UInt128)
        for step in steps {
            switch step {
            case .shift(let distance):
                shift += distance
                mask = Self.shifted(mask, distance)
                xor = Self.shifted(xor, distance)
            case .bits(let bits, let turned):
                mask &= bits ?? Self.all
                xor = (xor & (bits ?? Self.all)) ^ turned
            case .combined: break
            }
        }
        return (shift, mask, xor)
    }

    private static func shifted(_ bits: UInt128, _ distance: Int) -> UInt128 {
        distance < 0 ? bits >> UInt128(-distance) : (bits << UInt128(distance)) & all
    }
}

/// What is done to the bits of two numbers.
public enum BitOperator: Sendable, Equatable {
    case or, exclusiveOr, and

    public func result(_ left: UInt128, _ right: UInt128) -> UInt128 {
        switch self {
        case .or: left | right
        case .exclusiveOr: left ^ right
        case .and: left & right
        }
    }

    /// As it is written.
    var sign: String {
        switch self {
        case .or: "|"
        case .exclusiveOr: "^"
        case .and: "&"
        }
    }

    /// The higher, the more tightly it binds; shifts bind more tightly than all.
    var strength: Int {
        switch self {
        case .or: 0
        case .exclusiveOr: 1
        case .and: 2
        }
    }

    static let shiftStrength = 3
}

// MARK: Reading

/// A selector of 32 bits with what is done to it, in the order in which it is done.
struct ShiftedSyntax {
    enum Step {
        case shift(isLeft: Bool, ExpressionSyntax)
        case operation(ExpressionSyntax.Operator, ExpressionSyntax)
    }

    var selector: Selector
    /// The selector's own.
    var location: SourceLocation
    var steps: [Step] = []

    /// What can be written without a shift.
    var component: KeySyntax.Component? {
        var component = KeySyntax.Component(selector: selector, location: location)
        for step in steps {
            guard case .operation(let kind, let operand) = step else { return nil }
            component.operations.append((kind, operand))
        }
        return component
    }
}

extension Parser {
    /// True if a selector stands here after parentheses.
    var beginsSelectorInParentheses: Bool {
        var place = index
        while place < tokens.count, tokens[place].kind == .symbol(.leftParenthesis) { place += 1 }
        return place > index && place < tokens.count && tokens[place].kind == .word && Selector.grammar[tokens[place].text] != nil
    }

    /// Shifts bind more tightly than `&`, that more than `^`, and that more than `|`.
    mutating func shiftedBits(depth: Int) throws(Abandoned) -> ShiftedSyntax {
        var syntax: ShiftedSyntax
        if at(.leftParenthesis) {
            if depth == Self.depthLimit { throw fail(current.location, "more than \(Self.depthLimit) parentheses within each other") }
            next()
            syntax = try shiftedBits(depth: depth + 1)
            try expect(.rightParenthesis, for: "after the expression")
        } else {
            let start = index
            syntax = ShiftedSyntax(selector: try selector(), location: location(from: start))
        }
        while at(.shiftLeft) || at(.shiftRight) {
            if syntax.steps.count == Self.depthLimit { throw tooManyOperators() }
            let isLeft = next().kind == .symbol(.shiftLeft)
            syntax.steps.append(.shift(isLeft: isLeft, try primary(depth: depth)))
        }
        for kind in ExpressionSyntax.Operator.allCases.reversed() {
            while skip(kind.symbol) {
                if syntax.steps.count == Self.depthLimit { throw tooManyOperators() }
                let operand =
                    switch kind {
                    case .and: try primary(depth: depth)
                    case .exclusiveOr: try operation(.and, depth: depth)
                    case .or: try operation(.exclusiveOr, depth: depth)
                    }
                syntax.steps.append(.operation(kind, operand))
            }
        }
        return syntax
    }

    private mutating func tooManyOperators() -> Abandoned {
        fail(current.location, "more than \(Self.depthLimit) operators in one expression")
    }
}

// MARK: Checking

extension ShiftedSyntax {
    /// One step for each run of operations between shifts, as nft makes one instruction of it.
    func lowered() throws(Diagnostic) -> ShiftedBits {
        let values = ValueChecker(selector: selector)
        var bits = ShiftedBits(selector.field, steps: [])
        var run = KeySyntax.Component(selector: selector, location: location)
        func finish(_ run: KeySyntax.Component) throws(Diagnostic) {
            guard !run.operations.isEmpty else { return }
            let component = try values.component(run)
            try run.checkOrder()
            bits.steps.append(.bits(mask: component.mask, xor: component.xor))
        }
        for step in steps {
            switch step {
            case .operation(let kind, let operand): run.operations.append((kind, operand))
            case .shift(let isLeft, let amount):
                try finish(run)
                run.operations = []
                bits.steps.append(.shift(try Self.distance(amount) * (isLeft ? 1 : -1)))
            }
        }
        try finish(run)
        return bits
    }

    static func distance(_ amount: ExpressionSyntax) throws(Diagnostic) -> Int {
        let number = try ValueChecker(selector: Selector(.metaMark, .integer)).number(amount)
        guard (1...31).contains(number), let distance = Int(exactly: number) else {
            throw Diagnostic(
                severity: .error, location: amount.location, message: "the shift is out of range", note: "accepted: 1 to 31 bits")
        }
        return distance
    }
}

// MARK: Writing

extension ShiftedBits {
    /// As it is written.
    var text: String { written.text }

    /// With the strength of what binds it together.
    private var written: (text: String, strength: Int) {
        var text = Selector.reading(field).text
        var strength = BitOperator.shiftStrength
        var isShifted = false
        for step in steps {
            switch step {
            case .shift(let distance):
                if strength < BitOperator.shiftStrength { text = "(\(text))" }
                text += " \(distance < 0 ? ">>" : "<<") \(abs(distance))"
                (strength, isShifted) = (BitOperator.shiftStrength, true)
            case .bits(let mask, let xor):
                for (kind, operand) in operations(mask, xor, isShifted: isShifted) {
                    if strength < kind.strength { text = "(\(text))" }
                    text += " \(kind.sign) \(operand)"
                    strength = kind.strength
                }
            case .combined(let kind, let other):
                let right = other.written
                if strength < kind.strength { text = "(\(text))" }
                text += " \(kind.sign) \(right.strength <= kind.strength ? "(\(right.text))" : right.text)"
                strength = kind.strength
            }
        }
        return (text, strength)
    }

    /// Masks and bits as nft writes them: a mask that leaves out what is then turned over sets it.
    private func operations(_ mask: UInt128?, _ xor: UInt128, isShifted: Bool) -> [(BitOperator, String)] {
        let selector = Selector.reading(field)
        let values = ValueText(selector)
        func operand(_ number: UInt128) -> String {
            isShifted && selector.type != .mark ? "0x" + String(number, radix: 16) : values.operand(number)
        }
        if xor != 0, let mask, mask & xor == 0 {
            let all = mask | xor
            let set = selector.type.isBitmask && !isShifted ? values.flags(xor, isElement: true) : operand(xor)
            return (all == allOnes ? [] : [(.and, operand(all))]) + [(.or, set)]
        }
        return (mask.map { [(.and, operand($0))] } ?? []) + (xor == 0 ? [] : [(.exclusiveOr, operand(xor))])
    }

    var json: JSONValue {
        let texts = JSONText(Selector.reading(field))
        var isShifted = false
        return steps.reduce(field.json) { json, step in
            switch step {
            case .shift(let distance):
                isShifted = true
                return .object([(distance < 0 ? ">>" : "<<", .array([json, .number(UInt64(abs(distance)))]))])
            case .combined(let kind, let other): return .operation(kind, json, other.json)
            case .bits(let mask, let xor):
                func operand(_ number: UInt128) -> JSONValue {
                    isShifted ? JSONValue(number) : texts.value(.number(number), isElement: true)
                }
                if xor != 0, let mask, mask & xor == 0 {
                    let all = mask | xor
                    return .operation(.or, all == allOnes ? json : .operation(.and, json, operand(all)), operand(xor))
                }
                let masked = mask.map { JSONValue.operation(.and, json, operand($0)) } ?? json
                return xor == 0 ? masked : .operation(.exclusiveOr, masked, operand(xor))
            }
        }
    }
}

extension JSONValue {
    /// Several of one operator after the other are one list.
    fileprivate static func operation(_ kind: BitOperator, _ left: JSONValue, _ right: JSONValue) -> JSONValue {
        if case .object(let members) = left, members.count == 1, members[0].0 == kind.sign, case .array(let parts) = members[0].1 {
            return .object([(kind.sign, .array(parts + [right]))])
        }
        return .object([(kind.sign, .array([left, right]))])
    }
}
