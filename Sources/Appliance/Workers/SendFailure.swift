import Glibc
import PacketIO
package import Segmentation

/// Why a frame that was allowed did not leave by a port: what the kernel's error number means for a packet socket (packet_sendmsg,
/// net/packet/af_packet.c; __dev_queue_xmit, net/core/dev.c).
package enum SendFailure: Hashable {
    case portDown
    case portGone
    case queueFull
    case bufferFull
    case tooLong
    case unsegmentable
    case offloadRefused
    case notPermitted
    /// A super-frame that the kernel would refuse and Weir can't segment.
    case segmentation(SegmentationFault)
    /// An error number that no packet socket is known to give.
    case unknown(code: Int)

    package init(code: Int) {
        self =
            switch Int32(truncatingIfNeeded: code) {
            case ENETDOWN: .portDown
            case ENXIO, ENODEV: .portGone
            // net_xmit_errno turns NET_XMIT_DROP, a full queue's or an egress filter's, into this.
            case ENOBUFS: .queueFull
            case EAGAIN: .bufferFull
            case EMSGSIZE: .tooLong
            // validate_xmit_skb found no way to segment the frame or to finish its checksum.
            case ENOMEM: .unsegmentable
            // virtio_net_hdr_to_skb.
            case EINVAL: .offloadRefused
            case EPERM, EACCES: .notPermitted
            default: .unknown(code: code)
            }
    }

    /// The name in reports; it does not change between releases.
    package var name: String {
        switch self {
        case .portDown: "port-down"
        case .portGone: "port-gone"
        case .queueFull: "queue-full"
        case .bufferFull: "buffer-full"
        case .tooLong: "too-long"
        case .unsegmentable: "unsegmentable"
        case .offloadRefused: "offload-refused"
        case .notPermitted: "not-permitted"
        case .segmentation(let fault): fault.name
        case .unknown(let code): "unknown-\(ErrorName.symbol(code))"
        }
    }

    /// Said of the port itself already.
    var isSaidOfThePort: Bool { self == .portDown || self == .portGone }

    /// Why frames are lost, and what to do: the second half of a sentence about the port.
    package func advice(_ port: String) -> String {
        switch self {
        case .portDown: "it is down; set it up (ip link set \(port) up)"
        case .portGone: "the interface is gone"
        case .queueFull:
            "its queue is full, an egress filter of other software drops them, or the peer of a veth has a smaller MTU; look at tc -s qdisc show dev \(port), "
                + "tc filter show dev \(port) egress and nft list hooks netdev device \(port)"
        case .bufferFull: "it sends more slowly than frames come, and Weir's send buffer is full; a faster link or fewer senders help"
        case .tooLong: "they are longer than its MTU allows; raise the MTU of \(port) (ip link set \(port) mtu N), or lower the senders'"
        case .unsegmentable:
            "the kernel can't cut their super-frames into segments, or has no memory; turn the segmentation offload off where they "
                + "are sent (ethtool -K IFACE tso off gso off)"
        case .offloadRefused:
            "the kernel refuses what their sender says of their checksum and segments; turn these offloads off where they are sent "
                + "(ethtool -K IFACE tx off)"
        case .notPermitted: "the kernel forbids it; check that Weir has CAP_NET_RAW and that no security module stands in its way"
        case .segmentation(let fault): Self.advice(fault)
        case .unknown(let code):
            "for a reason that Weir has no name for (\(SystemCallError.name(of: Int32(truncatingIfNeeded: code)))); please report it"
        }
    }
}

extension SendFailure {
    private static func advice(_ fault: SegmentationFault) -> String {
        switch fault {
        case .unknownHeaders:
            "Weir doesn't know the headers of their super-frames; turn off the segmentation offload of these tunnels where they are sent "
                + "(ethtool -K IFACE tx-udp_tnl-segmentation off, or tso off), or have GRO off on the ports (--gro off)"
        case .unknownTransport:
            "the kernel doesn't say where the transport header of their super-frames is; turn hardware GRO and LRO off on the other port "
                + "(ethtool -K IFACE rx-gro-hw off lro off)"
        case .unknownKind:
            "their super-frames are of a kind that can't be segmented here (UDP fragmentation offload); turn it off where they are sent "
                + "(ethtool -K IFACE ufo off), or in the virtual machine's network settings"
        case .headersTooLong:
            "their super-frames have more than \(Segmenter.longestHead) bytes of headers; turn the segmentation offload off where they are "
                + "sent (ethtool -K IFACE tso off)"
        case .tooManySegments:
            "their super-frames are of more than \(Segmenter.mostSegments) segments; turn the segmentation offload off where they are sent "
                + "(ethtool -K IFACE tso off)"
        }
    }
}

extension PortCounters {
    /// Frames that one port could not send, of all workers together, by cause. Causes without any are left out.
    static func failures(_ counters: [PortCounters]) -> [SendFailure: UInt64] {
        var failures: [SendFailure: UInt64] = [:]
        for code in 0...largestError {
            let count = counters.reduce(0) { $0 &+ $1.failures(code) }
            if count > 0 { failures[SendFailure(code: code), default: 0] &+= count }
        }
        for fault in SegmentationFault.allCases {
            let count = counters.reduce(0) { $0 &+ $1.faults(fault) }
            if count > 0 { failures[.segmentation(fault)] = count }
        }
        return failures
    }
}
