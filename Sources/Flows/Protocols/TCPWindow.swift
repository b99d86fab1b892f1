import Decisions
import Wire

/// What the window says of a segment (`enum nf_ct_tcp_action`).
enum TCPWindowVerdict: BitwiseCopyable {
    case accept
    /// Older than what counts: let through, and nothing follows from it.
    case ignore
    case invalid(InvalidCause, InvalidNumbers)
}

/// Window tracking after van Rooij, Real Stateful TCP Packet Filtering in IP Filter (2000), with conntrack's bounds (`tcp_in_window`):
///
///     I    sequence ≤ sender.maxEnd                               not beyond what the receiver has room for
///     II   end ≥ sender.end − receiver.maxWindow                  not older than a window
///     III  acknowledged ≤ receiver.end                            nothing that was not sent
///     IV   acknowledged ≥ receiver.end − max(sender.maxWindow, 66000)   not older than a window
extension TCPConnection {
    /// Holds a segment against the window, and takes over what it says if it may be believed.
    mutating func checkWindow(_ bytes: RawSpan, _ segment: TCPSegment, _ direction: FlowDirection, isLiberal: Bool) -> TCPWindowVerdict {
        var sender = self[direction]
        var receiver = self[direction.opposite]
        defer {
            self[direction] = sender
            self[direction.opposite] = receiver
        }
        var sequence = segment.sequence
        var end = segment.end
        var acknowledged = segment.acknowledgement
        var highest = receiver.has(TCPPeer.Flag.sackPermitted) ? segment.highestAcknowledged(bytes) : acknowledged

        if sender.maxWindow == 0 {
            if segment.hasSYN {
                begin(bytes, segment, direction, &sender, &receiver)
                // Simultaneous open.
                if !segment.hasACK { return .accept }
            } else {
                pickUp(segment, highest, &sender, &receiver)
            }
        } else if segment.hasSYN, end.isAfter(sender.end), state == .synSent || state == .synReceived {
            // A new attempt may differ in its numbers and in what it offers (RFC 9293, section 3.4).
            begin(bytes, segment, direction, &sender, &receiver)
            if direction == .reply, !segment.hasACK { return .accept }
        }

        // Without ACK, or with RST and an empty field, there is no acknowledgement to check.
        if !segment.hasACK || (segment.hasRST && acknowledged == 0) {
            acknowledged = receiver.end
            highest = receiver.end
        }
        // A reset that answers a SYN has no number of its own (RFC 9293, section 3.10.7.1).
        if segment.hasRST, sequence == 0, state == .synSent {
            sequence = sender.end
            end = sender.end
        }

        let lowestAcknowledged = receiver.end &- max(sender.maxWindow, 66_000) &- 1
        let lowestEnd = sender.end &- receiver.maxWindow &- 1
        let isLenient = isLiberal || sender.has(TCPPeer.Flag.isLiberal)

        guard sequence.isBefore(sender.maxEnd &+ 1) else {
            // Some send a little more than the receiver has room for. If it is only that, the answer to it must be known.
            let excess = end &- sender.maxEnd &+ 1
            if receiver.maxWindow != 0, end.isAfter(lowestEnd), highest.isAfter(lowestAcknowledged), excess <= receiver.maxWindow,
                highest.isBefore(receiver.end &+ 1)
            {
                sender.end = end
                sender.flags |= TCPPeer.Flag.hasUnacknowledged
                return isLenient ? .accept : .ignore
            }
            return isLenient
                ? .accept
                : .invalid(
                    .tcpBeyondWindow, InvalidNumbers(.sequence, sequence, sender.end &- receiver.maxWindow, sender.maxEnd))
        }
        guard highest.isBefore(receiver.end &+ 1) else {
            return isLenient
                ? .accept
                : .invalid(.tcpAcknowledgement, InvalidNumbers(.acknowledgement, highest, lowestAcknowledged &+ 1, receiver.end))
        }
        guard receiver.maxWindow == 0 || end.isAfter(lowestEnd) else { return isLenient ? .accept : .ignore }
        guard highest.isAfter(lowestAcknowledged) else { return isLenient ? .accept : .ignore }

        // The window of a SYN is never scaled (RFC 7323, section 2.2).
        let window = segment.hasSYN ? UInt32(segment.window) : UInt32(segment.window) << UInt32(min(sender.scale, 14))
        let previous = sender
        sender.maxWindow = max(sender.maxWindow, window &+ (highest &- acknowledged))
        if end.isAfter(sender.end) {
            sender.end = end
            sender.flags |= TCPPeer.Flag.hasUnacknowledged
        }
        if segment.hasACK, !sender.has(TCPPeer.Flag.hasMaxAck) || acknowledged.isAfter(sender.maxAck) {
            sender.maxAck = acknowledged
            sender.flags |= TCPPeer.Flag.hasMaxAck
        }
        if receiver.maxWindow != 0, end.isAfter(sender.maxEnd) { receiver.maxWindow &+= end &- sender.maxEnd }
        if (highest &+ window).isAfter(receiver.maxEnd &- 1) {
            receiver.maxEnd = highest &+ window
            if window == 0 { receiver.maxEnd &+= 1 }
        }
        if acknowledged == receiver.end { receiver.flags &= ~TCPPeer.Flag.hasUnacknowledged }
        if segment.kind == .ack { countRetransmission(segment, sequence, end, acknowledged, direction, previous) }
        return .accept
    }

    /// The first SYN or SYN/ACK of a side (`tcp_init_sender`).
    private func begin(
        _ bytes: RawSpan, _ segment: TCPSegment, _ direction: FlowDirection, _ sender: inout TCPPeer, _ receiver: inout TCPPeer
    ) {
        sender.end = segment.end
        sender.maxEnd = segment.end
        sender.maxWindow = max(UInt32(segment.window), 1)
        segment.readOffers(bytes, into: &sender)
        // Windows are scaled only if both offer it (RFC 7323, section 2.2).
        if direction == .reply, sender.flags & receiver.flags & TCPPeer.Flag.hasScale == 0 {
            sender.scale = 0
            receiver.scale = 0
        }
    }

    /// The first packet of a side in the middle of a connection: what it says is all there is to know.
    private func pickUp(_ segment: TCPSegment, _ highest: UInt32, _ sender: inout TCPPeer, _ receiver: inout TCPPeer) {
        sender.end = segment.end
        sender.maxWindow = max(UInt32(segment.window) << UInt32(min(sender.scale, 14)), 1)
        sender.maxEnd = segment.end &+ sender.maxWindow
        if receiver.maxWindow == 0 {
            receiver.end = highest
            receiver.maxEnd = highest
        } else if highest == receiver.end &+ 1 {
            // The answer to a keep-alive, which repeats the last byte.
            receiver.end &+= 1
        }
    }

    private mutating func countRetransmission(
        _ segment: TCPSegment, _ sequence: UInt32, _ end: UInt32, _ acknowledged: UInt32, _ direction: FlowDirection, _ previous: TCPPeer
    ) {
        let length = Self.digest(ofLength: end &- sequence)
        let isSame =
            lastDirection == direction && lastEnd == end && lastWindow == segment.window && lastLength == length
            && previous.has(TCPPeer.Flag.hasMaxAck) && previous.maxAck == acknowledged
        if isSame {
            retransmissions = retransmissions == .max ? .max : retransmissions &+ 1
        } else {
            lastDirection = direction
            lastEnd = end
            lastWindow = segment.window
            lastLength = length
            retransmissions = 0
        }
    }
}
