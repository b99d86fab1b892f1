import Ruleset
import Wire

/// The packet that a tunnel carries, found as Linux finds it (net/netfilter/nft_inner.c), within the packet's end.
struct InnerPacket {
    /// The first octet of the tunnel's own header.
    private var tunnel: Int
    private var link: Int?
    private var network: Int?
    private var transport: Int?
    private var end: Int
    private(set) var etherType: UInt16?
    private(set) var transportProtocol: UInt8?

    /// What is inside of the frame's packet; nil where there is no such tunnel.
    init?(of kind: SearchedHeader.Kind, in bytes: RawSpan, _ frame: ParsedFrame) {
        guard let start = HeaderSearch.payloadStart(in: bytes, frame), let carrier = frame.transportProtocol else { return nil }
        end = frame.transportOffset &+ frame.transportLength
        var offset = start
        if carrier == IPProtocol.gre {
            tunnel = frame.transportOffset
        } else {
            guard carrier == IPProtocol.udp else { return nil }
            tunnel = start
            offset &+= kind == .gre || kind == .gretap ? 4 : 8
            if kind == .geneve {
                guard end &- start >= 8 else { return nil }
                offset &+= Int(bytes.u8(at: start) & 0x3f) &* 4
            }
        }
        guard kind == .gre ? readVersion(offset, bytes) : readLink(offset, bytes) else { return nil }
    }

    /// An Ethernet header, perhaps with one 802.1Q tag.
    private mutating func readLink(_ offset: Int, _ bytes: RawSpan) -> Bool {
        guard end &- offset >= 14 else { return false }
        let type = bytes.be16(at: offset &+ 12)
        link = offset
        etherType = type
        switch type {
        case EtherType.ipv4, EtherType.ipv6: return readNetwork(offset &+ 14, type, bytes)
        case EtherType.vlan:
            guard end &- offset >= 18 else { return false }
            return readNetwork(offset &+ 18, bytes.be16(at: offset &+ 16), bytes)
        default: return false
        }
    }

    /// A packet of IP without anything before it.
    private mutating func readVersion(_ offset: Int, _ bytes: RawSpan) -> Bool {
        guard end &- offset >= 4 else { return false }
        let version = bytes.u8(at: offset) >> 4
        let type = version == 4 ? EtherType.ipv4 : EtherType.ipv6
        guard version == 4 || version == 6 else { return false }
        etherType = type
        return readNetwork(offset, type, bytes)
    }

    private mutating func readNetwork(_ offset: Int, _ type: UInt16, _ bytes: RawSpan) -> Bool {
        if type == EtherType.ipv4 {
            guard end &- offset >= 20 else { return false }
            let first = bytes.u8(at: offset)
            guard first >> 4 == 4, first & 0x0f >= 5 else { return false }
            network = offset
            if bytes.be16(at: offset &+ 6) & 0x1fff == 0 {
                transport = offset &+ Int(first & 0x0f) &* 4
                transportProtocol = bytes.u8(at: offset &+ 9)
            }
            return true
        }
        guard type == EtherType.ipv6, end &- offset >= 40, bytes.u8(at: offset) >> 4 == 6 else { return false }
        network = offset
        return readExtensions(offset, bytes)
    }

    /// `ipv6_find_hdr` without a target: through all extension headers, up to a later fragment's.
    private mutating func readExtensions(_ offset: Int, _ bytes: RawSpan) -> Bool {
        var next = bytes.u8(at: offset &+ 6)
        var place = offset &+ 40
        while IPProtocol.isIPv6ExtensionHeader(next), next != IPProtocol.noNextHeader {
            guard end &- place >= (next == IPProtocol.fragment ? 4 : 2) else { return false }
            let units = Int(bytes.u8(at: place &+ 1))
            var length = (units &+ 1) &* 8
            if next == IPProtocol.fragment {
                if bytes.be16(at: place &+ 2) & 0xfff8 != 0 { return true }
                length = 8
            } else if next == IPProtocol.authentication {
                length = (units &+ 2) &* 4
            }
            next = bytes.u8(at: place)
            place &+= length
        }
        transport = place
        transportProtocol = next
        return true
    }

    /// Where a part begins, up to the packet's end.
    func found(_ part: SearchedHeader.InnerPart?) -> HeaderSearch {
        let start =
            switch part {
            case .tunnel: tunnel
            case .link: link
            case .network: network
            case .transport: transport
            case .etherType, .transportProtocol, nil: nil as Int?
            }
        guard let start, start <= end else { return .unreadable }
        return .found(start..<end)
    }
}

extension HeaderSearch {
    /// What follows the transport header (`nft_payload_inner_offset`).
    static func payload(in bytes: RawSpan, _ frame: ParsedFrame) -> HeaderSearch {
        guard let start = payloadStart(in: bytes, frame) else { return .unreadable }
        let end = frame.transportOffset &+ frame.transportLength
        return start <= end ? .found(start..<end) : .unreadable
    }

    /// Nil for protocols that the kernel doesn't know an end of.
    static func payloadStart(in bytes: RawSpan, _ frame: ParsedFrame) -> Int? {
        guard frame.vlanCount <= 1, frame.hasTransport else { return nil }
        let start = frame.transportOffset
        switch frame.transportProtocol {
        case IPProtocol.udp: return start &+ 8
        case IPProtocol.tcp:
            guard frame.transportLength >= 20 else { return nil }
            return start &+ Int(bytes.u8(at: start &+ 12) >> 4) &* 4
        case IPProtocol.gre:
            guard frame.transportLength >= 4 else { return nil }
            let flags = bytes.be16(at: start)
            // Checksum, key and sequence number have four octets each (RFC 2890); version 1 and routing are not taken.
            guard flags & 0x4007 == 0 else { return nil }
            return start &+ 4 &+ (flags & 0x8000 != 0 ? 4 : 0) &+ (flags & 0x2000 != 0 ? 4 : 0) &+ (flags & 0x1000 != 0 ? 4 : 0)
        case 4: return start
        default: return nil
        }
    }
}
