/// What a `define`d name stands for.
struct Definition {
    var operand: OperandSyntax
    /// Constants that it puts in its place.
    var weight: Int
    /// As it is written.
    var tokens: ArraySlice<Token> = []

    /// The constants that all uses of definitions may stand for together: definitions that use others twice grow without end.
    static let expansionLimit = NamedLists.expansionLimit
    /// Constants in one defined expression, whose depth is bounded by it.
    static let expressionLimit = 256
}

extension Parser {
    /// `define NAME = …`, `redefine NAME = …`, `undefine NAME`.
    /// - Returns: Whether there was one.
    mutating func definition() throws(Abandoned) -> Bool {
        guard at(word: "define") || at(word: "redefine") || at(word: "undefine") else { return false }
        let word = next().text
        let token = current
        let name = try identifier("definition")
        if word == "undefine" {
            if scopes[scopes.count - 1].removeValue(forKey: name) == nil {
                throw fail(token.location, "'\(printable(name))' is not defined in this block")
            }
            return true
        }
        try expect(.assign, for: "after the name")
        let start = index
        let operand =
            at(.dash)
            ? try negativeNumber()
            : at(.leftBrace) ? OperandSyntax.set(try entries(isDefinition: true), location: location(from: start)) : try operand(of: [])
        guard current.isSeparator else { throw unexpected(expecting: "a newline or ';'") }
        let weight = weight(of: operand)
        if case .set = operand {
        } else if weight > Definition.expressionLimit {
            throw fail(location(from: start), "more than \(Definition.expressionLimit) values in one definition without braces")
        }
        if word == "define", known(name) != nil {
            throw fail(
                token.location, "'\(printable(name))' is already defined", note: "write 'redefine' to give it another value from here on")
        }
        scopes[scopes.count - 1][name] = Definition(operand: operand, weight: weight, tokens: tokens[start..<index])
        return true
    }

    /// `-N`, which nft takes as a definition's whole value: priorities have signs.
    private mutating func negativeNumber() throws(Abandoned) -> OperandSyntax {
        let start = index
        next()
        guard current.kind == .number else { throw unexpected(expecting: "a number") }
        let text = "-\(try number(next()))"
        return .element(.value(.constant(Token(kind: .word, text: text, location: location(from: start)))))
    }

    func known(_ name: String) -> Definition? {
        for scope in scopes.reversed() {
            if let definition = scope[name] { return definition }
        }
        return nil
    }

    private func weight(of operand: OperandSyntax) -> Int {
        let limit = Definition.expressionLimit + 1
        return switch operand {
        case .element(let element): weight(of: element)
        case .list(let values, _): values.reduce(0) { min(limit, $0 + $1.weight(upTo: limit)) }
        case .masked(let values, let mask, _): (values + mask).reduce(0) { min(limit, $0 + $1.weight(upTo: limit)) }
        case .set(let entries, _): entries.count + 1
        case .named: 1
        }
    }

    private func weight(of element: ElementSyntax) -> Int {
        let limit = Definition.expressionLimit + 1
        return switch element {
        case .value(let value): value.weight(upTo: limit)
        case .range(let first, let last, _): max(first.weight(upTo: limit), last.weight(upTo: limit)) + 1
        case .prefix(let base, _, _): base.weight(upTo: limit)
        case .concatenation(let parts, _): parts.reduce(0) { min(limit, $0 + weight(of: $1)) }
        case .any: 1
        }
    }

    /// `$NAME`, as what it stands for at this place.
    mutating func variable() throws(Abandoned) -> OperandSyntax {
        let start = index
        next()
        let name = try identifier("definition")
        guard let definition = known(name) else {
            let near = Words.nearest(to: name, among: scopes.flatMap(\.keys).sorted())
            throw fail(
                location(from: start), "'\(printable(name))' is not defined", note: near.map { "did you mean '$\($0)'?" })
        }
        expansionsLeft -= definition.weight
        guard expansionsLeft >= 0 else {
            expansionsLeft = 0
            throw fail(location(from: start), "definitions expand to more than \(Definition.expansionLimit) values in this rule set")
        }
        return definition.operand
    }

    /// True if the variable here is all that stands at its place, and no part of an expression.
    var isVariableAlone: Bool {
        guard at(.dollar), index + 2 < tokens.count, case .symbol(let symbol) = tokens[index + 2].kind else { return at(.dollar) }
        switch symbol {
        case .bar, .caret, .ampersand, .dash, .slash, .dot, .shiftLeft, .shiftRight: return false
        default: return true
        }
    }

    /// The variable here as one constant or expression.
    mutating func scalarVariable() throws(Abandoned) -> ExpressionSyntax {
        let start = index
        if case .element(.value(let value)) = try variable() { return value }
        throw fail(location(from: start), "'$\(printable(tokens[index - 1].text))' is not a single value, which is needed here")
    }
}
