extension ParsedFrame {
    /// Offsets in an IPv6 header (RFC 8200, section 3) and in its fragment header (section 4.5).
    ///
    ///      0                   1                   2                   3
    ///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    ///     +-------+---------------+---------------------------------------+
    ///     |Version| Traffic Class |              Flow Label               |
    ///     +-------+---------------+-------+---------------+---------------+
    ///     |         Payload Length        |  Next Header  |   Hop Limit   |
    ///     +-------------------------------+---------------+---------------+
    ///     |                    Source Address (128 bits)                  |
    ///     +---------------------------------------------------------------+
    ///     |                  Destination Address (128 bits)               |
    ///     +---------------------------------------------------------------+
    ///
    ///     +---------------+---------------+-------------------------+---+-+
    ///     |  Next Header  |   Reserved    |     Fragment Offset     |Res|M|
    ///     +---------------+---------------+-------------------------+---+-+
    ///     |                         Identification                        |
    ///     +---------------------------------------------------------------+
    package enum IPv6 {
        package static let versionAndTrafficClass = 0
        package static let payloadLength = 4
        package static let nextHeader = 6
        package static let hopLimit = 7
        package static let source = 8
        package static let destination = 24
        package static let headerLength = 40

        package static let fragmentOffsetAndMore = 2
        package static let fragmentIdentification = 4
        package static let fragmentHeaderLength = 8
    }

    /// Checks what Linux checks before nft may read the transport header (`nft_set_pktinfo_ipv6_validate`), and reads the header
    /// and its extensions.
    ///
    /// A payload length of 0 is a packet without payload, unless the frame is a super-frame (see `ZeroLength`). A jumbogram (RFC 2675)
    /// does not fit an Ethernet frame: what says that it is one is dropped under that name.
    mutating func readIPv6(_ bytes: RawSpan) -> Malformation? {
        let start = networkOffset
        guard networkLength >= IPv6.headerLength else { return .ipv6HeaderCutOff }
        let first = bytes.be16(at: start &+ IPv6.versionAndTrafficClass)
        guard first >> 12 == 6 else { return .ipv6Version }
        var totalLength = IPv6.headerLength &+ Int(bytes.be16(at: start &+ IPv6.payloadLength))
        if totalLength == IPv6.headerLength {
            switch lengthOfZero(bytes) {
            case .success(let length): totalLength = length
            case .failure(let malformation): return malformation
            }
        }
        guard totalLength <= networkLength else { return .ipv6BeyondFrame }

        // Set only once the chain has been walked: a malformed packet must leave no trace.
        var packet = self
        packet.network = .ipv6
        packet.networkLength = totalLength
        packet.source = bytes.be128(at: start &+ IPv6.source)
        packet.destination = bytes.be128(at: start &+ IPv6.destination)
        packet.trafficClass = UInt8(truncatingIfNeeded: first >> 4)
        guard packet.walkExtensionHeaders(bytes) else { return .ipv6ExtensionHeaderCutOff }
        // Super-frames are no fragments: this one has no payload in which its fragment header could stand.
        guard !packet.isFragment || bytes.be16(at: start &+ IPv6.payloadLength) != 0 else { return .ipv6ExtensionHeaderCutOff }
        self = packet
        return nil
    }

    /// The packet's length where the payload length is 0.
    private func lengthOfZero(_ bytes: RawSpan) -> Result<Int, Malformation> {
        let next = bytes.u8(at: networkOffset &+ IPv6.nextHeader)
        if next == IPProtocol.hopByHopOptions,
            let jumbo = JumboPayload.length(bytes, hopByHopAt: networkOffset &+ IPv6.headerLength, before: networkOffset &+ networkLength)
        {
            // Linux puts the option into super-frames of its own, and takes it out on the way to the wire.
            let isSuperFrame = zeroLength != .literal && jumbo == networkLength &- IPv6.headerLength && jumbo > 0xffff
            return isSuperFrame ? .success(networkLength) : .failure(.ipv6Jumbogram)
        }
        let reachesEnd =
            switch zeroLength {
            case .literal: false
            case .superFrame: true
            case .recorded: networkLength > ZeroLength.shortestPayload && next != IPProtocol.noNextHeader
            }
        return .success(reachesEnd ? networkLength : IPv6.headerLength)
    }

