import Answers
import FrameBuilder
import Testing
import Wire

private func answer(_ bytes: [UInt8], tag: VLANTag? = nil, mtu: Int = 1400, room: Int = 2000) -> [UInt8]? {
    answer(.tooBig(mtu: mtu), to: bytes, tag: tag, room: room)
}

private func tooBig4(_ source: String = "192.0.2.1", _ destination: String = "198.51.100.2") -> Frame {
    Frame.ethernet().ipv4(source, destination, doNotFragment: true)
}

private func tooBig6(_ source: String = "2001:db8::1", _ destination: String = "2001:db8::2") -> Frame {
    Frame.ethernet().ipv6(source, destination)
}

private let unanswered: [UnansweredCase] = [
    UnansweredCase("arp", Frame.ethernet().arp()),
    UnansweredCase("malformed", Frame.ethernet().ipv4(doNotFragment: true, version: 5).udp(1, 2)),
    UnansweredCase("DF not set", Frame.ethernet().ipv4().udp(1, 2).payload(1460)),
    UnansweredCase("later fragment", Frame.ethernet().ipv4(doNotFragment: true, fragmentOffset: 8, protocolNumber: 17).payload(1460)),
    UnansweredCase("icmp error", tooBig4().icmp(3).payload(1460)),
    UnansweredCase("icmp redirect", tooBig4().icmp(5).payload(1460)),
    UnansweredCase("icmp of no known type", tooBig4().icmp(42).payload(1460)),
    UnansweredCase("icmp without a type", tooBig4().ipPayload(1, [])),
    UnansweredCase("source 0.0.0.0", tooBig4("0.0.0.0").udp(1, 2)),
    UnansweredCase("source loopback", tooBig4("127.0.0.1").udp(1, 2)),
    UnansweredCase("source multicast", tooBig4("224.0.0.1").udp(1, 2)),
    UnansweredCase("source broadcast", tooBig4("255.255.255.255").udp(1, 2)),
    UnansweredCase("destination multicast", tooBig4("192.0.2.1", "239.1.2.3").udp(1, 2)),
    UnansweredCase("frame to a group", Frame.ethernet(to: macAddress("ff:ff:ff:ff:ff:ff")).ipv4(doNotFragment: true).udp(1, 2)),
    UnansweredCase("frame from a group", Frame.ethernet(from: macAddress("01:00:5e:00:00:01")).ipv4(doNotFragment: true).udp(1, 2)),
    UnansweredCase("icmpv6 error", tooBig6().icmpv6(2).payload(1460)),
    UnansweredCase("icmpv6 redirect", tooBig6().icmpv6(137).payload(1460)),
    UnansweredCase("icmpv6 without a type", tooBig6().ipPayload(58, [])),
    UnansweredCase("later fragment of icmpv6", tooBig6().fragmentHeader(offset: 8, more: false, nextHeader: 58).payload(1460)),
    UnansweredCase("source unspecified", tooBig6("::").udp(1, 2)),
    UnansweredCase("source ipv6 loopback", tooBig6("::1").udp(1, 2)),
    UnansweredCase("source ipv6 multicast", tooBig6("ff02::1").udp(1, 2)),
    UnansweredCase("destination ipv6 multicast", tooBig6("2001:db8::1", "ff02::1").udp(1, 2)),
]

@Suite struct PacketTooBigTests {
    @Test("no answer", arguments: unanswered)
    func none(_ test: UnansweredCase) {
        #expect(answer(test.frame.bytes) == nil)
    }

    @Test func `bytes that the frame was not parsed from get no answer`() {
        let bytes = tooBig4().udp(1, 2).bytes
        let longer = bytes + [0]
        let answered = AnsweredFrame(parse(bytes))
        let (isGiven, isGivenToLonger) = (
            Answer.tooBig(mtu: 1400).mayBeGiven(to: answered, bytes.span.bytes),
            Answer.tooBig(mtu: 1400).mayBeGiven(to: answered, longer.span.bytes)
        )
        #expect(isGiven && !isGivenToLonger)
    }

    @Test func `IPv4: fragmentation needed, with the next hop's MTU and the packet's beginning`() throws {
        let bytes = tooBig4().tcp(1024, 443).payload(1446).bytes
        let reply = try #require(answer(bytes, mtu: 1400))
        let parsed = parse(reply)
        #expect(reply.count == 590 && parsed.network == .ipv4 && parsed.networkLength == 576 && parsed.transportProtocol == 1)
        #expect(Array(reply[0..<6]) == Array(bytes[6..<12]))
        #expect(Array(reply[6..<12]) == Array(bytes[0..<6]))
        #expect(parsed.source == ipv4Address("198.51.100.2"))
        #expect(parsed.destination == ipv4Address("192.0.2.1"))
        #expect(plainChecksum(Array(reply[14..<34])) == 0)
        #expect(plainChecksum(Array(reply[34...])) == 0)
        #expect(Array(reply[34..<36]) == [3, 4])
        #expect(Array(reply[38..<42]) == [0, 0, 0x05, 0x78])
        #expect(reply[42...].elementsEqual(bytes[14..<14 + 548]))
    }

