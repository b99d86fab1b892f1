import Classifier
import FrameBuilder
import Testing

/// Large sets of single fields, held against a plain look at each interval.
struct IntervalTrieTests {
    /// Sorted, without those that overlap another.
    private static func apart(_ intervals: [Interval]) -> [Interval] {
        var apart: [Interval] = []
        for interval in intervals.sorted(by: { ($0.low, $0.high) < ($1.low, $1.high) }) {
            if let last = apart.last, interval.low <= last.high { continue }
            apart.append(interval)
        }
        return apart
    }

    private static func ones(_ count: Int) -> UInt128 { count >= 128 ? .max : (1 << UInt128(count)) - 1 }

    /// Random intervals whose numbers have at most so many bits, of about the same size or of all sizes.
    private static func random(_ bits: Int, _ count: Int, isPrefix: Bool, _ generator: inout SeededGenerator) -> [Interval] {
        (0..<count).map { _ in
            let low = UInt128.random(in: 0...ones(bits), using: &generator) >> UInt128(generator.oneIn(4) ? bits / 2 : 0)
            let host = ones(Int.random(in: 0...bits / 2, using: &generator))
            if isPrefix { return Interval(low: low & ~host, high: low | host) }
            let length = generator.oneIn(2) ? 0 : UInt128.random(in: 0...host, using: &generator)
            return Interval(low: low, high: low + min(length, ones(bits) - low))
        }
    }

    struct Shape: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var intervals: @Sendable (inout SeededGenerator) -> [Interval]

        init(_ description: String, _ intervals: @escaping @Sendable (inout SeededGenerator) -> [Interval]) {
            testDescription = description
            self.intervals = intervals
        }
    }

    static let shapes: [Shape] =
        [8, 16, 31, 32, 33, 48, 63, 64, 65, 127, 128].flatMap { bits in
            [1, 2, 17, 300].flatMap { count in
                [false, true].map { isPrefix in
                    Shape("\(count) \(isPrefix ? "prefixes" : "ranges") of \(bits) bits") { random(bits, count, isPrefix: isPrefix, &$0) }
                }
            }
        } + [
            Shape("everything") { _ in [Interval(low: 0, high: .max)] },
            Shape("all but one number") { _ in [Interval(low: 0, high: 99), Interval(low: 101, high: .max)] },
            Shape("the highest number alone") { _ in [Interval(low: .max, high: .max)] },
            Shape("all 32 bits, in halves") { _ in [Interval(low: 0, high: 0x7fff_ffff), Interval(low: 0x8000_0000, high: 0xffff_ffff)] },
            Shape("each next to the other") { _ in (0..<500).map { Interval(low: $0 * 16, high: $0 * 16 + 15) } },
            Shape("each a hole from the other") { _ in (0..<500).map { Interval(low: $0 * 16, high: $0 * 16 + 14) } },
            Shape("powers of two") { _ in (0..<128).map { Interval(low: 1 << $0, high: 1 << $0) } },
            Shape("powers of two from the other end") { _ in
                (0..<127).reversed().map { Interval(low: .max - 1 << $0, high: .max - 1 << $0) }
            },
            Shape("clusters in clusters") { generator in
                (0..<2_000).map { _ in
                    var low: UInt128 = 0
                    for level in 0..<8 where !generator.oneIn(3) {
                        low |= 1 << UInt128(16 * level + Int.random(in: 0..<2, using: &generator))
                    }
                    return Interval(low: low, high: low)
                }
            },
        ]

    private static func plainIndex(_ value: UInt128, _ intervals: [Interval]) -> Int {
        intervals.firstIndex { $0.low <= value && value <= $0.high } ?? -1
    }

    @Test("the interval that holds a number, at all ends and at random", arguments: shapes)
    func agreement(_ shape: Shape) throws {
        var generator = SeededGenerator(seed: 62)
        for _ in 0..<8 {
            let intervals = Self.apart(shape.intervals(&generator))
            // Another in front of it, so that nothing begins at 0.
            let tries = try IntervalTries(of: [[Interval(low: 5, high: 6)], intervals])
            var values: [UInt128] = [0, 1, .max, .max - 1]
            for interval in intervals {
                values += [interval.low, interval.high, interval.low &- 1, interval.high &+ 1]
                values.append(interval.low + (interval.high - interval.low) / 2)
            }
            for _ in 0..<200 {
                values.append(UInt128.random(in: 0 ... .max, using: &generator) >> UInt128(Int.random(in: 0...127, using: &generator)))
            }
            for value in values.shuffled(using: &generator).prefix(1_500) {
                #expect(tries.index(holding: value, of: 1) == Self.plainIndex(value, intervals), "\(value)")
            }
        }
    }

    @Test("a lookup has a bound, and so has memory, however the elements lie", arguments: shapes)
    func bounds(_ shape: Shape) throws {
        var generator = SeededGenerator(seed: 63)
        let intervals = Self.apart(shape.intervals(&generator))
        let tries = try IntervalTries(of: [intervals])
        for interval in intervals {
            let steps = tries.steps(toward: interval.low, of: 0)
            #expect(steps.nodes <= 5 && steps.halvings <= Int.bitWidth - intervals.count.leadingZeroBitCount)
        }
        // Both ends of 16 octets, four slots, and an eighth of four nodes; the rest for the smallest.
        #expect(tries.byteCount <= 80 * intervals.count + 512, "\(tries.byteCount) for \(intervals.count)")
    }

    static let even: [(description: String, width: Int, step: UInt128)] = [
        ("addresses", 32, 1), ("prefixes of 24 bits", 32, 256), ("prefixes of 48 bits", 128, 1 << 80), ("addresses of 128 bits", 128, 1),
    ]

    @Test("what lies evenly is found behind two nodes, be it 1,000 or 100,000", arguments: even, [1_000, 10_000, 100_000])
    func growth(_ shape: (description: String, width: Int, step: UInt128), count: Int) throws {
        var generator = SeededGenerator(seed: 64)
        let places = UInt128(1) << 32 / (shape.width == 32 ? shape.step : 1)
        var lows: Set<UInt128> = []
        while lows.count < count { lows.insert(UInt128.random(in: 0..<places, using: &generator) * shape.step) }
        let intervals = lows.sorted().map { Interval(low: $0, high: $0 + shape.step - 1) }
        let tries = try IntervalTries(of: [intervals])
        #expect(intervals.allSatisfy { tries.steps(toward: $0.low, of: 0) <= (2, 0) })
        // A number of 32 bits each, since all of them are single as they are stored, and a slot.
        #expect(tries.byteCount < 12 * count + 10_000)
    }
}
