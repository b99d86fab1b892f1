import FrameBuilder
import Testing
import Wire

/// What a frame is expected to be, in the words of a packet list.
struct ValidCase: Sendable, CustomTestStringConvertible {
    var description: String
    var frame: Frame
    var expected: String

    init(_ description: String, _ frame: Frame, _ expected: String) {
        self.description = description
        self.frame = frame
        self.expected = expected
    }

    var testDescription: String { description }
}

extension ParsedFrame {
    /// Everything that the frame was found to be, in one line.
    var summary: String {
        var words = ["length \(length)"]
        if let tag = outermostTag { words.append("tags \(tagCount) outermost \(tag.identifier)") }
        if let tag = ruleTag, tag != outermostTag || vlanCount != tagCount {
            words.append("seen \(tag.identifier) at \(ruleTagOffset) of \(vlanCount), behind it \(linkPayloadOffset)")
        }
        words.append("type 0x\(String(outerEtherType, radix: 16))")
        if etherType != outerEtherType { words.append("inner 0x\(String(etherType, radix: 16))") }
        words.append("\(network) at \(networkOffset)+\(networkLength)")
        if hasIPv4Options { words.append("options") }
        if isFragment {
            words.append("fragment \(fragmentOffset)\(moreFragments ? "+" : "") of \(identification) at \(fragmentPayloadOffset)")
        }
        if holdsFragment { words.append("holds a fragment") }
        if !hasWholeHeaderChain { words.append("headers go on") }
        if let transportProtocol { words.append("protocol \(transportProtocol)") }
        if hasTransport { words.append("at \(transportOffset)+\(transportLength)") }
        if hasPorts { words.append("ports \(sourcePort) \(destinationPort)") }
        return words.joined(separator: ", ")
    }
}

