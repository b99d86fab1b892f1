/// `selector set value`.
struct AssignmentSyntax {
    var selector: Selector
    var selectorLocation: SourceLocation
    var value: Value
    var location: SourceLocation

    enum Value {
        /// `a,b` is one expression for flags.
        case constant([ExpressionSyntax], location: SourceLocation)
        case field(Selector, location: SourceLocation)
        case bits(KeySyntax.Component)
        case shifted(ShiftedSyntax)
        case calculated(CalculationSyntax)
        case mapped(MapSyntax)

        var location: SourceLocation {
            switch self {
            case .constant(_, let location), .field(_, let location): location
            case .bits(let component): component.location
            case .shifted(let bits): bits.location
            case .calculated(let syntax): syntax.location
            case .mapped(let map): map.location
            }
        }
    }
}

extension Parser {
    /// After the selector, at `set`.
    mutating func assignment(to selector: Selector, _ selectorLocation: SourceLocation, from start: Int) throws(Abandoned)
        -> AssignmentSyntax
    {
        if case .searched(let header, _) = selector.field.source, header.kind == .ipv6ExtensionHeader || header.isInner {
            throw unchangeable(selector)
        }
        next()
        let valueStart = index
        let value: AssignmentSyntax.Value
        if let calculation = calculation(for: selector) {
            value = .calculated(calculation)
        } else if selector.field.isMark, beginsSelectorInParentheses {
            value = try markBits()
        } else if beginsSelector {
            let source = try key(isAssigned: true)
            if selector.field.isMark, at(.shiftLeft) || at(.shiftRight) {
                index = valueStart
                value = try markBits()
            } else if at(word: "map") {
                value = .mapped(try map(of: source, from: valueStart, example: "value : 0x1"))
            } else if selector.field.isMark, source.components.count == 1, source.first.selector.field.canBeMark {
                value = .bits(source.first)
            } else {
                guard source.components.count == 1, source.first.operations.isEmpty else {
                    throw fail(location(from: valueStart), "a concatenation can't be assigned", note: "write one field")
                }
                value = .field(source.first.selector, location: location(from: valueStart))
            }
        } else {
            value = .constant(try constants(for: selector), location: location(from: valueStart))
        }
        if at(.dash) || at(.slash) {
            throw fail(current.location, "ranges and prefixes can't be assigned", note: "write one value: a constant, or a field")
        }
        return AssignmentSyntax(
            selector: selector, selectorLocation: selectorLocation, value: value, location: location(from: start))
    }

    /// Bits of a mark, or of what is drawn, with shifts or in parentheses.
    private mutating func markBits() throws(Abandoned) -> AssignmentSyntax.Value {
        let bits = try shiftedBits(depth: 0)
        guard bits.selector.field.canBeMark else { return .field(bits.selector, location: bits.location) }
        return bits.component.map(AssignmentSyntax.Value.bits) ?? .shifted(bits)
    }

    private mutating func unchangeable(_ selector: Selector) -> Abandoned {
        fail(current.location, "'\(selector.text)' can't be changed", note: "nft changes no extension headers")
    }

    /// A word like `ip` or `arp` is a value if nothing of the header follows.
    var beginsSelector: Bool {
        if at(.at) { return true }
        guard current.kind == .word, let seconds = Selector.grammar[current.text] else { return false }
        if seconds[""] != nil { return true }
        let following = tokens[min(index + 1, tokens.count - 1)]
        return following.kind == .word && (!Words.values.contains(current.text) || isField(following.text, of: current.text))
    }

    private func isField(_ word: String, of header: String) -> Bool {
        Selector.fields(after: header).contains { $0.prefix { $0 != " " } == word }
    }

    private mutating func constants(for selector: Selector) throws(Abandoned) -> [ExpressionSyntax] {
        try refuseUnsupportedExpression()
        if at(.leftBrace) {
            throw fail(
                current.location, "a set can't be assigned", note: "write one value, or choose it by a map: tcp dport map { 80 : … }")
        }
        if current.kind == .word, Words.reserved.contains(current.text), !Words.values.contains(current.text) {
            let isName = selector.type.names?.number(of: current.text) != nil
            throw fail(
                current.location, "'\(printable(current.text))' is a keyword and no value here",
                note: isName ? "put it in quotes: \"\(current.text)\"" : "expected \(selector.type.example)")
        }
        var values = [try expression(depth: 0)]
        while selector.type.isBitmask, skip(.comma) { values.append(try expression(depth: 0)) }
        return values
    }
}
