import CLinux
import Glibc
public import Segmentation
import Wire

/// A frame that waits in a batch, as it was received.
public struct WaitingFrame {
    public var frame: ReceivedFrame
    /// What the sender has noted of it.
    public var note: UInt16
    /// It leaves in pieces, of which this is one.
    public var isPiece: Bool
}

/// Frames that wait to leave by one port, sent with one system call straight from where they were received.
///
/// `append` keeps pointers only: the frames' memory must stay as it is until `flush`.
public struct SendBatch: ~Copyable {
    /// Frames that are sent at once.
    public static let capacity = 64
    /// MAC addresses and a tag, with the `virtio_net_hdr` before them.
    private static let headLength = ReceivedFrame.virtioHeaderLength + 16
    private static let headStride = 32
    /// The headers of a segment, with the `virtio_net_hdr` before them.
    private static let segmentStride = 1024

    private let messages: UnsafeMutablePointer<weir_mmsghdr>
    private let vectors: UnsafeMutablePointer<iovec>
    private let heads: UnsafeMutableRawPointer
    /// Pages of it that are never used are never there.
    private let segmentHeads: UnsafeMutableRawPointer
    /// What each message is, or is a piece of.
    private let frames: UnsafeMutablePointer<WaitingFrame>
    public private(set) var count = 0

    public init() {
        messages = .allocate(capacity: Self.capacity)
        vectors = .allocate(capacity: 2 * Self.capacity)
        heads = .allocate(byteCount: Self.headStride * Self.capacity, alignment: 16)
        segmentHeads = .allocate(byteCount: Self.segmentStride * Self.capacity, alignment: 4096)
        frames = .allocate(capacity: Self.capacity)
        messages.initialize(repeating: weir_mmsghdr(), count: Self.capacity)
        vectors.initialize(repeating: iovec(), count: 2 * Self.capacity)
        for index in 0..<Self.capacity {
            messages[index].msg_hdr.msg_iov = vectors + 2 * index
        }
    }

    deinit {
        messages.deallocate()
        vectors.deallocate()
        heads.deallocate()
        segmentHeads.deallocate()
        frames.deallocate()
    }

    public var isFull: Bool { count == Self.capacity }

    /// Adds a frame; its tag goes back between the MAC addresses and the EtherType, by gathering, without a copy of the
    /// frame. A full batch takes nothing.
    /// - Parameter note: Comes back with the frame if that isn't sent.
    public mutating func append(_ frame: ReceivedFrame, note: UInt16 = 0) {
        guard count < Self.capacity, frame.length >= 12 else { return }
        (frames + count).initialize(to: WaitingFrame(frame: frame, note: note, isPiece: false))
        let vector = vectors + 2 * count
        if let tag = frame.tag {
            let head = heads + Self.headStride * count
            head.copyMemory(from: frame.start - ReceivedFrame.virtioHeaderLength, byteCount: ReceivedFrame.virtioHeaderLength + 12)
            Self.shiftByTag(head)
            let place = head + ReceivedFrame.virtioHeaderLength + 12
            place.storeBytes(of: tag.tpid.bigEndian, toByteOffset: 0, as: UInt16.self)
            place.storeBytes(of: tag.tci.bigEndian, toByteOffset: 2, as: UInt16.self)
            vector[0] = iovec(iov_base: head, iov_len: Self.headLength)
            vector[1] = iovec(iov_base: frame.start + 12, iov_len: frame.length - 12)
            messages[count].msg_hdr.msg_iovlen = 2
        } else {
            vector[0] = iovec(
                iov_base: frame.start - ReceivedFrame.virtioHeaderLength, iov_len: frame.length + ReceivedFrame.virtioHeaderLength)
            messages[count].msg_hdr.msg_iovlen = 1
        }
        count &+= 1
    }

    /// Adds the next piece of the super-frame that `segmenter` has begun; its payload stays where the frame lies. A full batch
    /// takes nothing.
    public mutating func append(pieceOf frame: ReceivedFrame, _ segmenter: inout Segmenter, note: UInt16 = 0) {
        guard count < Self.capacity else { return }
        let place = segmentHeads + Self.segmentStride * count
        let header = place + ReceivedFrame.virtioHeaderLength
        var head = UnsafeMutableRawBufferPointer(start: header, count: Segmenter.headCapacity).mutableBytes
        guard let piece = segmenter.next(into: &head) else { return }
        (frames + count).initialize(to: WaitingFrame(frame: frame, note: note, isPiece: true))
        place.storeBytes(of: frame.offload(of: piece), as: virtio_net_hdr.self)
        let vector = vectors + 2 * count
        vector[0] = iovec(iov_base: place, iov_len: ReceivedFrame.virtioHeaderLength + piece.headLength)
        vector[1] = iovec(iov_base: frame.start + piece.payloadOffset, iov_len: piece.payloadLength)
        messages[count].msg_hdr.msg_iovlen = 2
        count &+= 1
    }