private let cases: [ValidCase] = [
    ValidCase("bare header", Frame.ethernet(type: 0x9000), "length 14, type 0x9000, other at 14+0"),
    ValidCase("arp", Frame.ethernet().arp(), "length 42, type 0x806, arp at 14+28"),
    ValidCase("llc", Frame.ethernet().llc().payload(35), "length 52, type 0x4, other at 14+38"),
    ValidCase("llc without a byte behind it", Frame.ethernet().llc().cut(to: 14), "length 14, type 0x4, other at 14+0"),
    ValidCase("raw ipx", Frame.ethernet().llc([0xff, 0xff]), "length 16, type 0x1, other at 14+2"),
    ValidCase("largest length", Frame.ethernet(type: 0x05ff).payload(1), "length 15, type 0x4, other at 14+1"),
    ValidCase("smallest type", Frame.ethernet(type: 0x0600).payload(1), "length 15, type 0x600, other at 14+1"),
    ValidCase(
        "ipv4 tcp", Frame.ethernet().ipv4().tcp(1024, 443).payload(4),
        "length 58, type 0x800, ipv4 at 14+44, protocol 6, at 34+24, ports 1024 443"),
    ValidCase(
        "ipv4 tcp, padded", Frame.ethernet().ipv4().tcp(1024, 443).padded(to: 60),
        "length 60, type 0x800, ipv4 at 14+40, protocol 6, at 34+20, ports 1024 443"),
    ValidCase(
        "ipv4 with options", Frame.ethernet().ipv4(options: [1, 1, 1, 0]).udp(1024, 53),
        "length 46, type 0x800, ipv4 at 14+32, options, protocol 17, at 38+8, ports 1024 53"),
    ValidCase(
        "three bytes of udp", Frame.ethernet().ipv4().ipPayload(17, [4, 0, 0]),
        "length 37, type 0x800, ipv4 at 14+23, protocol 17, at 34+3"),
    ValidCase(
        "four bytes of udp", Frame.ethernet().ipv4().ipPayload(17, [4, 0, 0, 53]),
        "length 38, type 0x800, ipv4 at 14+24, protocol 17, at 34+4, ports 1024 53"),
    ValidCase(
        "ports in the padding are none", Frame.ethernet().ipv4(totalLength: 20).udp(1024, 53),
        "length 42, type 0x800, ipv4 at 14+20, protocol 17, at 34+0"),
    ValidCase(
        "sctp", Frame.ethernet().ipv4().ports(1024, 2905, of: 132),
        "length 46, type 0x800, ipv4 at 14+32, protocol 132, at 34+12, ports 1024 2905"),
    ValidCase(
        "dccp", Frame.ethernet().ipv4().ports(1024, 5001, of: 33),
        "length 46, type 0x800, ipv4 at 14+32, protocol 33, at 34+12, ports 1024 5001"),
    ValidCase(
        "udp-lite", Frame.ethernet().ipv6().ports(1024, 5002, of: 136),
        "length 66, type 0x86dd, ipv6 at 14+52, protocol 136, at 54+12, ports 1024 5002"),
    ValidCase("icmp", Frame.ethernet().ipv4().icmp(8), "length 42, type 0x800, ipv4 at 14+28, protocol 1, at 34+8"),
    ValidCase("gre", Frame.ethernet().ipv4().ipPayload(47, [0, 0, 8, 0]), "length 38, type 0x800, ipv4 at 14+24, protocol 47, at 34+4"),
    ValidCase(
        "ipv4's authentication header is a protocol", Frame.ethernet().ipv4().authenticationHeader().tcp(1, 2),
        "length 78, type 0x800, ipv4 at 14+64, protocol 51, at 34+44"),
    ValidCase(
        "ipv4 first fragment", Frame.ethernet().ipv4(identification: 7, more: true).udp(1024, 53).payload(8),
        "length 50, type 0x800, ipv4 at 14+36, fragment 0+ of 7 at 34, protocol 17, at 34+16, ports 1024 53"),
    ValidCase(
        "ipv4 later fragment", Frame.ethernet().ipv4(identification: 7, fragmentOffset: 65528, protocolNumber: 17).payload(7),
        "length 41, type 0x800, ipv4 at 14+27, fragment 65528 of 7 at 34, protocol 17"),
    ValidCase("ipv6 empty", Frame.ethernet().ipv6(nextHeader: 6), "length 54, type 0x86dd, ipv6 at 14+40, protocol 6, at 54+0"),
    ValidCase(
        "ipv6 no next header", Frame.ethernet().ipv6(nextHeader: 59).payload(4),
        "length 58, type 0x86dd, ipv6 at 14+44, protocol 59, at 54+4"),
    ValidCase(
        "ipv6 chain", Frame.ethernet().ipv6().extensionHeader(0).extensionHeader(43, units: 3).extensionHeader(60).tcp(1024, 443),
        "length 114, type 0x86dd, ipv6 at 14+100, protocol 6, at 94+20, ports 1024 443"),
    ValidCase(
        "mobility ends the walk", Frame.ethernet().ipv6().extensionHeader(135, nextHeader: 6).payload(4),
        "length 66, type 0x86dd, ipv6 at 14+52, protocol 135, at 54+12"),
    ValidCase(
        "ipv6's authentication header ends the walk", Frame.ethernet().ipv6().extensionHeader(0).authenticationHeader().tcp(1, 2),
        "length 106, type 0x86dd, ipv6 at 14+92, protocol 51, at 62+44"),
    ValidCase(
        "ipv6 atomic fragment", Frame.ethernet().ipv6().fragmentHeader(offset: 0, more: false).udp(1024, 53),
        "length 70, type 0x86dd, ipv6 at 14+56, protocol 17, at 62+8, ports 1024 53"),
    ValidCase(
        "ipv6 atomic fragment with nothing after it", Frame.ethernet().ipv6().fragmentHeader(offset: 0, more: false, nextHeader: 59),
        "length 62, type 0x86dd, ipv6 at 14+48, protocol 59, at 62+0"),
    ValidCase(
        "ipv6 first fragment",
        Frame.ethernet().ipv6().extensionHeader(0).fragmentHeader(offset: 0, more: true, identification: 9).udp(1024, 53),
        "length 78, type 0x86dd, ipv6 at 14+64, fragment 0+ of 9 at 70, protocol 17, at 70+8, ports 1024 53"),
    ValidCase(
        "ipv6 later fragment",
        Frame.ethernet().ipv6().fragmentHeader(offset: 65528, more: false, identification: 9, nextHeader: 17).payload(8),
        "length 70, type 0x86dd, ipv6 at 14+56, fragment 65528 of 9 at 62, protocol 17"),
    ValidCase(
        "ipv6 last fragment with its two reserved bits set",
        Frame.ethernet().ipv6().fragmentHeader(offset: 8, more: false, identification: 9, nextHeader: 17).payload(8)
            .patched(57, [8 | 6]),
        "length 70, type 0x86dd, ipv6 at 14+56, fragment 8 of 9 at 62, protocol 17"),
    ValidCase(
        "ipv6 atomic fragment with its two reserved bits set",
        Frame.ethernet().ipv6().fragmentHeader(offset: 0, more: false).udp(1024, 53).patched(57, [6]),
        "length 70, type 0x86dd, ipv6 at 14+56, protocol 17, at 62+8, ports 1024 53"),
    ValidCase(
        "ipv6 later fragment that goes on with an extension header",
        Frame.ethernet().ipv6().fragmentHeader(offset: 8, more: true, identification: 9, nextHeader: 60).payload(8),
        "length 70, type 0x86dd, ipv6 at 14+56, fragment 8+ of 9 at 62"),
    ValidCase(
        "a fragment of a fragment",
        Frame.ethernet().ipv6().fragmentHeader(offset: 0, more: true, identification: 9)
            .fragmentHeader(offset: 8, more: false, identification: 10, nextHeader: 17).payload(8),
        "length 78, type 0x86dd, ipv6 at 14+64, fragment 0+ of 9 at 62, holds a fragment, protocol 17"),
    ValidCase(
        "a first fragment of a fragment",
        Frame.ethernet().ipv6().fragmentHeader(offset: 0, more: true, identification: 9)
            .fragmentHeader(offset: 0, more: true, identification: 10).udp(1024, 53),
        "length 78, type 0x86dd, ipv6 at 14+64, fragment 0+ of 9 at 62, holds a fragment, protocol 17, at 70+8, ports 1024 53"),
    ValidCase(
        "a fragment of an atomic fragment",
        Frame.ethernet().ipv6().fragmentHeader(offset: 0, more: true, identification: 9)
            .fragmentHeader(offset: 0, more: false, identification: 10).udp(1024, 53),
        "length 78, type 0x86dd, ipv6 at 14+64, fragment 0+ of 9 at 62, protocol 17, at 70+8, ports 1024 53"),
    ValidCase(
        "ipv6 first fragment behind an authentication header",
        Frame.ethernet().ipv6().authenticationHeader().fragmentHeader(offset: 0, more: true, identification: 9).udp(1024, 53),
        "length 94, type 0x86dd, ipv6 at 14+80, fragment 0+ of 9 at 86, protocol 51, at 54+40"),
    ValidCase(
        "ipv6 later fragment behind an authentication header",
        Frame.ethernet().ipv6().authenticationHeader().fragmentHeader(offset: 8, more: false, identification: 9, nextHeader: 17).payload(8),
        "length 94, type 0x86dd, ipv6 at 14+80, fragment 8 of 9 at 86, protocol 51, at 54+40"),
    ValidCase(
        "ipv6 fragment behind routing, destination options and authentication headers",
        Frame.ethernet().ipv6().extensionHeader(0).extensionHeader(43).authenticationHeader().extensionHeader(60)
            .fragmentHeader(offset: 8, more: true, identification: 9, nextHeader: 17).payload(8),
        "length 118, type 0x86dd, ipv6 at 14+104, fragment 8+ of 9 at 110, protocol 51, at 70+48"),
    ValidCase(
        "ipv6 first fragment whose headers go on behind an authentication header",
        Frame.ethernet().ipv6().fragmentHeader(offset: 0, more: true, identification: 9).authenticationHeader()
            .extensionHeader(60, lengthField: 1),
        "length 94, type 0x86dd, ipv6 at 14+80, fragment 0+ of 9 at 62, headers go on, protocol 51, at 62+32"),
    ValidCase(
        "an atomic fragment of a fragment",
        Frame.ethernet().ipv6().fragmentHeader(offset: 0, more: false, identification: 9)
            .fragmentHeader(offset: 8, more: false, identification: 10, nextHeader: 17).payload(8),
        "length 78, type 0x86dd, ipv6 at 14+64, fragment 8 of 10 at 70, protocol 17"),
    ValidCase(
        "one tag", Frame.ethernet().vlan(5).ipv4().udp(1024, 53),
        "length 46, tags 1 outermost 5, type 0x800, ipv4 at 18+28, protocol 17, at 38+8, ports 1024 53"),
    ValidCase(
        "a provider's tag and a customer's", Frame.ethernet().vlan(5, tpid: 0x88a8).vlan(6).ipv4().udp(1024, 53),
        "length 50, tags 2 outermost 5, type 0x8100, inner 0x800, ipv4 at 22+28, protocol 17, at 42+8, ports 1024 53"),
    ValidCase(
        "a priority tag", Frame.ethernet().vlan(0, priority: 3).ipv4().udp(1024, 53),
        "length 46, tags 1 outermost 0, seen 0 at 12 of 0, behind it 18, type 0x800, ipv4 at 18+28, protocol 17, at 38+8, ports 1024 53"),
    ValidCase(
        "three of them", Frame.ethernet().vlan(0).vlan(0, tpid: 0x88a8).vlan(0).ipv4().udp(1024, 53),
        "length 54, tags 3 outermost 0, seen 0 at 12 of 0, behind it 26, type 0x800, ipv4 at 26+28, protocol 17, at 46+8, ports 1024 53"),
    ValidCase(
        "two, a VLAN's, and two", Frame.ethernet().vlan(0).vlan(0).vlan(5).vlan(0).vlan(0).ipv4().udp(1024, 53),
        "length 62, tags 5 outermost 0, seen 5 at 20 of 1, behind it 34, type 0x800, ipv4 at 34+28, protocol 17, at 54+8, ports 1024 53"),
    ValidCase(
        "a VLAN's, one, another VLAN's, one", Frame.ethernet().vlan(5).vlan(0).vlan(6).vlan(0).arp(),
        "length 58, tags 4 outermost 5, seen 5 at 12 of 2, behind it 22, type 0x8100, inner 0x806, arp at 30+28"),
    ValidCase(
        "a priority tag and one cut off", Frame.ethernet().vlan(0).vlan(6).ipv4().cut(to: 21),
        "length 21, tags 1 outermost 0, seen 0 at 12 of 0, behind it 18, type 0x8100, other at 18+3"),
    ValidCase("tagged llc", Frame.ethernet().vlan(5).llc(), "length 21, tags 1 outermost 5, type 0x4, other at 18+3"),
    ValidCase("tagged raw ipx", Frame.ethernet().vlan(5).llc([0xff, 0xff]), "length 20, tags 1 outermost 5, type 0x1, other at 18+2"),
    ValidCase("a tag and no more", Frame.ethernet().vlan(5, type: 0x0600), "length 18, tags 1 outermost 5, type 0x600, other at 18+0"),
    ValidCase("a tag cut off", Frame.ethernet().vlan(5).ipv4().cut(to: 17), "length 17, type 0x8100, other at 14+3"),
    ValidCase(
        "a second tag cut off", Frame.ethernet().vlan(5).vlan(6).ipv4().cut(to: 21),
        "length 21, tags 1 outermost 5, type 0x8100, other at 18+3"),
]

