import Ruleset
import Wire

/// Where an extension header, option or chunk stands in a frame. Searched as Linux searches (net/netfilter/nft_exthdr.c), but for the
/// end: it is the packet's, and not that of the frame's padding.
///
/// Each search is bounded by the packet's length: every step goes forward.
enum HeaderSearch {
    /// From its first byte to where its fields end; empty if it is cut off.
    case found(Range<Int>)
    case absent
    /// What there is to search can't be read to the end.
    case unreadable
    /// No packet of the protocol: not even the absence is known.
    case otherProtocol

    init(for header: SearchedHeader, in bytes: RawSpan, _ frame: ParsedFrame) {
        switch header.kind {
        case .ipv6ExtensionHeader: self = Self.extensionHeader(header.number, in: bytes, frame)
        case .ipv4Option: self = Self.ipv4Option(header.number, in: bytes, frame)
        case .tcpOption: self = Self.tcpOption(header.number, in: bytes, frame)
        case .sctpChunk: self = Self.chunk(header.number, in: bytes, frame)
        case .vxlan, .geneve, .gre, .gretap: self = InnerPacket(of: header.kind, in: bytes, frame)?.found(header.innerPart) ?? .unreadable
        case .payload: self = Self.payload(in: bytes, frame)
        }
    }

    /// `ipv6_find_hdr` with a target: through all extension headers, authentication headers too, up to a later fragment's.
    private static func extensionHeader(_ number: UInt8, in bytes: RawSpan, _ frame: ParsedFrame) -> HeaderSearch {
        guard frame.network == .ipv6, frame.vlanCount <= 1 else { return .otherProtocol }
        let end = frame.networkEnd
        var next = bytes.u8(at: frame.networkOffset &+ ParsedFrame.IPv6.nextHeader)
        var offset = frame.networkOffset &+ ParsedFrame.IPv6.headerLength
        while true {
            let isIt = next == number
            guard IPProtocol.isIPv6ExtensionHeader(next), next != IPProtocol.noNextHeader else {
                return isIt ? .found(offset..<max(offset, end)) : .absent
            }
            let readable = next == IPProtocol.routing || next == IPProtocol.fragment ? 4 : 2
            guard end &- offset >= readable else { return .unreadable }
            let units = Int(bytes.u8(at: offset &+ 1))
            let length: Int
            switch next {
            case IPProtocol.fragment:
                let isLater = bytes.be16(at: offset &+ ParsedFrame.IPv6.fragmentOffsetAndMore) & 0xfff8 != 0
                if isLater, !isIt { return .absent }
                length = ParsedFrame.IPv6.fragmentHeaderLength
            case IPProtocol.authentication: length = (units &+ 2) &* 4
            default: length = (units &+ 1) &* 8
            }
            if isIt { return .found(offset..<end) }
            next = bytes.u8(at: offset)
            offset &+= length
        }
    }

    /// `nft_exthdr_tcp_eval`: the first of its kind. An end-of-options octet does not end the list, and an option whose length is 0
    /// counts as one octet; the header's last octet is never looked at.
    private static func tcpOption(_ number: UInt8, in bytes: RawSpan, _ frame: ParsedFrame) -> HeaderSearch {
        guard frame.transportProtocol == IPProtocol.tcp, frame.vlanCount <= 1, frame.transportLength >= 20 else { return .unreadable }
        let start = frame.transportOffset
        let headerLength = Int(bytes.u8(at: start &+ 12) >> 4) &* 4
        guard headerLength >= 20, headerLength <= frame.transportLength else { return .unreadable }
        let end = start &+ headerLength
        var offset = start &+ 20
        while offset < end &- 1 {
            let kind = bytes.u8(at: offset)
            let length = kind <= 1 ? 1 : max(1, Int(bytes.u8(at: offset &+ 1)))
            if kind == number { return length <= end &- offset ? .found(offset..<offset &+ length) : .unreadable }
            offset &+= length
        }
        return .absent
    }

