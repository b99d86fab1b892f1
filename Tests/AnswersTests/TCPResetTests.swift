import Answers
import FrameBuilder
import Testing
import Wire

private let fin: UInt8 = 1
private let syn: UInt8 = 2
private let rst: UInt8 = 4
private let ack: UInt8 = 16

/// A segment with a sequence number of 0xfffffff0 and an acknowledgement number of 0x01020304.
private func segment(_ frame: Frame, flags: UInt8, payload: Int = 0, options: [UInt8] = [], isFinished: Bool = true) -> Frame {
    let place = frame.tcp(1024, 443).bytes.count - 20 + 4
    let segment = frame.tcp(1024, 443, flags: flags, options: options).payload(payload)
        .patched(place, [0xff, 0xff, 0xff, 0xf0, 1, 2, 3, 4])
    return isFinished ? segment.finished : segment
}

private let ipv4 = Frame.ethernet().ipv4("192.0.2.1", "198.51.100.2")
private let ipv6 = Frame.ethernet().ipv6("2001:db8::1", "2001:db8::2")

struct ResetCase: Sendable, CustomTestStringConvertible {
    var flags: UInt8
    var payload = 0
    var options: [UInt8] = []
    /// Sequence and acknowledgement number, and flags.
    var expected: (UInt32, UInt32, UInt8)
    var testDescription: String { "flags \(flags), \(payload) bytes, \(options.count) of options" }
}

private let resets: [ResetCase] = [
    ResetCase(flags: syn, expected: (0, 0xffff_fff1, rst | ack)),
    ResetCase(flags: syn, options: [2, 4, 5, 0xb4], expected: (0, 0xffff_fff1, rst | ack)),
    ResetCase(flags: syn, payload: 20, expected: (0, 5, rst | ack)),
    ResetCase(flags: fin, payload: 7, expected: (0, 0xffff_fff8, rst | ack)),
    ResetCase(flags: 0, expected: (0, 0xffff_fff0, rst | ack)),
    ResetCase(flags: syn | fin, payload: 16, expected: (0, 2, rst | ack)),
    ResetCase(flags: syn | ack, expected: (0x0102_0304, 0, rst)),
    ResetCase(flags: ack, payload: 1000, expected: (0x0102_0304, 0, rst)),
    ResetCase(flags: fin | ack, expected: (0x0102_0304, 0, rst)),
]

private let withoutReset: [UnansweredCase] = [
    UnansweredCase("a reset", segment(ipv4, flags: rst)),
    UnansweredCase("a reset with ack", segment(ipv6, flags: rst | ack)),
    UnansweredCase("wrong checksum", segment(ipv4, flags: syn).patched(50, [0, 0])),
    UnansweredCase("wrong checksum, IPv6", segment(ipv6, flags: syn).patched(70, [0, 0])),
    UnansweredCase("header cut off", ipv4.ipPayload(6, [UInt8](repeating: 0, count: 19))),
    UnansweredCase("header of 16 bytes", segment(ipv4, flags: syn, isFinished: false).patched(46, [0x40]).finished),
    UnansweredCase("header beyond the packet", segment(ipv4, flags: syn, isFinished: false).patched(46, [0x60]).finished),
    UnansweredCase("udp", ipv4.udp(1, 2)),
    UnansweredCase("arp", Frame.ethernet().arp()),
    UnansweredCase("first fragment", Frame.ethernet().ipv4(more: true).tcp(1, 2).payload(4)),
    UnansweredCase("later fragment", Frame.ethernet().ipv4(fragmentOffset: 24, protocolNumber: 6).payload(40)),
    UnansweredCase("later fragment, IPv6", ipv6.fragmentHeader(offset: 24, more: false, nextHeader: 6).payload(40)),
    UnansweredCase("from 0.0.0.0", segment(Frame.ethernet().ipv4("0.0.0.0", "10.0.0.1"), flags: syn)),
    UnansweredCase("to a group", segment(Frame.ethernet().ipv4("10.0.0.1", "239.1.1.1"), flags: syn)),
    UnansweredCase("from ::", segment(Frame.ethernet().ipv6("::", "2001:db8::2"), flags: syn)),
    UnansweredCase("to an IPv6 group", segment(Frame.ethernet().ipv6("2001:db8::1", "ff02::1"), flags: syn)),
    UnansweredCase("in a broadcast frame", segment(Frame.ethernet(to: macAddress("ff:ff:ff:ff:ff:ff")).ipv4(), flags: syn)),
    UnansweredCase("in a group's frame", segment(Frame.ethernet(to: macAddress("33:33:00:00:00:01")).ipv6(), flags: syn)),
]

@Suite struct TCPResetTests {
    @Test("sequence, acknowledgement and flags", arguments: resets)
    func numbers(_ test: ResetCase) throws {
        for link in [ipv4, ipv6] {
            let bytes = segment(link, flags: test.flags, payload: test.payload, options: test.options).bytes
            let reply = try #require(answer(.tcpReset, to: bytes))
            let parsed = parse(reply)
            #expect(hasRightChecksums(reply))
            #expect(Array(reply[0..<12]) == Array(bytes[6..<12]) + Array(bytes[0..<6]))
            #expect((parsed.source, parsed.destination) == (parse(bytes).destination, parse(bytes).source))
            #expect((parsed.sourcePort, parsed.destinationPort) == (443, 1024))
            let (sequence, acknowledgement, flags) = test.expected
            let rest = sequence.networkBytes + acknowledgement.networkBytes + [0x50, flags, 0, 0]
            #expect(Array(reply[parsed.transportOffset + 4..<parsed.transportOffset + 16]) == rest)
            #expect(parsed.transportLength == 20)
            #expect(reply.count == parsed.networkEnd)
            // TTL or hop limit.
            #expect(reply[link.bytes[12] == 8 ? 22 : 21] == 64)
        }
    }

    @Test("no answer", arguments: withoutReset)
    func none(_ test: UnansweredCase) {
        #expect(answer(.tcpReset, to: test.frame.bytes) == nil)
    }

    @Test func `a checksum that hardware finishes, or has seen, need not be right`() {
        let bytes = segment(ipv4, flags: syn, isFinished: false).partial.bytes
        #expect(answer(.tcpReset, to: bytes) == nil)
        #expect(answer(.tcpReset, to: bytes, isChecksumKnown: true) != nil)
    }

    @Test func `padding is no part of the segment`() throws {
        let bytes = segment(ipv4, flags: syn).padded(to: 60).bytes
        let reply = try #require(answer(.tcpReset, to: bytes))
        #expect(Array(reply[42..<46]) == [0xff, 0xff, 0xff, 0xf1])
    }

    @Test("tags stay, wherever they were", arguments: 1...3)
    func tags(_ count: Int) throws {
        let plain = segment(ipv4, flags: syn).bytes
        let tags = (0..<count).flatMap { index -> [UInt8] in [0x81, 0, 0x60, UInt8(5 + index)] }
        let bytes = Array(plain[..<12]) + tags + plain[12...]
        let reply = try #require(answer(.tcpReset, to: bytes))
        #expect(Array(reply[12..<12 + 4 * count]) == tags)
        #expect(Array(reply[..<12] + reply[(12 + 4 * count)...]) == answer(.tcpReset, to: plain))
        let (apart, tag) = try #require(takeOutTag(of: bytes))
        #expect(answer(.tcpReset, to: apart, tag: tag) == reply)
    }
}
