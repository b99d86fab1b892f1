/// Which way a packet goes, seen from the one that began the flow (`enum ip_conntrack_dir`).
public enum FlowDirection: UInt8, Sendable, BitwiseCopyable {
    case original
    case reply

    @inlinable
    public var opposite: FlowDirection { self == .original ? .reply : .original }
}

/// One direction of a flow (`struct nf_conntrack_tuple`).
public struct FlowTuple: Sendable, Hashable, BitwiseCopyable {
    /// An IPv4 address stands in the low 32 bits.
    public var source: UInt128
    public var destination: UInt128
    /// A port; of ICMP the identifier; 0 where the protocol has neither.
    public var sourcePort: UInt16
    /// A port; of ICMP the type in the high byte and the code in the low one; of PPTP's GRE the call; else 0.
    public var destinationPort: UInt16
    public var transportProtocol: UInt8
    public var isIPv6: Bool

    public init(
        source: UInt128, destination: UInt128, sourcePort: UInt16, destinationPort: UInt16, transportProtocol: UInt8, isIPv6: Bool
    ) {
        self.source = source
        self.destination = destination
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.transportProtocol = transportProtocol
        self.isIPv6 = isIPv6
    }

    /// The tuple of what comes back (`nf_ct_invert_tuple`); nil where ICMP has no answer to the type.
    public var inverse: FlowTuple? {
        var inverse = self
        inverse.source = destination
        inverse.destination = source
        if ICMPMessage.isICMP(transportProtocol) {
            let message = transportProtocol == 1 ? ICMPMessage.v4(destinationPort) : ICMPMessage.v6(destinationPort)
            guard let answer = message.counterpart else { return nil }
            inverse.destinationPort = UInt16(answer) << 8 | destinationPort & 0xff
        } else {
            inverse.sourcePort = destinationPort
            inverse.destinationPort = sourcePort
        }
        return inverse
    }

    /// The tuple by which its flow is found, and which way it goes in there; nil where ICMP has no answer to the type.
    ///
    /// For ICMP that is the request's: only requests begin flows. All else stands as it is, and is found both ways round.
    @inline(__always)
    var normalized: (tuple: FlowTuple, direction: FlowDirection)? {
        guard ICMPMessage.isICMP(transportProtocol) else { return (self, .original) }
        let message = transportProtocol == 1 ? ICMPMessage.v4(destinationPort) : ICMPMessage.v6(destinationPort)
        guard let answer = message.counterpart else { return nil }
        if message.isRequest { return (self, .original) }
        var request = self
        request.source = destination
        request.destination = source
        request.destinationPort = UInt16(answer) << 8 | destinationPort & 0xff
        return (request, .reply)
    }
}

/// The types of ICMP (RFC 792, RFC 950) and ICMPv6 (RFC 4443, RFC 4620) that ask, and those that answer, as the kernel has them
/// (`invmap` of nf_conntrack_proto_icmp.c and nf_conntrack_proto_icmpv6.c).
enum ICMPMessage {
    case v4(UInt16)
    case v6(UInt16)

    static func isICMP(_ number: UInt8) -> Bool { number == 1 || number == 58 }

    /// The type that answers this one, or asks for it; nil if there is none.
    var counterpart: UInt8? {
        switch self {
        case .v4(let typeAndCode):
            switch typeAndCode >> 8 {
            case 0: 8
            case 8: 0
            case 13: 14
            case 14: 13
            case 15: 16
            case 16: 15
            case 17: 18
            case 18: 17
            default: nil
            }
        case .v6(let typeAndCode):
            switch typeAndCode >> 8 {
            case 128: 129
            case 129: 128
            case 139: 140
            case 140: 139
            default: nil
            }
        }
    }

    /// True if it begins a flow.
    var isRequest: Bool {
        switch self {
        case .v4(let typeAndCode):
            switch typeAndCode >> 8 {
            case 8, 13, 15, 17: true
            default: false
            }
        case .v6(let typeAndCode): typeAndCode >> 8 == 128 || typeAndCode >> 8 == 139
        }
    }
}
