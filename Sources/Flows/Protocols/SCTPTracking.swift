import Decisions
import Wire

/// `enum sctp_conntrack`: what was seen of an association, as the kernel names it.
enum SCTPState: UInt8, BitwiseCopyable {
    case none
    case closed
    case cookieWait
    case cookieEchoed
    case established
    case shutdownSent
    case shutdownReceived
    case shutdownAckSent
    case heartbeatSent

    var timeout: FlowTimeout {
        switch self {
        case .none, .closed: .sctpClosed
        case .cookieWait: .sctpCookieWait
        case .cookieEchoed: .sctpCookieEchoed
        case .established: .sctpEstablished
        case .shutdownSent: .sctpShutdownSent
        case .shutdownReceived: .sctpShutdownReceived
        case .shutdownAckSent: .sctpShutdownAckSent
        case .heartbeatSent: .sctpHeartbeatSent
        }
    }
}

/// Types of chunks (RFC 9260, section 3.2) that change an association's state.
private enum Chunk {
    static let data: UInt8 = 0
    static let initiation: UInt8 = 1
    static let initiationAck: UInt8 = 2
    static let heartbeat: UInt8 = 4
    static let heartbeatAck: UInt8 = 5
    static let abort: UInt8 = 6
    static let shutdown: UInt8 = 7
    static let shutdownAck: UInt8 = 8
    static let error: UInt8 = 9
    static let cookieEcho: UInt8 = 10
    static let cookieAck: UInt8 = 11
    static let shutdownComplete: UInt8 = 14
}

/// An SCTP association (`struct ip_ct_sctp`), as it is worked on; `TransportMemory` holds it.
private struct SCTPAssociation: BitwiseCopyable {
    /// Verification tags of packets in each direction.
    var tags = (UInt32(0), UInt32(0))
    var state = SCTPState.none
    var hasInit = (false, false)
    var heartbeatFailed = false
    var lastDirection = FlowDirection.original

    init() {}

    init(_ memory: TransportMemory) {
        tags = (memory.first.0, memory.first.1)
        let bits = memory.first.2
        state = SCTPState(rawValue: UInt8(truncatingIfNeeded: bits)) ?? .none
        hasInit = (bits >> 8 & 1 == 1, bits >> 9 & 1 == 1)
        heartbeatFailed = bits >> 10 & 1 == 1
        lastDirection = bits >> 11 & 1 == 1 ? .reply : .original
    }

    var memory: TransportMemory {
        var memory = TransportMemory()
        let inits = (hasInit.0 ? UInt32(1) << 8 : 0) | (hasInit.1 ? UInt32(1) << 9 : 0)
        let last = (heartbeatFailed ? UInt32(1) << 10 : 0) | UInt32(lastDirection.rawValue) << 11
        memory.first = (tags.0, tags.1, UInt32(state.rawValue) | inits | last, 0)
        return memory
    }

    func tag(_ direction: FlowDirection) -> UInt32 { direction == .original ? tags.0 : tags.1 }

    mutating func setTag(_ direction: FlowDirection, _ tag: UInt32) {
        if direction == .original { tags.0 = tag } else { tags.1 = tag }
    }

    func hasInit(_ direction: FlowDirection) -> Bool { direction == .original ? hasInit.0 : hasInit.1 }

    mutating func setInit(_ direction: FlowDirection, _ value: Bool) {
        if direction == .original { hasInit.0 = value } else { hasInit.1 = value }
    }

    /// By state, in the order of `SCTPState`.
    private static func row(
        _ none: UInt8, _ closed: UInt8, _ cookieWait: UInt8, _ cookieEchoed: UInt8, _ established: UInt8, _ shutdownSent: UInt8,
        _ shutdownReceived: UInt8, _ shutdownAckSent: UInt8, _ heartbeatSent: UInt8
    ) -> UInt64 {
        let low = UInt64(none) | UInt64(closed) << 4 | UInt64(cookieWait) << 8 | UInt64(cookieEchoed) << 12
        let middle = UInt64(established) << 16 | UInt64(shutdownSent) << 20 | UInt64(shutdownReceived) << 24
        return low | middle | UInt64(shutdownAckSent) << 28 | UInt64(heartbeatSent) << 32
    }

