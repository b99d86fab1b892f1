/// One selector of the language: how it is written and what is known of its values.
struct Selector: Sendable {
    var field: Field
    var type: ValueType
    /// Where the field stands; nil if it is not read through a header's dependency (`meta`, `th`, `@nh`).
    var header: NetworkProtocol?
    /// What an equality on this field says of the next header.
    var conclusion: Conclusion?
    /// The messages that have the field, by their type; empty if all of the header's have. Of two the first is the request.
    var messageTypes: [UInt128]

    /// As it is written and printed.
    var text: String { field.words }

    /// True if sets that stand under a name and concatenations take its values. Times are nothing that a file can hold; and raw bits that
    /// end within a second octet nft 1.1.6 misplaces.
    var canBeKey: Bool {
        !type.isTime && type != .presence && !needsKnownFamily && !(endsWithinLaterOctet && text.hasPrefix("@"))
    }

    /// To nft 1.0.6 such fields have more octets than they have values for, and it shifts them in the machine's own byte order.
    var endsWithinLaterOctet: Bool { field.trailingBits != 0 && field.octets.count > 1 }

    /// The layer that an equality on a field decides.
    enum Conclusion: Sendable {
        /// A kind of device: whether there is an Ethernet header. A bridge has no others.
        case device
        /// An EtherType, read from the skb: the network protocol.
        case network
        /// A number of Netfilter's families: the network protocol.
        case networkFamily
        /// An EtherType, read from the frame: a tag or the network protocol.
        case linkOrNetwork
        /// A protocol number, read from the skb: the transport protocol, also if it is one that nft does not know.
        case transport
        /// A protocol number, read from the packet: the transport protocol, if it is one that nft knows.
        case knownTransport
        /// The type of an ICMP message, on which it depends what follows the checksum.
        case messageType
        /// A protocol number of a header between IP and the transport protocol, which is known no better for it.
        case innerTransport
        /// What `ct` knows of the packet's connection: the network protocol, and the transport protocol if the network protocol is known.
        case connectionNetwork, connectionTransport
    }

    init(
        _ field: Field, _ type: ValueType, in header: NetworkProtocol? = nil, concludes conclusion: Conclusion? = nil,
        ofTypes messageTypes: [UInt128] = []
    ) {
        self.field = field
        self.type = type
        self.header = header
        self.conclusion = conclusion
        self.messageTypes = messageTypes
    }

