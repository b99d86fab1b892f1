internal import Wire

/// The way from a super-frame's first byte to its innermost transport header.
///
/// `csum_start` says where that header is, and the type of segmentation which protocol it has. The walk must arrive there
/// exactly, over headers whose lengths all reach to the frame's end. Where one header doesn't say what follows it (UDP, MPLS),
/// each possibility is tried, and no other than the right one comes to that place with right lengths on its way.
///
/// Every header read ends at `target` at the latest, and `target` lies inside of the bytes: no load is out of bounds.
struct HeaderWalk {
    /// The innermost transport header's first byte.
    let target: Int
    /// The first byte after the frame.
    let end: Int
    /// The innermost transport protocol.
    let transport: UInt8
    /// The version of the IP header before it; 0: both will do.
    let version: Int
    private(set) var layers = LayerList()
    /// Where a hop-by-hop header begins that has only the jumbo option, and the IPv6 header before it.
    private(set) var jumbo: (header: Int, ipv6: Int)?
    /// Headers that may still be looked at: bounds the tries.
    var budget = 96

    init(target: Int, end: Int, transport: UInt8, version: Int) {
        self.target = target
        self.end = end
        self.transport = transport
        self.version = version
    }

    /// Tries one way on; where it doesn't arrive, all that it found is forgotten.
    mutating func attempt(_ way: (inout HeaderWalk) -> Bool) -> Bool {
        guard budget > 0 else { return false }
        budget &-= 1
        let count = layers.count
        let jumbo = jumbo
        if way(&self) { return true }
        layers.cut(to: count)
        self.jumbo = jumbo
        return false
    }

    /// True if a header of `length` bytes ends before the innermost transport header, or right there.
    func has(_ length: Int, at offset: Int) -> Bool {
        target &- offset >= length
    }

    mutating func note(_ kind: Layer.Kind, at offset: Int, length: Int) -> Bool {
        layers.append(
            Layer(kind: kind, offset: UInt16(truncatingIfNeeded: offset), length: UInt16(truncatingIfNeeded: length)))
    }

    /// True if a length field of 16 bits says `count`: as it is, or for what it can't say, 0 (BIG TCP) or its low 16 bits
    /// (a super-frame of 64 KiB with the tunnel's headers before it).
    func says(_ field: UInt16, _ count: Int) -> Bool {
        Int(field) == count || (count > 0xffff && (field == 0 || Int(field) == count & 0xffff))
    }

    // MARK: Link

    /// An Ethernet header, with tags or without.
    mutating func ethernet(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard has(14, at: offset), offset == 0 || note(.ethernet, at: offset, length: 14) else { return false }
        return payload(bytes, of: bytes.be16(at: offset &+ 12), at: offset &+ 14)
    }

    /// What an EtherType says, after any number of tags. They count as no try: a tag that stood beside the bytes may come into them.
    mutating func payload(_ bytes: RawSpan, of type: UInt16, at offset: Int) -> Bool {
        var (type, offset) = (type, offset)
        while EtherType.isTag(type) {
            guard has(4, at: offset) else { return false }
            type = bytes.be16(at: offset &+ 2)
            offset &+= 4
        }
        return attempt { walk in
            switch type {
            case EtherType.ipv4: return walk.ipv4(bytes, at: offset)
            case EtherType.ipv6: return walk.ipv6(bytes, at: offset)
            case TunnelType.ethernet: return walk.ethernet(bytes, at: offset)
            case TunnelType.mpls, TunnelType.mplsUpstream: return walk.mpls(bytes, at: offset)
            case TunnelType.pppoe: return walk.pppoe(bytes, at: offset)
            case TunnelType.nsh: return walk.serviceHeader(bytes, at: offset)
            default: return false
            }
        }
    }

    // MARK: Network

    /// IPv4 (RFC 791, section 3.1), no fragment.
    mutating func ipv4(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard has(20, at: offset) else { return false }
        let first = bytes.u8(at: offset)
        let length = Int(first & 15) &* 4
        // More fragments, or a place in a datagram.
        guard first >> 4 == 4, length >= 20, has(length, at: offset), bytes.be16(at: offset &+ 6) & 0x3fff == 0,
            says(bytes.be16(at: offset &+ 2), end &- offset), note(.ipv4, at: offset, length: length)
        else { return false }
        return follow(bytes, bytes.u8(at: offset &+ 9), at: offset &+ length, version: 4)
    }

    /// IPv6 (RFC 8200, sections 3 and 4) with extension headers; no fragment, and nothing authenticated.
    mutating func ipv6(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard has(40, at: offset), bytes.u8(at: offset) >> 4 == 6 else { return false }
        var next = bytes.u8(at: offset &+ 6)
        var place = offset &+ 40
        let length = bytes.be16(at: offset &+ 4)
        if length == 0, next == IPProtocol.hopByHopOptions {
            // As Linux up to 6.18 writes it for BIG TCP (net/ipv6/ip6_output.c): nothing but the option (RFC 2675, section 2).
            guard jumbo == nil, has(8, at: place), bytes.be16(at: place &+ 2) == 0xc204, bytes.u8(at: place &+ 1) == 0,
                Int(bytes.be32(at: place &+ 4)) == end &- place
            else { return false }
            jumbo = (header: place, ipv6: offset)
            next = bytes.u8(at: place)
            place &+= 8
        } else {
            guard says(length, end &- place) else { return false }
        }
        while next == IPProtocol.hopByHopOptions || next == IPProtocol.routing || next == IPProtocol.destinationOptions {
            guard budget > 0, has(8, at: place) else { return false }
            budget &-= 1
            next = bytes.u8(at: place)
            place &+= (Int(bytes.u8(at: place &+ 1)) &+ 1) &* 8
        }
        return has(0, at: place) && note(.ipv6, at: offset, length: place &- offset) && follow(bytes, next, at: place, version: 6)
    }

    /// What an IP header's protocol number says.
    mutating func follow(_ bytes: RawSpan, _ number: UInt8, at offset: Int, version: Int) -> Bool {
        if offset == target { return number == transport && (self.version == 0 || version == self.version) }
        return attempt { walk in
            switch number {
            case TunnelProtocol.ipv4: return walk.ipv4(bytes, at: offset)
            case TunnelProtocol.ipv6: return walk.ipv6(bytes, at: offset)
            case IPProtocol.gre: return walk.gre(bytes, at: offset)
            case IPProtocol.udp: return walk.datagram(bytes, at: offset)
            case TunnelProtocol.mpls: return walk.mpls(bytes, at: offset)
            case TunnelProtocol.ethernet: return walk.ethernet(bytes, at: offset)
            default: return false
            }
        }
    }
}

/// EtherTypes of headers that carry packets.
enum TunnelType {
    /// Transparent Ethernet bridging (RFC 1701).
    static let ethernet: UInt16 = 0x6558
    static let mpls: UInt16 = 0x8847
    static let mplsUpstream: UInt16 = 0x8848
    static let pppoe: UInt16 = 0x8864
    static let nsh: UInt16 = 0x894f
}

/// IP protocol numbers of packets in packets.
enum TunnelProtocol {
    static let ipv4: UInt8 = 4
    static let ipv6: UInt8 = 41
    /// RFC 4023.
    static let mpls: UInt8 = 137
    /// RFC 8986, section 4.9.
    static let ethernet: UInt8 = 143
}
