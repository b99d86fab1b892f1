import FrameBuilder
import Testing
import Wire

struct MalformedCase: Sendable, CustomTestStringConvertible {
    var description: String
    var frame: Frame
    var malformation: Malformation?

    init(_ description: String, _ frame: Frame, _ malformation: Malformation?) {
        self.description = description
        self.frame = frame
        self.malformation = malformation
    }

    var testDescription: String { description }
}

private let udp = Frame.ethernet().ipv4().udp(1024, 53).payload(8)
private let udp6 = Frame.ethernet().ipv6().udp(1024, 53).payload(8)

private let cases: [MalformedCase] = [
    MalformedCase("no bytes", udp.cut(to: 0), .ethernetHeaderCutOff),
    MalformedCase("13 bytes", udp.cut(to: 13), .ethernetHeaderCutOff),
    MalformedCase("a bare Ethernet header of no known type", Frame.ethernet(), nil),
    MalformedCase("a tag cut off", Frame.ethernet().vlan(5).ipv4().cut(to: 17), nil),
    MalformedCase("a second tag cut off", Frame.ethernet().vlan(5).vlan(6).ipv4().cut(to: 21), nil),
    MalformedCase("arp cut off", Frame.ethernet().arp().cut(to: 20), nil),
    MalformedCase("llc cut off", Frame.ethernet().llc().cut(to: 15), nil),

    MalformedCase("ipv4 announced, nothing there", udp.cut(to: 14), .ipv4HeaderCutOff),
    MalformedCase("ipv4 header of 19 bytes", udp.cut(to: 33), .ipv4HeaderCutOff),
    MalformedCase("ipv4 version 5", Frame.ethernet().ipv4(version: 5).udp(1, 2), .ipv4Version),
    MalformedCase("ipv6 behind ipv4's type", Frame.ethernet(type: 0x0800).ipv6().udp(1, 2), .ipv4Version),
    MalformedCase("ipv4 header length 16", Frame.ethernet().ipv4(headerWords: 4).udp(1, 2), .ipv4HeaderLength),
    MalformedCase("ipv4 header length 0", Frame.ethernet().ipv4(headerWords: 0).udp(1, 2), .ipv4HeaderLength),
    MalformedCase("ipv4 total length 0", Frame.ethernet().ipv4(totalLength: 0).udp(1, 2), .ipv4TotalLength),
    MalformedCase("ipv4 total length 19", Frame.ethernet().ipv4(totalLength: 19).udp(1, 2), .ipv4TotalLength),
    MalformedCase("ipv4 options beyond the total length", Frame.ethernet().ipv4(totalLength: 24, headerWords: 7), .ipv4TotalLength),
    MalformedCase("ipv4 total length one beyond the frame", Frame.ethernet().ipv4(totalLength: 29).udp(1, 2), .ipv4BeyondFrame),
    MalformedCase("ipv4 cut off by one", udp.cut(to: 49), .ipv4BeyondFrame),
    MalformedCase("ipv4 options beyond the frame", Frame.ethernet().ipv4(totalLength: 60, headerWords: 15), .ipv4BeyondFrame),
    MalformedCase("ipv4 total length as long as the header", Frame.ethernet().ipv4(totalLength: 20).udp(1, 2), nil),
    MalformedCase("ipv4 with a wrong header checksum", udp.patched(24, [0, 0]), nil),

    MalformedCase("ipv6 announced, nothing there", udp6.cut(to: 14), .ipv6HeaderCutOff),
    MalformedCase("ipv6 header of 39 bytes", udp6.cut(to: 53), .ipv6HeaderCutOff),
    MalformedCase("ipv6 version 7", Frame.ethernet().ipv6(version: 7).udp(1, 2), .ipv6Version),
    MalformedCase("ipv4 behind ipv6's type", Frame.ethernet(type: 0x86dd).ipv4().udp(1, 2).payload(30), .ipv6Version),
    MalformedCase("ipv6 payload one beyond the frame", Frame.ethernet().ipv6(payloadLength: 9).udp(1, 2), .ipv6BeyondFrame),
    MalformedCase("ipv6 cut off by one", udp6.cut(to: 69), .ipv6BeyondFrame),
    MalformedCase("ipv6 payload length 0", Frame.ethernet().ipv6(payloadLength: 0).udp(1, 2), nil),
    MalformedCase(
        "ipv6 jumbo payload option in place of the payload length",
        Frame.ethernet().ipv6(payloadLength: 0).extensionHeader(0, bytes: [0xc2, 4, 0, 1, 0, 0]).udp(1, 2), .ipv6Jumbogram),
    MalformedCase(
        "ipv6 jumbo payload option that is cut off",
        Frame.ethernet().ipv6(payloadLength: 0).extensionHeader(0, bytes: [0xc2, 4, 0, 1, 0, 0]).cut(to: 61), .ipv6ExtensionHeaderCutOff),
    MalformedCase("ipv6 extension header, nothing there", Frame.ethernet().ipv6(nextHeader: 0), .ipv6ExtensionHeaderCutOff),
    MalformedCase(
        "ipv6 extension header longer than the packet", Frame.ethernet().ipv6().extensionHeader(60, lengthField: 3).udp(1, 2),
        .ipv6ExtensionHeaderCutOff),
    MalformedCase(
        "ipv6 second extension header in the padding",
        Frame.ethernet().ipv6().extensionHeader(0, nextHeader: 43).padded(to: 80), .ipv6ExtensionHeaderCutOff),
    MalformedCase(
        "ipv6 extension header that ends with the packet", Frame.ethernet().ipv6().extensionHeader(60, nextHeader: 17), nil),
    MalformedCase(
        "ipv6 fragment header of 7 bytes", Frame.ethernet().ipv6(nextHeader: 44).payload(7), .ipv6ExtensionHeaderCutOff),
    MalformedCase(
        "ipv6 first fragment whose headers go on in the next",
        Frame.ethernet().ipv6().fragmentHeader(offset: 0, more: true).extensionHeader(60, lengthField: 1).payload(7), nil),
    MalformedCase(
        "ipv6 later fragment with anything in it",
        Frame.ethernet().ipv6().fragmentHeader(offset: 8, more: true, nextHeader: 60).payload([1]), nil),
    MalformedCase(
        "ipv6 authentication header longer than the packet", Frame.ethernet().ipv6(nextHeader: 51).payload([6, 4, 0, 0, 0, 0, 0, 0]),
        .ipv6ExtensionHeaderCutOff),
    MalformedCase(
        "ipv6 authentication header one word longer than the packet",
        Frame.ethernet().ipv6(nextHeader: 51).payload([59, 2, 0, 0] + [UInt8](repeating: 0, count: 8)), .ipv6ExtensionHeaderCutOff),
    MalformedCase(
        "ipv6 authentication header that ends with the packet",
        Frame.ethernet().ipv6(nextHeader: 51).payload([59, 2, 0, 0] + [UInt8](repeating: 0, count: 12)), nil),
    MalformedCase(
        "ipv6 authentication header of 7 bytes", Frame.ethernet().ipv6(nextHeader: 51).payload([59, 0, 0, 0, 0, 0, 0]),
        .ipv6ExtensionHeaderCutOff),
    MalformedCase(
        "ipv6 extension header cut off behind an authentication header",
        Frame.ethernet().ipv6().authenticationHeader().extensionHeader(60, lengthField: 3), .ipv6ExtensionHeaderCutOff),

    MalformedCase("ipv4 version 5 behind a tag", Frame.ethernet().vlan(5).ipv4(version: 5).udp(1, 2), .ipv4Version),
    MalformedCase(
        "ipv4 cut off behind three tags", Frame.ethernet().vlan(5, tpid: 0x88a8).vlan(6).vlan(7).ipv4().cut(to: 45), .ipv4HeaderCutOff),
    MalformedCase(
        "ipv6 beyond the frame behind two tags", Frame.ethernet().vlan(5).vlan(6).ipv6(payloadLength: 1), .ipv6BeyondFrame),
]