    /// `nft_exthdr_sctp_eval`: the first of its type. Chunks begin at multiples of four octets.
    private static func chunk(_ number: UInt8, in bytes: RawSpan, _ frame: ParsedFrame) -> HeaderSearch {
        guard frame.transportProtocol == IPProtocol.sctp, frame.vlanCount <= 1, frame.hasTransport else { return .unreadable }
        let end = frame.transportOffset &+ frame.transportLength
        var offset = frame.transportOffset &+ 12
        while end &- offset >= 4 {
            let length = Int(bytes.be16(at: offset &+ 2))
            guard length > 0 else { return .unreadable }
            if bytes.u8(at: offset) == number { return .found(offset..<(length <= end &- offset ? offset &+ length : offset)) }
            offset &+= (length &+ 3) & ~3
        }
        return .absent
    }
}

// MARK: IPv4's options

extension HeaderSearch {
    private enum IPv4Option {
        static let end: UInt8 = 0
        static let noOperation: UInt8 = 1
        static let recordRoute: UInt8 = 7
        static let timestamp: UInt8 = 68
        static let looseSourceRoute: UInt8 = 131
        static let strictSourceRoute: UInt8 = 137
        static let routerAlert: UInt8 = 148
    }

    /// `ipv4_find_option`: options that Linux would not take (`__ip_options_compile`) make all of them unreadable. The last router
    /// alert counts, and only one with the value 0 (RFC 2113). What a security label holds is not looked at.
    private static func ipv4Option(_ number: UInt8, in bytes: RawSpan, _ frame: ParsedFrame) -> HeaderSearch {
        guard frame.network == .ipv4, frame.vlanCount <= 1 else { return .otherProtocol }
        let start = frame.networkOffset
        let end = start &+ min(Int(bytes.u8(at: start) & 0x0f) &* 4, frame.networkLength)
        var offset = start &+ ParsedFrame.IPv4.headerLength
        var found: Int?
        var hasRoute = false
        var hasRecord = false
        var hasTimestamp = false
        while offset < end {
            let kind = bytes.u8(at: offset)
            if kind == IPv4Option.end { break }
            if kind == IPv4Option.noOperation {
                offset &+= 1
                continue
            }
            guard end &- offset >= 2 else { return .unreadable }
            let length = Int(bytes.u8(at: offset &+ 1))
            guard length >= 2, length <= end &- offset else { return .unreadable }
            let pointer = length > 2 ? Int(bytes.u8(at: offset &+ 2)) : 0
            let fourth = length > 3 ? bytes.u8(at: offset &+ 3) : 0
            var counts = true
            switch kind {
            case IPv4Option.looseSourceRoute, IPv4Option.strictSourceRoute:
                guard !hasRoute, pointer == 4, length >= 7, length & 3 == 3 else { return .unreadable }
                hasRoute = true
            case IPv4Option.recordRoute:
                guard !hasRecord, pointer >= 4, pointer > length || pointer &+ 3 <= length else { return .unreadable }
                hasRecord = true
            case IPv4Option.timestamp:
                guard !hasTimestamp, isTimestamp(length: length, pointer: pointer, fourth) else { return .unreadable }
                hasTimestamp = true
            case IPv4Option.routerAlert:
                guard length >= 4 else { return .unreadable }
                counts = pointer == 0 && fourth == 0
            default: break
            }
            if kind == number, counts { found = offset }
            offset &+= length
        }
        return found.map { .found($0..<frame.networkEnd) } ?? .absent
    }

    /// RFC 781: overflow and flag in the fourth octet; flag 1 and 3 come with addresses.
    private static func isTimestamp(length: Int, pointer: Int, _ overflowAndFlag: UInt8) -> Bool {
        guard length >= 4, pointer >= 5 else { return false }
        let flag = overflowAndFlag & 0x0f
        if pointer > length { return flag == 3 || overflowAndFlag >> 4 != 15 }
        return pointer &+ (flag == 1 || flag == 3 ? 7 : 3) <= length
    }
}
