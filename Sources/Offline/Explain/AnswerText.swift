import Ruleset
import Wire

/// An answer in the words of the rule that asks for it.
enum AnswerText {
    /// `tcp reset`, `icmp port-unreachable`.
    static func text(of bytes: UnsafeRawBufferPointer) -> String {
        let frame = ParsedFrame.parse(bytes.bytes, tag: nil)
        guard frame.transportProtocol != IPProtocol.tcp, frame.transportLength >= 2 else { return rejection(.tcpReset) }
        let code = bytes.bytes.u8(at: frame.transportOffset + 1)
        return rejection(frame.network == .ipv6 ? .icmpv6(code) : .icmp(code))
    }

    private static func rejection(_ rejection: Rejection) -> String {
        let words = rejection.words
        return words.kind + (words.code.map { " \($0)" } ?? "")
    }
}
