import Answers
import FrameBuilder
import Testing
import Wire

/// The frame, parsed as it stands or with its outermost tag apart.
func parse(_ bytes: [UInt8], tag: VLANTag? = nil) -> ParsedFrame { ParsedFrame.parse(bytes.span.bytes, tag: tag) }

/// The answer's bytes, or nil. Nothing is written beyond them.
func answer(
    _ answer: Answer, to bytes: [UInt8], tag: VLANTag? = nil, isChecksumKnown: Bool = false, room: Int = 2000
) -> [UInt8]? {
    let frame = parse(bytes, tag: tag)
    var output = [UInt8](repeating: 0xee, count: room)
    var span = output.mutableSpan
    var raw = span.mutableBytes
    let length = answer.write(to: AnsweredFrame(frame, isChecksumKnown: isChecksumKnown), bytes.span.bytes, into: &raw)
    guard let length else {
        #expect(output.allSatisfy { $0 == 0xee })
        return nil
    }
    #expect(length <= Answer.longest(to: frame))
    #expect(output[length...].allSatisfy { $0 == 0xee })
    return Array(output[..<length])
}

struct UnansweredCase: Sendable, CustomTestStringConvertible {
    var description: String
    var frame: Frame
    init(_ description: String, _ frame: Frame) {
        self.description = description
        self.frame = frame
    }
    var testDescription: String { description }
}

/// Whether the checksum over an answer's IPv4 header and message, or IPv6 pseudo header and message, is right.
func hasRightChecksums(_ bytes: [UInt8]) -> Bool {
    let frame = parse(bytes)
    guard frame.malformation == nil, let number = frame.transportProtocol else { return false }
    let message = Array(bytes[frame.transportOffset..<frame.networkEnd])
    if frame.network == .ipv6 {
        let pseudo = frame.source.networkBytes + frame.destination.networkBytes + UInt32(message.count).networkBytes + [0, 0, 0, number]
        return plainChecksum(pseudo + message) == 0
    }
    let header = Array(bytes[frame.networkOffset..<frame.transportOffset])
    let pseudo =
        number == 1 ? [] : Array(header[12..<20]) + [0, number] + UInt16(message.count).networkBytes
    return plainChecksum(header) == 0 && plainChecksum(pseudo + message) == 0
}

/// 3,000 frames, each of them a sample of which up to three bytes are changed.
func forEachMutant(_ seed: UInt64, _ body: ([UInt8], inout SeededGenerator) -> Void) {
    var random = SeededGenerator(seed: seed)
    let samples = SampleFrames.all.map(\.frame.bytes)
    for _ in 0..<3_000 {
        var bytes = random.pick(samples)
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        body(bytes, &random)
    }
}
