/// What kind of constants a field is held against.
///
/// All that is known of a type stands in its record. Passes ask the record; what they do by how values are written is a switch over
/// `Form`, of which there are few.
enum ValueType: Int, CaseIterable, Sendable {
    /// In the order in which messages list the types that a set can be declared with.
    case ipv4, ipv6, ethernetAddress, protocolNumber, service, etherType, interfaceName, mark
    case icmpType, icmpv6Type, icmpCode, icmpv6Code, igmpType, dscp, ecn, arpOperation, tcpFlags, dccpType, packetType
    /// Netfilter's number of a family of protocols.
    case networkFamily
    /// Bits of a connection's state and of its status, and the direction that a packet of it goes.
    case connectionState, connectionDirection, connectionStatus
    /// A span of time, in milliseconds.
    case span
    /// An interface that the kernel knows by its index: there is no wildcard.
    case interface
    /// Linux' number of a kind of devices.
    case deviceType
    /// A group of devices, and a class of traffic control, `1:2`.
    case deviceGroup, trafficClass
    case integer, time, day, hour
    /// Whether a header or option is there; and the type of a message of IPv6's mobility header.
    case presence, mobilityType
    /// What an MPTCP option says.
    case multipathSubtype

    /// How values are written.
    enum Form: Sendable {
        /// A number; the type may have names for some.
        case decimal
        /// A number that is printed with at least that many hexadecimal digits; the type may have names for some.
        case hexadecimal(digits: Int)
        case ipv4, ipv6, ethernet
        case interface
        /// A point in time, in nanoseconds since 1970.
        case date
        /// Seconds since midnight.
        case timeOfDay
        /// A name in quotes, or a number.
        case weekday
        case span
        /// A name in quotes, or else a number without.
        case group
        /// A class of traffic control: two hexadecimal numbers and a colon.
        case trafficClass
        /// Whether something is there: 1 or 0.
        case presence
    }

    /// Types whose values are bits to be combined: a value without an operator then means "any of these" (nft's `bitmask`).
    enum Bits: Sendable {
        /// Several at once are printed as a number where they are compared with.
        case numbered
        /// They are printed by their names everywhere.
        case named
    }

    struct Record: Sendable {
        /// nft's name, which JSON has of every set, also of one that was declared with `typeof`.
        let name: String
        /// How a message names a value, with its article.
        let described: String
        let form: Form
        /// An example of what is written, for notes.
        let example: String
        /// Names that stand for numbers, if there are any.
        let names: NameTable?
        /// True if numbers are printed by their names.
        let printsNames: Bool
        let bits: Bits?
        /// How many elements nft writes in a line of a set that has a name.
        let elementsInLine: Int
        /// A field of the type, for sets that are declared by the type's name; nil if nft has no such declaration.
        let field: Field?

        /// - Parameter example: Nil for the list of names.
        init(
            _ name: String, _ described: String, _ form: Form = .decimal, example: String? = nil, names: NameTable? = nil,
            printsNames: Bool = true, bits: Bits? = nil, inLine elementsInLine: Int = 1, field: Field? = nil
        ) {
            self.name = name
            self.described = described
            self.form = form
            self.example = example ?? "a name (\(names?.list ?? "")) or a number"
            self.names = names
            self.printsNames = printsNames
            self.bits = bits
            self.elementsInLine = elementsInLine
            self.field = field
        }
    }

    private static let records = allCases.map(\.definition)

    var record: Record { Self.records[rawValue] }

