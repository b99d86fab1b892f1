/// The Internet checksum (RFC 1071), summed piece by piece.
///
/// The sum is kept in the machine's byte order, which the result does not depend on (RFC 1071, section 2(B)).
public struct Checksum: Sendable {
    /// Words of 32 bits, each of them two of the checksum's; 2^32 of them fit before the sum could overflow.
    private var sum: UInt64 = 0

    public init() {}

    /// Adds bytes that begin at an even offset of what is summed. An odd number of them counts as if a zero byte followed, so only
    /// the last piece may have one.
    public mutating func add(_ bytes: RawSpan) {
        let count = bytes.byteCount
        var offset = 0
        while offset &+ 4 <= count {
            sum &+= UInt64(bytes.native32(at: offset))
            offset &+= 4
        }
        if offset &+ 2 <= count {
            sum &+= UInt64(bytes.native16(at: offset))
            offset &+= 2
        }
        if offset < count {
            sum &+= UInt64((UInt16(bytes.u8(at: offset)) << 8).bigEndian)
        }
    }

    /// Adds one 16-bit word.
    public mutating func add(_ word: UInt16) {
        sum &+= UInt64(word.bigEndian)
    }

    /// Adds the pseudo header of IPv4 (RFC 793, section 3.1): the addresses in their low 32 bits.
    /// - Parameter length: Of the transport header and all after it, in bytes.
    public mutating func addIPv4PseudoHeader(source: UInt128, destination: UInt128, protocol number: UInt8, length: Int) {
        add(source, words: 2)
        add(destination, words: 2)
        add(UInt16(number))
        add(UInt16(truncatingIfNeeded: length))
    }

    /// Adds the pseudo header of IPv6 (RFC 8200, section 8.1).
    /// - Parameter length: Of the transport header and all after it, in bytes.
    public mutating func addIPv6PseudoHeader(source: UInt128, destination: UInt128, protocol number: UInt8, length: Int) {
        add(source, words: 8)
        add(destination, words: 8)
        add(UInt16(truncatingIfNeeded: length >> 16))
        add(UInt16(truncatingIfNeeded: length))
        add(UInt16(number))
    }

    private mutating func add(_ number: UInt128, words: Int) {
        for word in 0..<words {
            add(UInt16(truncatingIfNeeded: number >> (16 &* UInt128(word))))
        }
    }

    /// The one's complement sum.
    public var folded: UInt16 {
        var folded = (sum & 0xffff_ffff) &+ (sum >> 32)
        folded = (folded & 0xffff) &+ (folded >> 16)
        folded = (folded & 0xffff) &+ (folded >> 16)
        folded = (folded & 0xffff) &+ (folded >> 16)
        return UInt16(bigEndian: UInt16(truncatingIfNeeded: folded))
    }

    /// What a header's checksum field holds: the complement of the sum. Over bytes that carry a right checksum it is 0.
    public var value: UInt16 { ~folded }

    /// Finishes a partial checksum (virtio, section 5.1.6.2, VIRTIO_NET_HDR_F_NEEDS_CSUM): the field at `start` + `offset` holds the
    /// pseudo header's sum, and gets the complement of the sum over everything from `start` to the end.
    ///
    /// A result of 0 is stored as 0xffff, as Linux does (`skb_checksum_help`): to UDP, 0 says that there is no checksum.
    /// - Parameters:
    ///   - packet: To its end, without padding.
    ///   - start: `csum_start`, in bytes from the span's first.
    ///   - offset: `csum_offset`, in bytes from `start`.
    /// - Returns: Whether the field lies inside of the span; else nothing is written.
    @discardableResult
    public static func completePartial(in packet: inout MutableRawSpan, start: Int, offset: Int) -> Bool {
        let count = packet.byteCount
        guard start >= 0, offset >= 0, start <= count, count &- start >= 2, offset <= count &- start &- 2 else { return false }
        var checksum = Checksum()
        checksum.add(packet.bytes.extracting(start..<count))
        let value = checksum.value
        packet.storeBytes(of: (value == 0 ? 0xffff : value).bigEndian, toByteOffset: start &+ offset, as: UInt16.self)
        return true
    }
}
