import Decisions
import Wire

/// TCP as conntrack follows it (`nf_conntrack_tcp_packet`), the cases of RFC 5961 among it.
extension FlowTracker {
    mutating func stepTCP(_ bytes: RawSpan, _ packet: PacketContext, _ record: Int32, _ direction: FlowDirection, isNew: Bool) -> FlowStep {
        let segment: TCPSegment
        switch TCPSegment.read(bytes, packet, &invalidNumbers) {
        case .success(let read): segment = read
        case .failure(let cause): return .invalid(cause)
        }
        if settings.tcp == .off { return stepUntrackedTCP(segment, record) }
        var connection: TCPConnection
        if isNew {
            switch begin(bytes, segment, packet.now) {
            case .success(let begun): connection = begun
            case .failure(let cause): return .invalid(cause)
            }
        } else {
            connection = TCPConnection(table[record].memory)
        }
        let step = advance(&connection, bytes, segment, packet, record, direction)
        if case .again = step { return step }
        table[record].memory = connection.memory
        return step
    }

    /// A connection's first packet (`tcp_new`).
    private func begin(_ bytes: RawSpan, _ segment: TCPSegment, _ now: UInt64) -> Result<TCPConnection, InvalidCause> {
        var connection = TCPConnection()
        connection.original.end = segment.end
        connection.original.maxWindow = max(UInt32(segment.window), 1)
        switch segment.kind {
        case .syn:
            connection.original.maxEnd = segment.end
            segment.readOffers(bytes, into: &connection.original)
        case .ack:
            guard picksUp(at: now) else { return .failure(.tcpNotBegun) }
            connection.original.maxEnd = segment.end &+ connection.original.maxWindow
            connection.original.flags = TCPPeer.Flag.sackPermitted | TCPPeer.Flag.isLiberal
            connection.reply.flags = TCPPeer.Flag.sackPermitted | TCPPeer.Flag.isLiberal
        case .synAck, .fin, .rst, .none: return .failure(.tcpState)
        }
        return .success(connection)
    }

    private mutating func advance(
        _ connection: inout TCPConnection, _ bytes: RawSpan, _ segment: TCPSegment, _ packet: PacketContext, _ record: Int32,
        _ direction: FlowDirection
    ) -> FlowStep {
        var old = connection.state
        let next = TCPTransition.next(direction, segment.kind, from: old)
        if next == TCPTransition.invalid {
            invalidNumbers = InvalidNumbers(.state, UInt32(segment.flags), UInt32(old.rawValue))
            return .invalid(.tcpState)
        }
        var new = TCPState(rawValue: next)
        var skipsWindow = false

        if new == .synSent, old.rawValue >= TCPState.timeWait.rawValue {
            // A closed or reset connection is opened again (RFC 9293, section 3.6.1); whichever other SYN comes is ignored at first.
            let isClosed = (connection.original.flags | connection.reply.flags) & TCPPeer.Flag.closesFirst != 0
            if isClosed || (connection.lastDirection == direction && connection.lastKind == .rst) { return .again }
            new = nil
        }
        switch new {
        case nil:
            guard synchronize(&connection, segment, direction) else {
                return ignore(&connection, bytes, segment, direction)
            }
            old = .synSent
            new = .synReceived
        case .timeWait:
            // An ACK that answers a SYN in LAST_ACK is a challenge, and not the last one (RFC 5961, section 4).
            if old == .lastACK, segment.kind == .ack, connection.lastDirection != direction, connection.lastKind == .syn,
                connection.lastOffers & TCPConnection.Offer.expectsChallenge != 0
            {
                connection.lastOffers &= ~TCPConnection.Offer.expectsChallenge
                return .keep
            }
        case .synSent2: connection.lastOffers |= TCPConnection.Offer.isSimultaneousOpen
        case .synReceived:
            if direction == .reply, segment.kind == .ack, connection.lastOffers & TCPConnection.Offer.isSimultaneousOpen != 0 {
                new = .established
            }
        case .close:
            guard segment.kind == .rst else { break }
            switch judgeReset(connection, segment, record, direction) {
            case .inWindow: skipsWindow = true
            case .checkWindow: break
            case .keepState: new = old
            case .invalid:
                invalidNumbers = InvalidNumbers(.reset, segment.sequence, connection[direction.opposite].maxAck)
                return .invalid(.tcpReset)
            }
        default: break
        }
        guard let new else { return .keep }
        if !skipsWindow {
            switch connection.checkWindow(bytes, segment, direction, isLiberal: settings.isTCPLiberal) {
            case .accept: break
            case .ignore: return .keep
            case .invalid(let cause, let numbers):
                invalidNumbers = numbers
                noteInvalid(&connection, segment, packet, record, direction)
                return .invalid(cause)
            }
        }
        return accept(&connection, segment, record, direction, from: old, to: new)
    }

