import Foundation
import Testing

extension UntimedLabTests {
    /// What rules count of a super-frame: the kernel is the oracle, and counts what the frame's own headers and its payload have.
    @Suite("Counting super-frames", .needsWeir)
    struct SuperFrameCountTests {
        private static let frames = LabTests.OffloadTests.superFrames.map {
            OutgoingFrame(from: .near, frame: $0.frame, offload: $0.offload)
        }
        /// 20,000 bytes of TCP in 14 segments, and 6,000 of UDP in five, with 40 and 28 bytes of headers.
        private static let rules = [
            "counter", "meta length > 3000 counter", "tcp dport 81 counter", "udp dport 9 counter", "meta length 20040 counter",
            "meta length 6028 counter", "quota 100 kbytes counter",
        ]

        private func compare(_ rules: String, _ frames: [OutgoingFrame], asksPacketHooks: Bool = false) throws {
            let oracle = OracleTests()
            let directory = try oracle.temporaryDirectory()
            defer { try? FileManager.default.removeItem(at: directory) }
            let file = directory.appending(path: "counts.nft")
            try rules.write(to: file, atomically: true, encoding: .utf8)
            try oracle.compare(file, frames, workers: 1, asksPacketHooks: asksPacketHooks)
        }

        @Test("a bridge's rules count a super-frame once, with one set of headers")
        func bridge() throws {
            try compare(Weir.chain(Self.rules), Self.frames)
        }

        /// br_netfilter's conntrack, whose accounts the rules ask for.
        @Test(
            "and so do those of IP, and the connections' accounts",
            .enabled(if: Requirements.hasPacketHooks, "this kernel has no br_netfilter"))
        func packets() throws {
            let untagged = Self.frames.filter { !$0.frame.contains("Dot1") }
            let rules = Self.rules + ["ct bytes > 3000 counter", "ct bytes 6028 counter", "ct original packets 1 counter"]
            try compare(Weir.chain(rules).replacing("table bridge", with: "table inet"), untagged, asksPacketHooks: true)
        }
    }
}
