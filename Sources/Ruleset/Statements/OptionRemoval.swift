// `reset tcp option NAME`: takes an option out of a TCP header.

extension Parser {
    /// From the word on.
    mutating func optionReset() throws(Abandoned) -> StatementSyntax {
        let start = index
        next()
        guard skip(word: "tcp"), skip(word: "option") else { throw unexpected(expecting: "'tcp option' and its name or number") }
        let selector = Selector.tcpOption(try optionNumber())
        let place = location(from: start)
        return .plain(.assignment(Assignment(field: selector.field, value: .removed, location: place)))
    }
}

extension Assignment {
    /// As it is written; nil for what sets something.
    var removalText: String? { value == .removed ? "reset \(field.words)" : nil }

    /// An option without a name has a length of 0.
    var removalJSON: JSONValue? {
        guard value == .removed else { return nil }
        guard let number = field.words.split(separator: " ").last.flatMap({ UInt64($0) }) else {
            return .object([("reset", field.json)])
        }
        let bits: [(String, JSONValue)] = [("base", .number(number)), ("offset", .number(0)), ("len", .number(0))]
        return .object([("reset", .object([("tcp option", .object(bits))]))])
    }
}
