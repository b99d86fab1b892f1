/// What nft's `ct` reads of the connection that a packet belongs to (linux/netfilter/nf_tables.h, `nft_ct_keys`).
///
/// A packet that belongs to none, because tracking found it invalid or has been told not to follow it, has a state and nothing else:
/// no rule that reads one of the others matches it.
public enum ConnectionKey: Sendable, Hashable {
    /// The two ways that packets of a connection go: that of its first packet, and the way back.
    public enum Direction: String, Sendable, Hashable, CaseIterable {
        case original, reply
    }

    /// What stands at the beginning of a way, and what at its end.
    public enum End: Sendable, Hashable {
        case source, destination
    }

    /// Bits of `NF_CT_STATE_BIT`: 1 invalid, 2 established, 4 related, 8 new, 64 untracked. A packet has one of them.
    case state
    /// The packet's own: 0 original, 1 reply.
    case direction
    /// Bits of `enum ip_conntrack_status`.
    case status
    /// A number that rules give a connection: 0 at first.
    case mark
    /// Milliseconds until the connection ends if no more packets come.
    case expiration
    /// `NFPROTO_IPV4` or `NFPROTO_IPV6`.
    case networkProtocol
    /// The Internet protocol's number.
    case transportProtocol
    /// An address of one of the two ways; of IPv4 in the low 32 bits. A connection of the other family has none.
    case address(Direction, End, isIPv6: Bool)
    /// A port of one of the two ways. ICMP's source is the identifier, and its destination the type and the code.
    case port(Direction, End)
    /// What has been counted on one way, or on both; 0 where nothing is counted.
    case bytes(Direction?)
    case packets(Direction?)
    /// Bytes by packets, rounded down; 0 where there are none.
    case averageBytes(Direction?)
    /// Always 0: all connections are in one zone.
    case zone(Direction?)

    /// True if it is a number in the machine's own byte order, as `Field.Traits` has it.
    var isHostOrder: Bool {
        switch self {
        case .address, .port, .transportProtocol, .networkProtocol: false
        case .state, .direction, .status, .mark, .expiration, .bytes, .packets, .averageBytes, .zone: true
        }
    }
}

extension Field {
    init(_ words: String, ofConnection key: ConnectionKey, bitWidth: Int) {
        self.words = words
        source = .connection(key)
        self.bitWidth = bitWidth
    }

    public static let ctState = Field("ct state", ofConnection: .state, bitWidth: 32)
    public static let ctDirection = Field("ct direction", ofConnection: .direction, bitWidth: 8)
    public static let ctStatus = Field("ct status", ofConnection: .status, bitWidth: 32)
    public static let ctMark = Field("ct mark", ofConnection: .mark, bitWidth: 32)
    public static let ctExpiration = Field("ct expiration", ofConnection: .expiration, bitWidth: 32)
    public static let ctL3proto = Field("ct l3proto", ofConnection: .networkProtocol, bitWidth: 8)
    public static let ctProtocol = Field("ct protocol", ofConnection: .transportProtocol, bitWidth: 8)

    /// `ct original ip saddr` and its like.
    public static func ctAddress(_ direction: ConnectionKey.Direction, _ end: ConnectionKey.End, isIPv6: Bool) -> Field {
        Field(
            "ct \(direction.rawValue) \(isIPv6 ? "ip6" : "ip") \(end == .source ? "saddr" : "daddr")",
            ofConnection: .address(direction, end, isIPv6: isIPv6), bitWidth: isIPv6 ? 128 : 32)
    }

    /// `ct original saddr` and its like, which stand for an address of the family that is known there.
    static func ctAddress(ofKnownFamily direction: ConnectionKey.Direction, _ end: ConnectionKey.End) -> Field {
        Field(
            "ct \(direction.rawValue) \(end == .source ? "saddr" : "daddr")", ofConnection: .address(direction, end, isIPv6: false),
            bitWidth: 32)
    }

    /// `ct original proto-src` and its like.
    public static func ctPort(_ direction: ConnectionKey.Direction, _ end: ConnectionKey.End) -> Field {
        Field("ct \(direction.rawValue) \(end == .source ? "proto-src" : "proto-dst")", ofConnection: .port(direction, end), bitWidth: 16)
    }

    /// `ct bytes`, `ct reply bytes`.
    public static func ctBytes(_ direction: ConnectionKey.Direction? = nil) -> Field {
        Field("ct \(prefix(direction))bytes", ofConnection: .bytes(direction), bitWidth: 64)
    }

    /// `ct packets`, `ct reply packets`.
    public static func ctPackets(_ direction: ConnectionKey.Direction? = nil) -> Field {
        Field("ct \(prefix(direction))packets", ofConnection: .packets(direction), bitWidth: 64)
    }

    /// `ct avgpkt`, `ct reply avgpkt`.
    public static func ctAvgpkt(_ direction: ConnectionKey.Direction? = nil) -> Field {
        Field("ct \(prefix(direction))avgpkt", ofConnection: .averageBytes(direction), bitWidth: 64)
    }

    /// `ct zone`, `ct original zone`.
    public static func ctZone(_ direction: ConnectionKey.Direction? = nil) -> Field {
        Field("ct \(prefix(direction))zone", ofConnection: .zone(direction), bitWidth: 16)
    }

    private static func prefix(_ direction: ConnectionKey.Direction?) -> String { direction.map { $0.rawValue + " " } ?? "" }

    /// What is read of the packet's connection; nil for what is read elsewhere.
    public var connectionKey: ConnectionKey? {
        if case .connection(let key) = source { key } else { nil }
    }

    /// True if it is one of the two marks, which take each other's values.
    var isMark: Bool { self == .metaMark || self == .ctMark }
}
