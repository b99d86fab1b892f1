extension PacketTooBig {
    /// Offsets in the answer's IPv4 packet: a header of 20 bytes, and the ICMP message (RFC 792, RFC 1191, section 4).
    ///
    ///     +---------------+---------------+-------------------------------+
    ///     |   Type = 3    |   Code = 4    |            Checksum           |
    ///     +---------------+---------------+-------------------------------+
    ///     |            unused             |         Next-Hop MTU          |
    ///     +-------------------------------+-------------------------------+
    ///     |      Internet header and the beginning of its data …
    enum ICMPv4 {
        static let typeAndCode = 20
        static let checksum = 22
        static let nextHopMTU = 26
        static let quoteOffset = 28

        static let fragmentationNeeded: UInt16 = 3 << 8 | 4
        /// RFC 1812, section 4.3.2.5: an error has the precedence of internetwork control.
        static let typeOfService: UInt8 = 0xc0
    }

    /// Offsets in the answer's IPv6 packet: a header of 40 bytes, and the ICMPv6 message (RFC 4443, section 3.2).
    ///
    ///     +---------------+---------------+-------------------------------+
    ///     |   Type = 2    |   Code = 0    |            Checksum           |
    ///     +---------------+---------------+-------------------------------+
    ///     |                              MTU                              |
    ///     +---------------------------------------------------------------+
    ///     |      As much of the packet as fits …
    enum ICMPv6 {
        static let typeAndCode = 40
        static let checksum = 42
        static let mtu = 44
        static let quoteOffset = 48

        static let packetTooBig: UInt16 = 2 << 8
        /// From here on types are informational (RFC 4443, section 2.1).
        static let firstInformational: UInt8 = 128
        static let redirect: UInt8 = 137
    }

    /// The TTL or hop limit that hosts commonly begin with (IANA, IP Parameters).
    private static let timeToLive: UInt8 = 64

    static func isAnswerableIPv4(_ frame: ParsedFrame, _ bytes: RawSpan) -> Bool {
        guard frame.doNotFragment, frame.hasTransport else { return false }
        guard isSingleIPv4Host(frame.source), isSingleIPv4Host(frame.destination) else { return false }
        guard frame.transportProtocol == IPProtocol.icmp else { return true }
        guard frame.transportLength >= 1 else { return false }
        switch bytes.u8(at: frame.transportOffset) {
        // Queries and their replies (RFC 1122, section 3.2.2), router discovery among them (RFC 1256); all else is or may be an error.
        case 0, 8, 9, 10, 13, 14, 15, 16, 17, 18: return true
        default: return false
        }
    }

    /// RFC 1122, section 3.2.2: not zero, loopback, multicast, class E or broadcast.
    private static func isSingleIPv4Host(_ address: UInt128) -> Bool {
        let first = UInt8(truncatingIfNeeded: address >> 24)
        return first != 0 && first != 127 && first < 224
    }

    static func isAnswerableIPv6(_ frame: ParsedFrame, _ bytes: RawSpan) -> Bool {
        guard isSingleIPv6Host(frame.source), isSingleIPv6Host(frame.destination) else { return false }
        guard frame.transportProtocol == IPProtocol.icmpv6 else { return true }
        guard frame.transportLength >= 1 else { return false }
        let type = bytes.u8(at: frame.transportOffset)
        return type >= ICMPv6.firstInformational && type != ICMPv6.redirect
    }

    /// Not unspecified, loopback or multicast.
    private static func isSingleIPv6Host(_ address: UInt128) -> Bool {
        address > 1 && address >> 120 != 0xff
    }

    /// - Parameters:
    ///   - length: Of the whole packet.
    ///   - start: The packet's first byte in `output`.
    static func writeIPv4(
        _ bytes: RawSpan, _ frame: ParsedFrame, mtu: UInt16, length: Int, at start: Int, to output: inout MutableRawSpan
    ) {
        typealias IPv4 = ParsedFrame.IPv4
        output.store(UInt8(0x45), at: start &+ IPv4.versionAndHeaderLength)
        output.store(ICMPv4.typeOfService, at: start &+ IPv4.typeOfService)
        output.store(UInt16(truncatingIfNeeded: length), at: start &+ IPv4.totalLength)
        // With DF set the identification has no meaning (RFC 6864, section 4.1).
        output.store(UInt16(0), at: start &+ IPv4.identification)
        output.store(IPv4.doNotFragment, at: start &+ IPv4.flagsAndFragmentOffset)
        output.store(timeToLive, at: start &+ IPv4.timeToLive)
        output.store(IPProtocol.icmp, at: start &+ IPv4.protocol)
        output.store(UInt16(0), at: start &+ IPv4.headerChecksum)
        output.store(UInt32(truncatingIfNeeded: frame.destination), at: start &+ IPv4.source)
        output.store(UInt32(truncatingIfNeeded: frame.source), at: start &+ IPv4.destination)
        var header = Checksum()
        header.add(output.bytes.extracting(start..<start &+ IPv4.headerLength))
        output.store(header.value, at: start &+ IPv4.headerChecksum)

        output.store(ICMPv4.fragmentationNeeded, at: start &+ ICMPv4.typeAndCode)
        output.store(UInt16(0), at: start &+ ICMPv4.checksum)
        output.store(UInt16(0), at: start &+ ICMPv4.nextHopMTU &- 2)
        output.store(mtu, at: start &+ ICMPv4.nextHopMTU)
        output.copy(bytes, from: frame.networkOffset, count: length &- ICMPv4.quoteOffset, to: start &+ ICMPv4.quoteOffset)
        var message = Checksum()
        message.add(output.bytes.extracting(start &+ ICMPv4.typeAndCode..<start &+ length))
        output.store(message.value, at: start &+ ICMPv4.checksum)
    }

    /// - Parameters:
    ///   - length: Of the whole packet.
    ///   - start: The packet's first byte in `output`.
    static func writeIPv6(
        _ bytes: RawSpan, _ frame: ParsedFrame, mtu: UInt32, length: Int, at start: Int, to output: inout MutableRawSpan
    ) {
        typealias IPv6 = ParsedFrame.IPv6
        let messageLength = length &- IPv6.headerLength
        output.store(UInt32(6) << 28, at: start &+ IPv6.versionAndTrafficClass)
        output.store(UInt16(truncatingIfNeeded: messageLength), at: start &+ IPv6.payloadLength)
        output.store(IPProtocol.icmpv6, at: start &+ IPv6.nextHeader)
        output.store(timeToLive, at: start &+ IPv6.hopLimit)
        output.store(frame.destination, at: start &+ IPv6.source)
        output.store(frame.source, at: start &+ IPv6.destination)

        output.store(ICMPv6.packetTooBig, at: start &+ ICMPv6.typeAndCode)
        output.store(UInt16(0), at: start &+ ICMPv6.checksum)
        output.store(mtu, at: start &+ ICMPv6.mtu)
        output.copy(bytes, from: frame.networkOffset, count: length &- ICMPv6.quoteOffset, to: start &+ ICMPv6.quoteOffset)
        var message = Checksum()
        message.addIPv6PseudoHeader(
            source: frame.destination, destination: frame.source, protocol: IPProtocol.icmpv6, length: messageLength)
        message.add(output.bytes.extracting(start &+ ICMPv6.typeAndCode..<start &+ length))
        output.store(message.value, at: start &+ ICMPv6.checksum)
    }
}
