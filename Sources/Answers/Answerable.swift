import Wire

/// To which frames no answer goes.
extension Answer {
    /// From here on ICMPv6's types are informational (RFC 4443, section 2.1).
    private static let firstInformational: UInt8 = 128
    private static let redirect: UInt8 = 137

    /// Returns false for frames to which this answer is not to be given.
    ///
    /// These are: all but IPv4 and IPv6, and what is malformed; a source or destination, of packet or frame, that is not a single host's
    /// (RFC 1122, section 3.2.2; RFC 4443, section 2.4(e)); IPv4 fragments but the first, IPv6 ones with "packet too big" only;
    /// ICMP errors, and what could be one. "Too big" goes to no IPv4 packet without the DF bit but super-frames, and a reset only to
    /// whole TCP segments that are none. Nothing goes to a packet whose IPv4 header checksum is wrong (Linux: `ip_rcv_core`), and only "too
    /// big" where the transport's is (`nf_send_reset`, `nf_send_unreach`).
    public func mayBeGiven(to answered: AnsweredFrame, _ bytes: RawSpan) -> Bool {
        let frame = answered.frame
        guard answered.goes(with: bytes), frame.malformation == nil else { return false }
        let isGroup = (bytes.u8(at: ParsedFrame.Ethernet.destination) | bytes.u8(at: ParsedFrame.Ethernet.source)) & 1 != 0
        guard !isGroup else { return false }
        switch frame.network {
        case .ipv4: guard Self.isAnswerableIPv4(frame, bytes) else { return false }
        case .ipv6: guard Self.isAnswerableIPv6(frame, bytes) else { return false }
        case .arp, .other: return false
        }
        guard answered.isHeaderKnown || frame.hasRightHeaderChecksum(in: bytes) else { return false }
        // All but "too big" look at the whole of it.
        if case .tooBig = self {} else if answered.isBeginning { return false }
        switch self {
        case .tooBig(let mtu):
            guard frame.network == .ipv4 else { return 1...0xffff_ffff ~= mtu }
            return (frame.doNotFragment || answered.isSuperFrame) && 1...0xffff ~= mtu
        case .tcpReset:
            return TCPReset.canAnswer(bytes, frame) && (answered.isChecksumKnown || Self.hasRightChecksum(frame, bytes))
        case .unreachable:
            guard frame.hasTransport else { return false }
            return answered.isChecksumKnown || Self.hasRightChecksum(frame, bytes)
        }
    }

    private static func isAnswerableIPv4(_ frame: ParsedFrame, _ bytes: RawSpan) -> Bool {
        guard frame.hasTransport, isSingleIPv4Host(frame.source), isSingleIPv4Host(frame.destination) else { return false }
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

    private static func isAnswerableIPv6(_ frame: ParsedFrame, _ bytes: RawSpan) -> Bool {
        guard isSingleIPv6Host(frame.source), isSingleIPv6Host(frame.destination) else { return false }
        guard frame.transportProtocol == IPProtocol.icmpv6 else { return true }
        guard frame.hasTransport, frame.transportLength >= 1, frame.transportOffset < bytes.byteCount else { return false }
        let type = bytes.u8(at: frame.transportOffset)
        return type >= firstInformational && type != redirect
    }

    /// Not unspecified, loopback or multicast.
    private static func isSingleIPv6Host(_ address: UInt128) -> Bool {
        address > 1 && address >> 120 != 0xff
    }

    /// True if the checksum of TCP, UDP, ICMP or ICMPv6 is right. A first fragment's can't be told, a UDP datagram may have none, and
    /// other protocols are left to their hosts: the answer then depends on nothing that a checksum covers.
    private static func hasRightChecksum(_ frame: ParsedFrame, _ bytes: RawSpan) -> Bool {
        guard !frame.isFragment else { return true }
        let number = frame.transportProtocol ?? IPProtocol.noNextHeader
        switch number {
        case IPProtocol.tcp, IPProtocol.icmpv6: break
        case IPProtocol.icmp: guard frame.network == .ipv4 else { return true }
        case IPProtocol.udp:
            if frame.transportLength >= 8, bytes.be16(at: frame.transportOffset &+ 6) == 0 { return true }
        default: return true
        }
        var checksum = Checksum()
        if frame.network == .ipv6 {
            checksum.addIPv6PseudoHeader(
                source: frame.source, destination: frame.destination, protocol: number, length: frame.transportLength)
        } else if number != IPProtocol.icmp {
            guard number != IPProtocol.icmpv6 else { return true }
            checksum.addIPv4PseudoHeader(
                source: frame.source, destination: frame.destination, protocol: number, length: frame.transportLength)
        }
        checksum.add(bytes.extracting(frame.transportOffset..<frame.networkEnd))
        return checksum.value == 0
    }
}
