/// `ct count [over] N`: how many connections there are at a time, the present packet's among them (net/netfilter/nft_connlimit.c).
///
/// Matches while there are no more than that; with `over` while there are more. As a statement of a rule it counts all connections that
/// come to it, as one of an element those of the element's key.
public struct ConnectionCount: Sendable, Equatable {
    public var limit: UInt32
    public var isOver: Bool

    /// The largest: each statement, and each element, may keep the names of this many connections and one more, eight octets each.
    public static let largest: UInt32 = 65_535

    public init(limit: UInt32, isOver: Bool = false) {
        self.limit = limit
        self.isOver = isOver
    }

    /// As it stands in a rule.
    var text: String { "ct count \(isOver ? "over " : "")\(limit)" }

    /// What follows `ct count` in JSON.
    var json: JSONValue { .object([("val", .number(UInt64(limit)))] + (isOver ? [("inv", .boolean(true))] : [])) }
}

extension Parser {
    /// `ct count [over] N`, from the first word on.
    mutating func connectionCount() throws(Abandoned) -> ConnectionCount {
        next()
        next()
        let isOver = skip(word: "over")
        guard current.kind == .number else { throw unexpected(expecting: "a number of connections, as in: ct count over 10") }
        let token = next()
        guard let limit = UInt32(exactly: try number(token)), limit <= ConnectionCount.largest else {
            throw fail(token.location, "the number of connections is out of range", note: "accepted: 0 to \(ConnectionCount.largest)")
        }
        return ConnectionCount(limit: limit, isOver: isOver)
    }

    /// True if `ct count` begins here.
    var isAtConnectionCount: Bool {
        let following = tokens[min(index + 1, tokens.count - 1)]
        return at(word: "ct") && following.kind == .word && following.text == "count"
    }
}
