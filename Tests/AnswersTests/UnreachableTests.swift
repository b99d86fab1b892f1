import Answers
import FrameBuilder
import Testing
import Wire

private let unreachable = Answer.unreachable(icmp: 13, icmpv6: 4)
private let ipv4 = Frame.ethernet().ipv4("192.0.2.1", "198.51.100.2")
private let ipv6 = Frame.ethernet().ipv6("2001:db8::1", "2001:db8::2")

private let unanswered: [UnansweredCase] = [
    UnansweredCase("arp", Frame.ethernet().arp()),
    UnansweredCase("not IP", Frame.ethernet(type: 0x88b5).payload(60)),
    UnansweredCase("malformed", Frame.ethernet().ipv4(version: 5).udp(1, 2)),
    UnansweredCase("later fragment", Frame.ethernet().ipv4(fragmentOffset: 8, protocolNumber: 17).payload(100)),
    UnansweredCase("later fragment, IPv6", ipv6.fragmentHeader(offset: 8, more: false, nextHeader: 17).payload(100)),
    UnansweredCase("icmp error", ipv4.icmp(3).payload(100)),
    UnansweredCase("icmp redirect", ipv4.icmp(5).payload(100)),
    UnansweredCase("icmp of no known type", ipv4.icmp(42).payload(100)),
    UnansweredCase("icmpv6 error", ipv6.icmpv6(1).payload(100)),
    UnansweredCase("icmpv6 redirect", ipv6.icmpv6(137).payload(100)),
    UnansweredCase("icmp with a wrong checksum", ipv4.icmp(8).payload(100)),
    UnansweredCase("udp with a wrong checksum", ipv4.udp(1, 2).payload(8).patched(40, [1, 1])),
    UnansweredCase("udp with a wrong checksum, IPv6", ipv6.udp(1, 2).payload(8).patched(60, [1, 1])),
    UnansweredCase("tcp with a wrong checksum", ipv4.tcp(1, 2)),
    UnansweredCase("source 0.0.0.0", Frame.ethernet().ipv4("0.0.0.0").udp(1, 2)),
    UnansweredCase("source loopback", Frame.ethernet().ipv4("127.0.0.1").udp(1, 2)),
    UnansweredCase("source broadcast", Frame.ethernet().ipv4("255.255.255.255").udp(1, 2)),
    UnansweredCase("destination multicast", Frame.ethernet().ipv4("192.0.2.1", "224.0.0.5").udp(1, 2)),
    UnansweredCase("destination broadcast", Frame.ethernet().ipv4("192.0.2.1", "255.255.255.255").udp(1, 2)),
    UnansweredCase("source unspecified", Frame.ethernet().ipv6("::").udp(1, 2)),
    UnansweredCase("destination IPv6 multicast", Frame.ethernet().ipv6("2001:db8::1", "ff02::fb").udp(1, 2)),
    UnansweredCase("frame to all", Frame.ethernet(to: macAddress("ff:ff:ff:ff:ff:ff")).ipv4().udp(1, 2)),
    UnansweredCase("frame from a group", Frame.ethernet(from: macAddress("01:00:5e:00:00:01")).ipv4().udp(1, 2)),
]

/// What is answered, and how much of it is quoted.
struct QuoteCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var frame: Frame
    var quoted: Int
    init(_ description: String, _ frame: Frame, quoted: Int) {
        (testDescription, self.frame, self.quoted) = (description, frame, quoted)
    }
}

