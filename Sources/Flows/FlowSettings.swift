/// How TCP is followed.
public enum TCPMode: String, Sendable, CaseIterable {
    /// A connection begins with a SYN; whatever else belongs to none is invalid (`nf_conntrack_tcp_loose` = 0).
    case strict
    /// A connection may be picked up in the middle (`nf_conntrack_tcp_loose` = 1).
    case loose
    /// Neither states nor windows: a flow is its addresses and ports.
    case off
}

/// What connection tracking may cost, and how strict it is; for one worker. All memory is set aside at the start.
public struct FlowSettings: Sendable, Equatable {
    /// Flows that can be followed at a time, 16 to 16,777,214.
    public var flows: Int
    /// Flows that one source may have begun of those; what both ends have closed does not count, and an IPv6 /64 is one source.
    public var flowsPerSource: Int
    /// How much of TCP is looked at.
    public var tcp: TCPMode
    /// Nanoseconds after the start in which TCP connections are picked up in the middle in the strict mode too, so that those that
    /// run when the box is put in go on.
    public var graceTime: UInt64
    /// For TCP, only resets outside of the window are invalid (`nf_conntrack_tcp_be_liberal`).
    public var isTCPLiberal = false
    /// Resets below the window are let through too (`nf_conntrack_tcp_ignore_invalid_rst`).
    public var ignoresInvalidReset = false
    /// Times that a segment may come again before the shorter timeout counts (`nf_conntrack_tcp_max_retrans`).
    public var maximumRetransmissions: UInt8 = 3
    /// A wrong transport checksum makes a packet invalid (`nf_conntrack_checksum`).
    public var verifiesChecksums = true
    /// How long flows of which nothing comes are kept.
    public var timeouts = FlowTimeouts()

    /// - Parameters:
    ///   - flows: Outside of the range, the nearest number that is in it.
    ///   - flowsPerSource: An eighth of them if nil; at least 1.
    ///   - graceTime: Nanoseconds.
    public init(
        flows: Int = 262_144, flowsPerSource: Int? = nil, tcp: TCPMode = .loose, graceTime: UInt64 = 60_000_000_000
    ) {
        self.flows = min(max(flows, 16), 0xff_fffe)
        self.flowsPerSource = max(1, flowsPerSource ?? self.flows / 8)
        self.tcp = tcp
        self.graceTime = graceTime
    }
}
