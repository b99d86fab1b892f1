/// Statements that begin with `ct`.
extension Parser {
    /// `ct timeout set NAME`, `ct count N`, or whatever a match or an assignment begins with.
    mutating func connectionStatement() throws(Abandoned) -> StatementSyntax {
        let start = index
        let following = tokens[min(index + 1, tokens.count - 1)]
        switch following.kind == .word ? following.text : "" {
        case "timeout":
            next()
            next()
            guard skip(word: "set") else { throw unexpected(expecting: "'set' after 'ct timeout'") }
            if current.kind == .word, Selector.grammar[current.text] != nil {
                throw fail(
                    unsupported: current.location, "maps to timeouts are not supported", note: "write a rule for each timeout")
            }
            let name: String
            if current.kind == .quoted { name = next().text } else { name = try identifier("timeout") }
            return .plain(.object(ObjectReference(kind: .timeout, name: name), location: location(from: start)))
        case "count":
            let count = try connectionCount()
            return .plain(.connectionCount(count, location: location(from: start)))
        case "event": return try connectionEvents()
        default:
            return try match()
        }
    }
}

extension Unsupported {
    /// Words after `ct` that nft reads, and this project doesn't.
    static let connectionFields: [String: String] = [
        "id": "the kernel makes up this number for as long as the connection lives, and no rule file can know it",
        "helper": "Weir reads no payload to expect connections; accept their ports in a rule of their own",
        "label": "connections have no labels; 'ct mark' has 32 bits for them",
        "secmark": Unsupported.noSecurityMark,
        "expectation": "Weir reads no payload to expect connections",
        "timeout": "nothing can be compared with it; write: ct timeout set \"NAME\"",
        "count": "it is a statement, and has no direction: ct count over 10",
    ]

    /// Objects of nft's that a table may declare after `ct`, and this project doesn't take.
    static let connectionObjects: [String: String] = [
        "helper": "Weir reads no payload to expect connections",
        "expectation": "Weir reads no payload to expect connections",
    ]
}

extension Field {
    /// A key of `ct`, with the direction beside it.
    var connectionJSON: JSONValue {
        var parts = words.split(separator: " ").dropFirst().map(String.init)
        var direction: [(String, JSONValue)] = []
        if let first = parts.first, ConnectionKey.Direction(rawValue: first) != nil {
            direction = [("dir", .text(first))]
            parts.removeFirst()
        }
        return .object([("ct", .object([("key", .text(parts.joined(separator: " ")))] + direction))])
    }
}
