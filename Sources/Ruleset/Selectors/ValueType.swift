/// What kind of constants a field is held against.
enum ValueType: Sendable {
    /// `interface` is one that the kernel knows by its index, so that there is no wildcard.
    case interfaceName, interface, packetType
    case etherType, protocolNumber, service, ethernetAddress, ipv4, ipv6, integer
    case arpOperation, icmpType, icmpCode, icmpv6Type, icmpv6Code, igmpType
    case dscp, ecn, tcpFlags, dccpType, mark
    case time, day, hour
    /// Netfilter's number of a family of protocols.
    case networkFamily
    /// Linux' number of a kind of devices.
    case deviceType
    /// Bits of a connection's state and of its status, and the direction that a packet of it goes.
    case connectionState, connectionStatus, connectionDirection
    /// A span of time, in milliseconds.
    case span
    /// Whether a header or option is there; and the type of a message of IPv6's mobility header.
    case presence, mobilityType

    /// How a message names a value of this type, with its article.
    var described: String {
        switch self {
        case .interfaceName, .interface: "an interface name"
        case .packetType: "a packet type"
        case .etherType: "an EtherType"
        case .protocolNumber: "an Internet protocol"
        case .service: "a port"
        case .ethernetAddress: "an Ethernet address"
        case .ipv4: "an IPv4 address"
        case .ipv6: "an IPv6 address"
        case .integer: "a number"
        case .arpOperation: "an ARP operation"
        case .icmpType: "an ICMP type"
        case .icmpCode: "an ICMP code"
        case .icmpv6Type: "an ICMPv6 type"
        case .icmpv6Code: "an ICMPv6 code"
        case .igmpType: "an IGMP type"
        case .dscp: "a code point"
        case .ecn: "an ECN code point"
        case .tcpFlags: "a TCP flag"
        case .dccpType: "a DCCP packet type"
        case .mark: "a mark"
        case .time: "a time"
        case .day: "a day of the week"
        case .hour: "a time of day"
        case .networkFamily: "a family"
        case .deviceType: "a kind of device"
        case .presence: "an answer to whether it is there"
        case .mobilityType: "a mobility header type"
        case .connectionState: "a state of a connection"
        case .connectionStatus: "a status of a connection"
        case .connectionDirection: "a direction"
        case .span: "a span of time"
        }
    }

    /// Names that stand for numbers, if there are any.
    var names: NameTable? {
        switch self {
        case .etherType: .etherTypes
        case .protocolNumber: RegisteredNames.protocols
        case .service: RegisteredNames.services
        case .arpOperation: .arpOperations
        case .packetType: .packetTypes
        case .icmpType: .icmpTypes
        case .icmpCode: .icmpCodes
        case .icmpv6Type: .icmpv6Types
        case .icmpv6Code: .icmpv6Codes
        case .igmpType: .igmpTypes
        case .dscp: .codePoints
        case .ecn: .congestion
        case .tcpFlags: .tcpFlags
        case .dccpType: .dccpTypes
        case .networkFamily: .networkFamilies
        case .deviceType: .deviceTypes
        case .day: .days
        case .presence: .presence
        case .mobilityType: .mobilityTypes
        case .connectionState: .connectionStates
        case .connectionStatus: .connectionStatuses
        case .connectionDirection: .connectionDirections
        case .interfaceName, .interface, .ethernetAddress, .ipv4, .ipv6, .integer, .mark, .time, .hour, .span: nil
        }
    }

    /// Whether values are points in time, in the machine's own byte order to nft.
    var isTime: Bool { self == .time || self == .day || self == .hour }

    /// Whether values are bits to be combined: a value without an operator then means "any of these" (nft's `bitmask` type).
    var isBitmask: Bool { self == .tcpFlags || isConnectionBitmask }

    /// Whether they are bits of a connection, which nft writes with names where it writes flags of TCP as a number.
    var isConnectionBitmask: Bool { self == .connectionState || self == .connectionStatus }

    /// An example of what is written, for notes.
    var example: String {
        switch self {
        case .interface: "\"eth0\""
        case .presence: "exists or missing"
        case .interfaceName: "\"eth0\" or \"eth*\""
        case .etherType: "a name (\(Self.list(.etherTypes))) or a number such as 0x88cc"
        case .protocolNumber: "a name such as tcp, udp, icmp, ipv6-icmp, or a number from 0 to 255"
        case .service: "a service name such as http or a port from 0 to 65535"
        case .ethernetAddress: "six groups such as 02:00:5e:10:00:01"
        case .ipv4: "four octets without leading zeros, such as 10.77.0.1"
        case .ipv6: "an address such as fd77::1"
        case .integer, .mark: "a number, decimal or hexadecimal"
        case .tcpFlags: "\(Self.list(.tcpFlags)) or a number"
        case .span: "a time such as 30s or 1h30m, or a number of seconds"
        case .time: "a time such as \"2024-06-06 17:00\" or seconds since 1970"
        case .hour: "a time of day such as \"17:00\" or \"17:00:30\""
        case .day: "a day such as \"Monday\" or a number from 0, Sunday, to 6"
        case .packetType, .arpOperation, .icmpType, .icmpCode, .icmpv6Type, .icmpv6Code, .igmpType, .dscp, .ecn, .dccpType,
            .networkFamily, .deviceType, .mobilityType, .connectionState, .connectionStatus, .connectionDirection:
            "a name (\(names.map(Self.list) ?? "")) or a number"
        }
    }

    private static func list(_ table: NameTable) -> String { table.allNames.joined(separator: ", ") }

    /// How many elements nft writes in a line of a set that has a name.
    var elementsInLine: Int {
        switch self {
        case .ipv4, .packetType, .connectionState, .connectionStatus: 2
        case .protocolNumber, .service, .integer, .arpOperation, .tcpFlags, .networkFamily, .mark, .connectionDirection: 5
        case .interfaceName, .interface, .etherType, .ethernetAddress, .ipv6, .icmpType, .icmpCode, .icmpv6Type, .icmpv6Code, .igmpType,
            .dscp, .ecn, .dccpType, .deviceType, .time, .day, .hour, .presence, .mobilityType, .span:
            1
        }
    }
}
