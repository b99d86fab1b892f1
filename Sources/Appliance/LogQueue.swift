package import Classifier
package import Firewall
import Synchronization
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
    /// The identifier of the tag behind the outermost one.
    package var innerVLAN: UInt16?
    /// Of the rules that `event` and `baseChain` are of.
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

    /// Of a frame of at least 12 bytes.
    static func addresses(in bytes: RawSpan) -> UInt128 {
        UInt128(bytes.be48(at: 0)) << 48 | UInt128(bytes.be48(at: 6))
    }
}

/// Events on their way from one worker to whoever writes them: a ring of fixed size with one writer and one reader, that never makes
/// the worker wait. What doesn't fit is counted.
///
/// Invariant: `head` and `tail` only grow, and `tail <= head <= tail + capacity`; slots between them are the reader's, all others
/// the writer's.
package final class LogQueue: Sendable {
    /// Events that it holds: more than one reader's turn wants.
    package static let capacity = 256
    /// Events of one frame that reach the queue at the most.
    static let eventsOfFrame = 16

    private nonisolated(unsafe) let slots: UnsafeMutablePointer<LogRecord?>
    private let head = Atomic<Int>(0)
    private let tail = Atomic<Int>(0)
    private let leftOut = Atomic<UInt64>(0)

    package init() {
        slots = .allocate(capacity: Self.capacity)
        slots.initialize(repeating: nil, count: Self.capacity)
    }

    deinit {
        slots.deinitialize(count: Self.capacity)
        slots.deallocate()
    }

    /// Events that no reader will see, since the start.
    package var lost: UInt64 { leftOut.load(ordering: .relaxed) }

    /// Only on the worker's thread.
    package func offer(_ record: LogRecord) {
        let position = head.load(ordering: .relaxed)
        guard position - tail.load(ordering: .acquiring) < Self.capacity else { return leaveOut(1) }
        slots[position % Self.capacity] = record
        head.store(position + 1, ordering: .releasing)
    }

    /// Counts events that are not offered. Only on the worker's thread.
    func leaveOut(_ count: Int) {
        guard count > 0 else { return }
        leftOut.store(leftOut.load(ordering: .relaxed) &+ UInt64(count), ordering: .relaxed)
    }

    /// The oldest event, taken out; nil if there is none. Only on the reader's thread.
    package func take() -> LogRecord? {
        let position = tail.load(ordering: .relaxed)
        guard position < head.load(ordering: .acquiring) else { return nil }
        let record = slots[position % Self.capacity]
        tail.store(position + 1, ordering: .releasing)
        return record
    }
}
