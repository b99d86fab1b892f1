/// At most N events in each second of a clock: the second's first ones pass.
///
/// The clock is the caller's. A time that lies before the present second counts as part of it, as far back as `lateness` says.
public struct RateLimit: Sendable {
    private let perSecond: UInt64
    private let lateness: UInt64
    private var second: UInt64 = 0
    private var count: UInt64 = 0

    /// - Parameters:
    ///   - perSecond: nil for no limit.
    ///   - lateness: Seconds; nil for any number of them. A time from further back begins a second of its own.
    public init(perSecond: Int?, lateness: UInt64? = nil) {
        self.perSecond = perSecond.map { UInt64(max($0, 0)) } ?? .max
        self.lateness = lateness ?? .max
    }

    /// Goes to the second that this time lies in, given in nanoseconds. Returns true if a new one began.
    @discardableResult
    public mutating func turn(to time: UInt64) -> Bool {
        let now = time / 1_000_000_000
        guard now > second || second - now > lateness else { return false }
        second = now
        count = 0
        return true
    }

    /// Returns true if the present second has room for one more event, and counts it.
    public mutating func admit() -> Bool {
        guard count < perSecond else { return false }
        count += 1
        return true
    }

    /// Makes the next time begin a new second, whatever it is.
    public mutating func reset() { second = 0 }
}
