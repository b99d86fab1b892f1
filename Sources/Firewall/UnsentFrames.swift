public import Decisions
public import Wire

/// What is kept of a frame that passes until it has left, in 16 bits.
public struct PassNote: BitwiseCopyable, Sendable {
    public let bits: UInt16

    private static let changed: UInt16 = 1 << 8

    @inlinable
    public init(bits: UInt16) { self.bits = bits }

    public init(_ decision: Decision) {
        bits = UInt16(decision.reason.rawValue) | (decision.isChanged ? Self.changed : 0)
    }

    /// Why it passes.
    var reason: Reason { Reason(rawValue: UInt8(truncatingIfNeeded: bits)) ?? .acceptByPolicy }

    /// Rules have changed it.
    var isChanged: Bool { bits & Self.changed != 0 }
}

/// Frames that pass and can't be sent. The sender says so, and they are dropped then, with a reason of their own.
///
/// Each frame has one verdict, and counters only grow: so passes are told to readers only once it is certain that they were sent.
extension Firewall {
    /// Takes back that a frame passes: it was not sent. Counts it so, and returns the judgement that holds then.
    /// - Parameters:
    ///   - bytes: As it was to leave.
    ///   - tag: The outermost tag if it is not in `bytes`.
    ///   - zeroLength: What a length of 0 in an IP header means.
    public func takeBack(_ note: PassNote, _ bytes: RawSpan, tag: VLANTag?, zeroLength: ZeroLength = .literal) -> Judgement {
        let frame = ParsedFrame.parse(bytes, tag: tag, zeroLength: zeroLength)
        counters.takeBack(note.reason, length: frame.length)
        var decision = dropped(.notSent)
        decision.isChanged = note.isChanged
        return Judgement(decision: decision, frame: frame)
    }

    /// Tells readers of the counters of all frames that pass: they have been sent, or taken back. For `FirewallCounters` that wait for it.
    public func settlePasses() { counters.settlePasses() }
}
