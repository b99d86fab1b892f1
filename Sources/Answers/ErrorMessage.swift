import Wire

/// An ICMP error that quotes the packet it is about: RFC 792 for IPv4, RFC 4443 for IPv6.
///
///     +---------------+---------------+-------------------------------+
///     |      Type     |      Code     |            Checksum           |
///     +---------------+---------------+-------------------------------+
///     |                   unused, or the next hop's MTU               |
///     +---------------------------------------------------------------+
///     |         The packet's beginning, as much as there is room for …
struct ErrorMessage {
    var type: UInt8
    var code: UInt8
    /// The next hop's MTU: in IPv4 the low 16 bits (RFC 1191, section 4), in IPv6 all (RFC 4443, section 3.2).
    var rest: UInt32 = 0

    /// ICMP "destination unreachable", and its code for packets that don't fit (RFC 1191, section 4).
    static let unreachable4: UInt8 = 3
    static let fragmentationNeeded: UInt8 = 4
    /// ICMPv6 "destination unreachable" and "packet too big".
    static let unreachable6: UInt8 = 1
    static let tooBig6: UInt8 = 2

    /// RFC 1812, section 4.3.2.5: an error has the precedence of internetwork control, and else the type of service of its packet.
    private static let precedence: UInt8 = 0xc0
    private static let typeOfService: UInt8 = 0x1e

    private static let headerLength = 8
    private static let checksum = 2
    private static let restOffset = 4

    /// Bytes of the whole packet that answers `frame`.
    static func length(_ frame: ParsedFrame) -> Int {
        frame.network == .ipv4
            ? min(Answer.ipv4Limit, ParsedFrame.IPv4.headerLength &+ headerLength &+ frame.networkLength)
            : min(Answer.ipv6Limit, ParsedFrame.IPv6.headerLength &+ headerLength &+ frame.networkLength)
    }

    /// - Parameters:
    ///   - length: Of the whole packet.
    ///   - start: The packet's first byte in `output`.
    func writeIPv4(_ bytes: RawSpan, _ frame: ParsedFrame, length: Int, at start: Int, to output: inout MutableRawSpan) {
        IPHeader.writeIPv4(
            answering: frame, protocol: IPProtocol.icmp, typeOfService: Self.precedence | frame.trafficClass & Self.typeOfService,
            length: length, at: start, to: &output)
        let own = start &+ ParsedFrame.IPv4.headerLength
        write(bytes, frame, at: own, end: start &+ length, to: &output)
        var message = Checksum()
        message.add(output.bytes.extracting(own..<start &+ length))
        output.store(message.value, at: own &+ Self.checksum)
    }

    /// - Parameters:
    ///   - length: Of the whole packet.
    ///   - start: The packet's first byte in `output`.
    func writeIPv6(_ bytes: RawSpan, _ frame: ParsedFrame, length: Int, at start: Int, to output: inout MutableRawSpan) {
        let own = start &+ ParsedFrame.IPv6.headerLength
        let messageLength = length &- ParsedFrame.IPv6.headerLength
        IPHeader.writeIPv6(answering: frame, nextHeader: IPProtocol.icmpv6, payloadLength: messageLength, at: start, to: &output)
        write(bytes, frame, at: own, end: start &+ length, to: &output)
        var message = Checksum()
        message.addIPv6PseudoHeader(
            source: frame.destination, destination: frame.source, protocol: IPProtocol.icmpv6, length: messageLength)
        message.add(output.bytes.extracting(own..<start &+ length))
        output.store(message.value, at: own &+ Self.checksum)
    }

    /// The message without its checksum, from `own` to `end`.
    private func write(_ bytes: RawSpan, _ frame: ParsedFrame, at own: Int, end: Int, to output: inout MutableRawSpan) {
        let quote = own &+ Self.headerLength
        output.store(UInt16(type) << 8 | UInt16(code), at: own)
        output.store(UInt16(0), at: own &+ Self.checksum)
        output.store(rest, at: own &+ Self.restOffset)
        output.copy(bytes, from: frame.networkOffset, count: end &- quote, to: quote)
    }
}
