import FrameBuilder
import Testing
import Wire

struct ZeroLengthCase: Sendable, CustomTestStringConvertible {
    var description: String
    var frame: Frame
    /// The packet's length, or what is wrong with it.
    var literal, superFrame, recorded: Result<Int, Malformation>

    init(
        _ description: String, _ frame: Frame, literal: Result<Int, Malformation>, superFrame: Result<Int, Malformation>,
        recorded: Result<Int, Malformation>
    ) {
        self.description = description
        self.frame = frame
        self.literal = literal
        self.superFrame = superFrame
        self.recorded = recorded
    }

    var testDescription: String { description }

    func expected(_ zeroLength: ZeroLength) -> Result<Int, Malformation> {
        switch zeroLength {
        case .literal: literal
        case .superFrame: superFrame
        case .recorded: recorded
        }
    }
}

/// An IPv6 TCP packet whose jumbo payload option says `length`, with `payload` bytes behind TCP's header.
private func jumbo(_ length: UInt32, payload: Int, payloadLength: UInt16 = 0) -> Frame {
    let option: [UInt8] = [0xc2, 4] + (0..<4).reversed().map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    return Frame.ethernet().ipv6(payloadLength: payloadLength).extensionHeader(0, bytes: option).tcp(1, 2).payload(payload)
}

private let ip4 = Frame.ethernet().ipv4(totalLength: 0)
private let ip6 = Frame.ethernet().ipv6(payloadLength: 0)
/// Hop-by-hop options and TCP without its payload.
private let headers = 8 + 20

private let cases: [ZeroLengthCase] = [
    ZeroLengthCase(
        "IPv4", ip4.tcp(1, 2).payload(70_000), literal: .failure(.ipv4TotalLength), superFrame: .success(70_040),
        recorded: .success(70_040)),
    ZeroLengthCase(
        "IPv4 behind two tags", Frame.ethernet().vlan(5, tpid: 0x88a8).vlan(6).ipv4(totalLength: 0).tcp(1, 2).payload(3000),
        literal: .failure(.ipv4TotalLength), superFrame: .success(3040), recorded: .success(3040)),
    ZeroLengthCase(
        "IPv4, nothing but a header", ip4, literal: .failure(.ipv4TotalLength), superFrame: .failure(.ipv4TotalLength),
        recorded: .failure(.ipv4TotalLength)),
    ZeroLengthCase(
        "a fragment of IPv4", Frame.ethernet().ipv4(more: true, totalLength: 0).tcp(1, 2).payload(3000),
        literal: .failure(.ipv4TotalLength), superFrame: .failure(.ipv4TotalLength), recorded: .failure(.ipv4TotalLength)),
    ZeroLengthCase(
        "IPv4 with a length of its own", Frame.ethernet().ipv4(totalLength: 40).tcp(1, 2).payload(3000), literal: .success(40),
        superFrame: .success(40), recorded: .success(40)),
    ZeroLengthCase(
        "IPv6 without the option", ip6.tcp(1, 2).payload(70_000), literal: .success(40), superFrame: .success(70_060),
        recorded: .success(70_060)),
    ZeroLengthCase(
        "IPv6 with the option", jumbo(UInt32(headers + 70_000), payload: 70_000), literal: .failure(.ipv6Jumbogram),
        superFrame: .success(40 + headers + 70_000), recorded: .success(40 + headers + 70_000)),
    ZeroLengthCase(
        "IPv6 whose option says more than there is", jumbo(UInt32(headers + 70_001), payload: 70_000),
        literal: .failure(.ipv6Jumbogram), superFrame: .failure(.ipv6Jumbogram), recorded: .failure(.ipv6Jumbogram)),
    ZeroLengthCase(
        "IPv6 whose option says what a payload length could", jumbo(UInt32(headers + 1000), payload: 1000),
        literal: .failure(.ipv6Jumbogram), superFrame: .failure(.ipv6Jumbogram), recorded: .failure(.ipv6Jumbogram)),
    ZeroLengthCase(
        "IPv6 with the option beside a payload length", jumbo(70_000, payload: 1000, payloadLength: UInt16(headers + 1000)),
        literal: .success(40 + headers + 1000), superFrame: .success(40 + headers + 1000), recorded: .success(40 + headers + 1000)),
    ZeroLengthCase(
        "IPv6 with padding options before the option",
        Frame.ethernet().ipv6(payloadLength: 0).extensionHeader(0, bytes: [0, 1, 1, 0, 0, 0xc2, 4, 0, 1, 0, 0, 0, 0, 0]).tcp(1, 2).payload(
            0x10000 - 36), literal: .failure(.ipv6Jumbogram), superFrame: .success(0x10000 + 40), recorded: .success(0x10000 + 40)),
    ZeroLengthCase(
        "IPv6 with other hop-by-hop options", ip6.extensionHeader(0).tcp(1, 2).payload(1000),
        literal: .failure(.ipv6ExtensionHeaderCutOff), superFrame: .success(40 + headers + 1000), recorded: .success(40 + headers + 1000)),
    // What follows the header would be a length of 65538.
    ZeroLengthCase(
        "IPv6 whose option is cut off by the end of its header",
        ip6.extensionHeader(0, bytes: [1, 2, 0, 0, 0xc2, 4]).tcp(1, 2).payload(66_000),
        literal: .failure(.ipv6ExtensionHeaderCutOff), superFrame: .success(40 + headers + 66_000),
        recorded: .success(40 + headers + 66_000)),
    ZeroLengthCase(
        "IPv6 in the shortest frame", Frame.ethernet().ipv6(nextHeader: 6, payloadLength: 0).padded(to: 60), literal: .success(40),
        superFrame: .success(46), recorded: .success(40)),
    ZeroLengthCase(
        "IPv6 without a next header", Frame.ethernet().ipv6(nextHeader: 59, payloadLength: 0).payload(1000), literal: .success(40),
        superFrame: .success(1040), recorded: .success(40)),
    ZeroLengthCase(
        "a fragment of IPv6", ip6.fragmentHeader(offset: 0, more: true).tcp(1, 2).payload(1000),
        literal: .failure(.ipv6ExtensionHeaderCutOff), superFrame: .failure(.ipv6ExtensionHeaderCutOff),
        recorded: .failure(.ipv6ExtensionHeaderCutOff)),
]

@Suite struct ZeroLengthTests {
    @Test("a length of 0 is what the frame's way says that it is", arguments: cases, [ZeroLength.literal, .superFrame, .recorded])
    func length(_ test: ZeroLengthCase, _ zeroLength: ZeroLength) throws {
        let bytes = test.frame.bytes
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil, zeroLength: zeroLength)
        let result: Result<Int, Malformation> = frame.malformation.map { .failure($0) } ?? .success(frame.networkLength)
        #expect(result == test.expected(zeroLength))
        #expect(frame.readAgain(bytes.span.bytes).networkLength == frame.networkLength)
        guard let (rest, tag) = takeOutTag(of: bytes) else { return }
        #expect(ParsedFrame.parse(rest.span.bytes, tag: tag, zeroLength: zeroLength).networkLength == frame.networkLength)
    }
}
