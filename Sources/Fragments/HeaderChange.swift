import Wire

/// What rules have changed in the headers that each fragment of a datagram has: Ethernet header, tag, IP header.
///
/// Fields are taken over whole, because fragments may differ in those that routers change (MAC addresses, TTL, ECN). A field that describes
/// the fragment and not its datagram can't be changed: version, lengths, offset and flags except DF, options and extension headers.
struct HeaderChange: BitwiseCopyable, Sendable {
    /// Words of 32 bits in an IPv4 header without options, and in an IPv6 header.
    private static let ipv4Words = 5
    private static let ipv6Words = 10
    /// The next header's place in its word.
    private static let nextHeaderMask: UInt32 = 0x0000_ff00

    private var destination: UInt64?
    private var source: UInt64?
    private var type: UInt16?
    /// TPID and TCI of the tag that rules see.
    private var tag: UInt32 = 0
    private var tagMask: UInt32 = 0
    private var words = InlineArray<10, UInt32>(repeating: 0)
    private var masks = InlineArray<10, UInt32>(repeating: 0)
    /// What IPv6 fragment headers announce.
    private(set) var nextHeader: UInt8?
    /// Rules changed bits of an IPv4 header as bits of the Ethernet header, to which no checksum belongs.
    private var keepsChecksum = false

    /// Nothing has changed.
    init() {}

    /// Compares headers before and after; nil if something has changed that fragments don't share.
    /// - Parameters:
    ///   - old: The headers as they were, all of them; overwritten.
    ///   - new: The frame as it is now.
    ///   - frame: What the frame was parsed to before.
    ///   - tag: The outermost tag as it is now, if it stands apart from the bytes.
    ///   - isWhole: It is a datagram without its fragment header, and not a first fragment.
    init?(from old: inout MutableRawSpan, to new: RawSpan, _ frame: ParsedFrame, tag: VLANTag?, isWhole: Bool) {
        guard frame.network == .ipv4 || frame.network == .ipv6, old.byteCount <= new.byteCount else { return nil }
        compareLink(old.bytes, new, frame, tag)
        compareNetwork(old.bytes, new, frame)
        let start = frame.networkOffset
        if masks[1] & Self.nextHeaderMask != 0, frame.network == .ipv6 {
            // With no other header in between, the fragment header says what the datagram begins with.
            guard isWhole else { return nil }
            if old.byteCount == start &+ ParsedFrame.IPv6.headerLength {
                masks[1] &= ~Self.nextHeaderMask
                nextHeader = UInt8(truncatingIfNeeded: words[1] >> 8)
                old.store(nextHeader ?? 0, at: start &+ ParsedFrame.IPv6.nextHeader)
            }
        }
        let checksum = frame.network == .ipv4 ? start &+ ParsedFrame.IPv4.headerChecksum : -1
        let before = checksum >= 0 ? old.bytes.be16(at: checksum) : 0
        var changed = frame
        apply(to: &old, &changed)
        if checksum >= 0 {
            let now = new.be16(at: checksum)
            // 0 and 0xffff are the same number.
            if now % 0xffff != old.bytes.be16(at: checksum) % 0xffff {
                guard now == before else { return nil }
                keepsChecksum = true
            }
            old.store(now, at: checksum)
        }
        for offset in 0..<old.byteCount where old.bytes.u8(at: offset) != new.u8(at: offset) { return nil }
    }

    /// True if the headers are as they were.
    var isEmpty: Bool {
        guard destination == nil, source == nil, type == nil, tagMask == 0, nextHeader == nil else { return false }
        for word in 0..<Self.ipv6Words where masks[word] != 0 { return false }
        return true
    }

    private mutating func compareLink(_ old: RawSpan, _ new: RawSpan, _ frame: ParsedFrame, _ outOfBand: VLANTag?) {
        typealias Ethernet = ParsedFrame.Ethernet
        func changed48(at offset: Int) -> UInt64? { old.be48(at: offset) != new.be48(at: offset) ? new.be48(at: offset) : nil }
        destination = changed48(at: Ethernet.destination)
        source = changed48(at: Ethernet.source)
        let place = frame.networkOffset &- 2
        if old.be16(at: place) != new.be16(at: place) { type = new.be16(at: place) }
        guard let before = frame.ruleTag else { return }
        let now: UInt32
        if frame.ruleTagOffset >= 0 {
            now = new.be32(at: frame.ruleTagOffset)
        } else {
            guard let outOfBand else { return }
            now = UInt32(outOfBand.tpid) << 16 | UInt32(outOfBand.tci)
        }
        let difference = (UInt32(before.tpid) << 16 | UInt32(before.tci)) ^ now
        // TPID, priority, drop eligible indicator, identifier.
        let fields: InlineArray<4, UInt32> = [0xffff_0000, 0xe000, 0x1000, 0x0fff]
        for index in 0..<4 where difference & fields[index] != 0 { tagMask |= fields[index] }
        tag = now & tagMask
    }

