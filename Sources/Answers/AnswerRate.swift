import Synchronization

/// How often answers may leave by each of the two ports, of all kinds together, so that strangers who forge their addresses can't have a
/// host flooded by answers.
///
/// A leaky bucket as a time (GCRA, ITU-T I.371), which a tenth of a second's answers may be ahead of.
public final class AnswerRate: Sendable {
    /// Answers a second; senders need one each (Linux' own default for a host: net.ipv4.icmp_msgs_per_sec).
    public static let standard = 1_000
    /// The most that can be asked for.
    public static let largest = 1_000_000

    /// Nanoseconds from one answer to the next; 0 if there are none.
    private let interval: UInt64
    private let lead: UInt64
    /// The times up to which the rates are used up, by the clock of the caller.
    private let near = Atomic<UInt64>(0)
    private let far = Atomic<UInt64>(0)

    /// - Parameter perSecond: For each port; 0 for no answers at all.
    public init(perSecond: Int = standard) {
        interval = perSecond <= 0 ? 0 : 1_000_000_000 / UInt64(min(perSecond, Self.largest))
        lead = 100_000_000
    }

    /// Returns true if an answer may leave now. It has to be taken when it is known that there is one.
    /// - Parameters:
    ///   - port: 0 or 1.
    ///   - time: Now, in nanoseconds of a clock that is not set back.
    public func admits(port: UInt8, at time: UInt64) -> Bool {
        guard interval > 0 else { return false }
        let arrival = port == 0 ? near.load(ordering: .relaxed) : far.load(ordering: .relaxed)
        return arrival <= time || arrival - time <= lead
    }

    /// Uses up one answer's time. Returns false if others have been quicker, and the answer may not leave.
    public func take(port: UInt8, at time: UInt64) -> Bool {
        while true {
            let arrival = port == 0 ? near.load(ordering: .relaxed) : far.load(ordering: .relaxed)
            guard interval > 0, arrival <= time || arrival - time <= lead else { return false }
            let next = max(arrival, time) &+ interval
            let isTaken =
                port == 0
                ? near.compareExchange(expected: arrival, desired: next, ordering: .relaxed).exchanged
                : far.compareExchange(expected: arrival, desired: next, ordering: .relaxed).exchanged
            if isTaken { return true }
        }
    }
}