    @Test func `IPv6: packet too big, 1280 bytes at the most`() throws {
        let bytes = tooBig6().tcp(1024, 443).payload(1426).bytes
        let reply = try #require(answer(bytes, mtu: 1400))
        let parsed = parse(reply)
        #expect(reply.count == 1294 && parsed.network == .ipv6 && parsed.networkLength == 1280 && parsed.transportProtocol == 58)
        #expect(parsed.source == ipv6Address("2001:db8::2"))
        #expect(parsed.destination == ipv6Address("2001:db8::1"))
        let pseudo = parsed.source.networkBytes + parsed.destination.networkBytes + UInt32(1240).networkBytes + [0, 0, 0, 58]
        #expect(plainChecksum(pseudo + reply[54...]) == 0)
        #expect(Array(reply[54..<56]) == [2, 0])
        #expect(Array(reply[58..<62]) == [0, 0, 0x05, 0x78])
        #expect(reply[62...].elementsEqual(bytes[14..<14 + 1232]))
    }

    @Test func `the beginning of a long packet is enough, and a packet with a wrong header checksum gets none`() {
        for frame in [tooBig4(), tooBig6()] {
            let bytes = frame.udp(1, 2).payload(3_000).bytes
            for (length, isEnough) in [(14 + 1_280, true), (14 + 1_279, false)] {
                var output = [UInt8](repeating: 0, count: 2_000)
                var span = output.mutableSpan
                var raw = span.mutableBytes
                let head = Array(bytes[..<length])
                let written = Answer.tooBig(mtu: 1_400).write(
                    to: AnsweredFrame(parse(bytes), isBeginning: true), head.span.bytes, into: &raw)
                #expect(written.map { Array(output[..<$0]) } == (isEnough ? answer(bytes, mtu: 1_400) : nil))
            }
        }
        var wrong = tooBig4().udp(1, 2).bytes
        wrong[25] ^= 1
        #expect(answer(wrong) == nil)
    }

    @Test func `a short packet is quoted whole, without its padding`() throws {
        #expect(try #require(answer(tooBig4().udp(1, 2).padded(to: 60).bytes)).count == 14 + 28 + 28)
        #expect(try #require(answer(tooBig6().udp(1, 2).padded(to: 80).bytes)).count == 14 + 48 + 48)
    }

    @Test("tags stay, wherever they were", arguments: 1...3)
    func tags(_ count: Int) throws {
        let link = (0..<count).reduce(Frame.ethernet()) { $0.vlan(UInt16(5 + $1), priority: 3) }
        for frame in [link.ipv4(doNotFragment: true).udp(1, 2).payload(1400), link.ipv6().udp(1, 2).payload(1400)] {
            let reply = try #require(answer(frame.bytes))
            #expect(parse(reply).tagCount == count)
            #expect(reply[12..<14 + 4 * count].elementsEqual(frame.bytes[12..<14 + 4 * count]))
            let (bytes, tag) = try #require(frame.outOfBand)
            #expect(answer(bytes, tag: tag) == reply)
        }
    }

    @Test func `what is no error is answered`() {
        #expect(answer(tooBig4().icmp(8).payload(1460).bytes) != nil)
        #expect(answer(tooBig6().icmpv6(128).payload(1460).bytes) != nil)
        #expect(answer(Frame.ethernet().ipv4(doNotFragment: true, more: true).udp(1, 2).payload(1464).bytes) != nil)
        #expect(answer(tooBig6().fragmentHeader(offset: 8, more: false, nextHeader: 17).payload(1460).bytes) != nil)
    }

    @Test func `no room, no answer`() {
        let bytes = tooBig4().udp(1, 2).payload(1460).bytes
        #expect(answer(bytes, room: 589) == nil)
        #expect(answer(bytes, room: 590) != nil)
        #expect(answer(bytes, room: 0) == nil)
    }

    @Test("an MTU that its field can't hold is none", arguments: [0, -1, 65536, Int.max])
    func mtu(_ mtu: Int) {
        #expect(answer(tooBig4().udp(1, 2).bytes, mtu: mtu) == nil)
    }

    @Test("mutated frames are answered or not, and nothing is read or written outside", arguments: 1...2 as ClosedRange<UInt64>)
    func mutated(_ seed: UInt64) {
        var answers = 0
        forEachMutant(seed) { bytes, random in
            if let reply = answer(bytes, room: Int.random(in: 0...1400, using: &random)) {
                answers += 1
                #expect(parse(reply).malformation == nil)
            }
        }
        #expect(answers > 100)
    }
}
