import Wire

/// A packet of Linux' netfilter log (LINKTYPE_NFLOG): 4 bytes with family, version and group, then attributes of type, length and value
/// (`enum nfulnl_attr_type`), of which the last has the packet.
///
/// Lengths and types of attributes are in the byte order of the machine that has captured, which the file's is.
enum NetfilterLogHeader {
    private enum Attribute {
        static let packetHeader: UInt16 = 1
        static let ingress: UInt16 = 4
        static let egress: UInt16 = 5
        static let address: UInt16 = 8
        static let payload: UInt16 = 9
        static let linkHeader: UInt16 = 16
    }

    static func read(_ bytes: RawSpan, isSwapped: Bool) -> LinkHeader? {
        guard bytes.byteCount >= 4 else { return nil }
        let family = bytes.u8(at: 0)
        var header = LinkHeader(length: 0, type: family == 10 ? LinkHeader.ipv6 : LinkHeader.ipv4)
        if family != 2, family != 10 { header.type = 0 }
        /// A number in this machine's byte order, or the other.
        func number(_ place: Int) -> UInt16 {
            let number = bytes.be16(at: place)
            return isSwapped == (UInt16(1).bigEndian == 1) ? number.byteSwapped : number
        }
        var place = 4
        while bytes.byteCount >= place &+ 4 {
            let length = Int(number(place))
            let value = place &+ 4
            guard length >= 4 else { return nil }
            let end = place &+ length
            // Only the packet may be cut off.
            switch number(place &+ 2) & 0x7fff {
            case Attribute.payload:
                guard header.type != 0 else { return nil }
                header.length = value
                return header
            case Attribute.packetHeader where end <= bytes.byteCount && length >= 7:
                let type = bytes.be16(at: value)
                if type >= 1536 { header.type = type }
            case Attribute.ingress where end <= bytes.byteCount && length >= 8:
                header.interface = bytes.be32(at: value)
                header.direction = .inbound
            case Attribute.egress where end <= bytes.byteCount && length >= 8 && header.interface == nil:
                header.interface = bytes.be32(at: value)
                header.direction = .outbound
            case Attribute.address where end <= bytes.byteCount && length >= 14 && bytes.be16(at: value) == 6:
                header.source = bytes.be48(at: value &+ 4)
            case Attribute.linkHeader where end <= bytes.byteCount && length >= 18:
                header.destination = bytes.be48(at: value)
                header.source = bytes.be48(at: value &+ 6)
            default: break
            }
            place = (end &+ 3) & ~3
        }
        return nil
    }
}
