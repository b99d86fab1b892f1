/// What a rule's matches so far say of the headers, and from that what nft puts before the next match.
///
/// The behaviour is nft 1.0.6's, held against it by a test. On a bridge `ip saddr` asks for the skb's protocol, which is that after an
/// offloaded tag; `arp` and `icmp` ask for the frame's EtherType, and so see no tagged frames. In a table `inet` both ask for the
/// packet's family, and in those of one protocol there is nothing to ask; fields of the Ethernet header ask for an Ethernet device
/// first, and after them the frame's EtherType is what counts.
struct ProtocolContext {
    /// An equality that a match depends on and that no match before it has made.
    struct Dependency: Equatable {
        var field: Field
        /// Any one of several.
        var numbers: [UInt128]
    }

    enum Failure: Error, Equatable {
        /// The two exclude each other, or nft can't tell that they don't.
        case conflict(NetworkProtocol, NetworkProtocol)
        /// The family's tables see no such packets.
        case family(Family, NetworkProtocol)
        /// The rule is about messages of the first type, and the field is one of the second.
        case messageType(UInt128, needed: UInt128)
    }

    private let family: Family
    /// Nil while nothing says that there is an Ethernet header.
    private var link: NetworkProtocol?
    /// Link headers below `link`, which is `vlan` as soon as there is one.
    private var outerLinks = 0
    private(set) var network: NetworkProtocol?
    /// A set on a protocol number makes several; then no transport header can be relied on.
    private var transports: [NetworkProtocol] = []
    /// The type of ICMP message that has been matched. nft takes either echo message of ICMP for a request.
    private var messageType: UInt128?

    /// nft remembers no more of them.
    private static let limit = 16

    init(family: Family) {
        self.family = family
        network = family.network
        if family == .bridge { link = .ether }
    }

    /// What has to be matched before a field of the header can be read; it counts as matched from then on.
    mutating func require(_ header: NetworkProtocol) throws(Failure) -> [Dependency] {
        switch header.layer {
        case .link: try requireLink(header)
        case .network: try requireNetwork(header)
        case .transport: try requireTransport(header)
        }
    }

    private mutating func requireLink(_ header: NetworkProtocol) throws(Failure) -> [Dependency] {
        var dependencies: [Dependency] = []
        if link == .unknown { throw .conflict(.unknown, header) }
        let wasKnown = link != nil
        if !wasKnown {
            // ARPHRD_ETHER.
            dependencies.append(Dependency(field: .metaIiftype, numbers: [1]))
            link = .ether
        }
        guard header == .vlan, link != .vlan else { return dependencies }
        // Where the family itself says which protocol it is, a tag before that is still possible.
        if network != nil, wasKnown || family == .inet { throw .conflict(.ether, .vlan) }
        dependencies.append(imply(.etherType, NetworkProtocol.vlan.number))
        return dependencies
    }

    private mutating func requireNetwork(_ header: NetworkProtocol) throws(Failure) -> [Dependency] {
        if let network {
            guard network == header else { throw .conflict(network, header) }
            return []
        }
        if link == .ether, family == .bridge, header != .arp { return [imply(.metaProtocol, header.number)] }
        return [try implyNetwork(header)]
    }

