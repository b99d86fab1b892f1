// Calculations of several fields, or of a header's field: `ct mark & 0xffff0000 | meta mark & 0xffff`, `ip dscp set ip dscp | 0x1`.

/// A calculation as it is written.
indirect enum CalculationSyntax {
    case field(Selector, location: SourceLocation)
    case constant(ExpressionSyntax)
    case operation(ExpressionSyntax.Operator, CalculationSyntax, CalculationSyntax)
    case shift(isLeft: Bool, CalculationSyntax, by: ExpressionSyntax)

    var location: SourceLocation {
        switch self {
        case .field(_, let location): location
        case .constant(let expression): expression.location
        case .operation(_, let left, _): left.location
        case .shift(_, let inner, _): inner.location
        }
    }

    /// What it reads, in its order.
    var selectors: [(selector: Selector, location: SourceLocation)] {
        switch self {
        case .field(let selector, let location): [(selector, location)]
        case .constant: []
        case .operation(_, let left, let right): left.selectors + right.selectors
        case .shift(_, let inner, _): inner.selectors
        }
    }

    private var hasOperations: Bool {
        switch self {
        case .field, .constant: false
        case .operation, .shift: true
        }
    }

    /// Whether a constant is shifted somewhere.
    private var shiftsConstants: Bool {
        switch self {
        case .field, .constant: false
        case .operation(_, let left, let right): left.shiftsConstants || right.shiftsConstants
        case .shift(_, let inner, _): inner.selectors.isEmpty || inner.shiftsConstants
        }
    }

    private var beginsWithConstant: Bool {
        switch self {
        case .field: false
        case .constant: true
        case .operation(_, let left, _): left.beginsWithConstant
        case .shift(_, let inner, _): inner.beginsWithConstant
        }
    }

    /// Whether it is more than a constant, a field by itself, or one mark or drawn number with constants after it.
    func isCalculation(for target: Selector) -> Bool {
        let selectors = selectors
        guard let first = selectors.first?.selector else { return shiftsConstants }
        if target.field.isMark, first.field.canBeMark, selectors.count == 1, !beginsWithConstant, !shiftsConstants { return false }
        return hasOperations || target.field.isMark
    }
}

// MARK: Reading

extension Parser {
    /// A calculation here; nil, and nothing is read, where it is one of the plainer values or none.
    mutating func calculation(for target: Selector) -> CalculationSyntax? {
        let (start, level, outer) = (index, depth, sink)
        do throws(Abandoned) {
            let syntax = try calculation(.or, depth: 0)
            if syntax.isCalculation(for: target), !at(word: "map"), !at(.dot) { return syntax }
        } catch {}
        (index, depth, sink) = (start, level, outer)
        return nil
    }

    private mutating func calculation(_ kind: ExpressionSyntax.Operator, depth: Int) throws(Abandoned) -> CalculationSyntax {
        var left = try tighterCalculation(than: kind, depth: depth)
        var count = 0
        while skip(kind.symbol) {
            count += 1
            if count > Self.depthLimit { throw fail(current.location, "more than \(Self.depthLimit) operators in one expression") }
            left = .operation(kind, left, try tighterCalculation(than: kind, depth: depth))
        }
        return left
    }

    private mutating func tighterCalculation(
        than kind: ExpressionSyntax.Operator, depth: Int
    ) throws(Abandoned) -> CalculationSyntax {
        switch kind {
        case .or: return try calculation(.exclusiveOr, depth: depth)
        case .exclusiveOr: return try calculation(.and, depth: depth)
        case .and: break
        }
        var left = try calculationPrimary(depth: depth)
        var count = 0
        while at(.shiftLeft) || at(.shiftRight) {
            count += 1
            if count > Self.depthLimit { throw fail(current.location, "more than \(Self.depthLimit) operators in one expression") }
            let isLeft = next().kind == .symbol(.shiftLeft)
            left = .shift(isLeft: isLeft, left, by: try primary(depth: depth))
        }
        return left
    }

    private mutating func calculationPrimary(depth: Int) throws(Abandoned) -> CalculationSyntax {
        if at(.leftParenthesis) {
            if depth == Self.depthLimit { throw fail(current.location, "more than \(Self.depthLimit) parentheses within each other") }
            next()
            let inner = try calculation(.or, depth: depth + 1)
            try expect(.rightParenthesis, for: "after the expression")
            return inner
        }
        guard beginsSelector else { return .constant(try primary(depth: depth)) }
        let start = index
        return .field(try selector(), location: location(from: start))
    }
}

// MARK: Checking

/// Carries out what is constant in a calculation, and puts the rest into steps.
struct CalculationChecker {
    let target: Selector
    /// Where selectors stand after the tags that have been matched.
    let placed: (Selector) -> Field

    private enum Part {
        case constant(UInt128)
        case bits(ShiftedBits)
    }

    private var width: Int { target.field.isMark ? 32 : target.field.bitWidth }
    private var allOnes: UInt128 { width >= 128 ? .max : (1 << UInt128(width)) - 1 }

    private func failure(_ location: SourceLocation, _ message: String, note: String? = nil) -> Diagnostic {
        Diagnostic(severity: .error, location: location, message: message, note: note)
    }

