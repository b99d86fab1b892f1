// Options and extension headers, and what is set, as JSON.

extension Assignment {
    func json(_ localTime: LocalTime) -> JSONValue {
        if let removalJSON { return removalJSON }
        let value: JSONValue =
            switch value {
            case .removed: .null
            case .field(let source): source.json
            case .bits(let component): MatchKey(component).json()
            case .shifted(let bits): bits.json
            case .mapped(let map):
                .object([
                    ("map", JSONElements(map.key.components.map(\.field), data: field, localTime: localTime).map(map.key, map.elements))
                ])
            case .constant(let number): JSONText(Selector.reading(field)).value(.number(number), isElement: true)
            }
        return .object([("mangle", .object([("key", field.json), ("value", value)]))])
    }
}

extension Field {
    /// By name, or for an option of TCP that has none by its bits.
    func searchedJSON(_ header: SearchedHeader, bitOffset: Int) -> JSONValue {
        var parts = words.split(separator: " ").map(String.init)
        let kind: String
        if header.kind == .ipv6ExtensionHeader {
            kind = "exthdr"
            if parts.first == kind { parts.removeFirst() }
        } else {
            kind = parts.prefix(2).joined(separator: " ")
            parts.removeFirst(min(2, parts.count))
        }
        let name = parts.first ?? ""
        if let first = name.utf8.first, first == UInt8(ascii: "@") || first.isDigit {
            return .object([
                (
                    kind,
                    .object([
                        ("base", .number(UInt64(header.number))), ("offset", .number(UInt64(bitOffset))),
                        ("len", .number(UInt64(bitWidth))),
                    ])
                )
            ])
        }
        let field = parts.dropFirst().first.map { [("field", JSONValue.text($0))] } ?? []
        return .object([(kind, .object([("name", .text(name))] + field))])
    }
}
