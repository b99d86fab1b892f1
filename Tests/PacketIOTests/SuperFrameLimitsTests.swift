import PacketIO
import Testing

@Suite struct SuperFrameLimitsTests {
    /// gso_features_check (net/core/dev.c) finds a frame as long as the limit too long; IPv6 stays within its payload length.
    @Test(
        "the largest super-frames that leave whole",
        arguments: [
            (maximum: 65_536, maximumIPv4: 65_536, ipv4: 65_535, ipv6: 65_535), (180_000, 180_000, 179_999, 65_589),
            (180_000, 65_536, 65_535, 65_589), (30_000, 20_000, 19_999, 29_999), (0, 0, 65_535, 65_535), (524_280, 0, 65_535, 65_589),
        ])
    func limits(_ test: (maximum: UInt32, maximumIPv4: UInt32, ipv4: UInt32, ipv6: UInt32)) {
        let limits = SuperFrameLimits(maximum: test.maximum, maximumIPv4: test.maximumIPv4)
        #expect((limits.ipv4, limits.ipv6) == (test.ipv4, test.ipv6))
        for keepsTunnelChecksums in [false, true] {
            var handedOver = limits
            handedOver.keepsTunnelChecksums = keepsTunnelChecksums
            #expect(SuperFrameLimits(packed: handedOver.packed) == handedOver)
        }
    }
}
