internal import Wire

/// A super-frame's shape: where its innermost transport header is, and which headers before it differ between segments.
public struct SuperFrame: Sendable {
    /// Bytes before the payload, which is cut into segments.
    public let headerLength: Int
    public let payloadLength: Int
    /// Payload bytes of each segment but the last.
    public let segmentSize: Int
    /// The innermost transport header's first byte.
    public let transportOffset: Int
    public let isTCP: Bool
    let layers: LayerList
    /// See `HeaderWalk.jumbo`.
    let jumbo: (header: Int, ipv6: Int)?

    /// Segments that it becomes on the wire.
    public var segmentCount: Int { (payloadLength &+ segmentSize &- 1) / segmentSize }

    /// Reads the headers of a frame with an offload header of a known kind.
    /// - Parameter bytes: The whole frame, a tag beside it left out.
    public static func read(_ bytes: RawSpan, _ offload: OffloadHeader) -> Result<SuperFrame, SegmentationFault> {
        let isTCP: Bool
        let version: Int
        switch offload.kind {
        case .tcp4: (isTCP, version) = (true, 4)
        case .tcp6: (isTCP, version) = (true, 6)
        case .udp: (isTCP, version) = (false, 0)
        case .other, nil: return .failure(.unknownKind)
        }
        guard offload.needsChecksum else { return .failure(.unknownTransport) }
        let start = offload.checksumStart
        let end = bytes.byteCount
        guard start >= 14, offload.segmentSize > 0,
            offload.checksumOffset == (isTCP ? TransportHeader.tcpChecksum : TransportHeader.udpChecksum),
            end &- start >= (isTCP ? 20 : 8)
        else { return .failure(.unknownHeaders) }
        // Data offset, in words of 4 bytes (RFC 9293, section 3.1).
        let transportLength = isTCP ? Int(bytes.u8(at: start &+ 12) >> 4) &* 4 : 8
        let headerLength = start &+ transportLength
        guard transportLength >= (isTCP ? 20 : 8), headerLength < end else { return .failure(.unknownHeaders) }

        var walk = HeaderWalk(target: start, end: end, transport: isTCP ? IPProtocol.tcp : IPProtocol.udp, version: version)
        guard walk.ethernet(bytes, at: 0) else { return .failure(.unknownHeaders) }
        guard headerLength <= Segmenter.longestHead else { return .failure(.headersTooLong) }
        let frame = SuperFrame(
            headerLength: headerLength, payloadLength: end &- headerLength, segmentSize: offload.segmentSize, transportOffset: start,
            isTCP: isTCP, layers: walk.layers, jumbo: walk.jumbo)
        guard frame.segmentCount <= Segmenter.mostSegments else { return .failure(.tooManySegments) }
        return .success(frame)
    }
}

/// Places in the innermost transport header.
enum TransportHeader {
    static let tcpSequence = 4
    /// CWR, ECE, URG, ACK, PSH, RST, SYN, FIN, from the highest bit to the lowest (RFC 9293, section 3.1).
    static let tcpFlags = 13
    static let tcpChecksum = 16
    static let udpLength = 4
    static let udpChecksum = 6
    /// `struct tcphdr` without options, and `struct udphdr` (RFC 9293, section 3.1; RFC 768).
    static let tcpHeaderLength = 20
    static let udpHeaderLength = 8
}
