import FrameBuilder
import Testing
import Wire

@Suite struct ChecksumTests {
    @Test func `RFC 1071's own example`() {
        var checksum = Checksum()
        checksum.add(([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7] as [UInt8]).span.bytes)
        #expect(checksum.folded == 0xddf2)
        #expect(checksum.value == 0x220d)
    }

    @Test("any length is summed as RFC 1071 says", arguments: [0, 1, 2, 3, 4, 5, 7, 8, 20, 59, 60, 1499, 1500, 65535])
    func lengths(_ count: Int) {
        var random = SeededGenerator(seed: UInt64(count))
        for filled in [nil, 0x00, 0xff] as [UInt8?] {
            let bytes = (0..<count).map { _ in filled ?? UInt8.random(in: 0...255, using: &random) }
            var checksum = Checksum()
            checksum.add(bytes.span.bytes)
            #expect(checksum.value == plainChecksum(bytes))
        }
    }

    @Test func `pieces sum to the whole, and a header that bears its checksum to 0`() {
        let header = Array(Frame.ethernet().ipv4(options: [1, 1, 1, 0]).udp(1, 2).bytes[14..<38])
        var checksum = Checksum()
        let (head, rest) = (Array(header[..<6]), Array(header[6...]))
        checksum.add(head.span.bytes)
        checksum.add(rest.span.bytes)
        #expect(checksum.value == 0)
    }

    /// RFC 1624, section 3: of the two zeros of one's complement the update writes the one that a sum over the header has.
    @Test(
        "an updated checksum is never 0xffff",
        arguments: [(0xffff, 0), (0, 0xffff), (1, 1), (0xffff_0000, 0), (0, 0)] as [(UInt128, UInt128)])
    func update(old: UInt128, new: UInt128) {
        let update = ChecksumUpdate(from: old, to: new)
        for checksum in UInt16.min...UInt16.max { #expect(update.applied(to: checksum) != 0xffff) }
    }

    @Test func `pseudo headers`() {
        let source = ipv4Address("192.0.2.1"), destination = ipv4Address("198.51.100.2")
        var checksum = Checksum()
        checksum.addIPv4PseudoHeader(source: source, destination: destination, protocol: 17, length: 0x1234)
        #expect(checksum.value == plainChecksum(source.networkBytes.suffix(4) + destination.networkBytes.suffix(4) + [0, 17, 0x12, 0x34]))

        let source6 = ipv6Address("2001:db8::1"), destination6 = ipv6Address("fe80::a:b")
        var checksum6 = Checksum()
        checksum6.addIPv6PseudoHeader(source: source6, destination: destination6, protocol: 58, length: 0x12345)
        #expect(checksum6.value == plainChecksum(source6.networkBytes + destination6.networkBytes + [0, 1, 0x23, 0x45, 0, 0, 0, 58]))
    }

    @Test("a partial checksum is finished as a receiver expects it", arguments: [0, 1, 8, 33])
    func partial(_ payload: Int) {
        let frame = Frame.ethernet().ipv4().udp(1024, 53).payload(payload)
        let parsed = parse(frame)
        var pseudo = Checksum()
        pseudo.addIPv4PseudoHeader(
            source: parsed.source, destination: parsed.destination, protocol: 17, length: parsed.transportLength)
        var bytes = frame.patched(40, pseudo.folded.networkBytes).bytes

        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        let isDone = Checksum.completePartial(in: &raw, start: 34, offset: 6)
        #expect(isDone)
        var received = Checksum()
        received.addIPv4PseudoHeader(
            source: parsed.source, destination: parsed.destination, protocol: 17, length: parsed.transportLength)
        let datagram = Array(bytes[34...])
        received.add(datagram.span.bytes)
        #expect(received.value == 0)
    }

    @Test func `a partial checksum of 0 becomes 0xffff`() {
        var bytes: [UInt8] = [0xff, 0xff, 0, 0]
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        Checksum.completePartial(in: &raw, start: 0, offset: 2)
        #expect(bytes == [0xff, 0xff, 0xff, 0xff])
    }

    @Test(
        "places outside of the packet are refused and nothing is written",
        arguments: [(0, 7), (8, 0), (7, 0), (6, 1), (-1, 0), (0, -1), (Int.max, 0), (0, Int.max), (Int.max, Int.max), (9, 0)])
    func refused(_ start: Int, _ offset: Int) {
        var bytes = [UInt8](repeating: 7, count: 8)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        let isDone = Checksum.completePartial(in: &raw, start: start, offset: offset)
        #expect(!isDone)
        #expect(bytes == [UInt8](repeating: 7, count: 8))
    }
}
