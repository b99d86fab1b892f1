/// What is said of rules that no frame comes to: an empty file, a chain without its hook, chains that are all set aside.
enum NoFrameJudged {
    static let message = "no chain sees the frames between the ports, so all of them pass"
    /// A rule file.
    static let example = "table bridge t { chain c { type filter hook forward priority 0; policy accept; }; }"
    static let remedy = "to let all of them pass on purpose, write a base chain: \(example)"
    static let sentence = "\(message); \(remedy)"
}
