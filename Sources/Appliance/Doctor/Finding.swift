/// Something about the machine or a port that an operator should know before the wire is trusted.
public struct Finding: Sendable, Equatable, Encodable {
    public enum Severity: String, Sendable, Comparable, CaseIterable, Encodable {
        /// Good to know.
        case note
        /// Something is lost, or may be, but no frame gets past the rules.
        case warning
        /// Frames can get past the rules, the host can be heard on the wire, or Weir can't start.
        case fault

        public static func < (first: Severity, second: Severity) -> Bool {
            guard let one = allCases.firstIndex(of: first), let other = allCases.firstIndex(of: second) else { return false }
            return one < other
        }
    }

    /// What it is about.
    public enum Topic: String, Sendable, CaseIterable, Encodable {
        case port, kernel, `guard`, silence, link, mtu, offloads, stack, programs, nftables, manager, notes
        case packetSockets = "packet-sockets"
    }

    public var severity: Severity
    public var topic: Topic
    /// As configured; nil if it is about the machine or about both.
    public var port: String?
    public var text: String
    /// What to do; nil if there is nothing to do.
    public var remedy: String?

    init(_ severity: Severity, _ topic: Topic, _ port: String?, _ text: String, do remedy: String? = nil) {
        self.severity = severity
        self.topic = topic
        self.port = port
        self.text = text
        self.remedy = remedy
    }

    /// Both in one sentence.
    public var sentence: String { remedy.map { "\(text); \($0)" } ?? text }
}
