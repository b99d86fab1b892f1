/// `last`: remembers when a frame last came here (net/netfilter/nft_last.c), and lets every frame go on.
public struct LastUse: Sendable, Equatable {
    /// Milliseconds between that frame and the reading of the file, as `last used 5s` says; nil if none has come.
    public var used: UInt64?

    public init(used: UInt64? = nil) {
        self.used = used
    }

    /// As nft lists it, where a program has the statement and this is what it remembers.
    public var listing: String { "last used \(used.map(Duration.text) ?? "never")" }

    /// As it is written.
    var text: String { used == nil ? "last" : listing }

    /// nft 1.1: milliseconds, or null.
    var json: JSONValue { .object([member]) }

    var member: (String, JSONValue) { ("last", used.map { .object([("used", .number($0))]) } ?? .null) }
}

extension Parser {
    /// `last`, `last used never` or `last used 5s`, from the word on.
    mutating func lastUse() throws(Abandoned) -> StatementSyntax {
        let start = index
        next()
        var last = LastUse()
        if skip(word: "used"), !skip(word: "never") {
            guard current.kind == .word, let used = Duration.milliseconds(of: current.text) else {
                throw unexpected(expecting: "'never' or a span of time such as 5s or 1h30m after 'used'")
            }
            guard used <= UInt64(Int32.max) * 1_000 else {
                throw fail(current.location, "the time is out of range", note: "accepted: up to \(Int32.max / 86_400)d")
            }
            next()
            last.used = used
        }
        return .plain(.last(last, location: location(from: start)))
    }
}
