import FrameBuilder
import Testing
import Wire

@Suite struct UnfinishedChecksumTests {
    private static let tcp4 = Frame.ethernet().ipv4().tcp(4000, 80).payload(33)
    private static let udp4 = Frame.ethernet().ipv4().udp(4000, 53).payload(32)
    private static let tcp6 = Frame.ethernet().ipv6().tcp(4000, 80).payload(33)
    private static let udp6 = Frame.ethernet().ipv6().udp(4000, 53).payload(32)

    private static func isUnfinished(_ bytes: [UInt8], zeroLength: ZeroLength = .recorded) -> Bool {
        bytes.withUnsafeBytes { bytes in
            ParsedFrame.parse(bytes.bytes, tag: nil, zeroLength: zeroLength).hasUnfinishedChecksum(in: bytes.bytes)
        }
    }

    @Test("the pseudo header's sum is a checksum that hardware was to finish", arguments: [(tcp4, 50), (udp4, 40), (tcp6, 70), (udp6, 60)])
    func partial(_ frame: Frame, checksum: Int) {
        #expect(Self.isUnfinished(frame.partial.bytes))
        #expect(Self.isUnfinished(frame.partial.padded(to: 120).bytes), "padding is no part of it")
        #expect(!Self.isUnfinished(frame.finished.bytes))
        #expect(!Self.isUnfinished(frame.partial.patched(checksum, [0xde, 0xad]).bytes), "any other sum is wrong")
    }

    @Test("of TCP also the sum without the length, as Windows leaves it to segmentation")
    func largeSend() {
        // 10.0.0.1, 10.0.0.2 and TCP: 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 0x0006.
        let frame = Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2", totalLength: 0).tcp(4000, 80).payload(4000)
        #expect(Self.isUnfinished(frame.patched(50, [0x14, 0x09]).bytes))
        #expect(!Self.isUnfinished(frame.patched(50, [0x14, 0x0a]).bytes))
        let datagram = Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(4000, 80).payload(400)
        #expect(!Self.isUnfinished(datagram.patched(40, [0x14, 0x14]).bytes))
    }

    @Test("a sum that is right by chance is finished")
    func chance() {
        // A payload that sums up to nothing with the header: the right checksum is then the complement of the sum, and the pseudo header's
        // sum is right only if the rest is all ones twice.
        var frame = Self.udp4.bytes
        let pseudo = Self.udp4.partial.bytes[40..<42].reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
        // Sum of pseudo header, ports, length and checksum; the last word of the payload makes it 0xffff.
        frame.replaceSubrange(42..<74, with: [UInt8](repeating: 0, count: 32))
        frame.replaceSubrange(40..<42, with: [UInt8(pseudo >> 8), UInt8(pseudo & 0xff)])
        var sum = 2 * pseudo + 4000 + 53 + 40
        while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
        let rest = 0xffff - sum
        frame.replaceSubrange(72..<74, with: [UInt8(rest >> 8), UInt8(rest & 0xff)])
        #expect(!Self.isUnfinished(frame))
        frame[72] ^= 1
        #expect(Self.isUnfinished(frame))
    }

    @Test("SCTP leaves zeros", arguments: [Frame.ethernet().ipv4(protocolNumber: 132), Frame.ethernet().ipv6(nextHeader: 132)])
    func zeros(_ link: Frame) {
        let header: [UInt8] = [0x9c, 0x40, 0, 80, 1, 2, 3, 4]
        #expect(Self.isUnfinished(link.payload(header + [0, 0, 0, 0, 1, 0, 0, 20] + [UInt8](repeating: 7, count: 16)).bytes))
        #expect(!Self.isUnfinished(link.payload(header + [0, 0, 0, 1, 1, 0, 0, 20] + [UInt8](repeating: 7, count: 16)).bytes))
        #expect(Self.isUnfinished(link.payload(header + [0, 0, 0, 0]).bytes))
        #expect(!Self.isUnfinished(link.payload(header + [0, 0, 0]).bytes), "cut off")
    }

    @Test("what is cut off, a fragment, or another protocol has no such checksum")
    func others() {
        #expect(!Self.isUnfinished(Frame.ethernet().ipv4(protocolNumber: 6).payload(19).bytes))
        #expect(!Self.isUnfinished(Frame.ethernet().ipv4().icmp(8).payload(20).bytes))
        #expect(!Self.isUnfinished(Self.tcp4.partial.patched(20, [0x20, 0]).bytes), "more fragments")
        #expect(!Self.isUnfinished(Frame.ethernet().arp().bytes))
    }
}
