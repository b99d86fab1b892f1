package import CLinux
import Glibc

/// What is asked of the receive rings; what is left open follows from the ports' MTU.
public struct RingSettings: Sendable, Equatable {
    /// Frames that a ring holds: 8 ms of the smallest at the rate that one worker forwards.
    public static let usualSlots = 4096
    /// Bytes of a ring that are not exceeded unless they are asked for: what 512 slots of 68 KiB take.
    private static let usualBytes = 34 << 20
    /// A frame of an MTU of 1500 with tags, and the kernel's header.
    private static let smallestSlot = 2048
    /// The Ethernet header, four tags in the bytes, `virtio_net_hdr`, `tpacket2_hdr` and `sockaddr_ll` with their alignment
    /// (net/packet/af_packet.c, tpacket_rcv).
    private static let headroom = 160

    public var slots: Int?
    public var slotBytes: Int?

    public init(slots: Int? = nil, slotBytes: Int? = nil) {
        self.slots = slots
        self.slotBytes = slotBytes
    }

    /// Slots that hold any frame up to the MTU. Super-frames, which are rarer by far than they are long, take the other way: slots for
    /// them would make every ring 30 times as large for the same number of frames.
    public func shape(mtu: UInt32) -> RingShape {
        let fitting = (Int(mtu) + Self.headroom + 255) & ~255
        let bytes = slotBytes ?? min(max(fitting, Self.smallestSlot), 68 << 10)
        return RingShape(slots: slots ?? max(min(Self.usualSlots, Self.usualBytes / bytes), 512), slotBytes: bytes)
    }
}

/// How large the receive rings are.
public struct RingShape: Sendable, Equatable {
    /// Frames that a ring holds.
    public var slots: Int
    /// Bytes of a slot, the kernel's own header (about 100 bytes) included. Longer frames are received by a system call each.
    public var slotBytes: Int

    public init(slots: Int, slotBytes: Int) {
        self.slots = slots
        self.slotBytes = slotBytes
    }

    /// The kernel's limits: a slot is aligned to 16 bytes and has room for its header and some frame; a block is physically
    /// contiguous and up to 4 MiB here, and holds whole slots (net/packet/af_packet.c, packet_set_ring).
    package func request() -> tpacket_req {
        let slotBytes = (min(max(slotBytes, 256), 1 << 20) + 15) & ~15
        let perBlock = max(1, (4 << 20) / slotBytes)
        let blockBytes = (min(perBlock, max(slots, 1)) * slotBytes + 4095) & ~4095
        let slotsInBlock = blockBytes / slotBytes
        let blocks = max(1, (min(max(slots, 1), 1 << 20) + slotsInBlock - 1) / slotsInBlock)
        return tpacket_req(
            tp_block_size: UInt32(blockBytes), tp_block_nr: UInt32(blocks), tp_frame_size: UInt32(slotBytes),
            tp_frame_nr: UInt32(blocks * slotsInBlock))
    }
}

/// A packet socket on one port for one worker: receives through a ring that it shares with the kernel, and sends.
///
/// The gate is closed until `open`, so that what comes in between `bind` and the joining of the fanout group, and would be
/// delivered to every worker, is delivered to none.
public final class PortSocket: Sendable {
    let descriptor: Descriptor
    nonisolated(unsafe) let mapping: Mapping
    let request: tpacket_req
    let link: Link

    /// To be polled for `POLLIN`.
    public var number: Int32 { descriptor.number }