    /// What nft puts before the whole rule for an extension header or an option of IP, unless the network protocol is known.
    mutating func requireAtStart(_ network: NetworkProtocol) throws(Failure) -> Dependency? {
        // The kernel takes no option of IPv4 there, whatever has been matched (net/netfilter/nft_exthdr.c, nft_exthdr_ipv4_init).
        if network == .ip, family == .ip6 { throw .conflict(.ip6, .ip) }
        guard let known = self.network else { return try implyNetwork(network) }
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
            // Without a network protocol "type 8" could be either ICMP.
            if let network = header.record.network { dependencies.append(try implyNetwork(network)) }
        }
        dependencies.append(imply(.metaL4proto, header.number))
        return dependencies
    }

    /// The type that a message needs to have the selector's field; nil if it is known to have it.
    mutating func requireMessage(of selector: Selector) throws(Failure) -> Dependency? {
        // The address stands in several messages; nft counts the neighbour solicitation as theirs.
        guard let needed = selector.field == .icmpv6Taddr ? 135 : selector.messageTypes.first else { return nil }
        if let messageType {
            guard selector.messageTypes.contains(messageType) else { throw .messageType(messageType, needed: needed) }
            return nil
        }
        messageType = needed
        return Dependency(field: selector.header == .icmpv6 ? .icmpv6Type : .icmpType, numbers: selector.messageTypes)
    }

    /// The field where it follows the tags that have been matched: `vlan` is the innermost of them.
    func placed(_ field: Field, of header: NetworkProtocol?) -> Field {
        header == .vlan && outerLinks > 1 ? field.moved(byBits: (outerLinks - 1) * 32) : field
    }

    /// The packet's family, or where the Ethernet header is known its EtherType, after the innermost tag that has been matched.
    private mutating func implyNetwork(_ header: NetworkProtocol) throws(Failure) -> Dependency {
        switch link {
        case nil where family == .netdev: return imply(.metaProtocol, header.number)
        case nil:
            guard let number = header.familyNumber else { throw .family(family, header) }
            return imply(.metaNfproto, number)
        case .ether: return imply(.etherType, header.number)
        case .unknown: throw .conflict(.unknown, header)
        default: return imply(placed(.vlanType, of: .vlan), header.number)
        }
    }

    private mutating func imply(_ field: Field, _ number: UInt128) -> Dependency {
        conclude(from: field, number)
        return Dependency(field: field, numbers: [number])
    }

    /// Takes note of `field == number`; to be called for each element of a set, in its order.
    mutating func conclude(from field: Field, _ number: UInt128) {
        let selector = Selector.reading(field)
        switch selector.conclusion {
        case .device:
            guard family != .bridge else { return }
            link = number == NameTable.deviceTypes.number(of: "ether") ? .ether : .unknown
        case .network:
            guard family == .bridge || family == .netdev else { return }
            network = NetworkProtocol(etherType: number) ?? .unknown
        case .networkFamily:
            network = NetworkProtocol(familyNumber: number) ?? .unknown
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
        case .connectionNetwork:
            // nft looks the number up among what follows the link layer, and that is only a family where there is none.
            guard family == .inet, link == nil else { return }
            if let known = NetworkProtocol(familyNumber: number) { network = known }
        case .connectionTransport:
            guard network == .ip || network == .ip6, let next = NetworkProtocol(protocolNumber: number) else { return }
            addTransport(next)
        case .innerTransport, nil:
            break
        }
    }

    /// True if the packet's family is IPv6's; nil where it is not known to be one of IP's.
    var knownIPFamily: Bool? {
        switch network {
        case .ip: false
        case .ip6: true
        default: nil
        }
    }

    var isBridge: Bool { family == .bridge }
    var hasTransport: Bool { !transports.isEmpty }

    /// The network protocol that is known and excludes a connection of that family.
    func conflict(withIPv6 isIPv6: Bool) -> NetworkProtocol? {
        guard let knownIPFamily, knownIPFamily != isIPv6 else { return nil }
        return network
    }

    /// The transport protocol, if there is no doubt.
    var onlyTransport: NetworkProtocol? { transports.count == 1 ? transports[0] : nil }

    /// True if the same matches may follow; transport protocols are conflicts of each other in any order.
    func isSame(as other: ProtocolContext) -> Bool {
        link == other.link && outerLinks == other.outerLinks && network == other.network && messageType == other.messageType
            && Set(transports) == Set(other.transports)
    }

    private mutating func addTransport(_ transport: NetworkProtocol) {
        if !transports.contains(transport), transports.count < Self.limit { transports.append(transport) }
    }
}

extension Family {
    /// The protocol of all packets that tables of the family see, if it is one.
    var network: NetworkProtocol? {
        switch self {
        case .bridge, .inet, .netdev: nil
        case .ip: .ip
        case .ip6: .ip6
        case .arp: .arp
        }
    }
}
