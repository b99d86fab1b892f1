import Wire

/// Data frames of IEEE 802.11 (section 9.3.2) that carry a packet in the clear.
///
///     +---------+----------+-----------+-----------+-----------+----------+-----------+-------+------+-----
///     | control | duration | address 1 | address 2 | address 3 | sequence | address 4 |  QoS  |  HT  | LLC
///     |   (2)   |   (2)    |    (6)    |    (6)    |    (6)    |   (2)    |    (6)    |  (2)  | (4)  |
///     +---------+----------+-----------+-----------+-----------+----------+-----------+-------+------+-----
///                                                              between two bridges, with QoS, and with the order bit
enum WirelessHeader {
    private enum Flag {
        static let toDistribution: UInt8 = 0x01
        static let fromDistribution: UInt8 = 0x02
        static let moreFragments: UInt8 = 0x04
        static let protected: UInt8 = 0x40
        static let order: UInt8 = 0x80
    }

    /// - Parameter padding: The header's length is a multiple of 4.
    static func read(_ bytes: RawSpan, at start: Int, original: Int, padding: Bool = false) -> LinkHeader? {
        guard bytes.byteCount >= start &+ 24 else { return nil }
        let control = bytes.u8(at: start)
        let flags = bytes.u8(at: start &+ 1)
        // Version 0, data, with data in it.
        guard control & 0x0f == 0x08, control & 0x40 == 0, flags & (Flag.protected | Flag.moreFragments) == 0,
            bytes.u8(at: start &+ 22) & 0x0f == 0
        else { return nil }
        let hasFourth = flags & (Flag.toDistribution | Flag.fromDistribution) == Flag.toDistribution | Flag.fromDistribution
        var length = hasFourth ? 30 : 24
        if control & 0x80 != 0 {
            guard bytes.byteCount >= start &+ length &+ 2 else { return nil }
            // Several packets in one frame (A-MSDU).
            guard bytes.u8(at: start &+ length) & 0x80 == 0 else { return nil }
            length &+= flags & Flag.order != 0 ? 6 : 2
        }
        if padding { length = (length &+ 3) & ~3 }
        let place = start &+ length
        guard bytes.byteCount >= place &+ 3 else { return nil }
        var header: LinkHeader
        if bytes.byteCount >= place &+ 8, isSNAP(bytes, place) {
            header = LinkHeader(length: place &+ 8, type: bytes.be16(at: place &+ 6))
        } else {
            header = LinkHeader(length: place, type: 0)
        }
        let first = bytes.be48(at: start &+ 4)
        let second = bytes.be48(at: start &+ 10)
        let third = bytes.be48(at: start &+ 16)
        switch flags & (Flag.toDistribution | Flag.fromDistribution) {
        case Flag.toDistribution: (header.destination, header.source) = (third, second)
        case Flag.fromDistribution: (header.destination, header.source) = (first, third)
        case 0: (header.destination, header.source) = (first, second)
        default: (header.destination, header.source) = (third, bytes.be48(at: start &+ 24))
        }
        return header
    }

    /// LLC and SNAP of an EtherType (RFC 1042), or of one that was tunneled between bridges (IEEE 802.1H).
    private static func isSNAP(_ bytes: RawSpan, _ place: Int) -> Bool {
        guard bytes.be32(at: place) == 0xaaaa_0300 else { return false }
        let organization = bytes.be16(at: place &+ 4)
        return organization == 0x0000 || organization == 0x00f8
    }

    /// A header of its own length (little-endian, as all of it), which says in its flags if a check sequence ends the frame.
    static func readRadiotap(_ bytes: RawSpan, original: Int) -> LinkHeader? {
        guard bytes.byteCount >= 8 else { return nil }
        let length = Int(bytes.be16(at: 2).byteSwapped)
        guard length >= 8, bytes.byteCount >= length else { return nil }
        let present = bytes.be32(at: 4).byteSwapped
        var place = 8
        var word = present
        while word & 1 << 31 != 0 {
            guard length >= place &+ 4 else { return nil }
            word = bytes.be32(at: place).byteSwapped
            place &+= 4
        }
        // The timer of 8 bytes, at a multiple of 8.
        if present & 1 != 0 { place = ((place &+ 7) & ~7) &+ 8 }
        let flags = present & 2 != 0 && place < length ? bytes.u8(at: place) : 0
        guard var header = read(bytes, at: length, original: original, padding: flags & 0x20 != 0) else { return nil }
        header.trailer = flags & 0x10 != 0 ? 4 : 0
        return header
    }
}