    /// Where a chunk leads (`sctp_conntracks`); nil if it may not come in that state.
    static func next(_ direction: FlowDirection, _ chunk: UInt8, from state: SCTPState) -> SCTPState? {
        let (cL, cW, cE, es): (UInt8, UInt8, UInt8, UInt8) = (1, 2, 3, 4)
        let (sS, sR, sA, hS, iv): (UInt8, UInt8, UInt8, UInt8, UInt8) = (5, 6, 7, 8, 15)
        let row: UInt64
        switch (direction, chunk) {
        //                                             none cl  cw  ce  es  ss  sr  sa  hs
        case (.original, Chunk.initiation): row = Self.row(cL, cL, cW, cE, es, cL, cL, sA, cW)
        case (.original, Chunk.initiationAck): row = Self.row(cL, cL, cW, cE, es, sS, sR, sA, cL)
        case (.original, Chunk.abort): row = Self.row(cL, cL, cL, cL, cL, cL, cL, cL, cL)
        case (.original, Chunk.shutdown): row = Self.row(cL, cL, cW, cE, sS, sS, sR, sA, cL)
        case (.original, Chunk.shutdownAck): row = Self.row(sA, cL, cW, cE, es, sA, sA, sA, sA)
        case (.original, Chunk.error): row = Self.row(cL, cL, cW, cE, es, sS, sR, sA, cL)
        case (.original, Chunk.cookieEcho): row = Self.row(cL, cL, cE, cE, es, sS, sR, sA, cL)
        case (.original, Chunk.cookieAck): row = Self.row(cL, cL, cW, es, es, sS, sR, sA, cL)
        case (.original, Chunk.shutdownComplete): row = Self.row(cL, cL, cW, cE, es, sS, sR, cL, cL)
        case (.original, Chunk.heartbeat): row = Self.row(hS, cL, cW, cE, es, sS, sR, sA, hS)
        case (.original, Chunk.heartbeatAck): row = Self.row(cL, cL, cW, cE, es, sS, sR, sA, hS)
        case (.reply, Chunk.initiation): row = Self.row(iv, cL, cW, cE, es, sS, sR, sA, iv)
        case (.reply, Chunk.initiationAck): row = Self.row(iv, cW, cW, cE, es, sS, sR, sA, iv)
        case (.reply, Chunk.abort): row = Self.row(iv, cL, cL, cL, cL, cL, cL, cL, iv)
        case (.reply, Chunk.shutdown): row = Self.row(iv, cL, cW, cE, sR, sS, sR, sA, iv)
        case (.reply, Chunk.shutdownAck): row = Self.row(iv, cL, cW, cE, es, sA, sA, sA, iv)
        case (.reply, Chunk.error): row = Self.row(iv, cL, cW, cL, es, sS, sR, sA, iv)
        case (.reply, Chunk.cookieEcho): row = Self.row(iv, cL, cE, cE, es, sS, sR, sA, iv)
        case (.reply, Chunk.cookieAck): row = Self.row(iv, cL, cW, es, es, sS, sR, sA, iv)
        case (.reply, Chunk.shutdownComplete): row = Self.row(iv, cL, cW, cE, es, sS, sR, cL, iv)
        case (.reply, Chunk.heartbeat): row = Self.row(iv, cL, cW, cE, es, sS, sR, sA, hS)
        case (.reply, Chunk.heartbeatAck): row = Self.row(iv, cL, cW, cE, es, sS, sR, sA, es)
        // Whatever else it is changes nothing.
        default: return state
        }
        return SCTPState(rawValue: UInt8(truncatingIfNeeded: row >> (UInt64(state.rawValue) &* 4) & 0xf))
    }
}

