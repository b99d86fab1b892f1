import Decisions
import Wire

/// Where the transport header stands that conntrack reads: after an IPv6 authentication header too (`ipv6_skip_exthdr`), where nft's
/// walk ends.
struct TransportPlace: BitwiseCopyable {
    var number: UInt8
    var offset: Int
    /// To the packet's end.
    var length: Int
    /// True if it is all of the datagram: of a first fragment neither lengths nor checksums can be held against it.
    var isWhole: Bool
    var isIPv6: Bool
    var source: UInt128
    var destination: UInt128

    init?(_ bytes: RawSpan, _ frame: ParsedFrame) {
        guard frame.hasTransport, let number = frame.transportProtocol, number != IPProtocol.noNextHeader || frame.network == .ipv4 else {
            return nil
        }
        self.number = number
        offset = frame.transportOffset
        length = frame.transportLength
        isWhole = !frame.isFragment
        isIPv6 = frame.network == .ipv6
        source = frame.source
        destination = frame.destination
        guard isIPv6, number == IPProtocol.authentication else { return }
        guard let walked = Self.walk(bytes, from: number, at: offset, to: offset &+ length) else { return nil }
        (self.number, offset) = walked
        length = frame.networkEnd &- offset
    }

    private init(number: UInt8, offset: Int, end: Int, isIPv6: Bool, source: UInt128, destination: UInt128) {
        self.number = number
        self.offset = offset
        length = end &- offset
        isWhole = false
        self.isIPv6 = isIPv6
        self.source = source
        self.destination = destination
    }

    /// The place in a packet that an error quotes, as much as there is of it (`nf_ct_get_tuplepr`); nil if its headers can't be read.
    init?(quotedIn bytes: RawSpan, at start: Int, to end: Int, isIPv6: Bool) {
        if isIPv6 {
            typealias IPv6 = ParsedFrame.IPv6
            guard end &- start >= IPv6.headerLength, bytes.u8(at: start) >> 4 == 6,
                let walked = Self.walk(
                    bytes, from: bytes.u8(at: start &+ IPv6.nextHeader), at: start &+ IPv6.headerLength, to: end)
            else { return nil }
            self.init(
                number: walked.number, offset: walked.offset, end: end, isIPv6: true,
                source: bytes.be128(at: start &+ IPv6.source), destination: bytes.be128(at: start &+ IPv6.destination))
        } else {
            typealias IPv4 = ParsedFrame.IPv4
            guard end &- start >= IPv4.headerLength, bytes.u8(at: start) >> 4 == 4 else { return nil }
            let headerLength = Int(bytes.u8(at: start) & 0xf) &* 4
            guard headerLength >= IPv4.headerLength, end &- start >= headerLength,
                bytes.be16(at: start &+ IPv4.flagsAndFragmentOffset) & IPv4.fragmentOffsetMask == 0
            else { return nil }
            self.init(
                number: bytes.u8(at: start &+ IPv4.protocol), offset: start &+ headerLength, end: end, isIPv6: false,
                source: UInt128(bytes.be32(at: start &+ IPv4.source)),
                destination: UInt128(bytes.be32(at: start &+ IPv4.destination)))
        }
    }

    /// Over IPv6's extension headers; nil where they lead to no transport header. Each step goes on by at least 8 bytes.
    private static func walk(_ bytes: RawSpan, from first: UInt8, at start: Int, to end: Int) -> (number: UInt8, offset: Int)? {
        var number = first
        var offset = start
        while true {
            let length: Int
            switch number {
            case IPProtocol.noNextHeader: return nil
            case IPProtocol.fragment:
                guard end &- offset >= 8, bytes.be16(at: offset &+ 2) & 0xfff8 == 0 else { return nil }
                length = 8
            case IPProtocol.hopByHopOptions, IPProtocol.routing, IPProtocol.destinationOptions:
                guard end &- offset >= 8 else { return nil }
                length = (Int(bytes.u8(at: offset &+ 1)) &+ 1) &* 8
            case IPProtocol.authentication:
                guard end &- offset >= 8 else { return nil }
                length = (Int(bytes.u8(at: offset &+ 1)) &+ 2) &* 4
            default: return (number, offset)
            }
            number = bytes.u8(at: offset)
            offset &+= length
            guard offset <= end else { return nil }
        }
    }

    /// The flow's tuple as this packet has it, or why there is none (`nf_ct_get_tuple`).
    func tuple(_ bytes: RawSpan) -> Result<FlowTuple, InvalidCause> {
        var tuple = FlowTuple(
            source: source, destination: destination, sourcePort: 0, destinationPort: 0, transportProtocol: number, isIPv6: isIPv6)
        switch number {
        case IPProtocol.tcp, IPProtocol.udp, IPProtocol.udpLite, IPProtocol.sctp, IPProtocol.dccp:
            guard length >= 4 else { return .failure(.shortPacket) }
            tuple.sourcePort = bytes.be16(at: offset)
            tuple.destinationPort = bytes.be16(at: offset &+ 2)
        case IPProtocol.icmp, IPProtocol.icmpv6:
            // ICMP of the other IP version is no part of any flow.
            guard isIPv6 == (number == IPProtocol.icmpv6) else { return .failure(.icmpType) }
            guard length >= 8 else { return .failure(.shortPacket) }
            tuple.sourcePort = bytes.be16(at: offset &+ 4)
            tuple.destinationPort = bytes.be16(at: offset)
        case IPProtocol.gre:
            // Only PPTP's GRE has a key that tells flows apart: the call, as its receiver numbers it (RFC 2637, section 4.1).
            // One that is cut off before it goes with the rest, as in the kernel (gre_pkt_to_tuple).
            guard length >= 8, bytes.be16(at: offset) & 7 == 1 else { break }
            guard bytes.be16(at: offset &+ 2) == 0x880b else { return .failure(.greProtocol) }
            tuple.destinationPort = bytes.be16(at: offset &+ 6)
        default: break
        }
        return .success(tuple)
    }
}
