import Wire

/// What a frame of another link becomes for the rules: an Ethernet header in place of its own.
///
/// Addresses that nobody recorded are `LinkHeader.unknownAddress`, a locally administered one, as checks take zeros for forged.
struct LinkHeader {
    static let unknownAddress: UInt64 = 0x0200_0000_0000
    static let broadcast: UInt64 = 0xffff_ffff_ffff
    static let ipv4: UInt16 = 0x0800
    static let ipv6: UInt16 = 0x86dd

    /// Bytes of the frame that the Ethernet header stands in place of.
    var length: Int
    /// Below 1,536: no EtherType, but a length goes there, and LLC follows (IEEE 802.3, section 3.2.6).
    var type: UInt16
    var source = unknownAddress
    var destination = unknownAddress
    var direction = CapturedFrame.Direction.unknown
    /// The number of the interface by which it came or went.
    var interface: UInt32?
    /// Bytes at the frame's end that are no part of it.
    var trailer = 0

    init(length: Int, type: UInt16) {
        self.length = length
        self.type = type
    }

    /// Reads the header of a link; nil where the frame is none that a bridge would forward, or ends within its header.
    static func read(_ bytes: RawSpan, _ link: CaptureLink, isSwapped: Bool, original: Int) -> LinkHeader? {
        switch link {
        case .ethernet, .switched, .switchedWithType: nil
        case .cooked: readCooked(bytes)
        case .cooked2: readCooked2(bytes)
        case .ip: bytes.byteCount > 0 ? ofVersion(bytes.u8(at: 0) >> 4, length: 0) : nil
        case .ipv4: LinkHeader(length: 0, type: ipv4)
        case .ipv6: LinkHeader(length: 0, type: ipv6)
        case .null, .loop: readFamily(bytes)
        case .ppp: readPPP(bytes)
        case .wireless: WirelessHeader.read(bytes, at: 0, original: original)
        case .radiotap: WirelessHeader.readRadiotap(bytes, original: original)
        case .netfilterLog: NetfilterLogHeader.read(bytes, isSwapped: isSwapped)
        case .endace: readEndace(bytes, original: original)
        }
    }

    fileprivate static func ofVersion(_ version: UInt8, length: Int) -> LinkHeader? {
        switch version {
        case 4: LinkHeader(length: length, type: ipv4)
        case 6: LinkHeader(length: length, type: ipv6)
        default: nil
        }
    }

    // MARK: Linux cooked (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2)

    /// Packet type, ARPHRD type, address length, address (8), protocol: 16 bytes.
    private static func readCooked(_ bytes: RawSpan) -> LinkHeader? {
        guard bytes.byteCount >= 16 else { return nil }
        var header = LinkHeader(length: 16, type: cookedType(bytes.be16(at: 14)))
        header.take(packetType: UInt8(truncatingIfNeeded: bytes.be16(at: 0)), bytes)
        if bytes.be16(at: 4) == 6 { header.source = bytes.be48(at: 6) }
        return header
    }

    /// Protocol, 2 bytes that are reserved, interface index, ARPHRD type, packet type, address length, address (8): 20 bytes.
    private static func readCooked2(_ bytes: RawSpan) -> LinkHeader? {
        guard bytes.byteCount >= 20 else { return nil }
        var header = LinkHeader(length: 20, type: cookedType(bytes.be16(at: 0)))
        header.interface = bytes.be32(at: 4)
        header.take(packetType: bytes.u8(at: 10), bytes)
        if bytes.u8(at: 11) == 6 { header.source = bytes.be48(at: 12) }
        return header
    }

    /// Linux' own numbers for frames with a length: 1 is raw IPX, 4 is LLC.
    private static func cookedType(_ number: UInt16) -> UInt16 { number < 1536 ? 0 : number }

    /// As `sll_pkttype` counts: to us, broadcast, multicast, to another, from us.
    private mutating func take(packetType: UInt8, _ bytes: RawSpan) {
        direction = packetType == 4 ? .outbound : packetType < 4 ? .inbound : .unknown
        switch packetType {
        case 1: destination = Self.broadcast
        case 2: destination = Self.groupAddress(bytes, at: length, type: type)
        default: break
        }
    }

    /// The address of an IP multicast group (RFC 1112, section 6.4, and RFC 2464, section 7).
    private static func groupAddress(_ bytes: RawSpan, at place: Int, type: UInt16) -> UInt64 {
        if type == ipv4, bytes.byteCount >= place &+ 20 {
            return 0x0100_5e00_0000 | UInt64(bytes.be32(at: place &+ 16) & 0x7f_ffff)
        }
        if type == ipv6, bytes.byteCount >= place &+ 40 { return 0x3333_0000_0000 | UInt64(bytes.be32(at: place &+ 36)) }
        return unknownAddress
    }

    // MARK: Families and PPP

    /// An address family in 4 bytes; which one has 6 for its version differs between systems. A file may come from a machine of the other
    /// byte order, so it is read in both.
    private static func readFamily(_ bytes: RawSpan) -> LinkHeader? {
        guard bytes.byteCount >= 4 else { return nil }
        let word = bytes.be32(at: 0)
        switch word > 0xffff ? word.byteSwapped : word {
        case 2: return LinkHeader(length: 4, type: ipv4)
        case 10, 24, 28, 30: return LinkHeader(length: 4, type: ipv6)
        default: return nil
        }
    }

    /// Address and control, which may be left out, and the protocol (RFC 1661, section 2; RFC 1662, section 3.1).
    private static func readPPP(_ bytes: RawSpan) -> LinkHeader? {
        var place = 0
        if bytes.byteCount >= 2, bytes.be16(at: 0) == 0xff03 { place = 2 }
        guard bytes.byteCount > place else { return nil }
        var number = UInt16(bytes.u8(at: place))
        place &+= 1
        // The last byte of a protocol is odd, and all before it are even.
        if number & 1 == 0 {
            guard bytes.byteCount > place else { return nil }
            number = number << 8 | UInt16(bytes.u8(at: place))
            place &+= 1
        }
        switch number {
        case 0x21: return LinkHeader(length: place, type: ipv4)
        case 0x57: return LinkHeader(length: place, type: ipv6)
        default: return nil
        }
    }

    // MARK: Endace (LINKTYPE_ERF)

    /// Time (8), type, flags, record length, losses, wire length; extension headers of 8 bytes; for Ethernet 2 bytes of padding, and a
    /// frame that ends with its check sequence.
    private static func readEndace(_ bytes: RawSpan, original: Int) -> LinkHeader? {
        guard bytes.byteCount >= 16 else { return nil }
        var hasExtension = bytes.u8(at: 8) & 0x80 != 0
        switch bytes.u8(at: 8) & 0x7f {
        case 2, 11, 16: break
        default: return nil
        }
        var place = 16
        while hasExtension {
            guard bytes.byteCount >= place &+ 8 else { return nil }
            hasExtension = bytes.u8(at: place) & 0x80 != 0
            place &+= 8
        }
        place &+= 2
        guard bytes.byteCount >= place &+ 14 else { return nil }
        var header = LinkHeader(length: place &+ 14, type: bytes.be16(at: place &+ 12))
        header.destination = bytes.be48(at: place)
        header.source = bytes.be48(at: place &+ 6)
        header.interface = UInt32(bytes.u8(at: 9) & 3)
        // The record is longer than the frame: it is padded to 8 bytes.
        let wire = Int(bytes.be16(at: 14))
        header.trailer = max(0, original &- place &- wire) &+ 4
        return header
    }
}