    /// Adds the next fragment of the packet that `fragmenter` cuts; its payload stays where the frame lies. A full batch takes nothing.
    public mutating func append(fragmentOf frame: ReceivedFrame, _ fragmenter: inout Fragmenter, note: UInt16 = 0) {
        guard count < Self.capacity else { return }
        let place = segmentHeads + Self.segmentStride * count
        var head = UnsafeMutableRawBufferPointer(start: place + ReceivedFrame.virtioHeaderLength, count: Fragmenter.headCapacity)
            .mutableBytes
        guard let piece = fragmenter.next(frame.bytes.bytes, into: &head) else { return }
        (frames + count).initialize(to: WaitingFrame(frame: frame, note: note, isPiece: true))
        place.storeBytes(of: virtio_net_hdr(), as: virtio_net_hdr.self)
        let vector = vectors + 2 * count
        vector[0] = iovec(iov_base: place, iov_len: ReceivedFrame.virtioHeaderLength + piece.headLength)
        vector[1] = iovec(iov_base: frame.start + piece.payloadOffset, iov_len: piece.payloadLength)
        messages[count].msg_hdr.msg_iovlen = 2
        count &+= 1
    }

    /// The offsets of the `virtio_net_hdr` count from the frame's first byte, and the tag comes before what they point at.
    private static func shiftByTag(_ head: UnsafeMutableRawPointer) {
        var header = head.loadUnaligned(as: virtio_net_hdr.self)
        if header.flags & UInt8(VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 { header.csum_start &+= 4 }
        if header.gso_type != UInt8(VIRTIO_NET_HDR_GSO_NONE) { header.hdr_len &+= 4 }
        head.storeBytes(of: header, as: virtio_net_hdr.self)
    }

    /// Sends everything, in order, and is empty then. A frame that can't be sent holds up none after it.
    /// - Parameters:
    ///   - isSent: Hears of each that was sent its bytes on the wire's side, tag included.
    ///   - isLost: Hears of each that was not the error number.
    @inline(__always)
    public mutating func flush(
        on socket: borrowing PortSocket, _ isSent: (_ bytes: Int) -> Void, isLost: (_ waiting: WaitingFrame, _ code: Int32) -> Void
    ) {
        var next = 0
        while next < count {
            let sent = Int(
                weir_sendmmsg(socket.number, messages + next, UInt32(truncatingIfNeeded: count - next), Int32(MSG_DONTWAIT)))
            if sent > 0 {
                for index in next..<min(next + sent, count) { isSent(wireBytes(index)) }
                next += sent
            } else {
                let code = errno
                if code == EINTR { continue }
                isLost(frames[next], code)
                next += 1
            }
        }
        count = 0
    }

    @inline(__always)
    private func wireBytes(_ index: Int) -> Int {
        let vector = vectors + 2 * index
        let first = vector[0].iov_len - ReceivedFrame.virtioHeaderLength
        return messages[index].msg_hdr.msg_iovlen == 2 ? first + vector[1].iov_len : first
    }
}

extension PortSocket {
    /// Sends one frame that Weir made itself; false if it could not be sent.
    public func send(_ frame: UnsafeRawBufferPointer) -> Bool {
        var header = virtio_net_hdr()
        return withUnsafeMutableBytes(of: &header) { header in
            var vectors = (
                iovec(iov_base: header.baseAddress, iov_len: header.count),
                iovec(iov_base: UnsafeMutableRawPointer(mutating: frame.baseAddress), iov_len: frame.count)
            )
            return withUnsafeMutableBytes(of: &vectors) { vectors in
                var message = msghdr()
                message.msg_iov = vectors.baseAddress?.assumingMemoryBound(to: iovec.self)
                message.msg_iovlen = 2
                return sendmsg(number, &message, Int32(MSG_DONTWAIT)) >= 0
            }
        }
    }
}