    /// An ignored SYN was right after all: this SYN/ACK acknowledges it. The connection is taken over from it.
    private func synchronize(_ connection: inout TCPConnection, _ segment: TCPSegment, _ direction: FlowDirection) -> Bool {
        guard segment.kind == .synAck, connection.lastKind == .syn, connection.lastDirection != direction,
            segment.acknowledgement == connection.lastEnd
        else { return false }
        var opener = connection[direction.opposite]
        opener.end = connection.lastEnd
        opener.maxEnd = connection.lastEnd
        opener.maxWindow = max(UInt32(connection.lastWindow), 1)
        opener.scale = connection.lastScale ?? 0
        connection.lastOffers &= ~TCPConnection.Offer.expectsChallenge
        opener.flags = connection.lastScale == nil ? 0 : TCPPeer.Flag.hasScale
        if connection.lastOffers & TCPConnection.Offer.sackPermitted != 0 { opener.flags |= TCPPeer.Flag.sackPermitted }
        connection[direction.opposite] = opener
        connection[direction].reset()
        return true
    }

    /// Lets a packet through that may be right where the connection is not known well, and notes it.
    private func ignore(_ connection: inout TCPConnection, _ bytes: RawSpan, _ segment: TCPSegment, _ direction: FlowDirection) -> FlowStep
    {
        connection.lastKind = segment.kind
        connection.lastDirection = direction
        connection.lastEnd = segment.end
        connection.lastLength = TCPConnection.digest(ofLength: segment.end &- segment.sequence)
        connection.lastWindow = segment.window
        if segment.kind == .syn, direction == .original {
            var offers = TCPPeer()
            segment.readOffers(bytes, into: &offers)
            connection.lastScale = offers.has(TCPPeer.Flag.hasScale) ? offers.scale : nil
            connection.lastOffers = offers.has(TCPPeer.Flag.sackPermitted) ? TCPConnection.Offer.sackPermitted : 0
            if connection.state == .lastACK { connection.lastOffers |= TCPConnection.Offer.expectsChallenge }
        }
        // An ACK that answers a SYN may be a challenge: the reset that follows has its number (RFC 5961, section 4.2).
        if connection.state == .synSent, segment.kind == .ack, direction == .reply, !connection.reply.has(TCPPeer.Flag.hasMaxAck) {
            connection.reply.maxAck = segment.acknowledgement
        }
        return .keep
    }

    private enum ResetVerdict {
        case inWindow
        case checkWindow
        case keepState
        case invalid
    }

    /// A reset has to have the very next sequence number to be believed; one in the window is answered by a challenge
    /// (RFC 5961, section 3.2), so that the connection stays.
    private func judgeReset(_ connection: TCPConnection, _ segment: TCPSegment, _ record: Int32, _ direction: FlowDirection) -> ResetVerdict
    {
        // Closing already: the numbers may be another connection's by now.
        switch connection.state {
        case .finWait, .lastACK, .timeWait, .close, .closeWait: return .inWindow
        default: break
        }
        let receiver = connection[direction.opposite]
        let isAssured = table[record].has(FlowRecord.Flag.assured)
        let isEstablished = connection.state == .established && isAssured
        var keepsState = false
        // After a SYN that was let through, the numbers may be out of date.
        if receiver.has(TCPPeer.Flag.hasMaxAck), connection.lastKind != .syn {
            if segment.sequence == 0, !isEstablished { return .checkWindow }
            if segment.sequence.isBefore(receiver.maxAck), !settings.ignoresInvalidReset { return .invalid }
            if !isEstablished || segment.sequence == receiver.maxAck { return .checkWindow }
            // Right after data of the same side.
            if connection.lastKind == .ack, connection.lastDirection == direction, segment.sequence == connection.lastEnd {
                return .checkWindow
            }
            keepsState = true
        }
        // It answers a SYN of the other side, or an ACK, that was let through.
        let answersSYN =
            table[record].has(FlowRecord.Flag.seenReply) && connection.lastKind == .syn && connection.lastDirection != direction
        if answersSYN || (!isAssured && connection.lastKind == .ack), segment.acknowledgement == connection.lastEnd { return .inWindow }
        // It answers a challenge.
        if connection.state == .synSent, connection.lastKind == .ack, connection.lastDirection == .reply,
            segment.sequence == connection.reply.maxAck
        {
            return .inWindow
        }
        return keepsState ? .keepState : .checkWindow
    }

