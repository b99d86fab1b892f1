package import Wire

/// Fields of a packet's headers that only events name: what `ParsedFrame` has no use for.
package struct PacketHeaders: Sendable, BitwiseCopyable {
    /// The first EtherType or length of the frame, a tag's too; 0 of a frame that ends before it.
    package var frameType: UInt16 = 0
    /// IPv4's time to live, or IPv6's hop limit.
    package var hopLimit: UInt8 = 0
    package var flowLabel: UInt32 = 0
    /// IPv4's total length or IPv6's payload length, as the header has it.
    package var length: UInt16 = 0
    /// Whole 20 bytes of a TCP header.
    package var tcp: TCP?
    package var udpLength: UInt16?
    /// Identifier and sequence number of an echo; of other types of ICMP, what stands in their place.
    package var echo: UInt32?

    /// A TCP header's fields (RFC 9293, section 3.1).
    package struct TCP: Sendable, BitwiseCopyable {
        package var sequence: UInt32
        package var acknowledgement: UInt32
        package var window: UInt16
        package var urgentPointer: UInt16
        /// The byte of flags, after the 4 bits that are reserved.
        package var reservedAndFlags: UInt16
    }

    /// All of them 0.
    package init() {}

    /// Reads them.
    /// - Parameter bytes: What `frame` was parsed from.
    package init(_ frame: ParsedFrame, _ bytes: RawSpan) {
        guard bytes.byteCount == frame.byteCount else { return }
        if frame.isTagOutOfBand {
            frameType = frame.outermostTag?.tpid ?? 0
        } else if bytes.byteCount >= 14 {
            frameType = bytes.be16(at: 12)
        }
        let start = frame.networkOffset
        switch frame.network {
        case .ipv4:
            length = bytes.be16(at: start &+ 2)
            hopLimit = bytes.u8(at: start &+ 8)
        case .ipv6:
            length = bytes.be16(at: start &+ 4)
            hopLimit = bytes.u8(at: start &+ 7)
            flowLabel = bytes.be32(at: start) & 0xf_ffff
        case .arp, .other: return
        }
        let place = frame.transportOffset
        guard frame.hasTransport, place &+ frame.transportLength <= bytes.byteCount else { return }
        switch frame.transportProtocol {
        case IPProtocol.tcp? where frame.transportLength >= 20:
            tcp = TCP(
                sequence: bytes.be32(at: place &+ 4), acknowledgement: bytes.be32(at: place &+ 8), window: bytes.be16(at: place &+ 14),
                urgentPointer: bytes.be16(at: place &+ 18), reservedAndFlags: bytes.be16(at: place &+ 12) & 0x0fff)
        case IPProtocol.udp? where frame.transportLength >= 8: udpLength = bytes.be16(at: place &+ 4)
        case IPProtocol.icmp? where frame.network == .ipv4 && frame.transportLength >= 8,
            IPProtocol.icmpv6? where frame.network == .ipv6 && frame.transportLength >= 8:
            echo = bytes.be32(at: place &+ 4)
        default: break
        }
    }
}
