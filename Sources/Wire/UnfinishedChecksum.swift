/// What is made of the transport checksums of frames that no port has delivered, whose state nobody notes beside them.
public enum ChecksumTrust: String, Sendable, CaseIterable {
    /// They have to be right.
    case verify
    /// They have to be right, but that one which is exactly the pseudo header's sum was left to hardware: the frame was recorded on its
    /// way to a card, or after receive offload has put it together.
    case offload
    /// They are not looked at.
    case ignore
}

extension ParsedFrame {
    /// Where TCP and UDP have their checksum (RFC 9293, section 3.1, and RFC 768), and the bytes that their header has at least.
    private static func checksumPlace(of number: UInt8?) -> (offset: Int, header: Int)? {
        switch number {
        case IPProtocol.tcp?: (16, 20)
        case IPProtocol.udp?: (6, 8)
        default: nil
        }
    }

    /// True if the checksum of TCP or UDP is the sum of the pseudo header and nothing else, as a stack leaves it to hardware
    /// (`VIRTIO_NET_HDR_F_NEEDS_CSUM`, `CHECKSUM_PARTIAL`), and not right as it stands. SCTP has no pseudo header, and leaves zeros
    /// (`sctp_packet_transmit`).
    ///
    /// Windows leaves out the length of TCP segments that the hardware cuts up (NDIS large send offload), as it is not known yet.
    /// - Parameter bytes: What was parsed.
    public func hasUnfinishedChecksum(in bytes: RawSpan) -> Bool {
        guard hasTransport, !isFragment, bytes.byteCount == byteCount else { return false }
        if transportProtocol == IPProtocol.sctp { return hasZeroSCTPChecksum(in: bytes) }
        guard let place = Self.checksumPlace(of: transportProtocol),
            transportLength >= place.header
        else { return false }
        let found = bytes.be16(at: transportOffset &+ place.offset)
        guard
            found == pseudoHeader(length: transportLength).folded
                || transportProtocol == IPProtocol.tcp && found == pseudoHeader(length: 0).folded
        else { return false }
        // One frame in 65,536 has this sum by right.
        var whole = pseudoHeader(length: transportLength)
        whole.add(bytes.extracting(transportOffset..<networkEnd))
        return whole.value != 0
    }

    /// One packet in 4,294,967,296 has it by right, which is not worth a sum over all others.
    private func hasZeroSCTPChecksum(in bytes: RawSpan) -> Bool {
        // The common header (RFC 9260, section 3.1).
        transportLength >= 12 && bytes.be32(at: transportOffset &+ 8) == 0
    }

    private func pseudoHeader(length: Int) -> Checksum {
        var sum = Checksum()
        guard let number = transportProtocol else { return sum }
        if network == .ipv6 {
            sum.addIPv6PseudoHeader(source: source, destination: destination, protocol: number, length: length)
        } else {
            sum.addIPv4PseudoHeader(source: source, destination: destination, protocol: number, length: length)
        }
        return sum
    }
}
