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

    /// Sends a super-frame whole, with a mark by which the program on the port knows its tunnel. Returns 0, or the error number if
    /// it was not sent: without that program the kernel refuses it, or it is kept in for a mark that isn't Weir's.
    /// - Parameter headLength: Bytes of its headers, so that they lie in one piece.
    public func send(_ frame: ReceivedFrame, in tunnel: KernelTunnel, headLength: Int) -> Int32 {
        var offload = frame.virtioHeader
        offload.hdr_len = UInt16(truncatingIfNeeded: headLength)
        let headSize = ReceivedFrame.virtioHeaderLength + 12
        return withUnsafeTemporaryAllocation(byteCount: headSize + VLANTag.length, alignment: 8) { head in
            guard let start = head.baseAddress, frame.length > 12 else { return EINVAL }
            var size = headSize
            (start + ReceivedFrame.virtioHeaderLength).copyMemory(from: frame.start, byteCount: 12)
            if let tag = frame.tag {
                offload.csum_start &+= UInt16(VLANTag.length)
                offload.hdr_len &+= UInt16(VLANTag.length)
                start.storeBytes(of: tag.tpid.bigEndian, toByteOffset: size, as: UInt16.self)
                start.storeBytes(of: tag.tci.bigEndian, toByteOffset: size + 2, as: UInt16.self)
                size += VLANTag.length
            }
            start.storeBytes(of: offload, as: virtio_net_hdr.self)
            var vectors = (iovec(iov_base: start, iov_len: size), iovec(iov_base: frame.start + 12, iov_len: frame.length - 12))
            var control = MarkMessage(mark: tunnel.mark)
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
}
