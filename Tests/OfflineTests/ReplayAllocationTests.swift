import CAllocationCounter
import Classifier
import Decisions
import FrameBuilder
import Offline
import Testing

#if DEBUG
private let isOptimized = false
#else
private let isOptimized = true
#endif

/// Counts verdicts and does nothing else.
private struct Tally: ReplaySink {
    var frames = 0

    mutating func judged(_ frame: JudgedFrame) { frames += 1 }
    mutating func logged(_ event: LoggedStatement, _ frame: JudgedFrame) {}
}

@Suite struct ReplayAllocationTests {
    @Test(
        "a million frames, fragments among them, allocate nothing",
        .enabled(if: isOptimized, "an unoptimized build allocates per frame"),
        .enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"))
    func judging() throws {
        let program = try compiled("tcp dport 80 counter drop\nudp dport 53 log accept")
        var replay = Replay(program)
        var tally = Tally()
        var frames = try SampleFrames.all.map(\.frame.bytes) + [0, 16, 32].map { try ReplayTests.part($0) }
        let rounds = 1_000_000 / frames.count + 1
        let before = allocations_of_this_thread()
        for round in 0..<rounds {
            for index in frames.indices {
                frames[index].withUnsafeMutableBytes {
                    replay.judge(
                        $0, FramePlace(number: UInt64(round)), ingress: UInt8(round & 1), time: UInt64(round) * 1_000_000, into: &tally)
                }
            }
        }
        let after = allocations_of_this_thread()
        #expect(after == before)
        replay.finish(into: &tally)
        #expect(tally.frames == rounds * frames.count)
    }
}
