import Fragments
import FrameBuilder
import Testing

/// What any receiver that knows no overlaps makes of fragments: a map from place to byte.
struct ByteMap {
    enum Preference { case first, last }

    /// The datagram that the parts, in this order, make; nil if they make none.
    static func reassembled(_ parts: [Part], _ preference: Preference) -> [UInt8]? {
        var bytes: [Int: UInt8] = [:]
        var end: Int?
        for part in parts {
            for (index, byte) in part.bytes.enumerated() where preference == .last || bytes[part.offset + index] == nil {
                bytes[part.offset + index] = byte
            }
            if !part.more { end = part.offset + part.bytes.count }
        }
        guard let end, (0..<end).allSatisfy({ bytes[$0] != nil }) else { return nil }
        return (0..<end).map { bytes[$0] ?? 0 }
    }
}

@Suite("Fragment properties")
struct PropertyTests {
    /// Cuts a datagram, then shuffles, repeats, shifts and damages the parts.
    private static func sequence(using random: inout SeededGenerator) -> [Part] {
        let payload = (0..<Int.random(in: 1...400, using: &random)).map { _ in UInt8.random(in: 0...3, using: &random) }
        let isIPv6 = Bool.random(using: &random)
        var parts: [Part] = []
        var offset = 0
        while offset < payload.count {
            let length = min(payload.count - offset, 8 * Int.random(in: 1...8, using: &random))
            parts.append(
                Part(offset, Array(payload[offset..<offset + length]), more: offset + length < payload.count)
                    .with {
                        $0.isIPv6 = isIPv6; $0.identification = 1
                    })
            offset += length
        }
        if Int.random(in: 0..<4, using: &random) > 0 { parts.shuffle(using: &random) }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            guard var odd = parts.randomElement(using: &random) else { break }
            switch Int.random(in: 0..<6, using: &random) {
            case 0: break
            case 1: odd.offset = max(0, odd.offset + 8 * Int.random(in: -2...2, using: &random))
            case 2 where !odd.bytes.isEmpty: odd.bytes[Int.random(in: 0..<odd.bytes.count, using: &random)] ^= 1
            case 3: odd.more.toggle()
            case 4: odd.bytes += [UInt8](repeating: 9, count: 8)
            default: odd.bytes.removeLast(min(odd.bytes.count, 8))
            }
            parts.insert(odd, at: Int.random(in: 0...parts.count, using: &random))
        }
        if Int.random(in: 0..<5, using: &random) == 0 { parts.remove(at: Int.random(in: 0..<parts.count, using: &random)) }
        return parts
    }

    @Test("whatever passes reassembles to what was judged, whoever wins", arguments: [1, 2, 3, 4] as [UInt64])
    func agreement(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var whole = 0
        for _ in 0..<5000 {
            let parts = Self.sequence(using: &random)
            var bench = Bench()
            var isIdle = true
            var begun = 0
            for (index, part) in parts.enumerated() {
                let before = (bench.judged.count, bench.leavings.count)
                if isIdle { begun = index }
                bench.take(part.frame)
                if bench.judged.count > before.0 {
                    whole += 1
                    let passed = bench.leavings[before.1...].filter { $0.death == nil }.map { parts[$0.frame] }
                    #expect(passed.count >= 1 && begun <= index)
                    for preference in [ByteMap.Preference.first, .last] {
                        #expect(ByteMap.reassembled(passed, preference) == bench.judged.last, "\(parts)")
                    }
                }
                isIdle = bench.gatherer.datagramCount == 0
            }
            bench.expire(at: 61)
            #expect(bench.leavings.map(\.frame).sorted() == Array(parts.indices), "each frame left once")
        }
        #expect(whole > 2000, "most are whole")
    }

    @Test("a clean set passes in any order, in both modes", arguments: [5, 6] as [UInt64])
    func clean(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for round in 0..<500 {
            let payload = (0..<Int.random(in: 9...2000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            var parts: [Part] = []
            let step = 8 * Int.random(in: 1...20, using: &random)
            for offset in stride(from: 0, to: payload.count, by: step) {
                let end = min(payload.count, offset + step)
                parts.append(Part(offset, Array(payload[offset..<end]), more: end < payload.count).with { $0.isIPv6 = round % 2 == 0 })
            }
            parts.shuffle(using: &random)
            for mode in [FragmentMode.reassemble, .track] {
                var bench = Bench(mode)
                for part in parts { bench.take(part.frame) }
                #expect(bench.released.sorted() == Array(parts.indices))
                #expect(bench.gatherer.datagramCount == 0)
                if mode == .reassemble { #expect(bench.judged == [payload] && bench.released == Array(parts.indices)) }
            }
        }
    }
}