private let answered: [QuoteCase] = [
    QuoteCase("udp", ipv4.udp(1, 2).payload(8).finished, quoted: 36),
    QuoteCase("udp without a checksum", ipv4.udp(1, 2).payload(8), quoted: 36),
    QuoteCase("udp without a checksum, IPv6", ipv6.udp(1, 2).payload(8), quoted: 56),
    QuoteCase("short, and padded", ipv4.udp(1, 2).padded(to: 60), quoted: 28),
    QuoteCase("long", ipv4.udp(1, 2).payload(1400), quoted: 548),
    QuoteCase("as long as may be", ipv4.udp(1, 2).payload(520), quoted: 548),
    QuoteCase("one byte longer", ipv4.udp(1, 2).payload(521), quoted: 548),
    QuoteCase("long, IPv6", ipv6.udp(1, 2).payload(1400), quoted: 1232),
    QuoteCase("tcp", ipv6.tcp(1, 2).finished, quoted: 60),
    QuoteCase("a reset", ipv4.tcp(1, 2, flags: 4).finished, quoted: 40),
    QuoteCase("with options", Frame.ethernet().ipv4(options: [7, 4, 4, 0]).udp(1, 2), quoted: 32),
    QuoteCase("with extension headers", ipv6.extensionHeader(0).extensionHeader(60).udp(1, 2), quoted: 64),
    QuoteCase("a first fragment, of whose checksum nothing is known", Frame.ethernet().ipv4(more: true).udp(1, 2).payload(16), quoted: 44),
    QuoteCase("a first fragment, IPv6", ipv6.fragmentHeader(offset: 0, more: true).udp(1, 2).payload(16), quoted: 72),
    QuoteCase("gre, whatever its checksum", ipv4.ipPayload(47, [0x80, 0, 8, 0, 1, 1, 0, 0]), quoted: 28),
    QuoteCase("of no transport", ipv4.ipPayload(99, []), quoted: 20),
]

@Suite struct UnreachableTests {
    @Test("no answer", arguments: unanswered)
    func none(_ test: UnansweredCase) {
        #expect(answer(unreachable, to: test.frame.bytes) == nil)
    }

    @Test("the packet's beginning is quoted", arguments: answered)
    func quote(_ test: QuoteCase) throws {
        let bytes = test.frame.bytes
        let reply = try #require(answer(unreachable, to: bytes))
        let parsed = parse(reply)
        let isIPv6 = parsed.network == .ipv6
        #expect(hasRightChecksums(reply))
        #expect(Array(reply[0..<12]) == Array(bytes[6..<12]) + Array(bytes[0..<6]))
        #expect((parsed.source, parsed.destination) == (parse(bytes).destination, parse(bytes).source))
        let message = parsed.transportOffset
        #expect(Array(reply[message..<message + 2]) == (isIPv6 ? [1, 4] : [3, 13]))
        #expect(Array(reply[message + 4..<message + 8]) == [0, 0, 0, 0])
        #expect(Array(reply[(message + 8)...]) == Array(bytes[14..<14 + test.quoted]))
        #expect(reply[isIPv6 ? 21 : 22] == 64)
    }

    /// RFC 1812, section 4.3.2.5.
    @Test("precedence and type of service", arguments: [(0, 0xc0), (0x1e, 0xde), (0xff, 0xde), (0xe1, 0xc0)] as [(UInt8, UInt8)])
    func typeOfService(_ asked: UInt8, _ answered: UInt8) throws {
        #expect(try #require(answer(unreachable, to: Frame.ethernet().ipv4(tos: asked).udp(1, 2).bytes))[15] == answered)
    }

    @Test func `no room, no answer`() {
        let bytes = ipv4.udp(1, 2).payload(8).bytes
        #expect(answer(unreachable, to: bytes, room: 14 + 28 + 35) == nil)
        #expect(answer(unreachable, to: bytes, room: 14 + 28 + 36) != nil)
        #expect(answer(.tcpReset, to: ipv4.tcp(1, 2).finished.bytes, room: 53) == nil)
    }

    @Test("an answer is not answered", arguments: [ipv4.tcp(1, 2).finished, ipv6.tcp(1, 2).finished, ipv4.udp(1, 2), ipv6.udp(1, 2)])
    func noTennis(_ frame: Frame) throws {
        let error = try #require(answer(unreachable, to: frame.bytes))
        #expect(answer(unreachable, to: error) == nil)
        guard let reset = answer(.tcpReset, to: frame.bytes) else { return }
        #expect(answer(.tcpReset, to: reset) == nil)
    }

    @Test("mutated frames are answered or not, and nothing is read or written outside", arguments: 1...2 as ClosedRange<UInt64>)
    func mutated(_ seed: UInt64) {
        var answers = 0
        forEachMutant(seed) { bytes, random in
            let kind = Bool.random(using: &random) ? unreachable : .tcpReset
            let room = Int.random(in: 0...1400, using: &random)
            if let reply = answer(kind, to: bytes, isChecksumKnown: Bool.random(using: &random), room: room) {
                answers += 1
                #expect(parse(reply).malformation == nil && hasRightChecksums(reply))
            }
        }
        #expect(answers > 100)
    }
}
