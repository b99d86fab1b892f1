/// A header, option or chunk that has no place of its own in a packet: it is searched for by its number (net/netfilter/nft_exthdr.c).
public struct SearchedHeader: Sendable, Hashable, BitwiseCopyable {
    /// What it is searched among.
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// IPv6's extension headers, by the number that announces them (RFC 8200 4).
        case ipv6ExtensionHeader
        /// IPv4's options, by their first octet (RFC 791 3.1).
        case ipv4Option
        /// TCP's options, by their kind (RFC 9293 3.2).
        case tcpOption
        /// SCTP's chunks, by their type (RFC 9260 3.2).
        case sctpChunk
        /// What a tunnel carries, by the part of it that is asked for (net/netfilter/nft_inner.c).
        case vxlan, geneve, gre, gretap
        /// What follows the transport header, `@ih` (`nft_payload_inner_offset`).
        case payload
    }

    /// A part of what a tunnel carries.
    public enum InnerPart: UInt8, Sendable, CaseIterable {
        /// The tunnel's own header.
        case tunnel
        case link, network, transport
        /// The EtherType of the packet inside, after a tag, and its transport protocol: numbers rather than octets.
        case etherType, transportProtocol
    }

    init(inside tunnel: Kind, _ part: InnerPart) { self.init(tunnel, part.rawValue) }

    /// The part that is asked for; nil for what is no tunnel's.
    public var innerPart: InnerPart? { isInner ? InnerPart(rawValue: number) : nil }

    /// True if it is part of what a tunnel carries.
    public var isInner: Bool {
        switch kind {
        case .vxlan, .geneve, .gre, .gretap: true
        case .ipv6ExtensionHeader, .ipv4Option, .tcpOption, .sctpChunk, .payload: false
        }
    }

    /// True if the packet inside begins with an Ethernet header.
    public var hasInnerLink: Bool { kind != .gre }

    public var kind: Kind
    public var number: UInt8

    public init(_ kind: Kind, _ number: UInt8) {
        self.kind = kind
        self.number = number
    }

    /// The network protocol that nft makes a rule depend on, if it does. For TCP and SCTP there is no such match: that an option is
    /// missing is true of every packet that has none.
    var network: NetworkProtocol? {
        switch kind {
        case .ipv6ExtensionHeader: .ip6
        case .ipv4Option: .ip
        case .tcpOption, .sctpChunk, .vxlan, .geneve, .gre, .gretap, .payload: nil
        }
    }
}
