/// A selector of nft's: what is read from a frame, and by which words a rule asks for it.
///
/// Two selectors may read the same bits (`tcp dport`, `udp dport`, `th dport`) and still be two: they are written differently and
/// depend on different matches before them.
public struct Field: Sendable, Hashable {
    /// As a rule says it: `tcp dport`, `iifname`, `@th,16,16`.
    public let words: String
    public let source: Source
    /// The field's size in bits, 1 to 128; for interfaces, which are no numbers, 0.
    public let bitWidth: Int

    public enum Source: Sendable, Hashable {
        /// What is known of the frame beside its bytes.
        case meta(MetaKey)
        /// Bits of a header, counted from its first, the most significant of its first octet.
        case payload(Header, bitOffset: Int)
        /// Bits of a header or option that has no place of its own, counted from its first.
        case searched(SearchedHeader, bitOffset: Int)
        /// Whether such a header or option is there: 1 or 0.
        case presence(SearchedHeader)
        /// What is known of the connection that the packet belongs to.
        case connection(ConnectionKey)
        /// Drawn for each frame again.
        case generated(NumberGenerator)
    }

    /// Where offsets begin, as nft means it on a bridge; the families of IP see the same.
    public enum Header: Sendable, Hashable {
        /// The destination's MAC address; all tags stand in their place.
        case link
        /// The first octet after the outermost tag, or after an untagged frame's EtherType.
        case network
        /// The first octet after the IP header and its extension headers.
        case transport
    }

    /// nft's keys of `meta`, by the names that it gives them.
    public enum MetaKey: Sendable, Hashable {
        case iifname, oifname, iif, oif
        /// The EtherType after the outermost tag.
        case `protocol`
        case l4proto
        /// On a bridge the frame's length in octets from after the outermost tag on, elsewhere the packet's without padding.
        case length
        /// `PACKET_BROADCAST`, `PACKET_MULTICAST`, or for other destinations `PACKET_OTHERHOST` on a bridge and `PACKET_HOST`
        /// elsewhere.
        case pkttype
        /// A number that rules give a frame: 0 at first, kept through all chains of the frame.
        case mark
        /// When the frame is judged, in nanoseconds since 1970, UTC.
        case time
        /// The weekday in UTC; Sunday is 0.
        case day
        /// Seconds since midnight, UTC.
        case hour
        /// The packet's family in a table `inet`: 2 for IPv4, 10 for IPv6 (`NFPROTO_IPV4`, `NFPROTO_IPV6`).
        case nfproto
        /// The kind of device that the frame came by, and of that by which it goes: always 1, Ethernet (`ARPHRD_ETHER`). At prerouting
        /// the second can't be read.
        case iiftype, oiftype
        /// The group of the port that the frame came by, and of that by which it goes: always 0, `default`. At prerouting the second
        /// can't be read.
        case iifgroup, oifgroup
        /// The packet's priority: 0, since nothing on a wire sets it.
        case priority
        /// Drawn for each frame again.
        case random
    }

    init(_ words: String, _ key: MetaKey, bitWidth: Int) {
        self.words = words
        source = .meta(key)
        self.bitWidth = bitWidth
    }

    /// - Parameter bits: of the header, from its first.
    init(_ words: String, _ header: Header, bits: Range<Int>) {
        self.words = words
        source = .payload(header, bitOffset: bits.lowerBound)
        bitWidth = bits.count
    }

    /// - Parameter bits: of the header or option, from its first.
    init(_ words: String, _ header: SearchedHeader, bits: Range<Int>) {
        self.words = words
        source = .searched(header, bitOffset: bits.lowerBound)
        bitWidth = bits.count
    }

    /// Whether a header or option is there, which nft holds in an octet.
    init(_ words: String, presenceOf header: SearchedHeader) {
        self.words = words
        source = .presence(header)
        bitWidth = 8
    }

    init(_ words: String, _ generator: NumberGenerator) {
        self.words = words
        source = .generated(generator)
        bitWidth = 32
    }

    /// Bits of a header without a name: `@th,16,16`.
    ///
    /// nil where they are none or more than fit in 16 octets, or begin beyond bit 65,535.
    public static func raw(_ header: Header, bitOffset: Int, bitWidth: Int) -> Field? {
        guard (0...0xffff).contains(bitOffset), (1...128).contains(bitWidth) else { return nil }
        let name =
            switch header {
            case .link: "ll"
            case .network: "nh"
            case .transport: "th"
            }
        let field = Field("@\(name),\(bitOffset),\(bitWidth)", header, bits: bitOffset..<bitOffset + bitWidth)
        return field.octets.count <= 16 ? field : nil
    }

    /// Bits after the transport header, without a name: `@ih,0,32`.
    static func rawPayload(bitOffset: Int, bitWidth: Int) -> Field? {
        guard (0...0xffff).contains(bitOffset), (1...128).contains(bitWidth) else { return nil }
        let bits = bitOffset..<bitOffset + bitWidth
        let field = Field("@ih,\(bitOffset),\(bitWidth)", SearchedHeader(.payload, 0), bits: bits)
        return field.octets.count <= 16 ? field : nil
    }

    /// The same field of a header that begins that many bits later.
    func moved(byBits distance: Int) -> Field {
        guard case .payload(let header, let bitOffset) = source, distance != 0 else { return self }
        return Field(words, header, bits: bitOffset + distance..<bitOffset + distance + bitWidth)
    }

    /// Whether its values are interfaces and no numbers.
    public var isInterface: Bool { bitWidth == 0 }

    /// As many ones as the field has bits.
    public var allOnes: UInt128 { bitWidth >= 128 ? .max : (1 << UInt128(bitWidth)) - 1 }

    /// Where the field begins, counted from the first bit of its header or option; nil for what is read from none.
    private var bitOffset: Int? {
        switch source {
        case .payload(_, let bitOffset), .searched(_, let bitOffset): bitOffset
        case .meta, .presence, .connection, .generated: nil
        }
    }

    /// The header or option that has to be found before the field can be read, if it is one of those.
    public var searchedHeader: SearchedHeader? {
        switch source {
        case .searched(let header, _), .presence(let header): header
        case .meta, .payload, .connection, .generated: nil
        }
    }

    /// The header's octets that the field lies in; empty for what is read from no header.
    public var octets: Range<Int> {
        guard let bitOffset else { return 0..<0 }
        return bitOffset / 8..<(bitOffset + bitWidth + 7) / 8
    }

    /// Bits after the field in the last of its octets.
    public var trailingBits: Int {
        guard let bitOffset else { return 0 }
        return octets.upperBound * 8 - bitOffset - bitWidth
    }

    /// Whether it is a number in the machine's own byte order, which is another type to nft than one of a header's.
    var isHostOrder: Bool {
        switch source {
        case .connection(.address), .connection(.port), .connection(.transportProtocol), .connection(.networkProtocol): false
        case .connection, .generated: true
        default: [.metaLength, .metaMark, .metaIiftype, .metaOiftype, .metaIifgroup, .metaOifgroup, .metaPriority].contains(self)
        }
    }

    /// Whether it begins and ends with an octet.
    var isWholeOctets: Bool { octets.count * 8 == bitWidth || octets.isEmpty }
}

extension Field: CaseIterable {
    /// Every field that has a name, in the order of the headers.
    public static let allCases: [Field] = Selector.all.map(\.field)
}
