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

    /// What stands for a constant in a key. Its bits are what the key's component turns over.
    public init(constant words: String, bitWidth: Int) {
        self.words = words
        source = .constant
        self.bitWidth = bitWidth
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

    /// True if it is a constant in the place of a field.
    public var isConstant: Bool { source == .constant }

    /// True if its values are interfaces and no numbers.
    public var isInterface: Bool { bitWidth == 0 }

    /// As many ones as the field has bits.
    public var allOnes: UInt128 { bitWidth >= 128 ? .max : (1 << UInt128(bitWidth)) - 1 }

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

    /// True if it begins and ends with an octet.
    var isWholeOctets: Bool { octets.count * 8 == bitWidth || octets.isEmpty }
}

extension Field: CaseIterable {
    /// Every field that has a name, in the order of the headers.
    public static let allCases: [Field] = Selector.all.map(\.field)
}
