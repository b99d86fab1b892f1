import FragmentCases
import Fragments
import FrameBuilder
import Testing

@Suite("Fragment cases")
struct CaseTests {
    @Test("all cases are there, and those that differ among them")
    func complete() {
        #expect(FragmentCase.all.count == 93)
        #expect(FragmentCase.all.count { $0.difference != nil } == FragmentCase.differences.count)
    }

    @Test("what is judged is what a Linux host would make of what passes", arguments: FragmentCase.all)
    func judged(_ fragmentCase: FragmentCase) {
        var bench = Bench()
        var lastTime = 0.0
        for (frame, time) in fragmentCase.frames() {
            bench.take(frame, at: time)
            lastTime = time
        }
        bench.expire(at: lastTime + 61)
        #expect(bench.leavings.count == fragmentCase.fragmentCount, "each frame left once: \(bench.leavings)")
        #expect(bench.gatherer.heldFrames == 0 && bench.gatherer.heldBytes == 0 && bench.gatherer.datagramCount == 0)
        // Not tried on Linux is the one that takes 75 s, and must not become whole.
        #expect(Set(bench.judged) == Set(fragmentCase.judged))
    }
}
