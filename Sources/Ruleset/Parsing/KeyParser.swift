/// Left sides: selectors with what is done to their bits, and concatenations of them.
extension Parser {
    /// What one key may have of components: the kernel's registers hold no more (`MatchKey.octetLimit`).
    static let componentLimit = MatchKey.octetLimit / 4

    /// `selector [& mask …] [. selector …]`.
    /// - Parameter isAssigned: A shift may follow the first selector, and stays.
    mutating func key(isAssigned: Bool = false) throws(Abandoned) -> KeySyntax {
        let start = index
        var components: [KeySyntax.Component] = []
        if let constant = try constantComponent() { components = [constant] } else { components = [try component(isAssigned: isAssigned)] }
        while at(.dot) {
            if components.count == Self.componentLimit { throw tooManyComponents() }
            next()
            if let constant = try constantComponent() {
                components.append(constant)
                continue
            }
            guard at(.at) || (current.kind == .word && Selector.grammar[current.text] != nil) else {
                try refuseUnsupportedExpression()
                if current.kind == .quoted {
                    throw fail(
                        unsupported: current.location, "a constant name in a key is not supported",
                        note: "write a match of its own: iifname \(printable("\"\(current.text)\""))")
                }
                throw unexpected(expecting: "a selector such as 'tcp dport'")
            }
            components.append(try component())
        }
        return KeySyntax(components: components, location: location(from: start))
    }

    /// A constant in the place of a selector; nil if none begins here. A word is one if no second word follows it, as in a selector.
    private mutating func constantComponent() throws(Abandoned) -> KeySyntax.Component? {
        switch current.kind {
        case .number, .address, .symbol(.leftParenthesis): break
        case .word where Selector.grammar[current.text] == nil && !Words.reserved.contains(current.text):
            guard case .symbol = tokens[min(index + 1, tokens.count - 1)].kind else { return nil }
        default: return nil
        }
        let start = index
        let expression = try expression(depth: 0)
        let place = location(from: start)
        var component = KeySyntax.Component(selector: Selector(Field(constant: "", bitWidth: 32), .integer), location: place)
        component.constant = expression
        return component
    }

    /// Whether a key begins here with a constant.
    var isAtConstantKey: Bool {
        switch current.kind {
        case .number, .address: tokens[min(index + 1, tokens.count - 1)].kind == .symbol(.dot)
        default: false
        }
    }

    private mutating func tooManyComponents() -> Abandoned {
        fail(current.location, "more than \(Self.componentLimit) parts in one concatenation")
    }

    /// As with constants `|` binds weakest, then `^`, then `&`.
    private mutating func component(isAssigned: Bool = false) throws(Abandoned) -> KeySyntax.Component {
        let start = index
        var component = KeySyntax.Component(selector: try selector(), location: location(from: start))
        while skip(.ampersand) { component.operations.append((.and, try primary(depth: 0))) }
        while skip(.caret) { component.operations.append((.exclusiveOr, try operation(.and, depth: 0))) }
        while skip(.bar) { component.operations.append((.or, try operation(.exclusiveOr, depth: 0))) }
        guard at(.shiftLeft) || at(.shiftRight) else { return component }
        guard isAssigned else {
            throw fail(
                unsupported: current.location, "a field can't be shifted in a comparison",
                note: "some versions of nft refuse it or compare with another number; write a mask")
        }
        guard component.operations.isEmpty else {
            throw fail(
                current.location, "a constant can't be shifted",
                note: "some versions of nft abort there; put what is shifted in parentheses: (meta mark & 0xf) << 4")
        }
        return component
    }

    /// After a key whose next word is `vmap` or `map`.
    mutating func map(of key: KeySyntax, from start: Int, example: String) throws(Abandoned) -> MapSyntax {
        next()
        let elements: MapSyntax.Elements
        let place = index
        if skip(.at) {
            let name = try identifier("map")
            elements = .named(name, location: location(from: place))
        } else {
            guard at(.leftBrace) else { throw unexpected(expecting: "'{' or '@' and the name of a map") }
            elements = .anonymous(try entries(example: "entries such as: \(example)").entries)
        }
        return MapSyntax(key: key, elements: elements, location: location(from: start))
    }

    /// An element, or one for each component of a key, joined by dots.
    /// - Parameter first: What has been read of it so far, from the token `start` on.
    mutating func concatenation(beginningWith first: ElementSyntax, from start: Int) throws(Abandoned) -> ElementSyntax {
        guard at(.dot) else { return first }
        var parts = [first]
        while skip(.dot) {
            if parts.count == Self.componentLimit { throw tooManyComponents() }
            if at(.asterisk) {
                throw fail(current.location, "'*' can't replace a part of an element", note: "write a prefix or a range")
            }
            let place = index
            parts.append(try element(beginningWith: try expression(depth: 0), from: place))
        }
        return .concatenation(parts, location: location(from: start))
    }
}