    func value(of syntax: CalculationSyntax) throws(Diagnostic) -> AssignedValue {
        for (selector, location) in syntax.selectors { try check(selector, location) }
        if !target.field.isMark, !target.field.isWrittenWhole {
            for (selector, location) in syntax.selectors where selector.field != target.field || syntax.selectors.count > 1 {
                throw failure(
                    location, "'\(target.text)' can only be set to a constant, or to its own bits with constants",
                    note: "it is no whole word, and nft keeps the bits beside it as they were read")
            }
        }
        if case .field(let selector, let location) = syntax, target.field.isMark, selector.isUntyped, selector.field.bitWidth != 32 {
            throw failure(
                location, "'\(selector.text)' by itself can't become a mark, since it has no type and other than 32 bits",
                note: "write: \(selector.text) & 0x\(String(selector.field.allOnes, radix: 16))")
        }
        switch try part(syntax, of: syntax.selectors.first?.selector ?? target) {
        case .constant(let number): return .constant(number)
        case .bits(let bits):
            // The same as where the constant is written last.
            if target.field.isMark, bits.field.isMark, bits.steps.count == 1, case .bits(let mask, let xor) = bits.steps[0] {
                return .bits(MatchKey.Component(bits.field, mask: mask, xor: xor))
            }
            return .shifted(bits)
        }
    }

    private func check(_ selector: Selector, _ location: SourceLocation) throws(Diagnostic) {
        let field = selector.field
        if field == .rtMtu || field == .metaRandom {
            throw failure(
                location, "'\(selector.text)' has no part in calculations",
                note: field == .rtMtu ? "write it by itself" : "write: numgen random mod 256")
        }
        if field.searchedHeader?.kind == .ipv6ExtensionHeader {
            throw failure(
                location, "'\(selector.text)' has no part in calculations", note: "nft reads extension headers only to compare them")
        }
        guard target.field.isMark else { return try AssignmentChecker.checkSource(selector, for: target, location) }
        guard !field.isInterface, field.bitWidth <= 32, field.octets.count != 3, !selector.type.isTime, selector.type != .presence else {
            throw failure(
                location, "'\(selector.text)' can't become a mark", note: "a mark has 32 bits, and takes numbers of at most as many")
        }
        guard selector.type != .tcpFlags, !selector.type.isConnectionBitmask else {
            throw failure(location, "'\(selector.text)' can't become a mark", note: "to nft its values are names and no numbers")
        }
    }

    /// - Parameter context: Says how constants are written.
    private func part(_ syntax: CalculationSyntax, of context: Selector) throws(Diagnostic) -> Part {
        switch syntax {
        case .constant(let expression):
            // As wide as what is set: bits that the field itself has not may be set in a mark.
            let field = target.field.isMark ? target.field : context.field
            return .constant(try ValueChecker(selector: Selector(field, context.type)).number(expression))
        case .field(let selector, _): return .bits(ShiftedBits(placed(selector), steps: [], width: width))
        case .shift(let isLeft, let inner, let amount):
            let distance = try ShiftedSyntax.distance(amount)
            switch try part(inner, of: context) {
            case .constant(let number):
                return .constant(isLeft ? (number << UInt128(distance)) & allOnes : number >> UInt128(distance))
            case .bits(var bits):
                guard target.field.isMark else {
                    throw failure(inner.location, "only what becomes a mark can be shifted", note: "nft takes no shifts here")
                }
                bits.steps.append(.shift(isLeft ? distance : -distance))
                return .bits(bits)
            }
        case .operation(let kind, let left, let right):
            let kind = kind.bitOperator
            let first = left.selectors.first?.selector ?? right.selectors.first?.selector ?? context
            switch (try part(left, of: first), try part(right, of: right.selectors.first?.selector ?? first)) {
            case (.constant(let one), .constant(let other)): return .constant(kind.result(one, other))
            case (.bits(let bits), .constant(let number)), (.constant(let number), .bits(let bits)):
                return .bits(applying(kind, number, to: bits))
            case (.bits(var bits), .bits(let other)):
                bits.steps.append(.combined(kind, other))
                return .bits(bits)
            }
        }
    }

    /// Constants that follow each other are one step, as nft makes one instruction of them.
    private func applying(_ kind: BitOperator, _ number: UInt128, to bits: ShiftedBits) -> ShiftedBits {
        var bits = bits
        var (mask, xor): (UInt128?, UInt128) = (nil, 0)
        if case .bits(let known, let turned) = bits.steps.last {
            (mask, xor) = (known, turned)
            bits.steps.removeLast()
        }
        let all = mask ?? allOnes
        switch kind {
        case .and: bits.steps.append(.bits(mask: all & number, xor: xor & number))
        case .exclusiveOr: bits.steps.append(.bits(mask: mask, xor: xor ^ number))
        case .or: bits.steps.append(.bits(mask: all & ~number, xor: (xor & ~number) | number))
        }
        return bits
    }
}

extension ExpressionSyntax.Operator {
    fileprivate var bitOperator: BitOperator {
        switch self {
        case .or: .or
        case .exclusiveOr: .exclusiveOr
        case .and: .and
        }
    }
}

extension Selector {
    /// To nft a number of a header that has no type of its own.
    fileprivate var isUntyped: Bool {
        guard type == .integer else { return false }
        switch field.place {
        case .header: return true
        case .searched(let header, _): return header.isInner || header.kind == .payload
        case .presence, nil: return false
        }
    }
}
