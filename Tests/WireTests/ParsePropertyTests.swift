import FrameBuilder
import Testing
import Wire

@Suite struct ParsePropertyTests {
    /// Whatever the parsed frame points at lies inside of the bytes.
    static func isInside(_ frame: ParsedFrame, _ count: Int) -> Bool {
        guard frame.byteCount == count, frame.linkPayloadOffset <= count, frame.linkPayloadLength <= count else { return false }
        guard frame.networkOffset >= 0, frame.networkLength >= 0, frame.networkEnd <= count else { return false }
        if frame.hasTransport {
            guard frame.transportOffset >= frame.networkOffset, frame.transportLength >= 0 else { return false }
            guard frame.transportOffset + frame.transportLength == frame.networkEnd else { return false }
        }
        if frame.isFragment {
            guard frame.fragmentPayloadOffset > frame.networkOffset, frame.fragmentPayloadOffset <= frame.networkEnd else { return false }
        }
        return !frame.hasPorts || frame.transportLength >= 4
    }

    /// Both ways of giving a tag must lead to one frame.
    static func agrees(_ inBand: ParsedFrame, _ outOfBand: ParsedFrame) -> Bool {
        func inner(_ offset: Int) -> Int { max(0, offset - 4) }
        return inBand.length == outOfBand.length && inBand.byteCount == outOfBand.byteCount + 4
            && inBand.malformation == outOfBand.malformation
            && inBand.tagCount == outOfBand.tagCount && inBand.outermostTag == outOfBand.outermostTag
            && inBand.vlanCount == outOfBand.vlanCount && inBand.ruleTag == outOfBand.ruleTag
            && (inBand.ruleTagOffset == 12 ? outOfBand.ruleTagOffset == -1 : inner(inBand.ruleTagOffset) == max(0, outOfBand.ruleTagOffset))
            && inBand.holdsFragment == outOfBand.holdsFragment && inBand.hasWholeHeaderChain == outOfBand.hasWholeHeaderChain
            && inner(inBand.linkPayloadOffset) == outOfBand.linkPayloadOffset
            && inBand.linkPayloadLength == outOfBand.linkPayloadLength
            && inBand.outerEtherType == outOfBand.outerEtherType && inBand.etherType == outOfBand.etherType
            && inBand.network == outOfBand.network
            && inner(inBand.networkOffset) == outOfBand.networkOffset && inBand.networkLength == outOfBand.networkLength
            && inBand.source == outOfBand.source && inBand.destination == outOfBand.destination
            && inBand.trafficClass == outOfBand.trafficClass && inBand.doNotFragment == outOfBand.doNotFragment
            && inBand.hasIPv4Options == outOfBand.hasIPv4Options
            && inBand.isFragment == outOfBand.isFragment && inBand.fragmentOffset == outOfBand.fragmentOffset
            && inBand.moreFragments == outOfBand.moreFragments && inBand.identification == outOfBand.identification
            && inner(inBand.fragmentPayloadOffset) == outOfBand.fragmentPayloadOffset
            && inBand.fragmentNextHeader == outOfBand.fragmentNextHeader
            && inBand.transportProtocol == outOfBand.transportProtocol && inBand.hasTransport == outOfBand.hasTransport
            && inner(inBand.transportOffset) == outOfBand.transportOffset && inBand.transportLength == outOfBand.transportLength
            && inBand.hasPorts == outOfBand.hasPorts
            && inBand.sourcePort == outOfBand.sourcePort && inBand.destinationPort == outOfBand.destinationPort
    }

    /// - Returns: What does not hold for the bytes; nil if all does.
    static func complaint(_ bytes: [UInt8]) -> String? {
        [ZeroLength.literal, .superFrame, .recorded].lazy.compactMap { complaint(bytes, zeroLength: $0) }.first
    }

    private static func complaint(_ bytes: [UInt8], zeroLength: ZeroLength) -> String? {
        let frame = parse(bytes, zeroLength: zeroLength)
        guard isInside(frame, bytes.count) else { return "outside: \(bytes)" }
        if let (rest, tag) = takeOutTag(of: bytes) {
            let apart = parse(rest, tag: tag, zeroLength: zeroLength)
            guard isInside(apart, rest.count) else { return "outside with the tag apart: \(bytes)" }
            guard agrees(frame, apart) else { return "the tag apart makes a difference: \(bytes)" }
        }
        return nil
    }

    @Test("every prefix of every kind of frame parses, and its tag apart or not makes no difference", arguments: SampleFrames.all)
    func prefixes(_ sample: SampleFrames.Sample) {
        let bytes = sample.frame.bytes
        #expect(parse(bytes).malformation == nil)
        for length in 0...bytes.count {
            #expect(Self.complaint(Array(bytes.prefix(length))) == nil)
        }
    }

    @Test("mutated frames", arguments: 1...8 as ClosedRange<UInt64>)
    func mutated(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let samples = SampleFrames.all.map(\.frame.bytes)
        let likely: [UInt8] = [0, 1, 4, 5, 6, 8, 17, 43, 44, 51, 59, 60, 0x45, 0x60, 0x81, 0x86, 0x88, 0xa8, 0xdd, 0xff]
        for _ in 0..<5_000 {
            var bytes = random.pick(samples)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                // The bytes that steer the parser stand in front.
                let reach = random.oneIn(2) ? min(64, bytes.count) : bytes.count
                let index = Int.random(in: 0..<reach, using: &random)
                bytes[index] = random.oneIn(2) ? random.pick(likely) : UInt8.random(in: 0...255, using: &random)
            }
            if random.oneIn(3) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
            if random.oneIn(5) { bytes += [UInt8](repeating: 0, count: Int.random(in: 1...40, using: &random)) }
            let complaint = Self.complaint(bytes)
            #expect(complaint == nil)
            if complaint != nil { return }
        }
    }

    @Test("random bytes", arguments: 1...4 as ClosedRange<UInt64>)
    func random(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            var bytes = (0..<Int.random(in: 0...100, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            if bytes.count >= 14 {
                bytes.replaceSubrange(12..<14, with: random.pick([[0x08, 0x00], [0x86, 0xdd], [0x81, 0x00], [0x88, 0xa8]]))
            }
            let complaint = Self.complaint(bytes)
            #expect(complaint == nil)
            if complaint != nil { return }
        }
    }

    @Test func `the longest chains end`() {
        let tags = Frame.ethernet(type: 0x8100).bytes + Array(repeatElement([0, 5, 0x81, 0], count: 17_000).joined())
        #expect(parse(tags).tagCount == 17_000)
        let header: [UInt8] = [60, 0, 1, 4, 0, 0, 0, 0]
        let chain = Frame.ethernet().ipv6(nextHeader: 60).payload(Array(repeatElement(header, count: 8_191).joined())).bytes
        #expect(parse(chain).malformation == .ipv6ExtensionHeaderCutOff)
    }
}
