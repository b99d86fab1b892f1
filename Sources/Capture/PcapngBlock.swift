/// The octets of one pcapng block (draft-ietf-opsawg-pcapng, section 3.1), in this machine's byte order, which the section
/// header states.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +---------------------------------------------------------------+
///     |                          Block Type                           |
///     +---------------------------------------------------------------+
///     |                      Block Total Length                       |
///     +---------------------------------------------------------------+
///     /                 Block Body, padded to 32 bits                 /
///     +---------------------------------------------------------------+
///     |                      Block Total Length                       |
///     +---------------------------------------------------------------+
struct PcapngBlock {
    /// The block types that are written here (section 11.1).
    enum Kind: UInt32 {
        case interfaceDescription = 1
        case nameResolution = 4
        case interfaceStatistics = 5
        case enhancedPacket = 6
        case sectionHeader = 0x0a0d_0d0a
        /// Reserved for local use: readers pass over it.
        case filler = 0x8000_0f11
    }

    /// What each block's length is a multiple of. The smallest block has 12 octets: whatever is left up to a multiple of this
    /// has room for one.
    static let alignment = 16

    private var octets: [UInt8] = []

    init(_ kind: Kind) {
        append(kind.rawValue)
        // The total length, which is known in the end.
        append(0 as UInt32)
    }

    mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number) { octets.append(contentsOf: $0) }
    }

    /// A time in nanoseconds, whose upper half stands first whatever the byte order.
    mutating func append(time: UInt64) {
        append(UInt32(truncatingIfNeeded: time >> 32))
        append(UInt32(truncatingIfNeeded: time))
    }

    /// Data, with zeros up to a multiple of 32 bits.
    mutating func append(padded data: some Collection<UInt8>) {
        octets.append(contentsOf: data)
        octets.append(contentsOf: repeatElement(0, count: -data.count & 3))
    }

    mutating func append(padded data: UnsafeRawBufferPointer) {
        octets.append(contentsOf: data)
        octets.append(contentsOf: repeatElement(0, count: -data.count & 3))
    }

    // MARK: Options (section 3.5)

    /// Maximum octets of an option's value.
    static let longestOption = Int(UInt16.max)

    /// A text; of one that is too long, as much as fits whatever its characters are.
    mutating func append(option code: UInt16, _ text: String) {
        var octets = Array(text.utf8)
        if octets.count > Self.longestOption {
            octets = Array(String(String.UnicodeScalarView(text.unicodeScalars.prefix(Self.longestOption / 4))).utf8)
        }
        append(option: code, octets: octets)
    }

    mutating func append<Number: FixedWidthInteger>(option code: UInt16, _ number: Number) {
        append(option: code, octets: withUnsafeBytes(of: number) { [UInt8]($0) })
    }

    mutating func append(option code: UInt16, time: UInt64) {
        append(code)
        append(8 as UInt16)
        append(time: time)
    }

    private mutating func append(option code: UInt16, octets: [UInt8]) {
        append(code)
        append(UInt16(truncatingIfNeeded: octets.count))
        append(padded: octets)
    }

    /// `opt_endofopt`, after the last option.
    mutating func endOptions() {
        append(0 as UInt32)
    }

    /// A block of that many octets, a multiple of `alignment`, that says nothing.
    static func filler(_ count: Int) -> [UInt8] {
        var block = PcapngBlock(.filler)
        block.octets.append(contentsOf: repeatElement(0, count: max(0, count - 12)))
        return block.finished()
    }

    /// The whole block. The zeros that make its length even are one `opt_endofopt` after the other.
    consuming func finished() -> [UInt8] {
        octets.append(contentsOf: repeatElement(0, count: -(octets.count + 4) & (Self.alignment - 1)))
        let total = UInt32(truncatingIfNeeded: octets.count + 4)
        append(total)
        withUnsafeBytes(of: total) { octets.replaceSubrange(4..<8, with: $0) }
        return octets
    }
}