@Suite struct ValidFrameTests {
    @Test("a frame is what it says", arguments: cases)
    func parsed(_ test: ValidCase) {
        let frame = parse(test.frame)
        #expect(frame.summary == test.expected)
        #expect(frame.malformation == nil)
    }

    @Test func `addresses`() {
        let frame = parse(Frame.ethernet().ipv4("192.0.2.1", "198.51.100.255").udp(1, 2))
        #expect(frame.source == 0xc000_0201)
        #expect(frame.destination == 0xc633_64ff)
        let frame6 = parse(Frame.ethernet().ipv6("2001:db8::1", "fe80::a:b").udp(1, 2))
        #expect(frame6.source == 0x2001_0db8_0000_0000_0000_0000_0000_0001)
        #expect(frame6.destination == 0xfe80_0000_0000_0000_0000_0000_000a_000b)
    }

    @Test("tags come from the outside in, whether the outermost is apart or not", arguments: 0...4)
    func tags(count: Int) throws {
        let frame = (0..<count).reduce(Frame.ethernet()) { $0.vlan(UInt16(5 + $1), priority: 3, tpid: $1 == 0 ? 0x88a8 : 0x8100) }.ipv4()
        let expected = (0..<count).map { VLANTag(tpid: $0 == 0 ? 0x88a8 : 0x8100, tci: 3 << 13 | UInt16(5 + $0)) }
        func tags(_ bytes: [UInt8], _ tag: VLANTag?) -> [VLANTag] {
            var tags: [VLANTag] = []
            ParsedFrame.parse(bytes.span.bytes, tag: tag).forEachTag(bytes.span.bytes) { tags.append($0) }
            return tags
        }
        #expect(tags(frame.bytes, nil) == expected)
        guard count > 0 else { return }
        let (bytes, tag) = try #require(frame.outOfBand)
        #expect(tags(bytes, tag) == expected)
    }

    @Test func `traffic class and DF`() {
        #expect(parse(Frame.ethernet().ipv4(tos: 0xb9).udp(1, 2)).trafficClass == 0xb9)
        #expect(parse(Frame.ethernet().ipv6(trafficClass: 0xb9).udp(1, 2)).trafficClass == 0xb9)
        #expect(parse(Frame.ethernet().ipv4(doNotFragment: true).udp(1, 2)).doNotFragment)
        #expect(!parse(Frame.ethernet().ipv4().udp(1, 2)).doNotFragment)
    }

    @Test func `the length that a bridge counts`() {
        #expect(parse(Frame.ethernet().ipv4().udp(1, 2).padded(to: 60)).linkPayloadLength == 46)
        #expect(parse(Frame.ethernet().vlan(5).ipv4().udp(1, 2)).linkPayloadLength == 28)
        #expect(parse(Frame.ethernet().vlan(5).vlan(6).ipv4().udp(1, 2)).linkPayloadLength == 32)
        #expect(parse(Frame.ethernet().cut(to: 9)).linkPayloadLength == 0)
    }
}
