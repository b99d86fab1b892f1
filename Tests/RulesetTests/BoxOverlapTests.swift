import FrameBuilder
import Ruleset
import Testing

/// Elements of several parts that the kernel does not take beside each other, found in less than the square of their number.
struct BoxOverlapTests {
    typealias Box = [ValueBounds]

    /// As `nft_pipapo_insert` does it: each element is held against all that are there.
    private static func plainConflict(among boxes: [Box]) -> Int? {
        func holds(_ box: Box, _ corner: [UInt128]) -> Bool { zip(box, corner).allSatisfy { $0.low <= $1 && $1 <= $0.high } }
        return boxes.indices.first { index in
            boxes[..<index].contains { holds($0, boxes[index].map(\.low)) || holds($0, boxes[index].map(\.high)) }
        }
    }

    private static func box(_ parts: Int, upTo highest: UInt128, _ generator: inout SeededGenerator) -> Box {
        (0..<parts).map { _ in
            let ends = (0..<2).map { _ in UInt128.random(in: 0...highest, using: &generator) }
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: return ValueBounds(low: ends[0], high: ends[0])
            case 1 where generator.oneIn(4): return ValueBounds(low: 0, high: .max)
            default: return ValueBounds(low: ends.min() ?? 0, high: ends.max() ?? 0)
            }
        }
    }

    static let shapes: [(parts: Int, count: Int, highest: UInt128)] = [
        (2, 6, 5), (2, 12, 40), (2, 200, 400_000), (3, 10, 6), (3, 200, 2_000), (4, 40, 30), (2, 300, .max), (9, 30, 4), (1, 50, 10_000),
    ]

    @Test("the first that is refused is the same as by holding each against all", arguments: shapes)
    func agreement(parts: Int, count: Int, highest: UInt128) {
        var generator = SeededGenerator(seed: 61)
        var outcomes: Set<Bool> = []
        for _ in 0..<300 {
            var seen: Set<Box> = []
            let boxes = (0..<count).compactMap { _ in
                let box = Self.box(parts, upTo: highest, &generator)
                return seen.insert(box).inserted ? box : nil
            }
            // The first boxes alone, so that there are lists with a conflict and without.
            for length in [2, 3, count / 3, count] {
                let boxes = Array(boxes.prefix(length))
                let expected = Self.plainConflict(among: boxes)
                #expect(BoxOverlap.firstConflict(among: boxes).conflict == expected)
                outcomes.insert(expected == nil)
            }
        }
        #expect(outcomes.count == 2)
    }

    private static func side(_ low: Int, _ high: Int) -> ValueBounds { ValueBounds(low: UInt128(low), high: UInt128(high)) }

    /// Lists that none is refused of, and that asked each element against many others before.
    static let large: [(description: String, box: @Sendable (_ index: Int, _ count: Int) -> Box)] = [
        ("apart in the first part", { index, _ in [side(10 * index, 10 * index + 5), side(1, 9)] }),
        ("apart in the last part", { index, _ in [side(1, 9), side(1, 9), side(10 * index, 10 * index + 5)] }),
        (
            "a lattice",
            { index, count in
                let row = Int(Double(count).squareRoot())
                return [side(10 * (index / row), 10 * (index / row) + 9), side(10 * (index % row), 10 * (index % row) + 9)]
            }
        ),
        ("stairs", { index, count in [side(index, index + count), side(2 * index, 2 * index + 1)] }),
        ("each across all others", { index, count in [side(index, 2 * count - index), side(count - index, count + index)] }),
        ("each around all before", { index, count in [side(count - index, count + index), side(count - index, count + index)] }),
    ]

    @Test("a box that is there twice leads to one thing", arguments: [("accept", "accept", true), ("accept", "drop", false)])
    func twice(first: String, second: String, isTaken: Bool) {
        let elements = "10.0.0.0/8 . 1-5 : \(first), 11.0.0.0/8 . 7 : drop, 10.0.0.0/8 . 1-5 : \(second)"
        let text = """
            table ip t {
                map m {
                    type ipv4_addr . inet_service : verdict
                    flags interval
                    elements = { \(elements) }
                }
            }

            """
        #expect(((try? Ruleset.read(SourceFile(name: "f", text: text))) != nil) == isTaken)
    }

    @Test("ten times the elements take less than twenty times the steps", arguments: large)
    func growth(description: String, box: @Sendable (Int, Int) -> Box) {
        let sizes = [400, 4_000, 40_000]
        let steps = sizes.map { size in
            let found = BoxOverlap.firstConflict(among: (0..<size).map { box($0, size) })
            #expect(found.conflict == nil)
            return found.steps
        }
        #expect(steps[1] < 20 * steps[0] && steps[2] < 20 * steps[1], "\(steps)")
    }

    @Test("nft takes and refuses the same", .enabled(if: NftOracle.canRun, "needs nft and root"), arguments: 0..<60)
    func oracle(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let isMap = generator.oneIn(3)
        let parts = Int.random(in: 2...3, using: &generator)
        func side() -> String {
            let ends = (0..<2).map { _ in Int.random(in: 0...12, using: &generator) }.sorted()
            return ends[0] == ends[1] || generator.oneIn(3) ? "\(ends[0])" : "\(ends[0])-\(ends[1])"
        }
        let elements = (0..<Int.random(in: 2...5, using: &generator)).map { _ in
            (0..<parts).map { _ in side() }.joined(separator: " . ") + (isMap ? " : \(generator.pick(["accept", "drop"]))" : "")
        }
        let types = Array(repeating: "inet_service", count: parts).joined(separator: " . ") + (isMap ? " : verdict" : "")
        let text = """
            table bridge t {
            \(isMap ? "map" : "set") s { type \(types); flags interval; elements = { \(elements.joined(separator: ", ")) }
            }
            }

            """
        let isAccepted = (try? Ruleset.read(SourceFile(name: "f", text: text))) != nil
        #expect(try NftOracle.check(text).isAccepted == isAccepted, "\(elements)")
    }
}
