import CLinux
import PacketIO
import Testing

@Suite struct RingShapeTests {
    /// What packet_set_ring (net/packet/af_packet.c) demands, for shapes at every corner and absurd ones.
    @Test(arguments: [
        (512, 68 << 10), (512, 2048), (1, 256), (2, 512), (60, 68 << 10), (61, 68 << 10), (65_536, 512), (100, 1_000_000), (4096, 4096),
        (0, 0), (-5, -5), (7, 333), (Int.max, Int.max),
    ])
    func isWhatTheKernelTakes(_ slots: Int, _ slotBytes: Int) {
        let request = RingShape(slots: slots, slotBytes: slotBytes).request()
        #expect(request.tp_block_size % 4096 == 0)
        #expect(request.tp_block_size <= 4 << 20)
        #expect(request.tp_frame_size % 16 == 0)
        #expect(request.tp_frame_size <= request.tp_block_size)
        #expect(request.tp_block_size / request.tp_frame_size * request.tp_block_nr == request.tp_frame_nr)
        #expect(Int(request.tp_frame_nr) >= min(max(slots, 1), 1 << 20))
        #expect(Int(request.tp_frame_size) >= min(max(slotBytes, 256), 1 << 20))
    }

    @Test func standardHoldsASuperFrame() {
        let request = RingShape.standard.request()
        // 64 KiB, an Ethernet header, two tags, and what the kernel puts before them (TPACKET2_HDRLEN, virtio_net_hdr, alignment).
        #expect(request.tp_frame_size >= 65_535 + 14 + 8 + 128)
        // 40 MB a ring at the most.
        #expect(Int(request.tp_block_size) * Int(request.tp_block_nr) <= 40 << 20)
    }
}
