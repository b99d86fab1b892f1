/// `enum tcp_conntrack`: what was seen of a connection, as the kernel names it.
enum TCPState: UInt8, BitwiseCopyable {
    case none
    case synSent
    case synReceived
    case established
    case finWait
    case closeWait
    case lastACK
    case timeWait
    case close
    /// A SYN from both sides.
    case synSent2
}

/// What was seen of one side (`struct ip_ct_tcp_state`).
struct TCPPeer: BitwiseCopyable {
    enum Flag {
        static let hasScale: UInt8 = 1
        static let sackPermitted: UInt8 = 2
        /// It was the first to close.
        static let closesFirst: UInt8 = 4
        /// Picked up in the middle: its window is not known well.
        static let isLiberal: UInt8 = 8
        static let hasUnacknowledged: UInt8 = 16
        /// `maxAck` says something.
        static let hasMaxAck: UInt8 = 32
    }

    /// After the last byte that it sent.
    var end: UInt32 = 0
    /// After the last byte that the other side has room for.
    var maxEnd: UInt32 = 0
    /// The largest window that it offered; 0 while nothing of it was seen.
    var maxWindow: UInt32 = 0
    /// The highest that it acknowledged. Before its first packet that counts, what its last challenge acknowledged.
    var maxAck: UInt32 = 0
    var scale: UInt8 = 0
    var flags: UInt8 = 0

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

    /// Forgets all but that it is not known well (`nf_ct_tcp_state_reset`).
    mutating func reset() { self = TCPPeer(flags: flags & Flag.isLiberal) }
}

/// A TCP connection (`struct ip_ct_tcp`), as it is worked on; `TransportMemory` holds it.
///
/// The last segment's length is kept in 4 bits, 0 for none and else a remainder: with its end, its window and the side's highest
/// acknowledgement that is enough to know it again.
struct TCPConnection: BitwiseCopyable {
    enum Offer {
        static let sackPermitted: UInt8 = 1
        /// A SYN was let through in LAST_ACK: the ACK that comes back may be a challenge (RFC 5961, section 4).
        static let expectsChallenge: UInt8 = 2
        static let isSimultaneousOpen: UInt8 = 4
    }

    var original = TCPPeer()
    var reply = TCPPeer()
    var state = TCPState.none
    var lastKind = TCPKind.none
    var lastDirection = FlowDirection.original
    var lastEnd: UInt32 = 0
    var lastWindow: UInt16 = 0
    var lastLength: UInt8 = 0
    /// What the last SYN that was let through offered.
    var lastScale: UInt8?
    var lastOffers: UInt8 = 0
    var retransmissions: UInt8 = 0

    subscript(direction: FlowDirection) -> TCPPeer {
        get { direction == .original ? original : reply }
        set { if direction == .original { original = newValue } else { reply = newValue } }
    }

    static func digest(ofLength length: UInt32) -> UInt8 {
        length == 0 ? 0 : UInt8(truncatingIfNeeded: 1 &+ length % 15)
    }

    init() {}

    init(_ memory: TransportMemory) {
        let bits = memory.third.1
        let more = memory.third.2
        original = TCPPeer(
            end: memory.first.0, maxEnd: memory.first.1, maxWindow: memory.first.2, maxAck: memory.first.3,
            scale: UInt8(truncatingIfNeeded: more & 0xf), flags: UInt8(truncatingIfNeeded: bits >> 16 & 0x3f))
        reply = TCPPeer(
            end: memory.second.0, maxEnd: memory.second.1, maxWindow: memory.second.2, maxAck: memory.second.3,
            scale: UInt8(truncatingIfNeeded: more >> 4 & 0xf), flags: UInt8(truncatingIfNeeded: bits >> 22 & 0x3f))
        lastEnd = memory.third.0
        lastWindow = UInt16(truncatingIfNeeded: bits)
        lastLength = UInt8(truncatingIfNeeded: bits >> 28)
        state = TCPState(rawValue: UInt8(truncatingIfNeeded: more >> 8 & 0xf)) ?? .none
        lastKind = TCPKind(rawValue: UInt8(truncatingIfNeeded: more >> 12 & 7)) ?? .none
        lastDirection = more >> 15 & 1 == 0 ? .original : .reply
        retransmissions = UInt8(truncatingIfNeeded: more >> 16)
        let scale = UInt8(truncatingIfNeeded: more >> 24 & 0xf)
        lastScale = scale == 0 ? nil : scale &- 1
        lastOffers = UInt8(truncatingIfNeeded: more >> 28)
    }

