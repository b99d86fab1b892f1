public import Ruleset

/// The language in which `weir explain`, `weir test` and Weir's own tests describe packets.
public enum PacketLanguage {
    static func startAdvice(for word: String) -> String {
        let words = PacketParser.followers(of: "") + ["hex", "frame"]
        let list = "accepted: " + words.joined(separator: ", ")
        if PacketParser.headers[word] != nil { return "put ip or ip6, with addresses, before '\(word)'" }
        guard let near = PacketNames.nearest(to: word, among: words) else { return list }
        return "did you mean '\(near)'? \(list)"
    }

    /// All words of the language that are no names or numbers.
    package static var words: [String] {
        Set(PacketParser.headers.keys).union(PacketParser.headers.values.flatMap(\.options)).union(PacketParser.frameOptions).sorted()
    }

    /// Reads one description.
    /// - Parameters:
    ///   - now: The time of the packet before, and afterwards of this one, in nanoseconds from the start.
    ///   - file: The file that errors name.
    ///   - line: In the same way.
    public static func packet(
        _ text: some StringProtocol, ports: [String], after now: inout UInt64, file: Int = 0, line: Int = 1,
        loadFrame: ((_ number: Int, _ path: String) throws -> [UInt8])? = nil
    ) throws(Diagnostic) -> DescribedPacket {
        let tokens = try PacketLexer.tokens(of: text, file: file, line: line)
        var parser = PacketParser(
            tokens, at: SourceLocation(file: file, line: line, column: 1, length: 1), ports: ports, loadFrame: loadFrame)
        let packet = try parser.packet(after: &now)
        guard parser.isAtEnd else { throw parser.unexpected("the end of the packet") }
        return packet
    }
}
