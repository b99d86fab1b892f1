import Wire

/// What stands at the beginning of the block that holds a fragment, before its frame.
struct FragmentRecord: BitwiseCopyable {
    /// The next that came; `BlockArena.none` after the last.
    var nextToArrive = BlockArena.none
    /// Neighbours in the datagram.
    var nextByOffset = BlockArena.none
    var previousByOffset = BlockArena.none
    /// Below it in the datagram's tree.
    var lower = BlockArena.none
    var higher = BlockArena.none
    /// Bytes of the datagram that it holds: from `offset` up to, not including, `end`.
    var offset: Int32
    var end: Int32
    /// Where they begin in the frame.
    var payloadOffset: Int32
    /// Bytes of the frame; 0 if it isn't held.
    var frameLength: Int32
    /// A hash of the frame's bytes that it holds, in the mode that lets them go: two with the same are taken for the same. Else 0.
    var fingerprint: UInt64
    /// The frame's time of capture.
    var time: UInt64
    var tag: VLANTag?
    var ingress: UInt8
    /// What became of a frame that departs.
    var outcome = HeldFrame.Outcome.died(.timeout)

    /// Where the frame begins in its block.
    static let frameOffset = (MemoryLayout<FragmentRecord>.size + FrameTag.length + 15) & ~15
}

/// Which datagram a fragment is a part of (RFC 791, section 3.2; RFC 8200, section 4.5): not of IPv6 the next header, which counts in
/// only the first fragment. The ports and the VLANs, without the priority, are a part of it: no two of them share a datagram. A priority
/// tag names no VLAN.
struct FragmentKey: Hashable, BitwiseCopyable {
    var source: UInt128
    var destination: UInt128
    /// The types and identifiers of up to four tags, 28 bits each, the innermost lowest; of more, a mix.
    var tags: UInt128
    var identification: UInt32
    var number: UInt8
    var isIPv6: Bool
    var ingress: UInt8

    init(_ bytes: RawSpan, _ frame: ParsedFrame, ingress: UInt8) {
        source = frame.source
        destination = frame.destination
        identification = frame.identification
        isIPv6 = frame.network == .ipv6
        number = isIPv6 ? 0 : frame.fragmentNextHeader
        self.ingress = ingress
        tags = 0
        frame.forEachTag(bytes) { add($0) }
    }

    /// A fragment of no datagram.
    static let empty = FragmentKey()

    private init() {
        (source, destination, tags, identification, number, isIPv6, ingress) = (0, 0, 0, 0, 0, false, 0)
    }

    private mutating func add(_ tag: VLANTag) {
        guard tag.namesVLAN else { return }
        let overflow = tags >> 100
        tags = tags &<< 28 | UInt128(tag.tpid) &<< 12 | UInt128(tag.identifier)
        tags ^= overflow &* 0x9e37_79b9_7f4a_7c15
    }
}
