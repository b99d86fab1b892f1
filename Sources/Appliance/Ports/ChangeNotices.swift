/// Lets messages about changes pass that others can cause as often as they like, holds back what is more than a few in ten seconds, and
/// counts it to be summed up.
package struct ChangeNotices {
    private var quota: MessageQuota
    private var heldBack: UInt64 = 0

    /// - Parameter size: Messages in ten seconds.
    package init(size: Int = 6) {
        quota = MessageQuota(size: size)
    }

    /// Returns true if a message may pass; counts it as held back otherwise. None passes before those that are held back were summed up.
    package mutating func mayPass(at now: ContinuousClock.Instant = .now) -> Bool {
        if heldBack == 0, quota.take(at: now) { return true }
        heldBack += 1
        return false
    }

    /// How many messages were held back, if it is time to say so; nil if there are none.
    ///
    /// - Parameter isLast: It is time whatever was said before.
    package mutating func sum(isLast: Bool = false, at now: ContinuousClock.Instant = .now) -> UInt64? {
        guard heldBack > 0, quota.take(at: now) || isLast else { return nil }
        defer { heldBack = 0 }
        return heldBack
    }
}
