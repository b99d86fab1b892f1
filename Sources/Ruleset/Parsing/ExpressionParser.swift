/// Right sides: constants, ranges, prefixes, lists of bits, sets.
extension Parser {
    /// Parentheses within parentheses are read to this depth, which bounds the parser's own recursion.
    static let depthLimit = 32

    /// - Parameter selectors: None in a definition, which does not know yet what it is compared with.
    mutating func operand(of selectors: [Selector]) throws(Abandoned) -> OperandSyntax {
        let start = index
        let selector = selectors.first
        if at(.leftBrace) {
            return .set(try entries(example: selector?.type.example ?? "elements"), location: location(from: start))
        }
        if skip(.at) { return .named(try identifier("set"), location: location(from: start)) }
        if isVariableAlone, index + 2 < tokens.count, tokens[index + 2].kind != .symbol(.comma) { return try variable() }
        if current.isSeparator || current.kind == .end {
            let what = selector.map { "\($0.type.described) after '\($0.text)': \($0.type.example)" }
            throw unexpected(expecting: what ?? "a value")
        }
        let first = try expression(depth: 0)
        if at(.comma) || (at(.slash) && selector?.type.isBitmask == true && !isPrefixLength(at: index + 1)) {
            var values = [first]
            while skip(.comma) { values.append(try expression(depth: 0)) }
            guard let selector, skip(.slash) else { return .list(values, location: location(from: start)) }
            var mask = [try expression(depth: 0)]
            if !at(.comma) {
                throw fail(
                    location(from: start), "a single value can't follow '/'",
                    note: "write: \(selector.text) & \(printable(tokens[index - 1].text)) == \(printable(tokens[start].text))")
            }
            while skip(.comma) { mask.append(try expression(depth: 0)) }
            return .masked(values, mask: mask, location: location(from: start))
        }
        return .element(try concatenation(beginningWith: try element(beginningWith: first, from: start), from: start))
    }

    /// A number that no list follows.
    private func isPrefixLength(at index: Int) -> Bool {
        guard index + 1 < tokens.count else { return false }
        return tokens[index].kind == .number && tokens[index + 1].kind != .symbol(.comma)
    }

    /// A range, a prefix or the value itself.
    mutating func element(beginningWith first: ExpressionSyntax, from start: Int) throws(Abandoned) -> ElementSyntax {
        if skip(.dash) {
            let last = try expression(depth: 0)
            return .range(first, last, location: location(from: start))
        }
        if skip(.slash) {
            guard current.kind == .number else { throw unexpected(expecting: "a prefix length") }
            let length = try number(next())
            return .prefix(first, length: length, location: location(from: start))
        }
        return .value(first)
    }

    /// A constant expression: `|` binds weakest, then `^`, then `&`.
    mutating func expression(depth: Int) throws(Abandoned) -> ExpressionSyntax {
        try operation(.or, depth: depth)
    }

    mutating func operation(_ kind: ExpressionSyntax.Operator, depth: Int) throws(Abandoned) -> ExpressionSyntax {
        let start = index
        var left = try tighter(than: kind, depth: depth)
        var count = 0
        while skip(kind.symbol) {
            // The tree leans to the left; a walk recurses as deep as it is long.
            count += 1
            if count > Self.depthLimit { throw fail(current.location, "more than \(Self.depthLimit) operators in one expression") }
            let right = try tighter(than: kind, depth: depth)
            left = .operation(kind, left, right, location: location(from: start))
        }
        if at(.shiftLeft) || at(.shiftRight) { throw fail(current.location, "shifts are not supported", note: "write the number") }
        return left
    }

    private mutating func tighter(than kind: ExpressionSyntax.Operator, depth: Int) throws(Abandoned) -> ExpressionSyntax {
        switch kind {
        case .or: try operation(.exclusiveOr, depth: depth)
        case .exclusiveOr: try operation(.and, depth: depth)
        case .and: try primary(depth: depth)
        }
    }

    /// A word, a number, an address, or an expression in parentheses.
    mutating func primary(depth: Int) throws(Abandoned) -> ExpressionSyntax {
        if at(.leftParenthesis) {
            if depth == Self.depthLimit { throw fail(current.location, "more than \(Self.depthLimit) parentheses within each other") }
            next()
            let inner = try expression(depth: depth + 1)
            try expect(.rightParenthesis, for: "after the expression")
            return inner
        }
        switch current.kind {
        case .word, .wildcard, .number, .quoted, .address: return .constant(next())
        case .symbol(.dollar): return try scalarVariable()
        case .symbol(.at): throw fail(current.location, "a named set can't be part of an expression or a set")
        default: throw unexpected(expecting: "a value")
        }
    }

    /// The token's number. A decimal with a leading zero is refused: nft reads some of them as octal.
    mutating func number(_ token: Token) throws(Abandoned) -> UInt64 {
        switch NumberText.value(of: token.text) {
        case .value(let value):
            guard let value = UInt64(exactly: value) else { throw tooLarge(token) }
            return value
        case .leadingZero: throw fail(token.location, "the number has a leading zero", note: "nft may read it as octal")
        case .tooLarge: throw tooLarge(token)
        case .noNumber: throw fail(token.location, "'\(printable(token.text))' is not a number")
        }
    }

    private mutating func tooLarge(_ token: Token) -> Abandoned {
        fail(token.location, "the number is too large", note: "accepted: up to \(UInt64.max)")
    }
}
