/// Checksums that follow a change of what they count (RFC 1624): a wrong one stays as wrong as it was.
public struct ChecksumUpdate: Sendable {
    /// The one's complement sum of what came less that of what went, from 1 to 0xffff: that is zero too.
    private let difference: UInt32

    /// - Parameters:
    ///   - old: What stood there, its last 16 bits at an even offset of what is counted.
    ///   - new: What stands there now.
    public init(from old: UInt128, to new: UInt128) {
        let difference = Self.folded(Self.sum(of: new) &+ (0xffff ^ Self.sum(of: old)))
        self.difference = difference == 0 ? 0xffff : difference
    }

    /// A finished checksum, as the headers hold it. 0 where the sum is 0xffff, which counts the same.
    public func applied(to checksum: UInt16) -> UInt16 {
        ~UInt16(truncatingIfNeeded: Self.folded(UInt32(~checksum) &+ difference))
    }

    /// The sum of a pseudo header that waits for the rest to be added (`CHECKSUM_PARTIAL`), which is not complemented.
    public func appliedToPartial(_ sum: UInt16) -> UInt16 {
        UInt16(truncatingIfNeeded: Self.folded(UInt32(sum) &+ difference))
    }

    private static func sum(of number: UInt128) -> UInt32 {
        var sum: UInt32 = 0
        for word in 0..<8 { sum &+= UInt32(UInt16(truncatingIfNeeded: number >> UInt128(16 &* word))) }
        return folded(sum)
    }

    private static func folded(_ sum: UInt32) -> UInt32 {
        let once = (sum & 0xffff) &+ (sum >> 16)
        return (once & 0xffff) &+ (once >> 16)
    }
}

/// SCTP's checksum (RFC 9260 appendix A): CRC-32C, reflected.
public enum CyclicChecksum {
    private static let polynomial: UInt32 = 0x82f6_3b78

    /// CRC of a packet whose checksum field, the four bytes from offset 8 on, counts as zeros. It is stored least significant byte first.
    public static func ofSCTP(_ packet: RawSpan) -> UInt32 {
        var value: UInt32 = .max
        for index in 0..<packet.byteCount {
            if index < 8 || index >= 12 { value ^= UInt32(packet.u8(at: index)) }
            for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1 }
        }
        return ~value
    }
}