    private mutating func compareNetwork(_ old: RawSpan, _ new: RawSpan, _ frame: ParsedFrame) {
        let isIPv4 = frame.network == .ipv4
        for word in 0..<(isIPv4 ? Self.ipv4Words : Self.ipv6Words) {
            let place = frame.networkOffset &+ 4 &* word
            let now = new.be32(at: place)
            let difference = old.be32(at: place) ^ now
            guard difference != 0 else { continue }
            let fields = isIPv4 ? Self.ipv4Fields(word) : Self.ipv6Fields(word)
            for index in 0..<3 where difference & fields[index] != 0 { masks[word] |= fields[index] }
            words[word] = now & masks[word]
        }
    }

    /// Fields of a word of IPv4's header (RFC 791, section 3.1) that fragments share: DSCP and ECN, identification and DF, TTL and
    /// protocol, the addresses.
    private static func ipv4Fields(_ word: Int) -> InlineArray<3, UInt32> {
        switch word {
        case 0: [0x00fc_0000, 0x0003_0000, 0]
        case 1: [0xffff_0000, 0x0000_4000, 0]
        case 2: [0xff00_0000, 0x00ff_0000, 0]
        default: [.max, 0, 0]
        }
    }

    /// The same for IPv6 (RFC 8200, section 3): DSCP, ECN and flow label, next header and hop limit, the addresses.
    private static func ipv6Fields(_ word: Int) -> InlineArray<3, UInt32> {
        switch word {
        case 0: [0x0fc0_0000, 0x0030_0000, 0x000f_ffff]
        case 1: [nextHeaderMask, 0x0000_00ff, 0]
        default: [.max, 0, 0]
        }
    }

    /// Writes the new values into a frame of the same kind. The IPv4 header's checksum stays as right or wrong as it was.
    /// - Parameter frame: What `bytes` were parsed to; gets the tag.
    func apply(to bytes: inout MutableRawSpan, _ frame: inout ParsedFrame) {
        typealias Ethernet = ParsedFrame.Ethernet
        let start = frame.networkOffset
        let isIPv4 = frame.network == .ipv4
        guard isIPv4 || frame.network == .ipv6 else { return }
        if let destination { bytes.store48(destination, at: Ethernet.destination) }
        if let source { bytes.store48(source, at: Ethernet.source) }
        if let type { bytes.store(type, at: start &- 2) }
        if tagMask != 0, let old = frame.ruleTag {
            let now = (UInt32(old.tpid) << 16 | UInt32(old.tci)) & ~tagMask | tag
            frame.retag(VLANTag(tpid: UInt16(truncatingIfNeeded: now >> 16), tci: UInt16(truncatingIfNeeded: now)))
            if frame.ruleTagOffset >= 0 { bytes.store(now, at: frame.ruleTagOffset) }
        }
        for word in 0..<(isIPv4 ? Self.ipv4Words : Self.ipv6Words) where masks[word] != 0 {
            let place = start &+ 4 &* word
            let old = bytes.bytes.be32(at: place)
            let now = old & ~masks[word] | words[word]
            guard now != old else { continue }
            bytes.store(now, at: place)
            guard isIPv4, !keepsChecksum else { continue }
            let checksum = start &+ ParsedFrame.IPv4.headerChecksum
            let sum = ChecksumUpdate(from: UInt128(old), to: UInt128(now)).applied(to: bytes.bytes.be16(at: checksum))
            // As `nft_csum_replace` stores it: never 0.
            bytes.store(sum == 0 ? 0xffff : sum, at: checksum)
        }
        // The header right before the payload (RFC 8200, section 4.5).
        if let nextHeader, frame.isFragment {
            bytes.store(nextHeader, at: frame.fragmentPayloadOffset &- ParsedFrame.IPv6.fragmentHeaderLength)
        }
    }
}

extension MutableRawSpan {
    /// A MAC address.
    fileprivate mutating func store48(_ value: UInt64, at offset: Int) {
        store(UInt32(truncatingIfNeeded: value >> 16), at: offset)
        store(UInt16(truncatingIfNeeded: value), at: offset &+ 4)
    }
}
