/// What rules can read of the connection that a packet belongs to, at one place of the packet's path; and what they say of it there.
///
/// Anyone who tracks connections fills it in: as much as `Program.connectionNeeds` asks for. Rules write `mark`, `state` and
/// `timeoutPolicy`, and nothing else.
public struct PacketConnection: BitwiseCopyable, Sendable, Equatable {
    /// What a packet is to tracking (linux/netfilter/nf_conntrack_common.h, `NF_CT_STATE_BIT`): one of them.
    public struct State: OptionSet, BitwiseCopyable, Sendable, Hashable {
        public let rawValue: UInt32

        /// It belongs to no connection and could begin none; or tracking has not seen it yet.
        public static let invalid = State(rawValue: 1)
        /// The connection has had packets on both ways.
        public static let established = State(rawValue: 2)
        /// It is about a connection (an ICMP error), or begins one that was to be expected.
        public static let related = State(rawValue: 4)
        /// The connection has had packets in one direction only.
        public static let new = State(rawValue: 8)
        /// It is not followed: a rule said so, or there is nothing to follow.
        public static let untracked = State(rawValue: 64)

        public init(rawValue: UInt32) { self.rawValue = rawValue }
    }

    /// The kernel's `enum ip_conntrack_status`, as far as rules have names for its bits.
    public struct Status: OptionSet, BitwiseCopyable, Sendable, Hashable {
        public let rawValue: UInt32

        public static let expected = Status(rawValue: 1)
        public static let seenReply = Status(rawValue: 2)
        public static let assured = Status(rawValue: 4)
        /// The connection's first packet has left the path, and the connection is in the table.
        public static let confirmed = Status(rawValue: 8)
        public static let dying = Status(rawValue: 512)

        public init(rawValue: UInt32) { self.rawValue = rawValue }
    }

    /// The two ways: that of the first packet, and the way back.
    public enum Direction: UInt8, BitwiseCopyable, Sendable {
        case original = 0
        case reply = 1
    }

    /// Where packets of one way come from and go to.
    public struct Tuple: BitwiseCopyable, Sendable, Equatable {
        /// IPv4 addresses take the low 32 bits.
        public var sourceAddress: UInt128 = 0
        public var destinationAddress: UInt128 = 0
        /// As `nf_conntrack_tuple` keeps them. ICMP has its identifier as source, and as destination the type in the high octet and the
        /// code in the low one; GRE has keys, and protocols without ports zeros.
        public var sourcePort: UInt16 = 0
        public var destinationPort: UInt16 = 0

        public init() {}

        public init(sourceAddress: UInt128, destinationAddress: UInt128, sourcePort: UInt16 = 0, destinationPort: UInt16 = 0) {
            self.sourceAddress = sourceAddress
            self.destinationAddress = destinationAddress
            self.sourcePort = sourcePort
            self.destinationPort = destinationPort
        }
    }

    /// What has been counted on one way, the present packet included.
    public struct Counts: BitwiseCopyable, Sendable, Equatable {
        public var packets: UInt64 = 0
        /// Octets of the packets, from their network header on.
        public var bytes: UInt64 = 0

        public init(packets: UInt64 = 0, bytes: UInt64 = 0) {
            self.packets = packets
            self.bytes = bytes
        }
    }

    /// How `ct count` takes the packet.
    public enum Counting: UInt8, BitwiseCopyable, Sendable {
        /// It belongs to no connection: it counts as one itself, as long as it is here.
        case alone
        /// It belongs to one that comes into no count with it: those that are in count, whichever it is.
        case known
        /// It belongs to one that comes into those counts which had no room for it before.
        case goesOn
        /// It belongs to one that comes into every count.
        case begins
    }

    /// linux/netfilter.h, `NFPROTO_IPV4` and `NFPROTO_IPV6`.
    public static let ipv4: UInt8 = 2
    public static let ipv6: UInt8 = 10

    public var state: State
    /// True if it belongs to a connection. Of one that doesn't rules can read only the state (net/netfilter/nft_ct.c,
    /// `nft_ct_get_eval`), and change nothing.
    public var isFollowed = false
    /// The packet's own.
    public var direction = Direction.original
    /// `ipv4` or `ipv6`.
    public var networkProtocol: UInt8 = 0
    public var transportProtocol: UInt8 = 0
    public var status: Status = []
    /// What rules have marked the connection with: to be kept in it when the packet has passed.
    public var mark: UInt32 = 0
    /// Milliseconds that are left of the connection if no more packets come.
    public var expiration: UInt32 = 0
    /// Index into `Program.connectionTimeouts` of the timeouts that a rule gave the connection, which lasts from now on as long as their
    /// first state says; nil where none did. Rules give them only to connections that are not confirmed yet.
    public var timeoutPolicy: Int?
    /// Tells a connection apart from all that there were and will be, for `LiveConnections`; never 0, which stands for none. Only
    /// known where connections are counted (`ConnectionNeeds.count`), and of those that come into counts with this packet.
    public var entry: UInt64 = 0
    public var counting = Counting.alone
    public var original = Tuple()
    public var reply = Tuple()
    public var originalCounts = Counts()
    public var replyCounts = Counts()

    public init(state: State) { self.state = state }

    /// A packet that tracking has not come to, or that it found invalid: to rules they are the same.
    public static let invalid = PacketConnection(state: .invalid)
    /// A packet that is not followed. Frames that carry no IP are always so.
    public static let untracked = PacketConnection(state: .untracked)

    /// `notrack`: what has a connection keeps it (net/netfilter/nft_ct.c, `nft_notrack_eval`).
    @inline(__always)
    mutating func leaveUntracked() {
        if !isFollowed { state = .untracked }
    }

    /// `ct mark set`; a packet without a connection goes on unchanged.
    @inline(__always)
    mutating func setMark(_ value: UInt128) {
        if isFollowed { mark = UInt32(truncatingIfNeeded: value) }
    }

    /// `ct timeout set`, for a packet of that protocol (net/netfilter/nft_ct.c, `nft_ct_timeout_obj_eval`).
    mutating func setTimeouts(_ index: Int, of protocolNumber: UInt8, packet: UInt8?) {
        if isFollowed, !status.contains(.confirmed), packet == protocolNumber { timeoutPolicy = index }
    }
}

/// What a program asks of connections, so that as much is followed as is read.
public struct ConnectionNeeds: OptionSet, BitwiseCopyable, Sendable {
    public let rawValue: UInt8

    /// Rules speak of connections: packets are to be followed, and state and direction known. All others come with it.
    public static let state = ConnectionNeeds(rawValue: 1)
    /// Addresses and ports of both ways.
    public static let tuples = ConnectionNeeds(rawValue: 2)
    /// Packets and bytes of both ways.
    public static let accounting = ConnectionNeeds(rawValue: 4)
    public static let expiration = ConnectionNeeds(rawValue: 8)
    /// The mark, to be read or to be kept.
    public static let mark = ConnectionNeeds(rawValue: 16)
    /// Rules give connections timeouts of their own.
    public static let timeouts = ConnectionNeeds(rawValue: 32)
    /// Status and protocols.
    public static let status = ConnectionNeeds(rawValue: 64)
    /// Connections are counted: `PacketConnection.entry` is to be known.
    public static let count = ConnectionNeeds(rawValue: 128)

    public init(rawValue: UInt8) { self.rawValue = rawValue }
}
