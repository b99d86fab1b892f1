import Wire

/// The segment that says to a sender that there is no connection (RFC 9293, section 3.10.7.1).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-------------------------------+-------------------------------+
///     |          Source Port          |       Destination Port        |
///     +-------------------------------+-------------------------------+
///     |                        Sequence Number                        |
///     +---------------------------------------------------------------+
///     |                     Acknowledgment Number                     |
///     +-------+-------+---------------+-------------------------------+
///     |  Data |  Re-  |C E U A P R S F|                               |
///     | Offset| served|W C R C S S Y I|             Window            |
///     |       |       |R E G K H T N N|                               |
///     +-------+-------+---------------+-------------------------------+
///     |           Checksum            |         Urgent Pointer        |
///     +-------------------------------+-------------------------------+
enum TCPReset {
    static let headerLength = 20
    private static let sequence = 4
    private static let acknowledgement = 8
    private static let dataOffset = 12
    private static let flags = 13
    private static let window = 14
    private static let checksum = 16

    private static let finish: UInt8 = 0x01
    private static let synchronize: UInt8 = 0x02
    private static let reset: UInt8 = 0x04
    private static let acknowledge: UInt8 = 0x10

    /// True if a reset can answer the segment: it is whole, has a whole header, and is no reset itself.
    static func canAnswer(_ bytes: RawSpan, _ frame: ParsedFrame) -> Bool {
        guard frame.transportProtocol == IPProtocol.tcp, !frame.isFragment, frame.transportLength >= headerLength else { return false }
        let header = Int(bytes.u8(at: frame.transportOffset &+ dataOffset) >> 4) &* 4
        guard header >= headerLength, header <= frame.transportLength else { return false }
        return bytes.u8(at: frame.transportOffset &+ flags) & reset == 0
    }

    /// Bytes of the whole packet that answers `frame`.
    static func length(_ frame: ParsedFrame) -> Int {
        headerLength &+ (frame.network == .ipv4 ? ParsedFrame.IPv4.headerLength : ParsedFrame.IPv6.headerLength)
    }

    /// - Parameter start: The packet's first byte in `output`.
    static func write(_ bytes: RawSpan, _ frame: ParsedFrame, at start: Int, to output: inout MutableRawSpan) {
        let own: Int
        if frame.network == .ipv4 {
            IPHeader.writeIPv4(
                answering: frame, protocol: IPProtocol.tcp, typeOfService: 0, length: length(frame), at: start, to: &output)
            own = start &+ ParsedFrame.IPv4.headerLength
        } else {
            IPHeader.writeIPv6(answering: frame, nextHeader: IPProtocol.tcp, payloadLength: headerLength, at: start, to: &output)
            own = start &+ ParsedFrame.IPv6.headerLength
        }
        let theirs = frame.transportOffset
        output.store(frame.destinationPort, at: own)
        output.store(frame.sourcePort, at: own &+ 2)
        let theirFlags = bytes.u8(at: theirs &+ flags)
        if theirFlags & acknowledge != 0 {
            // <SEQ=SEG.ACK><CTL=RST>
            output.store(bytes.be32(at: theirs &+ acknowledgement), at: own &+ sequence)
            output.store(UInt32(0), at: own &+ acknowledgement)
            output.store(reset, at: own &+ flags)
        } else {
            // <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>: SYN and FIN count as a byte each (section 3.4).
            let header = Int(bytes.u8(at: theirs &+ dataOffset) >> 4) &* 4
            let length =
                frame.transportLength &- header &+ (theirFlags & synchronize != 0 ? 1 : 0) &+ (theirFlags & finish != 0 ? 1 : 0)
            output.store(UInt32(0), at: own &+ sequence)
            output.store(bytes.be32(at: theirs &+ sequence) &+ UInt32(truncatingIfNeeded: length), at: own &+ acknowledgement)
            output.store(reset | acknowledge, at: own &+ flags)
        }
        output.store(UInt8(headerLength / 4) << 4, at: own &+ dataOffset)
        output.store(UInt16(0), at: own &+ window)
        output.store(UInt32(0), at: own &+ checksum)
        var segment = Checksum()
        if frame.network == .ipv4 {
            segment.addIPv4PseudoHeader(
                source: frame.destination, destination: frame.source, protocol: IPProtocol.tcp, length: headerLength)
        } else {
            segment.addIPv6PseudoHeader(
                source: frame.destination, destination: frame.source, protocol: IPProtocol.tcp, length: headerLength)
        }
        segment.add(output.bytes.extracting(own..<own &+ headerLength))
        output.store(segment.value, at: own &+ checksum)
    }
}
