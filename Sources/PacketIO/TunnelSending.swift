import CLinux
import Glibc
public import Segmentation
import Wire

extension PortSocket {
    /// A control message with one value (cmsg(3)): the kernel's header, and room to the next multiple of 8 bytes.
    private struct MarkMessage {
        var length = MemoryLayout<cmsghdr>.size + MemoryLayout<UInt32>.size
        var level = SOL_SOCKET
        var type = SO_MARK
        var mark: UInt32
        var padding: UInt32 = 0
    }

    /// Sends the next piece of the super-frame that `segmenter` has begun, with a mark by which the program on the port knows its tunnel.
    /// Returns the piece, and 0 or the error number if it was not sent: without that program the kernel refuses it, or it is kept in for
    /// a mark that isn't Weir's.
    public func send(
        pieceOf frame: ReceivedFrame, _ segmenter: inout Segmenter, in tunnel: KernelTunnel
    ) -> (piece: Segmenter.Piece, code: Int32)? {
        let capacity = ReceivedFrame.virtioHeaderLength + Segmenter.headCapacity
        return withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 16) { memory in
            var head = UnsafeMutableRawBufferPointer(rebasing: memory[ReceivedFrame.virtioHeaderLength...]).mutableBytes
            guard let start = memory.baseAddress, let piece = segmenter.next(into: &head) else { return nil }
            start.storeBytes(of: frame.offload(of: piece), as: virtio_net_hdr.self)
            return (piece, send(start, piece, frame, mark: UInt32(SendMark.tunnelPrefix) << 16 | UInt32(tunnel.description)))
        }
    }

    private func send(_ head: UnsafeMutableRawPointer, _ piece: Segmenter.Piece, _ frame: ReceivedFrame, mark: UInt32) -> Int32 {
        var vectors = (
            iovec(iov_base: head, iov_len: ReceivedFrame.virtioHeaderLength + piece.headLength),
            iovec(iov_base: frame.start + piece.payloadOffset, iov_len: piece.payloadLength)
        )
        var control = MarkMessage(mark: mark)
        return withUnsafeMutableBytes(of: &vectors) { vectors in
            withUnsafeMutableBytes(of: &control) { control in
                var message = msghdr()
                message.msg_iov = vectors.baseAddress?.assumingMemoryBound(to: iovec.self)
                message.msg_iovlen = 2
                message.msg_control = control.baseAddress
                message.msg_controllen = control.count
                while true {
                    if sendmsg(number, &message, Int32(MSG_DONTWAIT)) >= 0 { return 0 }
                    let code = errno
                    if code != EINTR { return code }
                }
            }
        }
    }
}

extension ReceivedFrame {
    /// The `virtio_net_hdr` of a piece of it.
    func offload(of piece: Segmenter.Piece) -> virtio_net_hdr {
        var offload = virtio_net_hdr()
        offload.flags = UInt8(VIRTIO_NET_HDR_F_NEEDS_CSUM)
        offload.csum_start = UInt16(truncatingIfNeeded: piece.checksumStart)
        offload.csum_offset = UInt16(truncatingIfNeeded: piece.checksumOffset)
        if piece.segments > 1 {
            let whole = virtioHeader
            offload.gso_type = whole.gso_type
            offload.gso_size = whole.gso_size
            // So much of it should lie in one piece.
            offload.hdr_len = UInt16(truncatingIfNeeded: piece.headLength)
        }
        return offload
    }
}
