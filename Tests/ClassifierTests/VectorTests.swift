import CVectors
import FrameBuilder
import Testing

/// Comparisons that stand beside each other for different machines say the same.
@Suite struct VectorTests {
    @Test("boxes of a group, at the corners of what they hold", arguments: 0...8)
    func boxes(dimensions: Int) {
        var random = SeededGenerator(seed: UInt64(dimensions))
        var seen: Set<UInt32> = []
        for _ in 0..<2_000 {
            let corners = (0..<4).map { _ in random.pick([Int32.min, -1, 0, 1, .max, Int32.random(in: .min ... .max, using: &random)]) }
            let bounds = (0..<dimensions).map { _ in (0..<8).map { _ in (random.pick(corners), random.pick(corners)) } }
            let point = (0..<8).map { _ in random.pick(corners) }
            let expected = (0..<8).reduce(UInt32(0)) { bits, box in
                let holds = bounds.indices.allSatisfy { bounds[$0][box].0 <= point[$0] && point[$0] <= bounds[$0][box].1 }
                return bits | (holds ? 1 << UInt32(box) : 0)
            }
            let found = lines(bounds) { lines in
                let plain = weir_boxes_holding_plain(lines, point, dimensions)
                #if arch(x86_64)
                if weir_can_avx2() != 0 { #expect(weir_boxes_holding_avx2(lines, point, dimensions) == plain) }
                #endif
                return plain
            }
            #expect(found == expected)
            seen.insert(found)
        }
        #expect(dimensions == 0 ? seen == [255] : seen.count > 2)
    }

    @Test func `how many of a line are less`() {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<2_000 {
            let range: ClosedRange<Int32> = random.pick([-3...3, .min ... .max])
            let numbers = (0..<16).map { _ in Int32.random(in: range, using: &random) }.sorted()
            let number = random.pick([Int32.min, .max, random.pick(numbers), Int32.random(in: range, using: &random)])
            let found = lines([(0..<8).map { (numbers[$0], numbers[8 + $0]) }]) { weir_count_less($0, number) }
            #expect(found == UInt32(numbers.count { $0 < number }))
        }
    }

    /// Lines of least numbers, then greatest, where vectors may be read.
    private func lines(_ bounds: [[(Int32, Int32)]], _ body: (UnsafePointer<Int32>) -> UInt32) -> UInt32 {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 8, alignment: 64)
        defer { memory.deallocate() }
        let numbers = memory.bindMemory(to: Int32.self)
        numbers.initialize(repeating: 0)
        for (dimension, line) in bounds.enumerated() {
            for (box, bound) in line.enumerated() { (numbers[16 * dimension + box], numbers[16 * dimension + 8 + box]) = bound }
        }
        return numbers.baseAddress.map { body(UnsafePointer($0)) } ?? 0
    }
}
