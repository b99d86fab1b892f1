extension MatchKey.Component {
    /// As it is written: `ip saddr`, `ip saddr & 255.255.255.0`.
    var text: String { field.isConstant ? field.words : Selector.reading(field).text + operationsText }

    /// What is done to the field's bits: ` & 255.255.255.0`.
    var operationsText: String {
        let values = ValueText(Selector.reading(field))
        var text = ""
        // A mask that leaves out what is then turned over sets it.
        if xor != 0, let mask, mask & xor == 0 {
            if mask | xor != field.allOnes { text += " & \(values.operand(mask | xor))" }
            return text + " | \(values.operand(xor))"
        }
        if let mask { text += " & \(values.operand(mask))" }
        if xor != 0 { text += " ^ \(values.operand(xor))" }
        return text
    }
}

extension MatchKey {
    var text: String { components.map(\.text).joined(separator: " . ") }
}

/// The elements of a set or map as text.
struct ElementText {
    private let values: [ValueText]
    private let data: ValueText?
    /// Statements of elements that have none of their own, in a set that changes.
    private let statements: [ElementStatement]

    /// - Parameter data: What a map to values has.
    init(_ fields: [Field], data: Field? = nil, statements: [ElementStatement] = [], localTime: LocalTime = .utc) {
        self.statements = statements
        values = fields.map { ValueText(Selector.reading($0), localTime).ofElements }
        self.data = data.map { ValueText(Selector.reading($0)).ofElements }
    }

    func text(of element: SetElement) -> String {
        var text = text(of: element.value)
        if let counter = element.counter { text += " counter packets \(counter.packets) bytes \(counter.bytes)" }
        for statement in element.statements.isEmpty ? statements : element.statements { text += " \(statement.listing)" }
        if let timeout = element.timeout { text += " timeout \(timeout == 0 ? "never" : Duration.text(of: timeout))" }
        if let expires = element.expires { text += " expires \(Duration.text(of: expires))" }
        if let comment = element.comment { text += " comment \"\(comment)\"" }
        switch element.mapped {
        case .nothing: break
        case .verdict(let verdict): text += " : \(verdict.text)"
        case .object(let name): text += " : \"\(name)\""
        case .value(let value): if let data { text += " : \(data.text(of: value, isElement: true))" }
        }
        return text
    }

    func text(of value: Value) -> String {
        switch value {
        case .any: "*"
        case .concatenation(let parts):
            zip(parts, values).map { $1.text(of: $0, isElement: true) }.joined(separator: " . ")
        case .number, .range, .prefix, .interface: values.first?.text(of: value, isElement: true) ?? ""
        }
    }
}

extension NamedSet {
    /// An element's value as it is written: `10.0.0.1 . 80`.
    public func text(of value: Value) -> String { ElementText(key.fields).text(of: value) }
}

extension MatchKey {
    /// A value of the key as it is written in a set.
    public func text(of value: Value) -> String { ElementText(components.map(\.field)).text(of: value) }
}
