import CAllocationCounter
import Classifier
import Firewall
import FrameBuilder
import Testing
import Wire

#if DEBUG
private let isOptimized = false
#else
private let isOptimized = true
#endif

@Suite struct AllocationTests {
    @Test("the counter sees an allocation", .enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"))
    func counting() {
        let before = allocations_of_this_thread()
        let block = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 16)
        let after = allocations_of_this_thread()
        block.deallocate()
        #expect(after > before)
    }

    @Test(
        "judging a million frames allocates nothing",
        .enabled(if: isOptimized, "an unoptimized build allocates per frame"),
        .enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"))
    func judging() throws {
        let program = try tenRules()
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters)
        var frames =
            SampleFrames.all.map { (bytes: $0.frame.bytes, tag: VLANTag?.none) }
            + SampleFrames.all.compactMap { $0.frame.outOfBand.map { (bytes: $0.bytes, tag: VLANTag?.some($0.tag)) } }
            + SampleFrames.all.map { (bytes: $0.frame.cut(to: 30).bytes, tag: VLANTag?.none) }
        let rounds = 1_000_000 / frames.count + 1

        let before = allocations_of_this_thread()
        for round in 0..<rounds {
            for index in frames.indices {
                _ = firewall.judge(&frames[index].bytes, tag: frames[index].tag, ingress: UInt8(round & 1), at: noon)
            }
        }
        let after = allocations_of_this_thread()
        #expect(after == before)
        #expect(counters.snapshot().reasons.reduce(0) { $0 + $1.frames } == UInt64(rounds * frames.count))
    }
}
