/// One selector of the language: how it is written and what is known of its values.
struct Selector: Sendable {
    /// As printed; `iifname` alone, all others behind the word for their header.
    var words: [String]
    var field: Field
    var type: ValueType
    /// Where the field stands; nil if it is not read through a header's dependency (`meta`, `th`).
    var header: NetworkProtocol?
    /// What an equality on this field says of the next header.
    var conclusion: Conclusion?

    var text: String { words.joined(separator: " ") }

    /// The layer that an equality on a field decides.
    enum Conclusion: Sendable {
        /// An EtherType, read from the skb: the network protocol.
        case network
        /// An EtherType, read from the frame: a tag or the network protocol.
        case linkOrNetwork
        /// A protocol number, read from the skb: the transport protocol, also if it is one that nft does not know.
        case transport
        /// A protocol number, read from the packet: the transport protocol, if it is one that nft knows.
        case knownTransport
    }

    private init(
        _ words: String, _ field: Field, _ type: ValueType, in header: NetworkProtocol? = nil, concludes conclusion: Conclusion? = nil
    ) {
        self.words = words.split(separator: " ").map(String.init)
        self.field = field
        self.type = type
        self.header = header
        self.conclusion = conclusion
    }

    /// Every selector that is taken. A field that is missing here can't be written.
    static let all: [Selector] = [
        Selector("iifname", .metaIifname, .interfaceName),
        Selector("oifname", .metaOifname, .interfaceName),
        Selector("meta protocol", .metaProtocol, .etherType, concludes: .network),
        Selector("meta l4proto", .metaL4proto, .protocolNumber, concludes: .transport),
        Selector("ether saddr", .etherSaddr, .ethernetAddress, in: .ether),
        Selector("ether daddr", .etherDaddr, .ethernetAddress, in: .ether),
        Selector("ether type", .etherType, .etherType, in: .ether, concludes: .linkOrNetwork),
        Selector("vlan id", .vlanId, .integer, in: .vlan),
        Selector("vlan type", .vlanType, .etherType, in: .vlan, concludes: .linkOrNetwork),
        Selector("arp operation", .arpOperation, .arpOperation, in: .arp),
        Selector("ip saddr", .ipSaddr, .ipv4, in: .ip),
        Selector("ip daddr", .ipDaddr, .ipv4, in: .ip),
        Selector("ip protocol", .ipProtocol, .protocolNumber, in: .ip, concludes: .knownTransport),
        Selector("ip6 saddr", .ip6Saddr, .ipv6, in: .ip6),
        Selector("ip6 daddr", .ip6Daddr, .ipv6, in: .ip6),
        Selector("ip6 nexthdr", .ip6Nexthdr, .protocolNumber, in: .ip6, concludes: .knownTransport),
        Selector("tcp sport", .tcpSport, .service, in: .tcp),
        Selector("tcp dport", .tcpDport, .service, in: .tcp),
        Selector("tcp flags", .tcpFlags, .tcpFlags, in: .tcp),
        Selector("udp sport", .udpSport, .service, in: .udp),
        Selector("udp dport", .udpDport, .service, in: .udp),
        Selector("sctp sport", .sctpSport, .service, in: .sctp),
        Selector("sctp dport", .sctpDport, .service, in: .sctp),
        Selector("th sport", .thSport, .service),
        Selector("th dport", .thDport, .service),
        Selector("icmp type", .icmpType, .icmpType, in: .icmp),
        Selector("icmpv6 type", .icmpv6Type, .icmpv6Type, in: .icmpv6),
    ]

    private static let byField: [Field: Selector] = Dictionary(all.map { ($0.field, $0) }) { first, _ in first }

    /// The selector that reads the field. Every field has one, which a test holds.
    static func reading(_ field: Field) -> Selector? { byField[field] }

    /// First word → second word → selector. A selector of one word stands under the empty second word, and under `meta` too.
    static let grammar: [String: [String: Selector]] = {
        var grammar: [String: [String: Selector]] = [:]
        for selector in all {
            let second = selector.words.count > 1 ? selector.words[1] : ""
            grammar[selector.words[0], default: [:]][second] = selector
            if second.isEmpty { grammar["meta", default: [:]][selector.words[0]] = selector }
        }
        return grammar
    }()

    /// The words that may follow a first word, in the table's order.
    static func secondWords(after first: String) -> [String] {
        (grammar[first] ?? [:]).values.sorted { $0.field.rawValue < $1.field.rawValue }.compactMap(\.words.last)
    }
}

/// What kind of constants a field is held against.
enum ValueType: Sendable {
    case interfaceName, etherType, protocolNumber, service, ethernetAddress, ipv4, ipv6, integer
    case arpOperation, icmpType, icmpv6Type, tcpFlags

    /// How a message names a value of this type, with its article.
    var described: String {
        switch self {
        case .interfaceName: "an interface name"
        case .etherType: "an EtherType"
        case .protocolNumber: "an Internet protocol"
        case .service: "a port"
        case .ethernetAddress: "an Ethernet address"
        case .ipv4: "an IPv4 address"
        case .ipv6: "an IPv6 address"
        case .integer: "a number"
        case .arpOperation: "an ARP operation"
        case .icmpType: "an ICMP type"
        case .icmpv6Type: "an ICMPv6 type"
        case .tcpFlags: "a TCP flag"
        }
    }

    /// Names that stand for numbers, if there are any.
    var names: NameTable? {
        switch self {
        case .etherType: .etherTypes
        case .protocolNumber: RegisteredNames.protocols
        case .service: RegisteredNames.services
        case .arpOperation: .arpOperations
        case .icmpType: .icmpTypes
        case .icmpv6Type: .icmpv6Types
        case .tcpFlags: .tcpFlags
        case .interfaceName, .ethernetAddress, .ipv4, .ipv6, .integer: nil
        }
    }

    /// Whether values are bits to be combined: a value without an operator then means "any of these" (nft's `bitmask` type).
    var isBitmask: Bool { self == .tcpFlags }

    /// An example of what is written, for notes.
    var example: String {
        switch self {
        case .interfaceName: "\"eth0\" or \"eth*\""
        case .etherType: "a name (\(Self.list(.etherTypes))) or a number such as 0x88cc"
        case .protocolNumber: "a name such as tcp, udp, icmp, ipv6-icmp, or a number from 0 to 255"
        case .service: "a service name such as http or a port from 0 to 65535"
        case .ethernetAddress: "six groups such as 02:00:5e:10:00:01"
        case .ipv4: "four octets without leading zeros, such as 10.77.0.1"
        case .ipv6: "an address such as fd77::1"
        case .integer: "a number, decimal or hexadecimal"
        case .arpOperation: "a name (\(Self.list(.arpOperations))) or a number"
        case .icmpType: "a name (\(Self.list(.icmpTypes))) or a number"
        case .icmpv6Type: "a name (\(Self.list(.icmpv6Types))) or a number"
        case .tcpFlags: "\(Self.list(.tcpFlags)) or a number"
        }
    }

    private static func list(_ table: NameTable) -> String { table.allNames.joined(separator: ", ") }
}
