/// `counter name key map …`: the counter, quota or limit of the element that holds the key does as if it stood in the rule. Without
/// such an element, or where the key can't be read, the rule does not match (net/netfilter/nft_objref.c, `nft_objref_map_eval`).
public struct ObjectMap: Sendable, Equatable {
    public var kind: NamedObject.Kind
    public var key: MatchKey
    /// Each leads to an object of that kind.
    public var elements: VerdictMap.Elements
    public var location: SourceLocation

    public init(kind: NamedObject.Kind, key: MatchKey, elements: VerdictMap.Elements, location: SourceLocation) {
        self.kind = kind
        self.key = key
        self.elements = elements
        self.location = location
    }

    func text(_ localTime: LocalTime) -> String {
        "\(kind.rawValue) name \(key.text) map \(elements.text(ElementText(key.components.map(\.field), localTime: localTime)))"
    }

    func json(_ localTime: LocalTime) -> JSONValue {
        let map = JSONElements(key.components.map(\.field), localTime: localTime).map(key, elements)
        return .object([(kind.rawValue, .object([("map", map)]))])
    }
}

/// `counter name key map …` as it is written.
struct ObjectMapSyntax {
    var kind: NamedObject.Kind
    var map: MapSyntax
}

extension Parser {
    /// After `counter name` and its like, where a selector follows in place of a name.
    mutating func objectMap(to kind: NamedObject.Kind, from start: Int) throws(Abandoned) -> StatementSyntax {
        let key = try key()
        guard at(word: "map") else { throw unexpected(expecting: "'map' and \(kind.rawValue)s: \(key.text) map { value : \"name\" }") }
        return .objectMap(ObjectMapSyntax(kind: kind, map: try map(of: key, from: start, example: "value : \"name\"")))
    }
}

extension ElementChecker {
    /// What an element of a map to objects leads to.
    static func object(of entry: EntrySyntax, _ kind: NamedObject.Kind) throws(Diagnostic) -> String {
        func failure(_ location: SourceLocation, _ message: String, note: String? = nil) -> Diagnostic {
            Diagnostic(severity: .error, location: location, message: message, note: note)
        }
        let location = entry.element.location
        if entry.verdict != nil { throw failure(location, "this map has a \(kind.rawValue) for each element, and no verdicts") }
        guard let data = entry.data else {
            throw failure(location, "an element of a map without a \(kind.rawValue)", note: "write: element : \"name\"")
        }
        guard case .constant(let token) = data, token.kind == .word || token.kind == .quoted else {
            throw failure(data.location, "expected the name of a \(kind.rawValue)")
        }
        return token.text
    }
}

extension SetDeclarations {
    /// Whether the table has what the elements lead to.
    func check(_ elements: [SetElement], of kind: NamedObject.Kind) throws(Diagnostic) {
        for element in elements {
            if let name = element.object { try check(ObjectReference(kind: kind, name: name), element.location) }
        }
    }
}
