internal import Wire

/// A super-frame in one tunnel that the kernel can segment, or hand on whole, once it is told of the tunnel.
///
/// A `virtio_net_hdr` has no word for tunnels, so a program on the sending port tells the kernel (`TunnelProgram`). What it needs to
/// know of the frame are the fields of this type, and they travel in the frame's mark. Which tunnels these are follows from what
/// `bpf_skb_adjust_room` can say (net/core/filter.c, bpf_skb_net_grow).
///
/// It can't ask for an outer checksum, so that stays as it is in every segment (net/ipv4/udp_offload.c,
/// net/ipv4/gre_offload.c). It is right for all segments of one size: the inner IPv4 header and the inner transport segment each add up
/// to something that depends only on addresses and lengths, by their own checksums. So a super-frame with an outer checksum goes in a piece of
/// full segments, and the rest that isn't full by itself.
public struct KernelTunnel: Sendable, Equatable {
    /// Bytes from the outer IP header to the inner one. Even.
    public var outerLength: Int
    /// How many of them are the inner Ethernet header with its tags; 0 without one.
    public var linkLength: Int
    public var isUDP: Bool
    public var isGRE: Bool
    public var isOuterIPv6: Bool
    public var isInnerIPv6: Bool
    /// The frame has one tag, beside its bytes or in them.
    public var isTagged: Bool
    /// An outer checksum counts the inner packet.
    public var hasChecksum: Bool

    /// Bytes that the program has room for.
    public static let longestOuter = 254
    // The description: from the lowest bit on, outerLength / 2 in seven bits, linkLength / 2 in four, and the five flags.
    public static let linkShift: UInt32 = 7
    public static let udpBit: UInt32 = 1 << 11
    public static let greBit: UInt32 = 1 << 12
    public static let outerIPv6Bit: UInt32 = 1 << 13
    public static let innerIPv6Bit: UInt32 = 1 << 14
    public static let tagBit: UInt32 = 1 << 15

    /// All that the kernel must be told, for the lower half of the frame's mark.
    public var description: UInt16 {
        var mark = UInt32(truncatingIfNeeded: outerLength / 2)
        mark |= UInt32(truncatingIfNeeded: linkLength / 2) << Self.linkShift
        if isUDP { mark |= Self.udpBit }
        if isGRE { mark |= Self.greBit }
        if isOuterIPv6 { mark |= Self.outerIPv6Bit }
        if isInnerIPv6 { mark |= Self.innerIPv6Bit }
        if isTagged { mark |= Self.tagBit }
        return UInt16(truncatingIfNeeded: mark)
    }

    /// nil for a frame that is in no tunnel, or in one that the kernel can't be told of.
    init?(_ frame: SuperFrame, _ bytes: RawSpan, tag: VLANTag?) {
        let layers = frame.layers
        guard frame.jumbo == nil, layers.count >= 2, layers.count <= 4 else { return nil }
        let outer = layers[0]
        let inner = layers[layers.count - 1]
        guard outer.kind == .ipv4 || outer.kind == .ipv6, inner.kind == .ipv4 || inner.kind == .ipv6 else { return nil }
        // Nothing but one tag between the Ethernet header and the outer packet.
        switch (outer.offset, tag) {
        case (14, nil): isTagged = false
        case (14, _), (18, nil): isTagged = true
        default: return nil
        }
        guard outer.offset == 14 || EtherType.isTag(bytes.be16(at: 12)) else { return nil }
        isOuterIPv6 = outer.kind == .ipv6
        isInnerIPv6 = inner.kind == .ipv6
        isUDP = layers[1].kind == .udp
        isGRE = layers[1].kind == .gre
        outerLength = Int(inner.offset) - Int(outer.offset)
        linkLength = 0
        hasChecksum = false
        guard outerLength <= Self.longestOuter, outerLength & 1 == 0 else { return nil }

        let end = outer.offset + outer.length
        if layers.count == 2 {
            // The inner packet right after the outer header and its extensions.
            guard inner.offset == end else { return nil }
            return
        }
        // The kernel takes the transport header's place for granted here.
        let tunnel = layers[1]
        guard tunnel.offset == end, outer.length == (isOuterIPv6 ? 40 : 20), isUDP || isGRE else { return nil }
        let start = Int(tunnel.offset)
        if isUDP {
            guard layers.count == 4 else { return nil }
            hasChecksum = bytes.be16(at: start + 6) != 0
        } else {
            // Each segment's own sequence number the kernel can't write.
            let flags = bytes.be16(at: start)
            guard flags & GRE.sequence == 0 else { return nil }
            hasChecksum = flags & GRE.checksum != 0
            // What else may stand between (labels, a service header) is not for GRE's own segmentation.
            guard tunnel.offset + tunnel.length == layers[2].offset else { return nil }
        }
        guard layers.count == 4 else { return }
        let link = layers[2]
        guard link.kind == .ethernet else { return nil }
        linkLength = Int(inner.offset) - Int(link.offset)
        var place = Int(link.offset) + 12
        while place + 2 < Int(inner.offset), EtherType.isTag(bytes.be16(at: place)) { place += VLANTag.length }
        guard place + 2 == Int(inner.offset), linkLength <= 30 else { return nil }
    }
}