    /// A bound socket with its gate closed. Needs CAP_NET_RAW and CAP_NET_ADMIN.
    public init(_ link: Link, shape: RingShape) throws(SystemCallError) {
        let request = shape.request()
        // Protocol 0 and a late bind: until then no frame of any interface is queued (packet(7)).
        let number = try systemCall("socket AF_PACKET") {
            socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        }
        let descriptor = Descriptor(owning: number)
        try setProgram(number, SOL_SOCKET, SO_ATTACH_FILTER, [.return(0)], "SO_ATTACH_FILTER")
        try setOption(number, SOL_PACKET, PACKET_VERSION, Int32(TPACKET_V2.rawValue), "PACKET_VERSION")
        // Before the ring: it changes the slots' layout.
        try setOption(number, SOL_PACKET, PACKET_VNET_HDR, Int32(1), "PACKET_VNET_HDR")
        try setOption(number, SOL_PACKET, PACKET_COPY_THRESH, Int32(1), "PACKET_COPY_THRESH")
        // For a socket by itself; in a fanout group only the group's own flag counts.
        try setOption(number, SOL_PACKET, PACKET_IGNORE_OUTGOING, Int32(1), "PACKET_IGNORE_OUTGOING")
        try setOption(number, SOL_SOCKET, SO_MARK, SendMark.of(link.index), "SO_MARK")
        // Room for frames on the second way, and for bursts of super-frames on their way out; beyond the system's limits.
        try setOption(number, SOL_SOCKET, SO_RCVBUFFORCE, Int32(16 << 20), "SO_RCVBUFFORCE")
        try setOption(number, SOL_SOCKET, SO_SNDBUFFORCE, Int32(16 << 20), "SO_SNDBUFFORCE")
        try setOption(number, SOL_PACKET, PACKET_RX_RING, request, "PACKET_RX_RING")
        let mapping = try Mapping(number, count: Int(request.tp_block_size) * Int(request.tp_block_nr))

        try bindPacketSocket(number, to: link, protocol: ETH_P_ALL)
        var membership = packet_mreq()
        membership.mr_ifindex = link.index
        membership.mr_type = UInt16(PACKET_MR_PROMISC)
        try setOption(number, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership, "PACKET_ADD_MEMBERSHIP")

        self.descriptor = descriptor
        self.mapping = mapping
        self.request = request
        self.link = link
    }

    /// What keeps this process or this kernel from opening such a socket; nil if nothing does. Binds to nothing.
    public static func obstacle() -> SystemCallError? {
        do throws(SystemCallError) {
            let number = try systemCall("socket AF_PACKET") {
                socket(AF_PACKET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            }
            let descriptor = Descriptor(owning: number)
            try setOption(descriptor.number, SOL_PACKET, PACKET_VERSION, Int32(TPACKET_V2.rawValue), "PACKET_VERSION")
            try setOption(descriptor.number, SOL_PACKET, PACKET_VNET_HDR, Int32(1), "PACKET_VNET_HDR")
            try setOption(descriptor.number, SOL_PACKET, PACKET_IGNORE_OUTGOING, Int32(1), "PACKET_IGNORE_OUTGOING")
            return nil
        } catch {
            return error
        }
    }

    /// Lets in what a program lets pass.
    /// - Parameter filter: The descriptor of an eBPF program of the kind `socketFilter`.
    public func open(filter: Int32) throws(SystemCallError) {
        try setOption(number, SOL_SOCKET, SO_ATTACH_BPF, filter, "SO_ATTACH_BPF")
    }

    /// Lets frames in.
    public func open() throws(SystemCallError) {
        try setOption(number, SOL_SOCKET, SO_DETACH_FILTER, Int32(0), "SO_DETACH_FILTER")
    }

    /// The socket still belongs to its interface: the kernel ends that when the interface is removed or moved away, for good.
    public var isBound: Bool { boundInterface(of: number) == link.index }

    /// Frames that the kernel could not put into the ring since the last call.
    public func takeKernelDrops() -> UInt64 {
        var statistics = tpacket_stats()
        var length = socklen_t(MemoryLayout<tpacket_stats>.size)
        guard getsockopt(number, SOL_PACKET, PACKET_STATISTICS, &statistics, &length) == 0 else { return 0 }
        return UInt64(statistics.tp_drops)
    }

    /// Takes the pending error off, so that `poll` sleeps again: ENETDOWN after a port went down, 0 for none.
    public func takeError() -> Int32 {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
    }
}
