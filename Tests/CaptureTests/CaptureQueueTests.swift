import Capture
import Decisions
import FrameBuilder
import Testing

@Suite struct CaptureQueueTests {
    private static func record(_ number: Int, length: Int) -> CaptureRecord {
        CaptureRecord(
            time: UInt64(number), length: UInt32(length), port: UInt8(number & 1),
            decision: Decision(verdict: .drop, reason: Reason.allCases[number % 7], rule: RuleIndex(number)))
    }

    private static func offer(_ queue: CaptureQueue, _ number: Int, _ frame: [UInt8], cuts: (Int, Int)) -> Bool {
        frame.withUnsafeBytes { bytes in
            queue.offer(
                record(number, length: frame.count),
                (
                    UnsafeRawBufferPointer(rebasing: bytes[..<cuts.0]), UnsafeRawBufferPointer(rebasing: bytes[cuts.0..<cuts.1]),
                    UnsafeRawBufferPointer(rebasing: bytes[cuts.1...])
                ))
        }
    }

    /// Frames of every length, in bursts, against a plain array: what was taken in comes out whole, once and in order; what
    /// was refused is counted.
    @Test(arguments: [4096, 5000, 65_536], [1, 2, 3] as [UInt64])
    func isAQueue(_ capacity: Int, _ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let queue = CaptureQueue(capacity: capacity)
        var expected: [(Int, [UInt8])] = []
        var refused: UInt64 = 0
        var taken = 0
        for number in 0..<20_000 {
            if random.next() % 3 != 0 {
                let length = Int(random.next() % (random.next() % 16 == 0 ? UInt64(capacity) : 200))
                let frame = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) }
                let first = length == 0 ? 0 : Int(random.next() % UInt64(length))
                if Self.offer(queue, number, frame, cuts: (first, min(first + 4, length))) {
                    expected.append((number, frame))
                } else {
                    refused += 1
                }
            } else {
                let found = queue.take { record, bytes in
                    #expect(record == Self.record(expected[0].0, length: expected[0].1.count))
                    #expect(bytes.elementsEqual(expected[0].1))
                }
                #expect(found == !expected.isEmpty)
                if found {
                    expected.removeFirst()
                    taken += 1
                }
            }
            #expect(queue.isEmpty == expected.isEmpty)
        }
        #expect(taken > 3000)
        #expect(refused > 0)
        #expect(queue.lost == refused)
    }

    @Test func refusesARecordWhoseLengthIsNotItsFrames() {
        let queue = CaptureQueue(capacity: 4096)
        let frame: [UInt8] = [1, 2, 3]
        let isTaken = frame.withUnsafeBytes { bytes in
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            return queue.offer(Self.record(1, length: 4), (bytes, none, none))
        }
        #expect(!isTaken)
        #expect(queue.lost == 1)
        #expect(queue.isEmpty)
    }
}
