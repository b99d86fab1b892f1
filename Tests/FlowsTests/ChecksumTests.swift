import Decisions
import Flows
import FrameBuilder
import Testing

/// Wrong checksums are told with the right ones.
@Suite struct ChecksumTests {
    /// A transport header of a kind, and where its checksum stands.
    struct Transport: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var number: UInt8
        var isIPv6: Bool
        var field: Int
        /// Bytes that it has at least.
        var shortest: Int
        /// 0 stands for no checksum.
        var hasNone = false

        var hasPseudoHeader: Bool { number != 1 }
    }

    static let transports = [
        Transport(testDescription: "TCP", number: 6, isIPv6: false, field: 16, shortest: 20),
        Transport(testDescription: "TCP over IPv6", number: 6, isIPv6: true, field: 16, shortest: 20),
        Transport(testDescription: "UDP", number: 17, isIPv6: false, field: 6, shortest: 8, hasNone: true),
        Transport(testDescription: "UDP over IPv6", number: 17, isIPv6: true, field: 6, shortest: 8, hasNone: true),
        Transport(testDescription: "UDP-Lite", number: 136, isIPv6: false, field: 6, shortest: 8, hasNone: true),
        Transport(testDescription: "DCCP", number: 33, isIPv6: true, field: 6, shortest: 16),
        Transport(testDescription: "ICMP", number: 1, isIPv6: false, field: 2, shortest: 8),
        Transport(testDescription: "ICMPv6", number: 58, isIPv6: true, field: 2, shortest: 8),
    ]

    /// A packet of random bytes whose header can be read, its checksum field as it comes; with how many of its bytes the checksum covers.
    private static func packet(_ transport: Transport, _ random: inout SeededGenerator) -> (bytes: [UInt8], coverage: Int) {
        let length = transport.shortest + Int.random(in: 0...40, using: &random)
        let isEmpty = random.oneIn(8)
        var bytes = (0..<length).map { _ in isEmpty ? 0 : UInt8.random(in: 0...255, using: &random) }
        var coverage = length
        switch transport.number {
        case 6: bytes[12] = 0x50
        case 17: bytes.replaceSubrange(4..<6, with: UInt16(length).networkBytes)
        case 136:
            coverage = Int.random(in: 8...length, using: &random)
            bytes.replaceSubrange(4..<6, with: UInt16(coverage).networkBytes)
        case 33:
            bytes[4] = 4
            let words = Int.random(in: 0...(length - 16) / 4 + 1, using: &random)
            bytes[5] = UInt8(min(words, 15))
            coverage = words == 0 ? length : min(16 + (min(words, 15) - 1) * 4, length)
        // An answer may have nothing but zeros.
        case 1: bytes[0] = isEmpty ? 0 : 8
        default: bytes[0] = 128
        }
        return (bytes, coverage)
    }

    /// As RFC 1071 has it: the field counts as zeros.
    private static func plain(_ transport: Transport, _ bytes: [UInt8], coverage: Int) -> UInt16 {
        var counted = Array(bytes[..<coverage])
        counted.replaceSubrange(transport.field..<transport.field + 2, with: [0, 0])
        var pseudo: [UInt8] = []
        if transport.hasPseudoHeader {
            let frame = Side(isIPv6: transport.isIPv6).raw(false, transport.number, bytes).bytes
            pseudo = transport.isIPv6 ? Array(frame[22..<54]) : Array(frame[26..<34])
            pseudo += [0, transport.number] + UInt16(bytes.count).networkBytes
        }
        return plainChecksum(pseudo + counted)
    }

    @Test("the right checksum is that of a plain computation", arguments: transports)
    func right(_ transport: Transport) {
        var random = SeededGenerator(seed: UInt64(transport.number))
        var wrong = 0
        var bench = Bench()
        for _ in 0..<2_000 {
            var (bytes, coverage) = Self.packet(transport, &random)
            let plain = Self.plain(transport, bytes, coverage: coverage)
            var right = plain
            if right == 0, transport.hasNone || !transport.hasPseudoHeader { right = 0xffff }
            var found = UInt16(bytes[transport.field]) << 8 | UInt16(bytes[transport.field + 1])
            switch Int.random(in: 0..<8, using: &random) {
            case 0: found = right
            case 1: found = right ^ 1 << UInt16.random(in: 0...15, using: &random)
            case 2: found = 0xffff
            case 3: found = transport.hasNone ? 1 : 0
            default: break
            }
            bytes.replaceSubrange(transport.field..<transport.field + 2, with: found.networkBytes)
            let frame = Side(isIPv6: transport.isIPv6).raw(false, transport.number, bytes).bytes
            let cause = bench.take(frame, isChecksumKnown: false).packet.cause
            // Both zeros of one's complement are right, but for what only consists of zeros.
            let isRight = found == plain || found == 0xffff && plain == 0 || found == 0 && transport.hasNone
            #expect((cause == .badChecksum) == !isRight, "\(bytes)")
            guard cause == .badChecksum else { continue }
            wrong += 1
            let numbers = bench.tracker.invalidNumbers
            #expect(numbers == InvalidNumbers(.checksum, UInt32(found), UInt32(right)), "\(bytes): \(numbers)")
        }
        #expect(wrong > 1_000)
    }

    @Test("an SCTP packet's checksum too")
    func cyclic() {
        let packet = Side().raw(false, 132, [0x9c, 0x40, 0, 80, 0, 0, 0, 0, 1, 2, 3, 4, 1, 0, 0, 20] + [UInt8](repeating: 0, count: 16))
        var bench = Bench()
        #expect(bench.take(packet.bytes, isChecksumKnown: false).packet.cause == .badChecksum)
        let numbers = bench.tracker.invalidNumbers
        #expect(numbers.kind == .cyclicChecksum && numbers.found == 0x0102_0304)
        var bytes = packet.bytes
        bytes.replaceSubrange(42..<46, with: numbers.low.networkBytes)
        #expect(bench.take(bytes, isChecksumKnown: false).packet.cause != .badChecksum)
        #expect(numbers.text?.hasPrefix("checksum 0x01020304, right would be 0x") == true)
    }
}
