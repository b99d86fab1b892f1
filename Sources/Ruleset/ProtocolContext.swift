/// A protocol as nft's dependencies know it.
enum NetworkProtocol: String, Sendable {
    case ether, vlan
    case arp, ip, ip6
    case icmp, igmp, tcp, udp, dccp, esp, ah, icmpv6, comp, sctp, udplite
    /// A number that nft has no header for.
    case unknown

    enum Layer: Sendable { case link, network, transport }

    var layer: Layer {
        switch self {
        case .ether, .vlan: .link
        case .arp, .ip, .ip6: .network
        default: .transport
        }
    }

    /// What follows an Ethernet header or a tag with this type. Both tag types lead to the same header.
    init?(etherType: UInt128) {
        switch etherType {
        case 0x0800: self = .ip
        case 0x0806: self = .arp
        case 0x86dd: self = .ip6
        case 0x8100, 0x88a8: self = .vlan
        default: return nil
        }
    }

    /// The transport protocols that nft knows by their number.
    init?(protocolNumber: UInt128) {
        switch protocolNumber {
        case 1: self = .icmp
        case 2: self = .igmp
        case 6: self = .tcp
        case 17: self = .udp
        case 33: self = .dccp
        case 50: self = .esp
        case 51: self = .ah
        case 58: self = .icmpv6
        case 108: self = .comp
        case 132: self = .sctp
        case 136: self = .udplite
        default: return nil
        }
    }

    /// The number by which the layer below announces this protocol; that of a single tag for `vlan`.
    fileprivate var number: UInt128 {
        switch self {
        case .ip: 0x0800
        case .arp: 0x0806
        case .ip6: 0x86dd
        case .vlan: 0x8100
        case .icmp: 1
        case .igmp: 2
        case .tcp: 6
        case .udp: 17
        case .dccp: 33
        case .esp: 50
        case .ah: 51
        case .icmpv6: 58
        case .comp: 108
        case .sctp: 132
        case .udplite: 136
        case .ether, .unknown: 0
        }
    }
}

/// What a rule's matches so far say of the headers, and from that what nft puts in front of the next match.
///
/// The behaviour is nft 1.0.6's in the bridge family, held against it by a test. `ip saddr` asks for the skb's protocol, which is
/// that behind an offloaded tag; `arp` and `icmp` ask for the frame's EtherType, and so see no tagged frames.
struct ProtocolContext {
    /// An equality that a match depends on and that no match before it has made.
    struct Dependency: Equatable {
        var field: Field
        /// Of several, any.
        var numbers: [UInt128]
    }

    enum Failure: Error, Equatable {
        /// The two exclude each other, or nft can't tell that they don't.
        case conflict(NetworkProtocol, NetworkProtocol)
        /// The rule is about messages of the first type, and the field is one of the second.
        case messageType(UInt128, needed: UInt128)
    }

    private var link = NetworkProtocol.ether
    /// Link headers below `link`, which is `vlan` as soon as there is one.
    private var outerLinks = 0
    private var network: NetworkProtocol?
    /// A set on a protocol number makes several; then no transport header can be relied on.
    private var transports: [NetworkProtocol] = []
    /// The type of ICMP message that has been matched. nft takes either echo message of ICMP for a request.
    private var messageType: UInt128?

    /// nft remembers no more of them.
    private static let limit = 16

    /// What has to be matched before a field of the header can be read; it counts as matched from then on.
    mutating func require(_ header: NetworkProtocol) throws(Failure) -> [Dependency] {
        switch header.layer {
        case .link: try requireLink(header)
        case .network: try requireNetwork(header)
        case .transport: try requireTransport(header)
        }
    }

    private mutating func requireLink(_ header: NetworkProtocol) throws(Failure) -> [Dependency] {
        guard header == .vlan else { return [] }
        if link == .vlan { return [] }
        if network != nil { throw .conflict(.ether, .vlan) }
        return [imply(.etherType, NetworkProtocol.vlan.number)]
    }

