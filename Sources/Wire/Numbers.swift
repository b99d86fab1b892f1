/// Numbers of the EtherType field, and the two that Linux puts in its place for frames without one.
public enum EtherType {
    public static let ipv4: UInt16 = 0x0800
    public static let arp: UInt16 = 0x0806
    /// IEEE 802.1Q.
    public static let vlan: UInt16 = 0x8100
    public static let ipv6: UInt16 = 0x86dd
    /// IEEE 802.1ad, a provider's tag.
    public static let providerVLAN: UInt16 = 0x88a8

    /// `ETH_P_802_3`: a length in the field's place, and raw IPX (0xffff) after it.
    public static let ieee8023: UInt16 = 0x0001
    /// `ETH_P_802_2`: a length in the field's place, and an LLC header after it.
    public static let ieee8022: UInt16 = 0x0004
    /// `ETH_P_802_3_MIN`: below this the field is a length.
    public static let smallest: UInt16 = 0x0600

    /// True if the number announces a tag.
    @inlinable @inline(always)
    public static func isTag(_ number: UInt16) -> Bool {
        number == vlan || number == providerVLAN
    }
}

/// Numbers of IPv4's protocol and IPv6's next header field (IANA, Assigned Internet Protocol Numbers).
public enum IPProtocol {
    public static let hopByHopOptions: UInt8 = 0
    public static let icmp: UInt8 = 1
    public static let tcp: UInt8 = 6
    public static let udp: UInt8 = 17
    public static let dccp: UInt8 = 33
    public static let routing: UInt8 = 43
    public static let fragment: UInt8 = 44
    public static let gre: UInt8 = 47
    public static let esp: UInt8 = 50
    public static let authentication: UInt8 = 51
    public static let icmpv6: UInt8 = 58
    public static let noNextHeader: UInt8 = 59
    public static let destinationOptions: UInt8 = 60
    public static let sctp: UInt8 = 132
    public static let udpLite: UInt8 = 136

    /// True if IPv6's next header field names an extension header, as Linux has it (`ipv6_ext_hdr`).
    @inlinable
    public static func isIPv6ExtensionHeader(_ number: UInt8) -> Bool {
        switch number {
        case hopByHopOptions, routing, fragment, authentication, noNextHeader, destinationOptions: true
        default: false
        }
    }

    /// True if the protocol's header begins with a source and a destination port of 16 bits each.
    @inlinable
    public static func hasPorts(_ number: UInt8) -> Bool {
        switch number {
        case tcp, udp, udpLite, sctp, dccp: true
        default: false
        }
    }
}
