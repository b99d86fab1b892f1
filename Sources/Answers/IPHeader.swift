import Wire

/// The IP header of an answer: from the packet's destination to its source.
enum IPHeader {
    /// The TTL or hop limit that hosts commonly begin with (IANA, IP Parameters).
    private static let timeToLive: UInt8 = 64

    /// - Parameters:
    ///   - frame: The packet that is answered.
    ///   - length: Of the whole answer, in bytes.
    ///   - start: The answer's first byte in `output`.
    static func writeIPv4(
        answering frame: ParsedFrame, protocol number: UInt8, typeOfService: UInt8, length: Int, at start: Int,
        to output: inout MutableRawSpan
    ) {
        typealias IPv4 = ParsedFrame.IPv4
        output.store(UInt8(0x45), at: start &+ IPv4.versionAndHeaderLength)
        output.store(typeOfService, at: start &+ IPv4.typeOfService)
        output.store(UInt16(truncatingIfNeeded: length), at: start &+ IPv4.totalLength)
        // With DF set the identification has no meaning (RFC 6864, section 4.1).
        output.store(UInt16(0), at: start &+ IPv4.identification)
        output.store(IPv4.doNotFragment, at: start &+ IPv4.flagsAndFragmentOffset)
        output.store(timeToLive, at: start &+ IPv4.timeToLive)
        output.store(number, at: start &+ IPv4.protocol)
        output.store(UInt16(0), at: start &+ IPv4.headerChecksum)
        output.store(UInt32(truncatingIfNeeded: frame.destination), at: start &+ IPv4.source)
        output.store(UInt32(truncatingIfNeeded: frame.source), at: start &+ IPv4.destination)
        var header = Checksum()
        header.add(output.bytes.extracting(start..<start &+ IPv4.headerLength))
        output.store(header.value, at: start &+ IPv4.headerChecksum)
    }

    /// - Parameters:
    ///   - frame: The packet that is answered.
    ///   - payloadLength: Of the answer, in bytes.
    ///   - start: The answer's first byte in `output`.
    static func writeIPv6(
        answering frame: ParsedFrame, nextHeader: UInt8, payloadLength: Int, at start: Int, to output: inout MutableRawSpan
    ) {
        typealias IPv6 = ParsedFrame.IPv6
        output.store(UInt32(6) << 28, at: start &+ IPv6.versionAndTrafficClass)
        output.store(UInt16(truncatingIfNeeded: payloadLength), at: start &+ IPv6.payloadLength)
        output.store(nextHeader, at: start &+ IPv6.nextHeader)
        output.store(timeToLive, at: start &+ IPv6.hopLimit)
        output.store(frame.destination, at: start &+ IPv6.source)
        output.store(frame.source, at: start &+ IPv6.destination)
    }
}