    private mutating func requireNetwork(_ header: NetworkProtocol) throws(Failure) -> [Dependency] {
        if let network {
            guard network == header else { throw .conflict(network, header) }
            return []
        }
        if link == .ether, header != .arp { return [imply(.metaProtocol, header.number)] }
        return [implyEtherType(of: header)]
    }

    /// What nft puts in front of the whole rule for an extension header or an option of IP, unless the network protocol is known.
    mutating func requireAtStart(_ network: NetworkProtocol) throws(Failure) -> Dependency? {
        guard let known = self.network else { return implyEtherType(of: network) }
        guard known == network else { throw .conflict(known, network) }
        return nil
    }

    private mutating func requireTransport(_ header: NetworkProtocol) throws(Failure) -> [Dependency] {
        if let other = transports.first(where: { $0 != header }) { throw .conflict(other, header) }
        if !transports.isEmpty { return [] }
        var dependencies: [Dependency] = []
        switch network {
        case .ip, .ip6: break
        case .some(let other): throw .conflict(other, header)
        case nil:
            // Without a network protocol "type 8" could be either ICMP; the other headers are the same behind both.
            if header == .icmp || header == .igmp { dependencies.append(implyEtherType(of: .ip)) }
            if header == .icmpv6 { dependencies.append(implyEtherType(of: .ip6)) }
        }
        dependencies.append(imply(.metaL4proto, header.number))
        return dependencies
    }

    /// The type that a message needs to have the selector's field; nil if it is known to have it.
    mutating func requireMessage(of selector: Selector) throws(Failure) -> Dependency? {
        guard let needed = selector.messageTypes.first else { return nil }
        if let messageType {
            guard selector.messageTypes.contains(messageType) else { throw .messageType(messageType, needed: needed) }
            return nil
        }
        messageType = needed
        return Dependency(field: selector.header == .icmpv6 ? .icmpv6Type : .icmpType, numbers: selector.messageTypes)
    }

    /// The field where it stands behind the tags that have been matched: `vlan` is the innermost of them.
    func placed(_ field: Field, of header: NetworkProtocol?) -> Field {
        header == .vlan && outerLinks > 1 ? field.moved(byBits: (outerLinks - 1) * 32) : field
    }

    /// The frame's own EtherType, behind the innermost tag that has been matched.
    private mutating func implyEtherType(of header: NetworkProtocol) -> Dependency {
        link == .ether ? imply(.etherType, header.number) : imply(placed(.vlanType, of: .vlan), header.number)
    }

    private mutating func imply(_ field: Field, _ number: UInt128) -> Dependency {
        conclude(from: field, number)
        return Dependency(field: field, numbers: [number])
    }

    /// Takes note of `field == number`; to be called for each element of a set, in its order.
    mutating func conclude(from field: Field, _ number: UInt128) {
        let selector = Selector.reading(field)
        switch selector.conclusion {
        case .network:
            network = NetworkProtocol(etherType: number) ?? .unknown
        case .linkOrNetwork:
            guard let next = NetworkProtocol(etherType: number) else { return }
            if next == .vlan {
                link = .vlan
                outerLinks = min(outerLinks + 1, Self.limit)
            } else {
                network = next
            }
        case .transport:
            addTransport(NetworkProtocol(protocolNumber: number) ?? .unknown)
        case .knownTransport:
            if let next = NetworkProtocol(protocolNumber: number) { addTransport(next) }
        case .messageType:
            // nft remembers 0 for "none", and for an echo reply of ICMP, which is 0, the request.
            messageType = number != 0 ? number : selector.header == .icmp ? 8 : nil
        case .innerTransport, nil:
            break
        }
    }

    /// The transport protocol, if there is no doubt.
    var onlyTransport: NetworkProtocol? { transports.count == 1 ? transports[0] : nil }

    /// Whether the same matches may follow; transport protocols are conflicts of each other in any order.
    func isSame(as other: ProtocolContext) -> Bool {
        link == other.link && outerLinks == other.outerLinks && network == other.network && messageType == other.messageType
            && Set(transports) == Set(other.transports)
    }

    private mutating func addTransport(_ transport: NetworkProtocol) {
        if !transports.contains(transport), transports.count < Self.limit { transports.append(transport) }
    }
}
