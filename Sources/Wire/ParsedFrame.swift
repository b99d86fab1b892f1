/// What one Ethernet frame is: offsets and values, never its bytes.
///
/// Every offset counts from the first of the bytes that were parsed, and whatever an offset and its length describe lies inside
/// of them. A frame whose outermost tag was given apart and the same frame with that tag in its bytes parse to the same values,
/// but that `byteCount` and the offsets differ by the tag's 4 bytes.
public struct ParsedFrame: Sendable, Equatable {
    /// The protocol after the Ethernet header and all tags, as far as it is known here.
    public enum Network: UInt8, Sendable {
        case ipv4, ipv6, arp
        /// Anything else, IP that is malformed included.
        case other
    }

    /// Bytes that were parsed.
    public internal(set) var byteCount: Int
    /// The frame's length on the wire in bytes: with all tags, without the frame check sequence.
    public internal(set) var length: Int
    /// What is wrong with the frame, if anything. The fields of the layer at fault and of those above it are then unset.
    public internal(set) var malformation: Malformation?
    /// What a length of 0 in an IP header was taken for.
    public internal(set) var zeroLength: ZeroLength

    // MARK: Link

    /// The destination's MAC address in the low 48 bits, as the frame came; 0 if the Ethernet header is cut off.
    public internal(set) var destinationAddress: UInt64 = 0
    /// Tags of both kinds, wherever they stand.
    public internal(set) var tagCount = 0
    /// True if the outermost tag was given apart from the bytes.
    public internal(set) var isTagOutOfBand = false
    /// The outermost tag.
    public internal(set) var outermostTag: VLANTag?
    /// Tags that name a VLAN. Rules see the packet after one of them at most, and through any number of priority tags.
    public internal(set) var vlanCount = 0
    /// The tag that rules see: the outermost that names a VLAN, or the outermost of all if none does.
    public internal(set) var ruleTag: VLANTag?
    /// The first byte of `ruleTag`; -1 if it was given apart from the bytes, or there is none.
    public internal(set) var ruleTagOffset = -1
    /// The first byte that follows `ruleTag` and the priority tags after it; in an untagged frame, the Ethernet header. Here rules see
    /// the network header, whatever it is, as Linux does in a frame without stacked priority tags.
    public internal(set) var linkPayloadOffset = 14
    /// The EtherType before `linkPayloadOffset`, as Linux' `skb->protocol`: `EtherType.ieee8022` or `.ieee8023` where a length
    /// stands in its place. 0 if the Ethernet header is cut off.
    public internal(set) var outerEtherType: UInt16 = 0
    /// The EtherType after all tags, lengths replaced in the same way.
    public internal(set) var etherType: UInt16 = 0

    // MARK: Network

    public internal(set) var network = Network.other
    /// The first byte after all tags.
    public internal(set) var networkOffset = 0
    /// Bytes of the packet: for IP as its header says, without the frame's padding; for all else, what is left of the frame.
    public internal(set) var networkLength = 0
    /// An IPv4 address stands in the low 32 bits.
    public internal(set) var source: UInt128 = 0
    /// An IPv4 address stands in the low 32 bits.
    public internal(set) var destination: UInt128 = 0
    /// IPv4's type of service or IPv6's traffic class; the low two bits are ECN's.
    public internal(set) var trafficClass: UInt8 = 0
    /// IPv4's DF bit.
    public internal(set) var doNotFragment = false
    /// True if the IPv4 header is longer than 20 bytes.
    public internal(set) var hasIPv4Options = false

    // MARK: Fragment

    /// True if the packet is a part of a datagram. An atomic IPv6 fragment (RFC 6946) is not.
    public internal(set) var isFragment = false
    /// Where the part belongs in the datagram, in bytes.
    public internal(set) var fragmentOffset = 0
    /// True if parts follow this one.
    public internal(set) var moreFragments = false
    /// 16 bits wide in IPv4, 32 in IPv6; 0 in an IPv6 packet without a fragment header.
    public internal(set) var identification: UInt32 = 0
    /// The first byte that `fragmentOffset` counts: after the IPv4 header, or after the IPv6 fragment header. It reaches to the
    /// packet's end. 0 in a packet that is no fragment.
    public internal(set) var fragmentPayloadOffset = 0
    /// The protocol field (IPv4) or the fragment header's next header (IPv6); 0 in a packet that is no fragment.
    public internal(set) var fragmentNextHeader: UInt8 = 0
    /// True if another IPv6 fragment header that is not atomic follows the one that makes this a fragment.
    public internal(set) var holdsFragment = false
    /// True if the IPv6 extension headers of a first fragment end within it (RFC 7112, section 5).
    public internal(set) var hasWholeHeaderChain = true

    // MARK: Transport

    /// The number of the protocol after the IP header and its extension headers; nil where there is none to know: no IP, or a
    /// later IPv6 fragment that goes on with an extension header. Linux' walk for nft ends at an authentication header.
    public internal(set) var transportProtocol: UInt8?
    /// True if the transport header's place is known: not in a later fragment.
    public internal(set) var hasTransport = false
    /// 0 unless `hasTransport`.
    public internal(set) var transportOffset = 0
    /// To the packet's end; may be 0, or less than a whole header.
    public internal(set) var transportLength = 0
    /// True if the two ports are there to read: TCP, UDP, UDP-Lite, SCTP or DCCP, with at least 4 bytes.
    public internal(set) var hasPorts = false
    public internal(set) var sourcePort: UInt16 = 0
    public internal(set) var destinationPort: UInt16 = 0

    /// Puts another tag in the place of the one that rules see, where there is one. What it stands for is not read again.
    public mutating func retag(_ tag: VLANTag) {
        guard ruleTag != nil else { return }
        ruleTag = tag
        if ruleTagOffset < 0 || !isTagOutOfBand && ruleTagOffset == Ethernet.type { outermostTag = tag }
    }

    init(byteCount: Int, length: Int, zeroLength: ZeroLength) {
        self.byteCount = byteCount
        self.length = length
        self.zeroLength = zeroLength
    }

    /// The first byte after the packet: what follows is padding.
    @inlinable
    public var networkEnd: Int { networkOffset &+ networkLength }

    /// The length in bytes that Linux' bridge counts for the frame (`skb->len` in the forward hook): from `linkPayloadOffset` on,
    /// padding included.
    @inlinable
    public var linkPayloadLength: Int { max(0, byteCount &- linkPayloadOffset) }
}
