/// What is wrong with a frame that can't be parsed as what it says it is.
///
/// Only Ethernet, IPv4 and IPv6 are held to their format, after any number of tags. Whatever else a frame carries is payload.
public enum Malformation: UInt8, Error, Sendable, CaseIterable {
    /// Fewer than 14 bytes.
    case ethernetHeaderCutOff
    /// Fewer than 20 bytes after an EtherType of 0x0800.
    case ipv4HeaderCutOff
    /// The version field is not 4.
    case ipv4Version
    /// The header length field says less than 20 bytes.
    case ipv4HeaderLength
    /// The total length is less than the header's.
    case ipv4TotalLength
    /// The total length says more than the frame has.
    case ipv4BeyondFrame
    /// Fewer than 40 bytes after an EtherType of 0x86dd.
    case ipv6HeaderCutOff
    /// The version field is not 6.
    case ipv6Version
    /// The payload length says more than the frame has.
    case ipv6BeyondFrame
    /// An extension header does not end inside the packet.
    case ipv6ExtensionHeaderCutOff
    /// A jumbo payload option stands for the payload length (RFC 2675), and the frame is no super-frame.
    case ipv6Jumbogram

    /// The name in counters, captures and reports; it does not change between releases.
    public var name: String {
        switch self {
        case .ethernetHeaderCutOff: "ethernet-header-cut-off"
        case .ipv4HeaderCutOff: "ipv4-header-cut-off"
        case .ipv4Version: "ipv4-version"
        case .ipv4HeaderLength: "ipv4-header-length"
        case .ipv4TotalLength: "ipv4-total-length"
        case .ipv4BeyondFrame: "ipv4-beyond-frame"
        case .ipv6HeaderCutOff: "ipv6-header-cut-off"
        case .ipv6Version: "ipv6-version"
        case .ipv6BeyondFrame: "ipv6-beyond-frame"
        case .ipv6ExtensionHeaderCutOff: "ipv6-extension-header-cut-off"
        case .ipv6Jumbogram: "ipv6-jumbogram"
        }
    }
}
