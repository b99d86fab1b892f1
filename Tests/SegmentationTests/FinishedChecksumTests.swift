import FrameBuilder
import Segmentation
import Testing
import Wire

@Suite struct FinishedChecksumTests {
    @Test("a super-frame's checksums are finished on all levels, as if it stood on the wire", arguments: SegmentTests.stacks)
    func finished(_ stack: Encapsulation) throws {
        for length in [3001, 20_000] {
            let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            var bytes = stack.frame(payload, Encapsulation.Place(isPartial: true))
            SuperFrame.finishChecksums(of: &bytes, stack.offload(payload, size: 1400))
            #expect(bytes == stack.frame(payload))
        }
    }

    @Test("what is no super-frame has right outer checksums already, and what can't be read keeps its own")
    func others() throws {
        let stack = Encapsulation([.ethernet, .ipv4(), .udp(port: 4789, checksum: true), .vxlan, .ethernet, .ipv4(), .tcp()])
        let payload = [UInt8](repeating: 7, count: 1000)
        let partial = stack.frame(payload, Encapsulation.Place(isPartial: true))
        for isSuperFrame in [false, true] {
            var bytes = partial
            var offload = stack.offload(payload, size: 400)
            // A fragment's header is no super-frame's.
            if isSuperFrame { bytes[20] |= 0x20 } else { offload.kind = nil }
            let before = bytes
            SuperFrame.finishChecksums(of: &bytes, offload)
            #expect(bytes.prefix(50) == before.prefix(50), "the outer headers")
            #expect(bytes.suffix(1020) == stack.frame(payload).suffix(1020), "the inner TCP")
        }
    }

    @Test("SCTP has a cyclic checksum, over the packet without padding", arguments: [14, 18])
    func cyclic(_ start: Int) throws {
        let header: [UInt8] = [0x9c, 0x40, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0]
        let link = start == 14 ? Frame.ethernet() : Frame.ethernet().vlan(5)
        let frame = link.ipv4(protocolNumber: 132).payload(header + [0, 3, 0, 8, 1, 2, 3, 4])
        var bytes = frame.padded(to: 70).bytes
        let offload = OffloadHeader(kind: nil, needsChecksum: true, segmentSize: 0, checksumStart: start + 20, checksumOffset: 8)
        #expect(offload.isOfSCTP)
        SuperFrame.finishChecksums(of: &bytes, offload)
        // Computed by scapy 2.5.
        #expect(Array(bytes[start + 28..<start + 32]) == [0xcf, 0x58, 0x0e, 0xf6])
        #expect(Array(bytes[..<(start + 28)]) == Array(frame.bytes[..<(start + 28)]))
        var cut = Array(frame.bytes[..<(start + 30)])
        let before = cut
        SuperFrame.finishChecksums(of: &cut, offload)
        #expect(cut == before, "no room for it")
    }
}

extension SuperFrame {
    fileprivate static func finishChecksums(of bytes: inout [UInt8], _ offload: OffloadHeader) {
        bytes.withUnsafeMutableBytes { buffer in
            var span = buffer.mutableBytes
            finishChecksums(of: &span, offload)
        }
    }
}
