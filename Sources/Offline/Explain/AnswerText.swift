import Ruleset
import Wire

/// An answer in the words of the rule that asks for it.
enum AnswerText {
    /// ICMPv6 "packet too big" (RFC 4443, section 3.2), and the code of ICMP "fragmentation needed" (RFC 1191, section 4).
    private static let tooBig: UInt8 = 2
    private static let fragmentationNeeded: UInt8 = 4

    /// `tcp reset`, `icmp port-unreachable`; `icmp frag-needed mtu 1400`, which no rule can ask for.
    static func text(of bytes: UnsafeRawBufferPointer) -> String {
        let frame = ParsedFrame.parse(bytes.bytes, tag: nil)
        guard frame.transportProtocol != IPProtocol.tcp, frame.transportLength >= 2 else { return rejection(.tcpReset) }
        let type = bytes.bytes.u8(at: frame.transportOffset)
        let code = bytes.bytes.u8(at: frame.transportOffset + 1)
        let isIPv6 = frame.network == .ipv6
        if frame.transportLength >= 8, isIPv6 ? type == tooBig : code == fragmentationNeeded {
            let mtu = bytes.bytes.be32(at: frame.transportOffset + 4)
            return isIPv6 ? "icmpv6 packet-too-big mtu \(mtu)" : "icmp frag-needed mtu \(mtu)"
        }
        return rejection(isIPv6 ? .icmpv6(code) : .icmp(code))
    }

    private static func rejection(_ rejection: Rejection) -> String {
        rejection.spelled
    }
}
