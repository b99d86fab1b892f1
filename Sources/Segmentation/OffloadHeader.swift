/// What a `virtio_net_hdr` says of a frame (Virtual I/O Device 1.2, section 5.1.6; include/uapi/linux/virtio_net.h).
///
/// Offsets count from the first byte of the frame as it lies in memory, without a tag that stands beside it.
public struct OffloadHeader: Sendable, Equatable {
    /// How to segment a super-frame.
    public enum Kind: Sendable {
        case tcp4, tcp6
        /// Datagrams of one size each (GSO_UDP_L4).
        case udp
        /// UFO, and whatever may come.
        case other
    }

    /// nil: the frame is one that stands on the wire as it is.
    public var kind: Kind?
    /// The transport checksum is unfinished, and the next two fields hold.
    public var needsChecksum: Bool
    /// Payload bytes of each segment but the last.
    public var segmentSize: Int
    /// Where the innermost transport header begins.
    public var checksumStart: Int
    /// The checksum field's place in it.
    public var checksumOffset: Int

    public init(kind: Kind?, needsChecksum: Bool, segmentSize: Int, checksumStart: Int, checksumOffset: Int) {
        self.kind = kind
        self.needsChecksum = needsChecksum
        self.segmentSize = segmentSize
        self.checksumStart = checksumStart
        self.checksumOffset = checksumOffset
    }

    /// The place of the checksum in SCTP's header (RFC 9260, section 3.1). No other protocol has one there that is left to hardware.
    private static let sctpChecksumOffset = 8

    /// The checksum is SCTP's, which is no Internet checksum: nobody finishes it for who doesn't say so (`csum_not_inet`), and a packet
    /// socket can't.
    public var isOfSCTP: Bool { needsChecksum && checksumOffset == Self.sctpChecksumOffset }

    /// The state of a frame that stands on the wire as it is.
    public static let none = OffloadHeader(kind: nil, needsChecksum: false, segmentSize: 0, checksumStart: 0, checksumOffset: 0)

    /// `VIRTIO_NET_HDR_F_NEEDS_CSUM`.
    public static let needsChecksumFlag: UInt8 = 1

    /// From the header's own values.
    @inlinable
    public init(flags: UInt8, type: UInt8, segmentSize: UInt16, checksumStart: UInt16, checksumOffset: UInt16) {
        // VIRTIO_NET_HDR_GSO_ECN says that CWR is set, which the TCP header says too.
        switch type & 0x7f {
        case 0: kind = nil
        case 1: kind = .tcp4
        case 4: kind = .tcp6
        case 5: kind = .udp
        default: kind = .other
        }
        needsChecksum = flags & Self.needsChecksumFlag != 0
        self.segmentSize = Int(segmentSize)
        self.checksumStart = Int(checksumStart)
        self.checksumOffset = Int(checksumOffset)
    }
}