    private var definition: Record {
        switch self {
        case .ipv4:
            Record(
                "ipv4_addr", "an IPv4 address", .ipv4, example: "four octets without leading zeros, such as 10.77.0.1", inLine: 2,
                field: .ipSaddr)
        case .ipv6: Record("ipv6_addr", "an IPv6 address", .ipv6, example: "an address such as fd77::1", field: .ip6Saddr)
        case .ethernetAddress:
            Record(
                "ether_addr", "an Ethernet address", .ethernet, example: "six groups such as 02:00:5e:10:00:01", field: .etherSaddr)
        case .protocolNumber:
            Record(
                "inet_proto", "an Internet protocol", example: "a name such as tcp, udp, icmp, ipv6-icmp, or a number from 0 to 255",
                names: RegisteredNames.protocols, inLine: 5, field: .metaL4proto)
        case .service:
            Record(
                "inet_service", "a port", example: "a service name such as http or a port from 0 to 65535",
                names: RegisteredNames.services, printsNames: false, inLine: 5, field: .thDport)
        case .etherType:
            Record(
                "ether_type", "an EtherType", .hexadecimal(digits: 4),
                example: "a name (\(NameTable.etherTypes.list)) or a number such as 0x88cc", names: .etherTypes, field: .metaProtocol)
        case .interfaceName:
            Record("ifname", "an interface name", .interface, example: "\"eth0\" or \"eth*\"", field: .metaIifname)
        case .mark:
            Record(
                "mark", "a mark", .hexadecimal(digits: 8), example: "a number, decimal or hexadecimal", inLine: 5, field: .metaMark)
        case .icmpType: Record("icmp_type", "an ICMP type", names: .icmpTypes, field: .icmpType)
        case .icmpv6Type: Record("icmpv6_type", "an ICMPv6 type", names: .icmpv6Types, field: .icmpv6Type)
        case .icmpCode: Record("icmp_code", "an ICMP code", names: .icmpCodes, field: .icmpCode)
        case .icmpv6Code: Record("icmpv6_code", "an ICMPv6 code", names: .icmpv6Codes, field: .icmpv6Code)
        case .igmpType: Record("igmp_type", "an IGMP type", names: .igmpTypes, field: .igmpType)
        case .dscp: Record("dscp", "a code point", .hexadecimal(digits: 2), names: .codePoints, field: .ipDscp)
        case .ecn: Record("ecn", "an ECN code point", names: .congestion, field: .ipEcn)
        case .arpOperation: Record("arp_op", "an ARP operation", names: .arpOperations, inLine: 5, field: .arpOperation)
        case .tcpFlags:
            Record(
                "tcp_flag", "a TCP flag", .hexadecimal(digits: 1), example: "\(NameTable.tcpFlags.list) or a number", names: .tcpFlags,
                bits: .numbered, inLine: 5, field: .tcpFlags)
        case .dccpType: Record("dccp_pkttype", "a DCCP packet type", names: .dccpTypes, field: .dccpType)
        case .packetType: Record("pkt_type", "a packet type", names: .packetTypes, inLine: 2, field: .metaPkttype)
        case .networkFamily: Record("nf_proto", "a family", names: .networkFamilies, inLine: 5, field: .metaNfproto)
        case .connectionState:
            Record(
                "ct_state", "a state of a connection", .hexadecimal(digits: 1), names: .connectionStates, bits: .named, inLine: 2,
                field: .ctState)
        case .connectionDirection: Record("ct_dir", "a direction", names: .connectionDirections, inLine: 5, field: .ctDirection)
        case .connectionStatus:
            Record(
                "ct_status", "a status of a connection", .hexadecimal(digits: 1), names: .connectionStatuses, bits: .named, inLine: 2,
                field: .ctStatus)
        case .span:
            Record(
                "time", "a span of time", .span, example: "a time such as 30s or 1h30m, or a number of seconds", field: .ctExpiration)
        case .interface: Record("iface_index", "an interface name", .interface, example: "\"eth0\"", field: .metaIif)
        case .deviceType: Record("iface_type", "a kind of device", names: .deviceTypes, field: .metaIiftype)
        case .deviceGroup: Record("devgroup", "a group of devices", .group, names: .deviceGroups, field: .metaIifgroup)
        case .trafficClass:
            Record(
                "classid", "a class of traffic control", .trafficClass, example: "a class such as 1:2, none, root or a number",
                names: .trafficClasses, field: .metaPriority)
        case .integer: Record("integer", "a number", example: "a number, decimal or hexadecimal", inLine: 5)
        case .time:
            Record("time", "a time", .date, example: "a time such as \"2024-06-06 17:00\" or seconds since 1970")
        case .day:
            Record(
                "day", "a day of the week", .weekday, example: "a day such as \"Monday\" or a number from 0, Sunday, to 6", names: .days)
        case .hour: Record("hour", "a time of day", .timeOfDay, example: "a time of day such as \"17:00\" or \"17:00:30\"")
        case .presence:
            Record("boolean", "an answer to whether it is there", .presence, example: "exists or missing", names: .presence)
        case .multipathSubtype: Record("integer", "an MPTCP subtype", names: .multipathSubtypes, inLine: 5)
        case .mobilityType: Record("mh_type", "a mobility header type", names: .mobilityTypes)
        }
    }
}

extension ValueType {
    var form: Form { record.form }
    var described: String { record.described }
    var example: String { record.example }
    var names: NameTable? { record.names }

    /// The name that is printed for a number, if one is.
    func printedName(of number: UInt128) -> String? {
        // nft 1.0.6 knows no names of these.
        if self == .multipathSubtype, ListingVersion.current == .nft106 { return nil }
        return record.printsNames ? record.names?.name(of: number) : nil
    }

    /// True if values are points in time, in the machine's own byte order to nft.
    var isTime: Bool {
        switch form {
        case .date, .timeOfDay, .weekday: true
        case .decimal, .hexadecimal, .ipv4, .ipv6, .ethernet, .interface, .span, .group, .trafficClass, .presence: false
        }
    }

    /// True if nft writes ranges as prefixes where it can.
    var hasPrefixes: Bool { self == .ipv4 || self == .ipv6 }

    /// True if values are bits to be combined.
    var isBitmask: Bool { record.bits != nil }

    /// True if they are bits of a connection, which nft writes with names where it writes flags of TCP as a number.
    var isConnectionBitmask: Bool { record.bits == .named }
}

extension NameTable {
    fileprivate var list: String { allNames.joined(separator: ", ") }
}
