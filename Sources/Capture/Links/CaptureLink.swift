import CPcap

/// A link type (draft-ietf-opsawg-pcaplinktype) whose frames can be judged: those of Ethernet, and those that can be given an Ethernet
/// header in place of their own.
enum CaptureLink: UInt8 {
    case ethernet
    /// `tcpdump -i any`: a header that says who sent the packet, which way it went and, in the second version, by which interface.
    case cooked, cooked2
    /// IP without a header, of either version or of one.
    case ip, ipv4, ipv6
    /// An address family: in the byte order of some machine, or in that of networks.
    case null, loop
    case ppp
    /// IEEE 802.11, as it is or after a radiotap header.
    case wireless, radiotap
    /// Ethernet with a tag of a Marvell switch (DSA), that may have an EtherType of its own (EDSA).
    case switched, switchedWithType
    /// Linux' netfilter log.
    case netfilterLog
    /// Endace's records.
    case endace

    /// nil for a link type that can't be judged.
    init?(linkType number: UInt16) {
        switch number {
        case 1: self = .ethernet
        case 113: self = .cooked
        case 276: self = .cooked2
        // 12 is DLT_RAW, which some write into files.
        case 12, 101: self = .ip
        case 228: self = .ipv4
        case 229: self = .ipv6
        case 0: self = .null
        case 108: self = .loop
        case 9, 50: self = .ppp
        case 105: self = .wireless
        case 127: self = .radiotap
        case 283: self = .switched
        case 284: self = .switchedWithType
        case 239: self = .netfilterLog
        case 197: self = .endace
        default: return nil
        }
    }
}

/// What libpcap knows of link types.
enum CaptureLinkType {
    static let ethernet: UInt16 = 1
    /// LINKTYPE_RAW, which libpcap knows by another number within a program.
    private static let raw: UInt16 = 101

    /// The number, with its name where there is one: `113 (LINUX_SLL, Linux cooked v1)`.
    static func text(of number: UInt16) -> String {
        guard let name = name(of: number) else { return "\(number)" }
        let value = number == raw ? DLT_RAW : Int32(number)
        let description = pcap_datalink_val_to_description(value).map { ", " + String(cString: $0) } ?? ""
        return "\(number) (\(name)\(description))"
    }

    /// libpcap's name for it.
    static func name(of number: UInt16) -> String? {
        pcap_datalink_val_to_name(number == raw ? DLT_RAW : Int32(number)).map { String(cString: $0) }
    }
}
