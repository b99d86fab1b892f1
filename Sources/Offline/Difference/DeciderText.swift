import Regions

/// What decides frames of a region, and its example, in words.
enum DeciderText {
    /// Rules by file and line, a policy by its chain.
    static func text(of deciders: [Decider]) -> String {
        let shown = deciders.prefix(4).map(\.text)
        return shown.joined(separator: ", ") + (deciders.count > shown.count ? " and \(deciders.count - shown.count) more" : "")
    }

    /// The lines that follow the verdicts.
    /// - Parameter isSought: False if no example was looked for.
    static func note(_ region: Region, _ example: ExamplePacket?, isSought: Bool) -> String {
        var text = ""
        if !region.opaque.isEmpty { text += "    depends on frames before it, or on a draw\n" }
        guard let example else {
            let why = isSought ? "no packet in words was found that shows it" : "the files are too large to look for more"
            return text + "    no example: \(why)\n"
        }
        var words: [String] = []
        if let state = example.connectionState, state != 8 { words.append(connection(state)) }
        if !example.connection.isEmpty { words.append("with such a connection") }
        if example.time != nil { words.append("at such a time") }
        return text + "    example\(words.isEmpty ? "" : " (\(words.joined(separator: ", ")))"): \(example.text)\n"
    }

    /// Bits of `PacketConnection.State`.
    private static func connection(_ state: UInt32) -> String {
        switch state {
        case 1: "invalid to tracking"
        case 2: "in an established connection"
        case 4: "related to a connection"
        default: "untracked"
        }
    }
}
