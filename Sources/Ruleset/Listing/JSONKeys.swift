// Keys, and elements of sets and maps, as JSON.

extension MatchKey {
    /// A concatenation is a list of its components.
    /// - Parameter isList: Flags of the mask stand in a list.
    func json(isList: Bool = false) -> JSONValue {
        let parts = components.map { $0.json(isList: isList) }
        return isConcatenation ? .object([("concat", .array(parts))]) : parts[0]
    }
}

extension MatchKey.Component {
    /// - Parameter inner: What the bits are of, if it is not the field as it is read.
    func json(of inner: JSONValue? = nil, isList: Bool = false) -> JSONValue {
        if field.isConstant { return field.json }
        let text = JSONText(Selector.reading(field))
        let inner = inner ?? field.json
        guard xor != 0 else { return text.left(inner, mask: mask, isList: isList) }
        let bits = text.value(.number(xor), isElement: true)
        if let mask, mask & xor == 0 {
            let outer = mask | xor == field.allOnes ? nil : mask | xor
            return .object([("|", .array([text.left(inner, mask: outer, isList: isList), bits]))])
        }
        return .object([("^", .array([text.left(inner, mask: mask, isList: isList), bits]))])
    }
}

/// The elements of a set or map as JSON.
struct JSONElements {
    private let texts: [JSONText]
    private let data: JSONText?
    /// Statements of elements that have none of their own, in a set that changes.
    private let statements: [ElementStatement]

    /// - Parameter data: What a map to values has.
    init(_ fields: [Field], data: Field? = nil, statements: [ElementStatement] = [], localTime: LocalTime = .utc) {
        self.statements = statements
        texts = fields.map { JSONText(Selector.reading($0), localTime) }
        self.data = data.map { JSONText(Selector.reading($0)) }
    }

    func value(_ value: Value) -> JSONValue {
        switch value {
        case .any: .text("*")
        case .concatenation(let parts): .object([("concat", .array(zip(parts, texts).map { $1.value($0, isElement: true) }))])
        case .number, .range, .prefix, .interface: texts.first?.value(value, isElement: true) ?? .null
        }
    }

    /// An element of a map is a pair of it and what it leads to; one with a counter or a comment is an object of its own.
    func element(_ element: SetElement) -> JSONValue {
        var key = value(element.value)
        // There is room for one.
        let statement = element.statements.first ?? statements.first
        if element.counter != nil || element.comment != nil || element.timeout != nil || element.expires != nil || statement != nil {
            var members = [("val", key)]
            // nft writes "never" so, the kernel's largest number of milliseconds in seconds.
            if let timeout = element.timeout { members.append(("timeout", .number(timeout == 0 ? .max / 1_000 : timeout / 1_000))) }
            if let expires = element.expires { members.append(("expires", .number(expires / 1_000))) }
            if let comment = element.comment { members.append(("comment", .text(comment))) }
            if let counter = element.counter {
                members.append(("counter", .object([("packets", .number(counter.packets)), ("bytes", .number(counter.bytes))])))
            }
            if let statement { members.append(statement.elementMember) }
            key = .object([("elem", .object(members))])
        }
        switch element.mapped {
        case .nothing: return key
        case .verdict(let verdict): return .array([key, verdict.json])
        case .object(let name): return .array([key, .text(name)])
        case .value(let value): return data.map { .array([key, $0.value(value, isElement: true)]) } ?? key
        }
    }

    func map(_ key: MatchKey, _ elements: VerdictMap.Elements) -> JSONValue {
        let members: JSONValue =
            switch elements {
            case .named(let name): .text("@\(name)")
            case .anonymous(let elements): .object([("set", .array(elements.map(element)))])
            }
        return .object([("key", key.json()), ("data", members)])
    }
}