/// SCTP as conntrack follows it (`nf_conntrack_sctp_packet`): by chunks and verification tags.
extension FlowTracker {
    mutating func stepSCTP(_ bytes: RawSpan, _ packet: PacketContext, _ record: Int32, _ direction: FlowDirection, isNew: Bool) -> FlowStep
    {
        let place = packet.place
        guard place.length >= 12 else { return .invalid(.shortPacket) }
        if packet.verifiesChecksum {
            // Stored least significant byte first.
            let found = bytes.be32(at: place.offset &+ 8)
            let right = crc.ofSCTP(bytes, place.offset, place.length).byteSwapped
            guard found == right else {
                invalidNumbers = InvalidNumbers(.cyclicChecksum, found, right)
                return .invalid(.badChecksum)
            }
        }
        guard let seen = kinds(bytes, place) else { return .invalid(.sctpChunks) }
        let tag = bytes.be32(at: place.offset &+ 4)
        var association = SCTPAssociation(table[record].memory)
        if isNew {
            // Out of the blue (RFC 9260, section 8.4).
            let endings = kind(Chunk.abort) | kind(Chunk.shutdownComplete) | kind(Chunk.cookieAck)
            guard seen & endings == 0 else { return .invalid(.sctpState) }
            if let cause = begin(&association, bytes, place, tag) { return .invalid(cause) }
        }
        let others =
            kind(Chunk.initiation) | kind(Chunk.shutdownComplete) | kind(Chunk.cookieEcho) | kind(Chunk.abort) | kind(Chunk.shutdownAck)
            | kind(Chunk.heartbeat) | kind(Chunk.heartbeatAck)
        guard seen & others != 0 || tag == association.tag(direction) else {
            invalidNumbers = InvalidNumbers(.tag, tag, association.tag(direction))
            return .invalid(.sctpTag)
        }
        let step = advance(&association, bytes, packet, record, direction, tag, isNew: isNew, hasData: seen & kind(Chunk.data) != 0)
        // As in the kernel, what came before a chunk that is invalid stays.
        table[record].memory = association.memory
        return step
    }

    private func kind(_ type: UInt8) -> UInt16 { 1 << UInt16(type & 0xf) }

    /// A chunk's type, flags and value, and where the next begins; nil after the last. Each goes on by at least 4 bytes.
    private func chunk(_ bytes: RawSpan, at offset: Int, to end: Int) -> (type: UInt8, flags: UInt8, next: Int)? {
        guard end &- offset >= 4 else { return nil }
        let length = max(Int(bytes.be16(at: offset &+ 2)), 1)
        return (bytes.u8(at: offset), bytes.u8(at: offset &+ 1), offset &+ (length &+ 3) & ~3)
    }

    /// Which of the types below 16 are there; nil for chunks that may not stand so, or none (`do_basic_checks`).
    private func kinds(_ bytes: RawSpan, _ place: TransportPlace) -> UInt16? {
        var seen: UInt16 = 0
        var count = 0
        var mustBeAlone = false
        var offset = place.offset &+ 12
        let end = place.offset &+ place.length
        while let chunk = chunk(bytes, at: offset, to: end) {
            let type = chunk.type
            if type == Chunk.initiation || type == Chunk.initiationAck || type == Chunk.shutdownComplete { mustBeAlone = true }
            let mustBeFirst = type == Chunk.cookieAck || type == Chunk.cookieEcho || mustBeAlone
            guard !mustBeFirst || count == 0, bytes.be16(at: offset &+ 2) != 0 else { return nil }
            if type < 16 { seen |= kind(type) }
            count &+= 1
            offset = chunk.next
        }
        return count == 0 ? nil : seen
    }

    /// The first packet of an association, or of another path of one (`sctp_new`); why it can't be, if so.
    private func begin(_ association: inout SCTPAssociation, _ bytes: RawSpan, _ place: TransportPlace, _ tag: UInt32) -> InvalidCause? {
        association = SCTPAssociation()
        var offset = place.offset &+ 12
        let end = place.offset &+ place.length
        while let chunk = chunk(bytes, at: offset, to: end) {
            guard let next = SCTPAssociation.next(.original, chunk.type, from: .none), next != .none else { return .sctpState }
            if chunk.type == Chunk.initiation {
                guard tag == 0 else { return .sctpTag }
                guard let initiateTag = initiateTag(bytes, offset, end) else { return .sctpChunks }
                association.setTag(.reply, initiateTag)
            } else if chunk.type == Chunk.heartbeat || chunk.type == Chunk.heartbeatAck {
                association.setTag(.original, tag)
            } else {
                association.setTag(.reply, tag)
            }
            offset = chunk.next
        }
        return nil
    }

