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

    /// The shape that follows from an MTU, and the one that is asked for.
    @Test(
        arguments: [
            (RingSettings(), 1500, RingShape(slots: 4096, slotBytes: 2048)),
            (RingSettings(), 1800, RingShape(slots: 4096, slotBytes: 2048)),
            (RingSettings(), 9000, RingShape(slots: 3868, slotBytes: 9216)),
            (RingSettings(), 65_535, RingShape(slots: 541, slotBytes: 65_792)),
            (RingSettings(), .max, RingShape(slots: 512, slotBytes: 69_632)),
            (RingSettings(slots: 20_000), 1500, RingShape(slots: 20_000, slotBytes: 2048)),
            (RingSettings(slotBytes: 65_536), 1500, RingShape(slots: 544, slotBytes: 65_536)),
            (RingSettings(slots: 2, slotBytes: 512), 9000, RingShape(slots: 2, slotBytes: 512)),
        ] as [(RingSettings, UInt32, RingShape)])
    func usualShapes(_ settings: RingSettings, _ mtu: UInt32, _ shape: RingShape) {
        #expect(settings.shape(mtu: mtu) == shape)
        let request = shape.request()
        if settings.slots == nil {
            #expect(Int(request.tp_block_size) * Int(request.tp_block_nr) <= 36 << 20)
        }
        if settings.slotBytes == nil, mtu < 65_536 {
            // Four tags, and what the kernel puts before the frame (TPACKET2_HDRLEN, virtio_net_hdr, alignment).
            #expect(Int(request.tp_frame_size) >= Int(mtu) + 14 + 16 + 96)
        }
    }
}
