extension Field {
    /// nft's keys of `meta`, by the names that it gives them, in the order in which messages list them.
    public enum MetaKey: Sendable, Hashable, CaseIterable {
        case iifname, oifname, iif, oif
        /// The EtherType after the outermost tag.
        case `protocol`
        case l4proto
        /// On a bridge the frame's length in octets from after the outermost tag on, elsewhere the packet's without padding.
        case length
        /// `PACKET_BROADCAST`, `PACKET_MULTICAST`, or for other destinations `PACKET_OTHERHOST` on a bridge and `PACKET_HOST`
        /// elsewhere.
        case pkttype
        /// A number that rules give a frame: 0 at first, kept through all chains of the frame.
        case mark
        /// When the frame is judged, in nanoseconds since 1970, UTC.
        case time
        /// The weekday in UTC; Sunday is 0.
        case day
        /// Seconds since midnight, UTC.
        case hour
        /// The packet's family in a table `inet`: 2 for IPv4, 10 for IPv6 (`NFPROTO_IPV4`, `NFPROTO_IPV6`).
        case nfproto
        /// The kind of device that the frame came by, and of that by which it goes: always 1, Ethernet (`ARPHRD_ETHER`).
        case iiftype, oiftype
        /// The group of the port that the frame came by, and of that by which it goes: always 0, `default`.
        case iifgroup, oifgroup
        /// The packet's priority: 0, since nothing on a wire sets it.
        case priority
        /// Drawn for each frame again.
        case random
        /// The largest TCP segment without options that fits both ports (`rt mtu`): the smaller MTU less the headers of IP and TCP.
        case pathSegment
    }

    /// The port by which a frame comes, and the one by which it goes.
    public enum PortEnd: Sendable, Hashable {
        case ingress, egress
    }

    /// A field of `meta`.
    init(_ key: MetaKey) {
        words = key.record.words
        source = .meta(key)
        bitWidth = key.record.bits
    }
}

extension Field.MetaKey {
    /// All that the language knows of a key.
    struct Record {
        let words: String
        /// 0 for interfaces, which are no numbers.
        let bits: Int
        let type: ValueType
        var concludes: Selector.Conclusion?
        /// True if nft takes its last word without `meta`, though it never prints it so.
        var standsAlone = false
        /// True if it is a number in the machine's own byte order, which is another type to nft than one of a header's.
        var isHostOrder = false
        /// The port that it tells of. A chain that doesn't know the port can't read it.
        var port: Field.PortEnd?
        /// The only number that it ever is, for keys that tell apart what a wire doesn't.
        var onlyNumber: UInt16?
    }

    var record: Record {
        switch self {
        case .iifname: Record(words: "iifname", bits: 0, type: .interfaceName, port: .ingress)
        case .oifname: Record(words: "oifname", bits: 0, type: .interfaceName, port: .egress)
        case .iif: Record(words: "iif", bits: 0, type: .interface, port: .ingress)
        case .oif: Record(words: "oif", bits: 0, type: .interface, port: .egress)
        case .protocol: Record(words: "meta protocol", bits: 16, type: .etherType, concludes: .network)
        case .l4proto: Record(words: "meta l4proto", bits: 8, type: .protocolNumber, concludes: .transport)
        case .length: Record(words: "meta length", bits: 32, type: .integer, isHostOrder: true)
        case .pkttype: Record(words: "meta pkttype", bits: 8, type: .packetType, standsAlone: true)
        case .mark: Record(words: "meta mark", bits: 32, type: .mark, standsAlone: true, isHostOrder: true)
        case .time: Record(words: "meta time", bits: 64, type: .time, standsAlone: true)
        case .day: Record(words: "meta day", bits: 8, type: .day, standsAlone: true)
        case .hour: Record(words: "meta hour", bits: 32, type: .hour, standsAlone: true)
        case .nfproto: Record(words: "meta nfproto", bits: 8, type: .networkFamily, concludes: .networkFamily)
        // Reads skb->dev, which there is at every hook (net/netfilter/nft_meta.c).
        case .iiftype:
            Record(
                words: "meta iiftype", bits: 16, type: .deviceType, concludes: .device, standsAlone: true, isHostOrder: true, onlyNumber: 1)
        case .oiftype:
            Record(words: "meta oiftype", bits: 16, type: .deviceType, standsAlone: true, isHostOrder: true, port: .egress, onlyNumber: 1)
        case .iifgroup: Record(words: "iifgroup", bits: 32, type: .deviceGroup, isHostOrder: true, port: .ingress, onlyNumber: 0)
        case .oifgroup: Record(words: "oifgroup", bits: 32, type: .deviceGroup, isHostOrder: true, port: .egress, onlyNumber: 0)
        case .priority: Record(words: "meta priority", bits: 32, type: .trafficClass, isHostOrder: true, onlyNumber: 0)
        case .random: Record(words: "meta random", bits: 32, type: .integer)
        case .pathSegment: Record(words: "rt mtu", bits: 16, type: .integer, isHostOrder: true)
        }
    }

    /// The selectors of all keys.
    static var selectors: [Selector] { allCases.map { Selector(Field($0), $0.record.type, concludes: $0.record.concludes) } }
}

extension Field {
    /// The only number that the field ever is; nil if it may be several.
    public var onlyNumber: UInt16? { if case .meta(let key) = source { key.record.onlyNumber } else { nil } }

    public static let metaIifname = Field(.iifname)
    public static let metaOifname = Field(.oifname)
    public static let metaIif = Field(.iif)
    public static let metaOif = Field(.oif)
    public static let metaProtocol = Field(.protocol)
    public static let metaL4proto = Field(.l4proto)
    public static let metaLength = Field(.length)
    public static let metaPkttype = Field(.pkttype)
    public static let metaMark = Field(.mark)
    public static let metaTime = Field(.time)
    public static let metaDay = Field(.day)
    public static let metaHour = Field(.hour)
    public static let metaNfproto = Field(.nfproto)
    public static let metaIiftype = Field(.iiftype)
    public static let metaOiftype = Field(.oiftype)
    public static let metaIifgroup = Field(.iifgroup)
    public static let metaOifgroup = Field(.oifgroup)
    public static let metaPriority = Field(.priority)
    public static let metaRandom = Field(.random)
    public static let rtMtu = Field(.pathSegment)
}
