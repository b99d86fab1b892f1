/// The times after which a flow that is silent ends: one for each state of each protocol, named and set as nf_conntrack's sysctls
/// are (Documentation/networking/nf_conntrack-sysctl.rst).
public enum FlowTimeout: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    case generic
    case tcpSYNSent
    case tcpSYNReceived
    case tcpEstablished
    case tcpFINWait
    case tcpCloseWait
    case tcpLastACK
    case tcpTimeWait
    case tcpClose
    case tcpMaxRetransmissions
    case tcpUnacknowledged
    case udp
    case udpStream
    case icmp
    case icmpv6
    case gre
    case greStream
    case sctpClosed
    case sctpCookieWait
    case sctpCookieEchoed
    case sctpEstablished
    case sctpShutdownSent
    case sctpShutdownReceived
    case sctpShutdownAckSent
    case sctpHeartbeatSent
    case dccpRequest
    case dccpRespond
    case dccpPartOpen
    case dccpOpen
    case dccpCloseRequest
    case dccpClosing
    case dccpTimeWait
    /// The kernel has no sysctl for it.
    case tcpSYNSent2

    /// The sysctl's name after `net.netfilter.nf_conntrack_`.
    public var name: String {
        switch self {
        case .generic: "generic_timeout"
        case .tcpSYNSent: "tcp_timeout_syn_sent"
        case .tcpSYNReceived: "tcp_timeout_syn_recv"
        case .tcpEstablished: "tcp_timeout_established"
        case .tcpFINWait: "tcp_timeout_fin_wait"
        case .tcpCloseWait: "tcp_timeout_close_wait"
        case .tcpLastACK: "tcp_timeout_last_ack"
        case .tcpTimeWait: "tcp_timeout_time_wait"
        case .tcpClose: "tcp_timeout_close"
        case .tcpMaxRetransmissions: "tcp_timeout_max_retrans"
        case .tcpUnacknowledged: "tcp_timeout_unacknowledged"
        case .udp: "udp_timeout"
        case .udpStream: "udp_timeout_stream"
        case .icmp: "icmp_timeout"
        case .icmpv6: "icmpv6_timeout"
        case .gre: "gre_timeout"
        case .greStream: "gre_timeout_stream"
        case .sctpClosed: "sctp_timeout_closed"
        case .sctpCookieWait: "sctp_timeout_cookie_wait"
        case .sctpCookieEchoed: "sctp_timeout_cookie_echoed"
        case .sctpEstablished: "sctp_timeout_established"
        case .sctpShutdownSent: "sctp_timeout_shutdown_sent"
        case .sctpShutdownReceived: "sctp_timeout_shutdown_recd"
        case .sctpShutdownAckSent: "sctp_timeout_shutdown_ack_sent"
        case .sctpHeartbeatSent: "sctp_timeout_heartbeat_sent"
        case .dccpRequest: "dccp_timeout_request"
        case .dccpRespond: "dccp_timeout_respond"
        case .dccpPartOpen: "dccp_timeout_partopen"
        case .dccpOpen: "dccp_timeout_open"
        case .dccpCloseRequest: "dccp_timeout_closereq"
        case .dccpClosing: "dccp_timeout_closing"
        case .dccpTimeWait: "dccp_timeout_timewait"
        case .tcpSYNSent2: "tcp_timeout_syn_sent2"
        }
    }

    /// The timeout of that name; nil if there is none.
    public init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    /// Seconds, as the kernel sets it.
    public var standardSeconds: UInt64 {
        switch self {
        case .generic: 600
        case .tcpSYNSent, .tcpSYNSent2, .tcpFINWait, .tcpTimeWait: 120
        case .tcpSYNReceived, .tcpCloseWait: 60
        case .tcpEstablished: 432_000
        case .tcpLastACK: 30
        case .tcpClose: 10
        case .tcpMaxRetransmissions, .tcpUnacknowledged: 300
        case .udp, .icmp, .icmpv6, .gre: 30
        case .udpStream: 120
        case .greStream: 180
        case .sctpClosed: 10
        case .sctpCookieWait, .sctpCookieEchoed, .sctpShutdownSent, .sctpShutdownReceived, .sctpShutdownAckSent: 3
        case .sctpEstablished: 210
        case .sctpHeartbeatSent: 30
        case .dccpRequest, .dccpTimeWait: 240
        case .dccpRespond, .dccpPartOpen: 480
        case .dccpOpen: 43_200
        case .dccpCloseRequest, .dccpClosing: 64
        }
    }
}

/// A value for each timeout.
public struct FlowTimeouts: Sendable, Equatable {
    /// By `FlowTimeout.rawValue`.
    private var seconds: [UInt64]

    /// What the kernel sets.
    public init() {
        seconds = FlowTimeout.allCases.map(\.standardSeconds)
    }

    /// The longest that can be set: 50 days.
    public static let longestSeconds: UInt64 = 50 * 86_400

    /// Seconds from the last packet on; a longer time than `longestSeconds` is set as that.
    public subscript(timeout: FlowTimeout) -> UInt64 {
        get { seconds[Int(timeout.rawValue)] }
        set { seconds[Int(timeout.rawValue)] = min(newValue, Self.longestSeconds) }
    }
}
