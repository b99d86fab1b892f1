public import CLinux
import Glibc
public import Segmentation
public import Wire

/// A frame that lies in a receive slot, or in the memory of the second way. Valid until its ring's `release`.
public struct ReceivedFrame {
    /// The frame's first byte; `virtioHeaderLength` bytes before it stands its `virtio_net_hdr`.
    public var start: UnsafeMutableRawPointer
    /// Bytes there: the whole frame, without the outermost VLAN tag.
    public var length: Int
    /// The outermost tag, which the kernel keeps beside the bytes.
    public var tag: VLANTag?
    /// Nanoseconds since the epoch.
    public var time: UInt64

    /// - Parameter start: With the `virtio_net_hdr` before it.
    public init(start: UnsafeMutableRawPointer, length: Int, tag: VLANTag?, time: UInt64) {
        self.start = start
        self.length = length
        self.tag = tag
        self.time = time
    }

    /// Bytes of `struct virtio_net_hdr` (Virtual I/O Device 1.2, 5.1.6).
    public static let virtioHeaderLength = 10

    /// What stands before the frame.
    public var virtioHeader: virtio_net_hdr {
        (start - Self.virtioHeaderLength).loadUnaligned(as: virtio_net_hdr.self)
    }

    /// What it says of the segments that the frame is to become.
    public var offload: OffloadHeader {
        let header = virtioHeader
        return OffloadHeader(
            flags: header.flags, type: header.gso_type, segmentSize: header.gso_size, checksumStart: header.csum_start,
            checksumOffset: header.csum_offset)
    }

    /// Finishes a checksum of SCTP that was left to hardware: a packet socket can't say whose it is, and the next card would put another in
    /// its place.
    @inline(never)
    public func finishSCTPChecksum() {
        var memory = UnsafeMutableRawBufferPointer(start: start, count: length).mutableBytes
        SuperFrame.finishChecksums(of: &memory, offload)
        (start - Self.virtioHeaderLength).storeBytes(of: virtio_net_hdr(), as: virtio_net_hdr.self)
    }

    /// What may be looked at.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: length) }
}

extension virtio_net_hdr {
    /// What a length of 0 in the frame's IP header means: only TCP super-frames are longer than the field can say
    /// (`skb_ip_totlen`, include/linux/ip.h).
    @inlinable
    public var zeroLength: ZeroLength {
        switch Int32(gso_type) & ~VIRTIO_NET_HDR_GSO_ECN {
        case VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6: .superFrame
        default: .literal
        }
    }
}

/// What a receive slot held.
public enum Received {
    case frame(ReceivedFrame)
    /// A frame longer than its slot that didn't fit into the socket's queue either. Only its beginning is there.
    case truncated
    /// A long frame whose place on the second way is still taken: release, then ask again.
    case busy
    /// No frame has come.
    case nothing
}

/// The receiving side of a port's socket (Documentation/networking/packet_mmap.rst, TPACKET_V2).
///
/// Frames are taken in order of arrival with `next` and given back to the kernel, all that were taken, with `release`.
/// Invariant: slots from `released` up to `taken` are in user space; all others are the kernel's or wait to be taken.
public struct ReceiveRing: ~Copyable {
    private let socket: PortSocket
    private let base: UnsafeMutableRawPointer
    private let slotBytes: Int
    private let slotsInBlock: Int
    private let blockBytes: Int
    private let slots: Int
    private var taken = 0
    private var released = 0
    private var overflow: OverflowFrames

    public init(_ socket: PortSocket) {
        self.socket = socket
        base = socket.mapping.base
        slotBytes = Int(socket.request.tp_frame_size)
        blockBytes = Int(socket.request.tp_block_size)
        slotsInBlock = blockBytes / slotBytes
        slots = Int(socket.request.tp_frame_nr)
        overflow = OverflowFrames()
    }

    @inline(__always)
    private func slot(_ index: Int) -> UnsafeMutableRawPointer {
        base + (index / slotsInBlock * blockBytes + index % slotsInBlock * slotBytes)
    }

