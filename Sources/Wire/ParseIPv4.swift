extension ParsedFrame {
    /// Offsets in an IPv4 header (RFC 791, section 3.1).
    ///
    ///      0                   1                   2                   3
    ///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    ///     +-------+-------+---------------+-------------------------------+
    ///     |Version|  IHL  |Type of Service|          Total Length         |
    ///     +-------+-------+---------------+-----+-------------------------+
    ///     |         Identification        |Flags|      Fragment Offset    |
    ///     +---------------+---------------+-----+-------------------------+
    ///     |  Time to Live |    Protocol   |         Header Checksum       |
    ///     +---------------+---------------+-------------------------------+
    ///     |                       Source Address                          |
    ///     +---------------------------------------------------------------+
    ///     |                    Destination Address                        |
    ///     +---------------------------------------------------------------+
    ///     |                    Options                    |    Padding    |
    ///     +-----------------------------------------------+---------------+
    package enum IPv4 {
        package static let versionAndHeaderLength = 0
        package static let typeOfService = 1
        package static let totalLength = 2
        package static let identification = 4
        package static let flagsAndFragmentOffset = 6
        package static let timeToLive = 8
        package static let `protocol` = 9
        package static let headerChecksum = 10
        package static let source = 12
        package static let destination = 16
        package static let headerLength = 20

        package static let doNotFragment: UInt16 = 0x4000
        package static let moreFragments: UInt16 = 0x2000
        package static let fragmentOffsetMask: UInt16 = 0x1fff
    }

    /// True unless the frame is IPv4 with a wrong header checksum. Hosts and routers drop such a packet (`ip_rcv_core`), which no hardware
    /// finishes: only the checksum of the transport is left to it.
    /// - Parameter bytes: What was parsed, or as much of it as has the IPv4 header.
    public func hasRightHeaderChecksum(in bytes: RawSpan) -> Bool {
        guard network == .ipv4, networkOffset < bytes.byteCount else { return true }
        let end = networkOffset &+ Int(bytes.u8(at: networkOffset) & 0x0f) &* 4
        guard end <= bytes.byteCount else { return true }
        var checksum = Checksum()
        checksum.add(bytes.extracting(networkOffset..<end))
        return checksum.value == 0
    }

    /// Checks what Linux checks before nft may read the transport header (`nft_set_pktinfo_ipv4_validate`), and reads the header.
    /// The header's checksum is for the receiver to check.
    mutating func readIPv4(_ bytes: RawSpan) -> Malformation? {
        let start = networkOffset
        guard networkLength >= IPv4.headerLength else { return .ipv4HeaderCutOff }
        let first = bytes.u8(at: start &+ IPv4.versionAndHeaderLength)
        guard first >> 4 == 4 else { return .ipv4Version }
        let headerLength = Int(first & 0x0f) &* 4
        guard headerLength >= IPv4.headerLength else { return .ipv4HeaderLength }
        var totalLength = Int(bytes.be16(at: start &+ IPv4.totalLength))
        let flagsAndOffset = bytes.be16(at: start &+ IPv4.flagsAndFragmentOffset)
        let isFragment = flagsAndOffset & (IPv4.moreFragments | IPv4.fragmentOffsetMask) != 0
        if totalLength == 0, zeroLength != .literal, networkLength > headerLength, !isFragment { totalLength = networkLength }
        guard totalLength >= headerLength else { return .ipv4TotalLength }
        guard totalLength <= networkLength else { return .ipv4BeyondFrame }

        network = .ipv4
        networkLength = totalLength
        source = UInt128(bytes.be32(at: start &+ IPv4.source))
        destination = UInt128(bytes.be32(at: start &+ IPv4.destination))
        trafficClass = bytes.u8(at: start &+ IPv4.typeOfService)
        hasIPv4Options = headerLength > IPv4.headerLength
        identification = UInt32(bytes.be16(at: start &+ IPv4.identification))

        doNotFragment = flagsAndOffset & IPv4.doNotFragment != 0
        moreFragments = flagsAndOffset & IPv4.moreFragments != 0
        fragmentOffset = Int(flagsAndOffset & IPv4.fragmentOffsetMask) &* 8
        self.isFragment = isFragment

        let number = bytes.u8(at: start &+ IPv4.protocol)
        if isFragment {
            fragmentPayloadOffset = start &+ headerLength
            fragmentNextHeader = number
        }
        if fragmentOffset == 0 {
            readTransport(bytes, protocol: number, at: start &+ headerLength)
        } else {
            transportProtocol = number
        }
        return nil
    }
}