    var memory: TransportMemory {
        var memory = TransportMemory()
        memory.first = (original.end, original.maxEnd, original.maxWindow, original.maxAck)
        memory.second = (reply.end, reply.maxEnd, reply.maxWindow, reply.maxAck)
        let bits =
            UInt32(lastWindow) | UInt32(original.flags & 0x3f) << 16 | UInt32(reply.flags & 0x3f) << 22 | UInt32(lastLength & 0xf) << 28
        let states = UInt32(state.rawValue) << 8 | UInt32(lastKind.rawValue) << 12 | UInt32(lastDirection.rawValue) << 15
        let last = UInt32(retransmissions) << 16 | UInt32((lastScale.map { min($0, 14) &+ 1 }) ?? 0) << 24 | UInt32(lastOffers & 0xf) << 28
        memory.third = (lastEnd, bits, UInt32(original.scale & 0xf) | UInt32(reply.scale & 0xf) << 4 | states | last)
        return memory
    }
}

/// Where a segment leads from a state (`tcp_conntracks`).
enum TCPTransition {
    /// `sIG`: let through without believing it, since the connection may not be known well.
    static let ignored: UInt8 = 10
    /// `sIV`.
    static let invalid: UInt8 = 11

    /// By state, in the order of `TCPState`.
    @inline(__always)
    private static func row(
        _ none: UInt8, _ synSent: UInt8, _ synReceived: UInt8, _ established: UInt8, _ finWait: UInt8, _ closeWait: UInt8,
        _ lastACK: UInt8, _ timeWait: UInt8, _ close: UInt8, _ synSent2: UInt8
    ) -> UInt64 {
        let low = UInt64(none) | UInt64(synSent) << 4 | UInt64(synReceived) << 8 | UInt64(established) << 12
        let middle = UInt64(finWait) << 16 | UInt64(closeWait) << 20 | UInt64(lastACK) << 24 | UInt64(timeWait) << 28
        return low | middle | UInt64(close) << 32 | UInt64(synSent2) << 36
    }

    /// The number of the next state, `ignored` or `invalid`.
    static func next(_ direction: FlowDirection, _ kind: TCPKind, from state: TCPState) -> UInt8 {
        let (sS, sR, es, fW, cW, lA): (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (1, 2, 3, 4, 5, 6)
        let (tW, cL, s2, ig, iv): (UInt8, UInt8, UInt8, UInt8, UInt8) = (7, 8, 9, ignored, invalid)
        let row =
            switch (direction, kind) {
            //                           none ss  sr  es  fw  cw  la  tw  cl  s2
            case (.original, .syn): row(sS, sS, ig, ig, ig, ig, ig, sS, sS, s2)
            case (.original, .synAck): row(iv, iv, sR, iv, iv, iv, iv, iv, iv, sR)
            case (.original, .fin): row(iv, iv, fW, fW, lA, lA, lA, tW, cL, iv)
            case (.original, .ack): row(es, iv, es, es, cW, cW, tW, tW, cL, iv)
            case (.reply, .syn): row(iv, s2, iv, iv, iv, iv, iv, sS, iv, s2)
            case (.reply, .synAck): row(iv, sR, ig, ig, ig, ig, ig, ig, ig, sR)
            case (.reply, .fin): row(iv, iv, fW, fW, lA, lA, lA, tW, cL, iv)
            case (.reply, .ack): row(iv, ig, sR, es, cW, cW, tW, tW, cL, ig)
            case (_, .rst): row(iv, cL, cL, cL, cL, cL, cL, cL, cL, cL)
            case (_, .none): row(iv, iv, iv, iv, iv, iv, iv, iv, iv, iv)
            }
        return UInt8(truncatingIfNeeded: row >> (UInt64(state.rawValue) &* 4) & 0xf)
    }
}
