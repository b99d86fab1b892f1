/// What is said of rules that no frame comes to: an empty file, a chain without its hook, chains that are all set aside.
enum NoFrameJudged {
    static let message = "no chain sees the frames between the ports, so all of them pass"
    static let remedy = """
        to let all of them pass on purpose, write a base chain: \
        table bridge t { chain c { type filter hook forward priority 0; policy accept; } }
        """
    static let sentence = "\(message); \(remedy)"
}
