import CAllocationCounter
import Flows
import Fragments
import Testing

/// What is set aside at the start is what was asked for.
@Suite(.enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"))
struct MemoryTests {
    /// Bytes of what does not grow with the connections: counters, timeouts, the table of a checksum.
    private static let others = 8 << 10

    @Test(
        "fragments take what their limit says, tables included",
        arguments: [
            FragmentLimits(), FragmentLimits(bytes: FragmentLimits.smallestBytes), FragmentLimits(bytes: 1 << 20, datagrams: 257),
            FragmentLimits(bytes: 128 << 20, datagrams: 65_536), FragmentLimits(bytes: 5_000_001, datagrams: 1),
        ], [FragmentMode.reassemble, .track])
    func fragments(limits: FragmentLimits, mode: FragmentMode) {
        let before = allocated_bytes_of_this_thread()
        let gatherer = FragmentGatherer(mode: mode, limits: limits)
        let taken = Int(allocated_bytes_of_this_thread() - before)
        #expect(taken <= limits.bytes)
        // Only what is put together in one mode alone is not taken in the other.
        #expect(taken > limits.bytes - (mode == .track ? 100 << 10 : 1 << 10))
        #expect(gatherer.heldBytes == 0)
    }

    @Test("connections take what is said of them", arguments: [16, 17, 1000, 65_536, 262_144])
    func flows(count: Int) {
        let before = allocated_bytes_of_this_thread()
        let tracker = FlowTracker(settings: FlowSettings(flows: count, flowsPerSource: count))
        let taken = Int(allocated_bytes_of_this_thread() - before)
        #expect((FlowTracker.bytes(forFlows: count)...FlowTracker.bytes(forFlows: count) + Self.others).contains(taken))
        #expect(tracker.count == 0)
    }
}