    /// Both sides say that it is over, though not in the window: the connection need not stay for days (`nf_tcp_handle_invalid`).
    private mutating func noteInvalid(
        _ connection: inout TCPConnection, _ segment: TCPSegment, _ packet: PacketContext, _ record: Int32, _ direction: FlowDirection
    ) {
        guard table[record].has(FlowRecord.Flag.assured), segment.kind == .rst || segment.kind == .fin else { return }
        guard connection.lastDirection != direction, connection.lastKind == .fin || connection.lastKind == .rst else {
            connection.lastKind = segment.kind
            connection.lastDirection = direction
            return
        }
        let left = table.expiry(record) &- Tick.at(packet.now)
        let limit = limit(record, .tcpUnacknowledged)
        if left >= Tick.count(ofSeconds: 120), left > limit { table.setExpiry(record, expiry(packet.now, limit)) }
    }

    private mutating func accept(
        _ connection: inout TCPConnection, _ segment: TCPSegment, _ record: Int32, _ direction: FlowDirection, from old: TCPState,
        to new: TCPState
    ) -> FlowStep {
        connection.lastKind = segment.kind
        connection.lastDirection = direction
        connection.state = new
        if old != new, new == .finWait { connection[direction].flags |= TCPPeer.Flag.closesFirst }
        setFinished(record, new == .timeWait || new == .close)

        var ticks = ticks(of: connection, record, new, isReset: segment.kind == .rst)
        if !table[record].has(FlowRecord.Flag.seenReply) {
            // Refused: there is no connection.
            if segment.hasRST { return .end }
            // A SYN again does not keep alive what nobody answers.
            if segment.kind == .syn, old == .synSent { return .keep }
            if new == .established { ticks = min(ticks, limit(record, .tcpUnacknowledged)) }
        } else if old == .synReceived || old == .established, new == .established {
            assure(record)
        }
        return .refresh(ticks)
    }

    /// How long a connection lasts from its last segment on.
    func ticks(of connection: TCPConnection, _ record: Int32, _ state: TCPState, isReset: Bool) -> UInt32 {
        let ticks = limit(record, timeout(of: state))
        let retransmitted = limit(record, .tcpMaxRetransmissions)
        if connection.retransmissions >= settings.maximumRetransmissions, ticks > retransmitted { return retransmitted }
        if isReset { return limit(record, .tcpClose) }
        let unacknowledged = limit(record, .tcpUnacknowledged)
        if (connection.original.flags | connection.reply.flags) & TCPPeer.Flag.hasUnacknowledged != 0, ticks > unacknowledged {
            return unacknowledged
        }
        return connection.lastWindow == 0 && ticks > retransmitted ? retransmitted : ticks
    }

    private func timeout(of state: TCPState) -> FlowTimeout {
        switch state {
        case .none, .synSent: .tcpSYNSent
        case .synSent2: .tcpSYNSent2
        case .synReceived: .tcpSYNReceived
        case .established: .tcpEstablished
        case .finWait: .tcpFINWait
        case .closeWait: .tcpCloseWait
        case .lastACK: .tcpLastACK
        case .timeWait: .tcpTimeWait
        case .close: .tcpClose
        }
    }

    private func setClosing(_ record: Int32, _ isClosing: Bool) {
        table[record].memory.first.0 = isClosing ? 1 : 0
        table.liveness.setClosed(Int(record), isClosing)
    }

    /// Addresses and ports only: assured with the first packet after the first answer, and short-lived once it closes.
    private mutating func stepUntrackedTCP(_ segment: TCPSegment, _ record: Int32) -> FlowStep {
        if segment.hasFIN || segment.hasRST { setClosing(record, true) }
        if segment.hasSYN { setClosing(record, false) }
        guard table[record].has(FlowRecord.Flag.seenReply) else { return .refresh(limit(record, .tcpSYNSent)) }
        assure(record)
        return .refresh(limit(record, table[record].memory.first.0 == 0 ? .tcpEstablished : .tcpTimeWait))
    }
}
