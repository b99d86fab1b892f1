/// The largest super-frames that an interface takes whole, in bytes from the Ethernet header on, tags counted.
///
/// Larger ones the kernel segments itself, into frames of the MTU's size (gso_features_check, net/core/dev.c); as smaller super-frames
/// they cost it far less.
public struct SuperFrameLimits: Sendable, Equatable {
    /// IPv6 payload that the payload length can say, its header and Ethernet's. An IPv6 super-frame beyond it can't be sent by a packet
    /// socket: as from an untrusted source it goes through ipv6_gso_segment, which takes out the jumbo payload option, finds that the
    /// interface does the rest, and leaves a payload length of 0 (Linux 6.18).
    private static let longestIPv6: UInt32 = 0xffff + 40 + 14

    /// What an interface takes unless it was set otherwise, and what kernels before 6.3 have for IPv4 (`GSO_LEGACY_MAX_SIZE`).
    static let standard: UInt32 = 65_536

    public var ipv4: UInt32
    public var ipv6: UInt32
    /// Leaves a tunnel's outer checksum as it is when it segments: the kernel does so, of a network card nobody knows.
    public var keepsTunnelChecksums = false
    private static let keepsBit: UInt64 = 1 << 63

    /// - Parameters:
    ///   - maximum: `gso_max_size`, or 0 if it isn't known.
    /// - maximumIPv4: `gso_ipv4_max_size`.
    public init(maximum: UInt32 = 0, maximumIPv4: UInt32 = 0) {
        // What is as long as the limit is too long.
        ipv4 = (maximumIPv4 == 0 ? Self.standard : maximumIPv4) - 1
        ipv6 = min((maximum == 0 ? Self.standard : maximum) - 1, Self.longestIPv6)
    }

    /// Both in one word, as threads hand them over.
    public var packed: UInt64 { UInt64(ipv6) << 32 | UInt64(ipv4) | (keepsTunnelChecksums ? Self.keepsBit : 0) }

    public init(packed: UInt64) {
        ipv4 = UInt32(truncatingIfNeeded: packed)
        ipv6 = UInt32(truncatingIfNeeded: (packed & ~Self.keepsBit) >> 32)
        keepsTunnelChecksums = packed & Self.keepsBit != 0
    }
}