    /// No frame has come that wasn't taken.
    public var isEmpty: Bool { Int32(bitPattern: weir_load_acquire_u32(slot(taken))) & TP_STATUS_USER == 0 }

    /// The next frame that has come, if any.
    public mutating func next() -> Received {
        let slot = slot(taken)
        let status = Int32(bitPattern: weir_load_acquire_u32(slot))
        guard status & TP_STATUS_USER != 0 else { return .nothing }
        let header = slot.load(as: tpacket2_hdr.self)
        let start = slot + Int(header.tp_mac)
        let length = Int(header.tp_len)
        let captured = Int(header.tp_snaplen)
        // Every value is the kernel's own, but an offset is believed only inside the slot.
        let inside = Int(header.tp_mac) >= ReceivedFrame.virtioHeaderLength && Int(header.tp_mac) + captured <= slotBytes
        var frame = ReceivedFrame(
            start: start, length: captured, tag: nil,
            time: UInt64(header.tp_sec) &* 1_000_000_000 &+ UInt64(header.tp_nsec))
        if status & TP_STATUS_VLAN_VALID != 0 {
            let tpid = status & TP_STATUS_VLAN_TPID_VALID != 0 ? header.tp_vlan_tpid : UInt16(ETH_P_8021Q)
            frame.tag = VLANTag(tpid: tpid, tci: header.tp_vlan_tci)
        }
        if status & TP_STATUS_COPY != 0 {
            switch overflow.receive(from: socket.number, length: length) {
            case .full: return .busy
            case .lost: break
            case .frame(let whole):
                frame.start = whole
                frame.length = length
                advance()
                return .frame(frame)
            }
        } else if captured == length, inside {
            advance()
            return .frame(frame)
        }
        advance()
        return .truncated
    }

    @inline(__always)
    private mutating func advance() {
        taken = taken &+ 1 == slots ? 0 : taken &+ 1
    }

    /// Gives all slots that were taken back to the kernel. No frame taken before may be looked at any more.
    public mutating func release() {
        while released != taken {
            weir_store_release_u32(slot(released), UInt32(TP_STATUS_KERNEL))
            released = released &+ 1 == slots ? 0 : released &+ 1
        }
        overflow.reset()
    }
}

/// Memory for frames that don't fit a slot. With PACKET_COPY_THRESH the kernel queues such a frame whole on the socket, in
/// the ring's order, `virtio_net_hdr` first.
package struct OverflowFrames: ~Copyable {
    package enum Outcome {
        case frame(UnsafeMutableRawPointer)
        case full
        case lost
    }

    /// GSO_MAX_SIZE (include/linux/netdevice.h) with room for headers: no super-frame is longer.
    private static let longest = 528 << 10
    /// Once frames fill this, no more are received before `reset`. The kernel copies each frame in and out again, and that takes a fifth
    /// less time while all of them stay in the second-level cache.
    package static let budget = 256 << 10

    /// Pages of it that are never used are never there.
    private let memory: UnsafeMutableRawPointer
    private var used = 0

    package init() {
        memory = .allocate(byteCount: Self.budget + Self.longest, alignment: 4096)
    }

    deinit {
        memory.deallocate()
    }

    /// Takes the socket's next queued frame, which must have `length` bytes.
    package mutating func receive(from socket: Int32, length: Int) -> Outcome {
        guard used < Self.budget else { return .full }
        let place = memory + used
        var received: Int
        repeat {
            received = recv(socket, place, Self.longest, Int32(MSG_DONTWAIT) | Int32(MSG_TRUNC))
        } while received < 0 && errno == EINTR
        guard received == length + ReceivedFrame.virtioHeaderLength, received <= Self.longest else { return .lost }
        // The next one begins with a cache line.
        used += (received + 63) & ~63
        return .frame(place + ReceivedFrame.virtioHeaderLength)
    }

    /// All frames that were taken have been looked at.
    package mutating func reset() {
        used = 0
    }
}