    /// Selectors at a fixed place.
    private static let fixed: [Selector] = [
        Selector(.etherDaddr, .ethernetAddress, in: .ether),
        Selector(.etherSaddr, .ethernetAddress, in: .ether),
        Selector(.etherType, .etherType, in: .ether, concludes: .linkOrNetwork),
        Selector(.vlanPcp, .integer, in: .vlan),
        Selector(.vlanDei, .integer, in: .vlan),
        Selector(.vlanCfi, .integer, in: .vlan),
        Selector(.vlanId, .integer, in: .vlan),
        Selector(.vlanType, .etherType, in: .vlan, concludes: .linkOrNetwork),

        Selector(.arpHtype, .integer, in: .arp),
        Selector(.arpPtype, .etherType, in: .arp),
        Selector(.arpHlen, .integer, in: .arp),
        Selector(.arpPlen, .integer, in: .arp),
        Selector(.arpOperation, .arpOperation, in: .arp),
        Selector(.arpSaddrEther, .ethernetAddress, in: .arp),
        Selector(.arpSaddrIp, .ipv4, in: .arp),
        Selector(.arpDaddrEther, .ethernetAddress, in: .arp),
        Selector(.arpDaddrIp, .ipv4, in: .arp),

        Selector(.ipVersion, .integer, in: .ip),
        Selector(.ipHdrlength, .integer, in: .ip),
        Selector(.ipDscp, .dscp, in: .ip),
        Selector(.ipEcn, .ecn, in: .ip),
        Selector(.ipLength, .integer, in: .ip),
        Selector(.ipId, .integer, in: .ip),
        Selector(.ipFragOff, .integer, in: .ip),
        Selector(.ipTtl, .integer, in: .ip),
        Selector(.ipProtocol, .protocolNumber, in: .ip, concludes: .knownTransport),
        Selector(.ipChecksum, .integer, in: .ip),
        Selector(.ipSaddr, .ipv4, in: .ip),
        Selector(.ipDaddr, .ipv4, in: .ip),

        Selector(.ip6Version, .integer, in: .ip6),
        Selector(.ip6Dscp, .dscp, in: .ip6),
        Selector(.ip6Ecn, .ecn, in: .ip6),
        Selector(.ip6Flowlabel, .integer, in: .ip6),
        Selector(.ip6Length, .integer, in: .ip6),
        Selector(.ip6Nexthdr, .protocolNumber, in: .ip6, concludes: .knownTransport),
        Selector(.ip6Hoplimit, .integer, in: .ip6),
        Selector(.ip6Saddr, .ipv6, in: .ip6),
        Selector(.ip6Daddr, .ipv6, in: .ip6),

        Selector(.icmpType, .icmpType, in: .icmp, concludes: .messageType),
        Selector(.icmpCode, .icmpCode, in: .icmp),
        Selector(.icmpChecksum, .integer, in: .icmp),
        Selector(.icmpId, .integer, in: .icmp, ofTypes: [8, 0]),
        Selector(.icmpSequence, .integer, in: .icmp, ofTypes: [8, 0]),
        Selector(.icmpGateway, .integer, in: .icmp, ofTypes: [5]),
        Selector(.icmpMtu, .integer, in: .icmp, ofTypes: [3]),

        Selector(.icmpv6Type, .icmpv6Type, in: .icmpv6, concludes: .messageType),
        Selector(.icmpv6Code, .icmpv6Code, in: .icmpv6),
        Selector(.icmpv6Checksum, .integer, in: .icmpv6),
        Selector(.icmpv6ParamProblem, .integer, in: .icmpv6, ofTypes: [4]),
        Selector(.icmpv6Mtu, .integer, in: .icmpv6, ofTypes: [2]),
        Selector(.icmpv6Id, .integer, in: .icmpv6, ofTypes: [128, 129]),
        Selector(.icmpv6Sequence, .integer, in: .icmpv6, ofTypes: [128, 129]),
        Selector(.icmpv6MaxDelay, .integer, in: .icmpv6, ofTypes: [130]),
        Selector(.icmpv6Taddr, .ipv6, in: .icmpv6, ofTypes: [130, 131, 132, 135, 136, 137]),
        Selector(.icmpv6Daddr, .ipv6, in: .icmpv6, ofTypes: [137]),

        Selector(.igmpType, .igmpType, in: .igmp),
        Selector(.igmpMrt, .integer, in: .igmp),
        Selector(.igmpChecksum, .integer, in: .igmp),
        Selector(.igmpGroup, .integer, in: .igmp),

        Selector(.tcpSport, .service, in: .tcp),
        Selector(.tcpDport, .service, in: .tcp),
        Selector(.tcpSequence, .integer, in: .tcp),
        Selector(.tcpAckseq, .integer, in: .tcp),
        Selector(.tcpDoff, .integer, in: .tcp),
        Selector(.tcpReserved, .integer, in: .tcp),
        Selector(.tcpFlags, .tcpFlags, in: .tcp),
        Selector(.tcpWindow, .integer, in: .tcp),
        Selector(.tcpChecksum, .integer, in: .tcp),
        Selector(.tcpUrgptr, .integer, in: .tcp),

        Selector(.udpSport, .service, in: .udp),
        Selector(.udpDport, .service, in: .udp),
        Selector(.udpLength, .integer, in: .udp),
        Selector(.udpChecksum, .integer, in: .udp),

        Selector(.udpliteSport, .service, in: .udplite),
        Selector(.udpliteDport, .service, in: .udplite),
        Selector(.udpliteCsumcov, .integer, in: .udplite),
        Selector(.udpliteChecksum, .integer, in: .udplite),

        Selector(.sctpSport, .service, in: .sctp),
        Selector(.sctpDport, .service, in: .sctp),
        Selector(.sctpVtag, .integer, in: .sctp),
        Selector(.sctpChecksum, .integer, in: .sctp),

        Selector(.dccpSport, .service, in: .dccp),
        Selector(.dccpDport, .service, in: .dccp),
        Selector(.dccpType, .dccpType, in: .dccp),

        Selector(.thSport, .service),
        Selector(.thDport, .service),

        Selector(.espSpi, .integer, in: .esp),
        Selector(.espSequence, .integer, in: .esp),

        Selector(.ahNexthdr, .protocolNumber, in: .ah, concludes: .innerTransport),
        Selector(.ahHdrlength, .integer, in: .ah),
        Selector(.ahReserved, .integer, in: .ah),
        Selector(.ahSpi, .integer, in: .ah),
        Selector(.ahSequence, .integer, in: .ah),

        Selector(.compNexthdr, .protocolNumber, in: .comp, concludes: .innerTransport),
        Selector(.compFlags, .integer, in: .comp),
        Selector(.compCpi, .integer, in: .comp),

        Selector(.greFlags, .integer, in: .gre),
        Selector(.greVersion, .integer, in: .gre),
        Selector(.greProtocol, .etherType, in: .gre),
    ]

    /// Every selector that is taken. A field that is missing here can't be written.
    static let all = Field.MetaKey.selectors + fixed + extensionHeaders + options + connections + inner(of: fixed)

    private static let byWords: [String: Selector] = Dictionary(all.map { ($0.text, $0) }) { first, _ in first }

    /// The selector that reads the field: the named one, wherever its header stands, or else raw bits.
    static func reading(_ field: Field) -> Selector {
        if let selector = byWords[field.words] { return selector }
        return Selector(field, field.traits.type)
    }

    /// First word → the words after it → selector. A selector of one word stands under the empty text, and under `meta` too.
    static let grammar: [String: [String: Selector]] = {
        var grammar: [String: [String: Selector]] = [:]
        for selector in all {
            let words = selector.text.split(separator: " ", maxSplits: 1).map(String.init)
            guard let first = words.first else { continue }
            grammar[first, default: [:]][words.count > 1 ? words[1] : ""] = selector
            if words.count == 1 { grammar["meta", default: [:]][first] = selector }
        }
        for key in Field.MetaKey.allCases where key.record.standsAlone {
            let selector = reading(Field(key))
            grammar[selector.text.split(separator: " ").last.map(String.init) ?? ""] = ["": selector]
        }
        // What follows has numbers of its own.
        grammar["numgen"] = [:]
        // Every field of these has a number.
        grammar["rt0"] = [:]
        grammar["rt2"] = [:]
        return grammar
    }()

    /// What may follow a first word, in the table's order.
    static func fields(after first: String) -> [String] {
        let fields = grammar[first] ?? [:]
        var words: [String] = []
        for selector in all {
            guard let rest = fields.first(where: { $0.value.field == selector.field })?.key else { continue }
            // For options and chunks only the word that begins them.
            let kind = selector.field.searchedHeader?.kind
            let isNested = kind != nil && kind != .ipv6ExtensionHeader
            let word = isNested ? rest.prefix { $0 != " " } : rest[...]
            if words.last != String(word) { words.append(String(word)) }
        }
        return words
    }
}
