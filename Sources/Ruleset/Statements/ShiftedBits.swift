/// Bits of a mark, or of a number that is drawn, moved to other places: `(meta mark & 0xf) << 4 | 0x1`.
///
/// The kernel's registers have 32 bits here; what is shifted out of them is gone.
public struct ShiftedBits: Sendable, Equatable {
    public enum Step: Sendable, Equatable {
        /// To the left or, below 0, to the right; 1 to 31 bits.
        case shift(Int)
        /// `(bits & mask) ^ xor`, as in `MatchKey.Component`; without a mask all of them.
        case bits(mask: UInt128?, xor: UInt128)
    }

    public var field: Field
    /// In the order in which they are carried out.
    public var steps: [Step]

    public init(_ field: Field, steps: [Step]) {
        self.field = field
        self.steps = steps
    }

    private static let all: UInt128 = 0xffff_ffff

    /// Step by step.
    public func value(of number: UInt128) -> UInt128 {
        steps.reduce(number & Self.all) { bits, step in
            switch step {
            case .shift(let distance): Self.shifted(bits, distance)
            case .bits(let mask, let xor): (bits & (mask ?? Self.all)) ^ xor
            }
        }
    }

    /// All steps in one: the number, shifted, then masked, then turned over.
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
            }
        }
        return (shift, mask, xor)
    }

    private static func shifted(_ bits: UInt128, _ distance: Int) -> UInt128 {
        distance < 0 ? bits >> UInt128(-distance) : (bits << UInt128(distance)) & all
    }
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

    private static func distance(_ amount: ExpressionSyntax) throws(Diagnostic) -> Int {
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
    var text: String {
        var text = Selector.reading(field).text
        // `&` and its like bind less tightly than a shift.
        var isTight = true
        for step in steps {
            switch step {
            case .shift(let distance):
                text = "\(isTight ? text : "(\(text))") \(distance < 0 ? ">>" : "<<") \(abs(distance))"
                isTight = true
            case .bits(let mask, let xor):
                text += MatchKey.Component(field, mask: mask, xor: xor).operationsText
                isTight = false
            }
        }
        return text
    }

    var json: JSONValue {
        steps.reduce(field.json) { json, step in
            switch step {
            case .shift(let distance):
                .object([(distance < 0 ? ">>" : "<<", .array([json, .number(UInt64(abs(distance)))]))])
            case .bits(let mask, let xor):
                MatchKey.Component(field, mask: mask, xor: xor).json(of: json)
            }
        }
    }
}
