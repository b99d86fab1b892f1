package import CLinux
import PacketIO
package import Wire

/// How large a frame will be on the wire.
package enum PacketSize {
    /// `struct tcphdr` without options and `struct udphdr` (RFC 9293, section 3.1; RFC 768).
    private static let tcpHeader = 20
    private static let udpHeader = 8
    /// What Linux takes out of a super-frame's IPv6 header on the way to the wire: a hop-by-hop options header with a jumbo payload
    /// option (`ipv6_hopopt_jumbo_remove`).
    private static let jumboHeader = 8

    /// Bytes of the largest network-layer packet that a received frame becomes: its own size, or for a super-frame (TSO, GRO)
    /// that of its full segments, with the headers of all tunnels; nil for a super-frame whose segments' headers can't be found.
    package static func largestOnWire(_ frame: ParsedFrame, _ header: virtio_net_hdr, _ bytes: RawSpan) -> Int? {
        let kind = Int32(header.gso_type) & ~VIRTIO_NET_HDR_GSO_ECN
        if kind == VIRTIO_NET_HDR_GSO_NONE { return frame.byteCount - frame.networkOffset }
        guard frame.network == .ipv4 || frame.network == .ipv6 else { return nil }
        let segment = Int(header.gso_size)
        if kind == VIRTIO_NET_HDR_GSO_UDP {
            // UDP fragmentation offload: the size counts what each fragment carries.
            return frame.transportOffset - frame.networkOffset + segment
        }
        guard let transport = segmentedHeader(frame, header) else { return nil }
        var headers = transport - frame.networkOffset
        if kind == VIRTIO_NET_HDR_GSO_UDP_L4 {
            headers += udpHeader
        } else {
            guard transport + tcpHeader <= bytes.byteCount else { return nil }
            // Data offset, in 32-bit words (RFC 9293, section 3.1).
            headers += Int(bytes.u8(at: transport + 12) >> 4) * 4
        }
        return headers + segment - (hasJumboHeader(frame, bytes) ? jumboHeader : 0)
    }

    /// Where the header of the TCP or UDP stands whose payload is cut into segments: in a tunnel the innermost one, which only the
    /// place of the unfinished checksum tells. Never before the outer transport header, whatever the sender's machine says.
    private static func segmentedHeader(_ frame: ParsedFrame, _ header: virtio_net_hdr) -> Int? {
        guard header.flags & UInt8(VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 else { return frame.hasTransport ? frame.transportOffset : nil }
        return max(Int(header.csum_start), frame.hasTransport ? frame.transportOffset : frame.networkOffset)
    }

    private static func hasJumboHeader(_ frame: ParsedFrame, _ bytes: RawSpan) -> Bool {
        typealias IPv6 = ParsedFrame.IPv6
        let next = frame.networkOffset + IPv6.headerLength
        guard frame.network == .ipv6, frame.networkLength > IPv6.headerLength + 0xffff, next + jumboHeader <= bytes.byteCount else {
            return false
        }
        return bytes.u8(at: frame.networkOffset + IPv6.nextHeader) == IPProtocol.hopByHopOptions
            && bytes.u8(at: next) == IPProtocol.tcp && bytes.u8(at: next + 1) == 0
    }
}