    /// An INIT or INIT ACK chunk, whole up to its parameters (RFC 9260, section 3.3.2); nil if it is cut off.
    private func initiateTag(_ bytes: RawSpan, _ offset: Int, _ end: Int) -> UInt32? {
        end &- offset >= 20 ? bytes.be32(at: offset &+ 4) : nil
    }

    private mutating func advance(
        _ association: inout SCTPAssociation, _ bytes: RawSpan, _ packet: PacketContext, _ record: Int32, _ direction: FlowDirection,
        _ tag: UInt32, isNew: Bool, hasData: Bool
    ) -> FlowStep {
        var offset = packet.place.offset &+ 12
        let end = packet.place.offset &+ packet.place.length
        var keeps = false
        var new = SCTPState.none
        while let chunk = chunk(bytes, at: offset, to: end) {
            let start = offset
            offset = chunk.next
            if let cause = tagFault(association, chunk.type, chunk.flags, tag, direction) { return .invalid(cause) }
            if chunk.type == Chunk.cookieAck {
                association.hasInit = (false, false)
            } else if chunk.type == Chunk.heartbeat || chunk.type == Chunk.heartbeatAck {
                if association.tag(direction) == 0 {
                    association.setTag(direction, tag)
                } else if tag == association.tag(direction) {
                    association.heartbeatFailed = false
                } else if hasData || keeps {
                    return .invalid(.sctpTag)
                } else if chunk.type == Chunk.heartbeat {
                    // The association may have begun again elsewhere: if the other side answers, it has.
                    association.heartbeatFailed = true
                    association.lastDirection = direction
                    keeps = true
                    continue
                } else {
                    guard association.heartbeatFailed, association.lastDirection != direction else { return .invalid(.sctpTag) }
                    association.heartbeatFailed = false
                    association.setTag(direction, tag)
                    association.setTag(direction.opposite, 0)
                }
            }
            let old = association.state
            guard let next = SCTPAssociation.next(direction, chunk.type, from: old) else { return .invalid(.sctpState) }
            new = next
            if chunk.type == Chunk.initiation || chunk.type == Chunk.initiationAck {
                guard let initiateTag = initiateTag(bytes, start, end) else { return .invalid(.sctpChunks) }
                if chunk.type == Chunk.initiation {
                    if association.hasInit(direction), association.hasInit(direction.opposite) {
                        association.setInit(direction.opposite, false)
                    }
                    association.setInit(direction, true)
                    // An INIT again does not keep alive what nobody answers.
                    if new == .closed, old == .closed, !isNew { keeps = true }
                } else {
                    let known = association.tag(direction.opposite)
                    let otherHasInit = association.hasInit(direction.opposite)
                    let isCollision = association.hasInit(direction) && otherHasInit
                    if known != initiateTag, isCollision || (!otherHasInit && known != 0) { return .invalid(.sctpTag) }
                }
                association.setTag(direction.opposite, initiateTag)
            }
            association.state = new
            if old != new, new == .established { assure(record) }
        }
        return keeps ? .keep : .refresh(limit(record, new.timeout))
    }

    /// The exceptions to what tag a packet carries (RFC 9260, section 8.5.1).
    private func tagFault(_ association: SCTPAssociation, _ type: UInt8, _ flags: UInt8, _ tag: UInt32, _ direction: FlowDirection)
        -> InvalidCause?
    {
        switch type {
        case Chunk.initiation: return tag == 0 ? nil : .sctpTag
        case Chunk.abort, Chunk.shutdownComplete:
            // With the T bit the sender had none of its own, and sends back the other's.
            return tag == association.tag(flags & 1 == 0 ? direction : direction.opposite) ? nil : .sctpTag
        case Chunk.cookieEcho: return tag == association.tag(direction) ? nil : .sctpTag
        default: return nil
        }
    }
}