    /// Walks as Linux does for nft (`ipv6_find_hdr` with no target and `IP6_FH_F_AUTH`): extension headers in any order and number;
    /// the walk ends at a later fragment and at what is no extension header. An authentication header is the transport header, as it is
    /// for nft; the walk goes on after it, because a fragment header may follow (RFC 8200, section 4.1, asks receivers to take headers in
    /// any order). Returns whether all headers end inside the packet, which Linux does not ask for; the steps are bounded by the
    /// packet's length. In a first fragment the headers after the fragment header may go on in the next: then the transport header's
    /// place is not known.
    private mutating func walkExtensionHeaders(_ bytes: RawSpan) -> Bool {
        guard !walk(bytes) else { return true }
        hasWholeHeaderChain = false
        return isFragment
    }

    /// Returns false where a header does not end inside the packet.
    private mutating func walk(_ bytes: RawSpan) -> Bool {
        let end = networkEnd
        var nextHeader = bytes.u8(at: networkOffset &+ IPv6.nextHeader)
        var offset = networkOffset &+ IPv6.headerLength
        while true {
            let length: Int
            switch nextHeader {
            case IPProtocol.fragment:
                guard end &- offset >= IPv6.fragmentHeaderLength else { return false }
                if readFragmentHeader(bytes, at: offset) { return true }
                length = IPv6.fragmentHeaderLength
            case IPProtocol.hopByHopOptions, IPProtocol.routing, IPProtocol.destinationOptions:
                guard end &- offset >= 8 else { return false }
                length = (Int(bytes.u8(at: offset &+ 1)) &+ 1) &* 8
            case IPProtocol.authentication:
                // Counted in words of 4 bytes, two not counted (RFC 4302, section 2.2).
                guard end &- offset >= 8 else { return false }
                length = (Int(bytes.u8(at: offset &+ 1)) &+ 2) &* 4
                if !hasTransport, end &- offset >= length { readTransport(bytes, protocol: nextHeader, at: offset) }
            default:
                if !hasTransport { readTransport(bytes, protocol: nextHeader, at: offset) }
                return true
            }
            guard end &- offset >= length else { return false }
            nextHeader = bytes.u8(at: offset)
            offset &+= length
        }
    }

    /// Returns whether the walk ends here: what follows belongs in the datagram's middle.
    ///
    /// The outermost fragment header that is not atomic says which datagram the packet is a part of.
    private mutating func readFragmentHeader(_ bytes: RawSpan, at offset: Int) -> Bool {
        let offsetAndMore = bytes.be16(at: offset &+ IPv6.fragmentOffsetAndMore)
        let isLater = offsetAndMore & 0xfff8 != 0
        let more = offsetAndMore & 1 != 0
        let nextHeader = bytes.u8(at: offset)
        if isFragment, isLater || more { holdsFragment = true }
        if !isFragment {
            isFragment = isLater || more
            fragmentOffset = Int(offsetAndMore & 0xfff8)
            moreFragments = more
            identification = bytes.be32(at: offset &+ IPv6.fragmentIdentification)
            fragmentPayloadOffset = isFragment ? offset &+ IPv6.fragmentHeaderLength : 0
            fragmentNextHeader = isFragment ? nextHeader : 0
        }
        guard isLater else { return false }
        if !hasTransport, !IPProtocol.isIPv6ExtensionHeader(nextHeader) || nextHeader == IPProtocol.noNextHeader {
            transportProtocol = nextHeader
        }
        return true
    }
}