@Suite struct MalformedFrameTests {
    @Test("what is wrong has its name", arguments: cases)
    func malformation(_ test: MalformedCase) {
        #expect(parse(test.frame).malformation == test.malformation)
    }

    @Test("with the outermost tag apart it is the same", arguments: cases.filter { $0.frame.outOfBand != nil })
    func outOfBand(_ test: MalformedCase) throws {
        let (bytes, tag) = try #require(test.frame.outOfBand)
        #expect(parse(bytes, tag: tag).malformation == test.malformation)
    }

    @Test func `every malformation stands in the table`() {
        let named = Set(cases.compactMap { $0.malformation })
        #expect(named == Set(Malformation.allCases))
    }

    @Test func `names are kebab-case and differ`() {
        let names = Malformation.allCases.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.allSatisfy { $0 == "-" || $0.isLowercase || $0.isNumber } })
    }

    @Test("a malformed packet leaves nothing of its layer behind", arguments: cases.filter { $0.malformation != nil })
    func nothingLeft(_ test: MalformedCase) {
        let frame = parse(test.frame)
        #expect(frame.network == .other)
        #expect(frame.source == 0 && frame.destination == 0)
        #expect(frame.transportProtocol == nil && !frame.hasTransport && !frame.hasPorts && !frame.isFragment)
    }
}
