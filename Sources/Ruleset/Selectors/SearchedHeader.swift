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
    }

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
        case .tcpOption, .sctpChunk: nil
        }
    }
}
