package import Decisions
package import Firewall
package import Wire

/// What is known of a frame that a `log` statement saw, or that was dropped.
package struct LogRecord: Sendable, Decided {
    /// The `log` statement; nil if what was decided is the event.
    package var event: LoggedStatement?
    /// Nanoseconds since 1970, UTC.
    package var time: UInt64
    /// Index of the port it came in on.
    package var ingress: UInt8
    /// The destination's MAC address, then in the low 48 bits the source's.
    package var addresses: UInt128
    package var frame: ParsedFrame
    package var decision: Decision
    /// What `decision.invalidCause` goes by.
    package var invalidNumbers = InvalidNumbers.none
    /// The identifier of the tag after the outermost one.
    package var innerVLAN: UInt16?
    /// Type and code of ICMP or ICMPv6.
    package var icmp: UInt16?
    /// What only events name.
    package var headers = PacketHeaders()
    /// True if it goes the way of its connection's answers; nil for a packet without a connection that is followed.
    package var isReply: Bool?

    package init(
        event: LoggedStatement?, time: UInt64, ingress: UInt8, addresses: UInt128, frame: ParsedFrame,
        decision: Decision = Decision(byPolicy: .accept)
    ) {
        self.event = event
        self.time = time
        self.ingress = ingress
        self.addresses = addresses
        self.frame = frame
        self.decision = decision
    }

    /// With what the parsed frame doesn't tell of its bytes.
    package init(event: LoggedStatement?, time: UInt64, ingress: UInt8, judgement: Judgement, bytes: RawSpan) {
        let frame = judgement.frame
        self.init(
            event: event, time: time, ingress: ingress, addresses: bytes.byteCount < 12 ? 0 : Self.addresses(in: bytes), frame: frame,
            decision: judgement.decision)
        invalidNumbers = judgement.invalidNumbers
        isReply = judgement.isReply
        headers = PacketHeaders(frame, bytes)
        let inner = frame.isTagOutOfBand ? 14 : 18
        if frame.tagCount > 1, bytes.byteCount >= inner + 2 { innerVLAN = bytes.be16(at: inner) & 0x0fff }
        let isICMP = frame.transportProtocol == 1 && frame.network == .ipv4 || frame.transportProtocol == 58 && frame.network == .ipv6
        if isICMP, frame.hasTransport, frame.transportLength >= 2, frame.transportOffset &+ 2 <= bytes.byteCount {
            icmp = bytes.be16(at: frame.transportOffset)
        }
    }

    /// The rule that the event is about: the statement's, else the one that decided.
    package var eventRule: RuleIndex { event?.rule ?? decision.rule }

    /// The addresses of a frame of at least 12 bytes.
    static func addresses(in bytes: RawSpan) -> UInt128 {
        UInt128(bytes.be48(at: 0)) << 48 | UInt128(bytes.be48(at: 6))
    }
}
