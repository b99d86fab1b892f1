import Decisions
import Wire

/// What an ICMP or ICMPv6 packet is before a flow of its own is looked for.
enum ICMPReading: BitwiseCopyable {
    /// It asks or answers.
    case message
    case untracked
    /// An error about a flow, and which way it goes back.
    case related(Int32, FlowDirection)
    case invalid(InvalidCause)
}

extension FlowTracker {
    /// The checks and the errors of `nf_conntrack_icmpv4_error` and `nf_conntrack_icmpv6_error`.
    mutating func readICMP(_ bytes: RawSpan, _ packet: PacketContext) -> ICMPReading {
        let place = packet.place
        guard place.length >= 8 else { return .invalid(.shortPacket) }
        if packet.verifiesChecksum, !place.hasRightChecksum(bytes, at: 2, hasPseudoHeader: place.isIPv6, &invalidNumbers) {
            return .invalid(.badChecksum)
        }
        let type = bytes.u8(at: place.offset)
        let quote = place.offset &+ 8
        if place.isIPv6 {
            switch type {
            // Multicast listeners, routers and neighbours (RFC 2710, RFC 3810, RFC 4861): nobody asks for them one by one.
            case 130, 131, 132, 133, 134, 135, 136, 143: return .untracked
            case 137: return readRedirect(bytes, packet)
            case 128...: return .message
            default: return readQuote(bytes, packet, at: quote)
            }
        }
        switch type {
        case 3, 4, 5, 11, 12: return readQuote(bytes, packet, at: quote)
        // `NR_ICMP_TYPES`: what is above is not known (RFC 1122, section 3.2.2).
        case 19...: return .invalid(.icmpType)
        default: return .message
        }
    }

    /// An error goes back to who sent the quoted packet, the other way than that went.
    private mutating func readQuote(_ bytes: RawSpan, _ packet: PacketContext, at start: Int) -> ICMPReading {
        let outer = packet.place
        let end = outer.offset &+ outer.length
        guard let place = TransportPlace(quotedIn: bytes, at: start, to: end, isIPv6: outer.isIPv6),
            case .success(let tuple) = place.tuple(bytes), let (normalized, way) = tuple.normalized
        else { return .invalid(.quoteUnreadable) }
        let hash = table.hash(of: normalized, link: packet.link)
        guard let found = findAlive(normalized, packet, hash) else { return .invalid(.quoteUnknown) }
        guard outer.destination == place.source else { return .invalid(.quoteAddress) }
        let direction = ICMPMessage.isICMP(place.number) ? way : found.direction
        return .related(found.record, direction.opposite)
    }

    /// A redirect (RFC 4861, section 4.5) is related by the packet in its option, if that is the first (`nf_conntrack_icmpv6_redirect`).
    private mutating func readRedirect(_ bytes: RawSpan, _ packet: PacketContext) -> ICMPReading {
        let place = packet.place
        let redirectLength = 40
        let redirectedHeader: UInt8 = 4
        guard place.length >= redirectLength else { return .invalid(.shortPacket) }
        guard bytes.u8(at: place.offset &+ 1) == 0 else { return .message }
        // From a link-local address (RFC 4291, section 2.5.6) and no router away.
        guard packet.hopLimit == 255, place.source >> 118 == 0x3fa else { return .invalid(.redirect) }
        guard place.length >= redirectLength &+ 2, bytes.u8(at: place.offset &+ redirectLength &+ 1) != 0 else {
            return .invalid(.redirect)
        }
        guard bytes.u8(at: place.offset &+ redirectLength) == redirectedHeader else { return .message }
        return readQuote(bytes, packet, at: place.offset &+ redirectLength &+ 8)
    }
}
