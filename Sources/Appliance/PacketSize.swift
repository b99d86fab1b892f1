import CLinux
import PacketIO
import Wire

/// How large a frame will be on the wire.
enum PacketSize {
    /// Bytes of the largest network-layer packet that a received frame becomes: its own size, or for a super-frame (TSO, GRO)
    /// that of its full segments; nil for a super-frame whose segments' headers can't be found.
    static func largestOnWire(_ frame: ParsedFrame, _ header: virtio_net_hdr, _ bytes: RawSpan) -> Int? {
        let kind = Int32(header.gso_type) & ~VIRTIO_NET_HDR_GSO_ECN
        if kind == VIRTIO_NET_HDR_GSO_NONE { return frame.byteCount - frame.networkOffset }
        guard frame.network == .ipv4 || frame.network == .ipv6 else { return nil }
        let segment = Int(header.gso_size)
        if kind == VIRTIO_NET_HDR_GSO_UDP {
            // UDP fragmentation offload: the size counts what each fragment bears.
            return frame.transportOffset - frame.networkOffset + segment
        }
        guard frame.hasTransport else { return nil }
        let transportHeader: Int
        if frame.transportProtocol == IPProtocol.tcp {
            // Data offset, in 32-bit words (RFC 9293, section 3.1).
            let place = frame.transportOffset + 12
            guard place < bytes.byteCount else { return nil }
            transportHeader = Int(bytes.u8(at: place) >> 4) * 4
        } else {
            transportHeader = 8
        }
        return frame.transportOffset - frame.networkOffset + transportHeader + segment
    }
}

/// Tells senders that their packets are too big for the other port, at a bounded rate.
struct TooBigAnswers: ~Copyable {
    /// Answers a second; senders need one each (Linux' own default for a host: net.ipv4.icmp_msgs_per_sec).
    private static let perSecond: UInt64 = 1000
    private static let interval = 1_000_000_000 / perSecond
    /// Answers in a burst.
    private static let burst: UInt64 = 50
    private static let capacity = 2048

    private let memory: UnsafeMutableRawPointer
    /// The time up to which the rate is used up (a leaky bucket as a time: GCRA, ITU-T I.371).
    private var theoreticalArrival: UInt64 = 0

    init() {
        memory = .allocate(byteCount: Self.capacity, alignment: 16)
    }

    deinit {
        memory.deallocate()
    }

    /// Answers a frame that came in on `socket`, where its protocol has an answer and the rate allows it.
    mutating func answer(_ frame: ReceivedFrame, _ parsed: ParsedFrame, mtu: Int, on socket: PortSocket) {
        let earliest = max(theoreticalArrival, frame.time)
        guard earliest - frame.time <= Self.interval * Self.burst else { return }
        let output = UnsafeMutableRawBufferPointer(start: memory, count: Self.capacity)
        var span = output.mutableBytes
        guard let length = PacketTooBig.answer(to: frame.bytes.bytes, frame: parsed, mtu: mtu, into: &span) else { return }
        theoreticalArrival = earliest + Self.interval
        _ = socket.send(UnsafeRawBufferPointer(rebasing: output[..<length]))
    }
}
