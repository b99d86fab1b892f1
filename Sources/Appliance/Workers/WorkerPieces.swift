import CLinux
import Firewall
import Glibc
import PacketIO
import Segmentation
import Synchronization
import Wire

/// Frames that leave in pieces: super-frames as segments, packets that are too big as fragments.
extension Worker {
    /// Sends a super-frame in pieces. Returns how many frames it became.
    @inline(never)
    mutating func segment(
        _ frame: ReceivedFrame, _ segments: Int, _ batch: inout SendBatch, to: PortSocket, ingress: Int
    ) -> Int {
        if let fault = segmenter.begin(frame.bytes.bytes, tag: frame.tag, frame.offload, segmentsInPiece: segments) {
            (ingress == 0 ? counters.1 : counters.0).count(fault)
            drop(unsent: frame, pass, ingress: ingress)
            return 0
        }
        if let tunnel = segmenter.tunnel, !tunnel.hasChecksum || limits(ingress).keepsTunnelChecksums, carriage.isTried {
            segmenter.enterTunnel()
        }
        var pieces = 0
        while !segmenter.isDone {
            pieces += 1
            if segmenter.isTunnelPieceNext, let tunnel = segmenter.tunnel {
                // What came before it must leave before it.
                flush(&batch, to: to, ingress: ingress)
                carry(frame, in: tunnel, to: to, ingress: ingress)
                continue
            }
            if batch.isFull { flush(&batch, to: to, ingress: ingress) }
            batch.append(pieceOf: frame, &segmenter, note: pass.bits)
        }
        return pieces
    }

    /// Sends a packet that is too big for the port in fragments. Returns how many frames it became.
    @inline(never)
    mutating func cut(_ frame: ReceivedFrame, _ batch: inout SendBatch, to: PortSocket, ingress: Int) -> Int {
        let offload = frame.offload
        let bytes = frame.bytes.bytes
        let parsed = ParsedFrame.parse(bytes, tag: frame.tag)
        if offload.needsChecksum {
            // The hardware finishes a packet's checksum, and none of a fragment (`skb_checksum_help` in `ip_do_fragment`).
            var packet = UnsafeMutableRawBufferPointer(start: frame.start, count: parsed.networkEnd).mutableBytes
            Checksum.completePartial(in: &packet, start: offload.checksumStart, offset: offload.checksumOffset)
            // For a capture that may get the packet yet.
            (frame.start - ReceivedFrame.virtioHeaderLength).storeBytes(of: virtio_net_hdr(), as: virtio_net_hdr.self)
        }
        guard var fragmenter = Fragmenter(bytes, parsed, mtu: firewall.mtu(from: UInt8(truncatingIfNeeded: ingress))) else {
            (ingress == 0 ? counters.1 : counters.0).countFailure(EMSGSIZE)
            drop(unsent: frame, pass, ingress: ingress)
            return 0
        }
        var pieces = 0
        while !fragmenter.isDone {
            pieces += 1
            if batch.isFull { flush(&batch, to: to, ingress: ingress) }
            batch.append(fragmentOf: frame, &fragmenter, note: pass.bits)
        }
        let sent = ingress == 0 ? counters.1 : counters.0
        sent.count(.fragmented)
        sent.count(.fragments, pieces)
        return pieces
    }

    /// Sends a large piece of a super-frame in its tunnel; if it can't be sent so, it comes again in segments.
    mutating func carry(_ frame: ReceivedFrame, in tunnel: KernelTunnel, to: PortSocket, ingress: Int) {
        guard let (piece, code) = to.send(pieceOf: frame, &segmenter, in: tunnel) else { return }
        guard carriage.note(code) else {
            segmenter.leaveTunnel(from: piece)
            return
        }
        let sent = ingress == 0 ? counters.1 : counters.0
        sent.count(.sentFrames)
        sent.count(.sentBytes, piece.headLength + piece.payloadLength)
    }

    /// The limits of the port by which frames leave that came in by `ingress`.
    func limits(_ ingress: Int) -> SuperFrameLimits {
        SuperFrameLimits(
            packed: ingress == 0 ? control.farSuperFrames.load(ordering: .relaxed) : control.nearSuperFrames.load(ordering: .relaxed))
    }
}
