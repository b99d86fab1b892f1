/// A header's checksum that goes with a change of one of its fields, as nft asks the kernel for it.
public enum HeaderChecksum: Sendable, Hashable {
    /// RFC 1071's, changed by as much as the field changes (RFC 1624); the octet of the header where it stands.
    case internet(octet: Int)
    /// SCTP's CRC32c (RFC 9260 appendix A), made again; the octet of the header where it stands.
    case cyclic(octet: Int)
}

extension Field {
    /// The checksum of the header that the field is one of; nil where there is none, or none that nft 1.0.6 knows of (UDP-Lite, DCCP, raw
    /// bits).
    public var checksum: HeaderChecksum? { Selector.reading(self).header?.record.checksum }

    /// True if the checksum of the transport header counts the field as well.
    public var isInPseudoHeader: Bool {
        switch self {
        case .ipSaddr, .ipDaddr, .ipLength, .ipProtocol, .ip6Saddr, .ip6Daddr, .ip6Length, .ip6Nexthdr: true
        default: false
        }
    }

    /// True if the octets that are written hold nothing but the field. Into others nft only writes constants.
    public var isWrittenWhole: Bool {
        let written = searchedHeader == nil ? writtenOctets : octets
        return !octets.isEmpty && octets == written && octets.count * 8 == bitWidth
    }

    /// The header's octets that are written when the field is: where the Internet checksum goes with them, whole words of 16 bits.
    public var writtenOctets: Range<Int> {
        // Bits of a tag are written with its others: nft 1.1 reads the word of 16 bits, and the kernel writes no less of a tag.
        if case .payload(.link, _) = source, words.hasPrefix("vlan "), octets.upperBound - octets.lowerBound == 1 {
            return octets.lowerBound & ~1..<(octets.lowerBound & ~1) + 2
        }
        guard case .internet = checksum, octets.count % 2 == 1 else { return octets }
        return octets.lowerBound % 2 == 1 ? octets.lowerBound - 1..<octets.upperBound : octets.lowerBound..<octets.upperBound + 1
    }
}
