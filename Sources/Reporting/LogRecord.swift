package import Classifier
package import Firewall
package import Wire

/// What is known of a frame that a `log` statement saw, or that was dropped: then the event has no statement (-1).
package struct LogRecord: Sendable {
    package var event: LoggedStatement
    /// Nanoseconds since 1970, UTC.
    package var time: UInt64
    /// Index of the port it came in on.
    package var ingress: UInt8
    /// The destination's MAC address, then in the low 48 bits the source's.
    package var addresses: UInt128
    package var frame: ParsedFrame
    /// The verdict with its reason. Of a fragment that is held, none yet.
    package var verdict: Judgement.Verdict
    package var reason: Reason
    /// As in `Judgement`.
    package var baseChain: Int32
    /// The identifier of the tag after the outermost one.
    package var innerVLAN: UInt16?
    /// The number of the rule set that `event` and `baseChain` refer to.
    package var edition: UInt32
    /// Type and code of ICMP or ICMPv6.
    package var icmp: UInt16?

    package init(
        event: LoggedStatement, time: UInt64, ingress: UInt8, addresses: UInt128, frame: ParsedFrame, verdict: Judgement.Verdict = .accept,
        reason: Reason = .acceptByPolicy, baseChain: Int32 = -1, edition: UInt32 = 0
    ) {
        self.event = event
        self.time = time
        self.ingress = ingress
        self.addresses = addresses
        self.frame = frame
        self.verdict = verdict
        self.reason = reason
        self.baseChain = baseChain
        self.edition = edition
    }

    /// With what the parsed frame doesn't tell of its bytes.
    package init(event: LoggedStatement, time: UInt64, ingress: UInt8, judgement: Judgement, bytes: RawSpan, edition: UInt32 = 0) {
        let frame = judgement.frame
        self.init(
            event: event, time: time, ingress: ingress, addresses: bytes.byteCount < 12 ? 0 : Self.addresses(in: bytes), frame: frame,
            verdict: judgement.verdict, reason: judgement.reason, baseChain: judgement.baseChain, edition: edition)
        let inner = frame.isTagOutOfBand ? 14 : 18
        if frame.tagCount > 1, bytes.byteCount >= inner + 2 { innerVLAN = bytes.be16(at: inner) & 0x0fff }
        let isICMP = frame.transportProtocol == 1 && frame.network == .ipv4 || frame.transportProtocol == 58 && frame.network == .ipv6
        if isICMP, frame.hasTransport, frame.transportLength >= 2, frame.transportOffset &+ 2 <= bytes.byteCount {
            icmp = bytes.be16(at: frame.transportOffset)
        }
    }

    /// The addresses of a frame of at least 12 bytes.
    static func addresses(in bytes: RawSpan) -> UInt128 {
        UInt128(bytes.be48(at: 0)) << 48 | UInt128(bytes.be48(at: 6))
    }
}
