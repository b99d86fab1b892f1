public import Wire

/// How large a frame will be on the wire.
public enum PacketSize {
    /// What Linux takes out of a super-frame's IPv6 header on the way to the wire: a hop-by-hop options header with a jumbo payload
    /// option (`ipv6_hopopt_jumbo_remove`).
    private static let jumboHeader = 8

    /// Bytes of the largest network-layer packet that a received frame becomes: its own size without a trailer, or for a super-frame
    /// (TSO, GRO) that of its full segments, with the headers of all tunnels; nil for a super-frame whose segments' headers can't be found.
    public static func largestOnWire(_ frame: ParsedFrame, _ offload: OffloadHeader, _ bytes: RawSpan) -> Int? {
        guard let kind = offload.kind else { return frame.networkLength }
        guard frame.network == .ipv4 || frame.network == .ipv6 else { return nil }
        let segment = offload.segmentSize
        // UDP fragmentation offload: the size counts what each fragment carries.
        if kind == .other { return frame.transportOffset &- frame.networkOffset &+ segment }
        guard let transport = segmentedHeader(frame, offload) else { return nil }
        var headers = transport &- frame.networkOffset
        if kind == .udp {
            headers &+= TransportHeader.udpHeaderLength
        } else {
            guard transport &+ TransportHeader.tcpHeaderLength <= bytes.byteCount else { return nil }
            // Data offset, in 32-bit words (RFC 9293, section 3.1).
            headers &+= Int(bytes.u8(at: transport &+ 12) >> 4) &* 4
        }
        return headers &+ segment &- (hasJumboHeader(frame, bytes) ? jumboHeader : 0)
    }

    /// Where the header of the TCP or UDP stands whose payload is cut into segments: in a tunnel the innermost one, which only the
    /// place of the unfinished checksum tells. Never before the outer transport header, whatever the sender's machine says.
    private static func segmentedHeader(_ frame: ParsedFrame, _ offload: OffloadHeader) -> Int? {
        guard offload.needsChecksum else { return frame.hasTransport ? frame.transportOffset : nil }
        return max(offload.checksumStart, frame.hasTransport ? frame.transportOffset : frame.networkOffset)
    }

    private static func hasJumboHeader(_ frame: ParsedFrame, _ bytes: RawSpan) -> Bool {
        typealias IPv6 = ParsedFrame.IPv6
        let next = frame.networkOffset &+ IPv6.headerLength
        guard frame.network == .ipv6, frame.networkLength > IPv6.headerLength &+ 0xffff, next &+ jumboHeader <= bytes.byteCount else {
            return false
        }
        return bytes.u8(at: frame.networkOffset &+ IPv6.nextHeader) == IPProtocol.hopByHopOptions
            && bytes.u8(at: next) == IPProtocol.tcp && bytes.u8(at: next &+ 1) == 0
    }
}
