/// A protocol as nft's dependencies know it. All that is known of one stands in its record.
enum NetworkProtocol: String, CaseIterable, Sendable {
    case ether, vlan
    case arp, ip, ip6
    case icmp, igmp, tcp, udp, dccp, esp, ah, icmpv6, comp, sctp, udplite, gre
    /// A number that nft has no header for.
    case unknown

    enum Layer: Sendable { case link, network, transport }

    struct Record: Sendable {
        let layer: Layer
        /// Numbers by which the layer below announces it: EtherTypes, or protocol numbers. nft writes the first.
        let numbers: [UInt128]
        /// Netfilter's number, if it is a family of its own in a table `inet` (linux/netfilter.h).
        let familyNumber: UInt128?
        /// The network protocol that packets have where nothing has said which; nil if the header is the same after both.
        let network: NetworkProtocol?
        /// The checksum that goes with changes of its fields, if nft 1.0.6 knows of it.
        let checksum: HeaderChecksum?

        init(
            _ layer: Layer, _ numbers: [UInt128], familyNumber: UInt128? = nil, only network: NetworkProtocol? = nil,
            checksum: HeaderChecksum? = nil
        ) {
            self.layer = layer
            self.numbers = numbers
            self.familyNumber = familyNumber
            self.network = network
            self.checksum = checksum
        }
    }

    var record: Record {
        switch self {
        case .ether: Record(.link, [])
        // Both tag types lead to the same header.
        case .vlan: Record(.link, [0x8100, 0x88a8])
        case .arp: Record(.network, [0x0806])
        case .ip: Record(.network, [0x0800], familyNumber: 2, checksum: .internet(octet: 10))
        case .ip6: Record(.network, [0x86dd], familyNumber: 10)
        case .icmp: Record(.transport, [1], only: .ip, checksum: .internet(octet: 2))
        case .igmp: Record(.transport, [2], only: .ip, checksum: .internet(octet: 2))
        case .tcp: Record(.transport, [6], checksum: .internet(octet: 16))
        case .udp: Record(.transport, [17], checksum: .internet(octet: 6))
        case .dccp: Record(.transport, [33])
        case .esp: Record(.transport, [50])
        case .ah: Record(.transport, [51])
        case .icmpv6: Record(.transport, [58], only: .ip6, checksum: .internet(octet: 2))
        case .comp: Record(.transport, [108])
        case .sctp: Record(.transport, [132], checksum: .cyclic(octet: 8))
        case .udplite: Record(.transport, [136])
        case .gre: Record(.transport, [47])
        case .unknown: Record(.transport, [])
        }
    }
}

extension NetworkProtocol {
    private static let etherTypes = numbered { $0.layer == .transport ? [] : $0.numbers }
    private static let protocolNumbers = numbered { $0.layer == .transport ? $0.numbers : [] }
    private static let familyNumbers = numbered { $0.familyNumber.map { [$0] } ?? [] }

    private static func numbered(_ numbers: (Record) -> [UInt128]) -> [UInt128: NetworkProtocol] {
        var found: [UInt128: NetworkProtocol] = [:]
        for known in allCases { for number in numbers(known.record) { found[number] = known } }
        return found
    }

    /// What follows an Ethernet header or a tag with this type.
    init?(etherType: UInt128) {
        guard let known = Self.etherTypes[etherType] else { return nil }
        self = known
    }

    /// Netfilter's families that are a protocol.
    init?(familyNumber: UInt128) {
        guard let known = Self.familyNumbers[familyNumber] else { return nil }
        self = known
    }

    /// The transport protocols that nft knows by their number.
    init?(protocolNumber: UInt128) {
        guard let known = Self.protocolNumbers[protocolNumber] else { return nil }
        self = known
    }

    var layer: Layer { record.layer }
    var familyNumber: UInt128? { record.familyNumber }

    /// The number by which the layer below announces this protocol; that of a single tag for `vlan`.
    var number: UInt128 { record.numbers.first ?? 0 }
}
