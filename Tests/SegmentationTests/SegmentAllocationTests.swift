import CAllocationCounter
import Segmentation
import Testing
import Wire

#if DEBUG
private let isOptimized = false
#else
private let isOptimized = true
#endif

@Suite struct SegmentAllocationTests {
    @Test("segments take no memory of their own", .enabled(if: isOptimized, "an unoptimized build allocates per frame"))
    func segments() {
        let stack = Encapsulation([
            .ethernet, .ipv4(), .udp(port: 4789, checksum: true), .vxlan, .ethernet, .ipv4(), .tcp(flags: 0x18, options: 12),
        ])
        let payload = [UInt8](repeating: 7, count: 60_000)
        let frame = stack.frame(payload, Encapsulation.Place(isPartial: true))
        let offload = stack.offload(payload, size: 1398)
        var segmenter = Segmenter()
        var head = [UInt8](repeating: 0, count: Segmenter.headCapacity)
        var memory = head.mutableSpan
        var span = memory.mutableBytes
        var count = 0
        let before = allocations_of_this_thread()
        for round in 0..<100 {
            guard segmenter.begin(frame.span.bytes, tag: VLANTag(tpid: 0x8100, tci: 5), offload) == nil else { break }
            if round % 2 == 0 { segmenter.enterTunnel() }
            while segmenter.next(into: &span) != nil { count += 1 }
        }
        let after = allocations_of_this_thread()
        #expect(after == before)
        #expect(count == 50 * 43 + 50 * 2)
    }
}
