/// Why a packet is invalid, as the kernel tells it apart in its log (`nf_ct_l4proto_log_invalid`).
public enum InvalidCause: UInt8, Error, Sendable, CaseIterable, BitwiseCopyable {
    /// No transport header to read: a part of a datagram, or extension headers that lead nowhere.
    case noTransport
    /// The transport header is cut off.
    case shortPacket
    /// A length in the transport header that the packet does not have.
    case truncated
    case badChecksum
    /// UDP-Lite and DCCP: more is covered than there is.
    case badCoverage
    /// UDP-Lite without a checksum (RFC 3828, section 3.1).
    case noChecksum
    /// TCP flags that don't go together.
    case tcpFlags
    /// TCP that may not come in the connection's state.
    case tcpState
    /// TCP that could only begin a flow as one that is picked up in the middle, and may not.
    case tcpNotBegun
    /// A reset that is not the next in sequence (RFC 5961, section 3.2).
    case tcpReset
    /// A sequence number beyond the receiver's window.
    case tcpBeyondWindow
    /// An acknowledgement of what was not sent.
    case tcpAcknowledgement
    /// An ICMP type that is not known, or can't be a part of a flow.
    case icmpType
    /// An ICMP answer to nothing.
    case icmpUnasked
    /// An ICMP error, or a redirect, whose quoted packet can't be read.
    case quoteUnreadable
    /// An ICMP error about no flow.
    case quoteUnknown
    /// An ICMP error to another than who sent the quoted packet.
    case quoteAddress
    /// A redirect that does not come from a neighbour (RFC 4861, section 8.1).
    case redirect
    /// SCTP chunks that may not stand together, or none.
    case sctpChunks
    /// An SCTP verification tag that is not the association's (RFC 9260, section 8.5).
    case sctpTag
    /// SCTP that may not come in the association's state.
    case sctpState
    /// A reserved DCCP packet type.
    case dccpType
    /// DCCP that may not come in the connection's state.
    case dccpState
    /// GRE of version 1 that is not PPTP's (RFC 2637).
    case greProtocol

    /// The name in counters and reports; it does not change between releases.
    public var name: String {
        switch self {
        case .noTransport: "no-transport"
        case .shortPacket: "short-packet"
        case .truncated: "truncated"
        case .badChecksum: "bad-checksum"
        case .badCoverage: "bad-coverage"
        case .noChecksum: "no-checksum"
        case .tcpFlags: "tcp-flags"
        case .tcpState: "tcp-state"
        case .tcpNotBegun: "tcp-not-begun"
        case .tcpReset: "tcp-reset"
        case .tcpBeyondWindow: "tcp-beyond-window"
        case .tcpAcknowledgement: "tcp-acknowledgement"
        case .icmpType: "icmp-type"
        case .icmpUnasked: "icmp-unasked"
        case .quoteUnreadable: "quote-unreadable"
        case .quoteUnknown: "quote-unknown"
        case .quoteAddress: "quote-address"
        case .redirect: "redirect"
        case .sctpChunks: "sctp-chunks"
        case .sctpTag: "sctp-tag"
        case .sctpState: "sctp-state"
        case .dccpType: "dccp-type"
        case .dccpState: "dccp-state"
        case .greProtocol: "gre-protocol"
        }
    }
}
