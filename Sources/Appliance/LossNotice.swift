/// Decides when a loss is worth a message: when it begins, once a minute while it goes on, and when it is over.
package struct LossNotice {
    package enum Message: Equatable {
        case begins
        /// Lost since the message before.
        case goesOn(UInt64)
        /// Lost since it began.
        case isOver(UInt64)
    }

    /// Seconds without a loss after which it is over.
    private static let patience = 5
    /// Seconds between two messages that something is lost.
    private static let interval = 60

    private var total: UInt64 = 0
    /// The part of `total` that messages have told of.
    private var told: UInt64 = 0
    private var toldBefore: UInt64 = 0
    private var secondsSinceLoss = 0
    private var secondsSinceMessage = LossNotice.interval
    /// That something is lost has been said, and not yet that it is over.
    private var isOpen = false

    package init() {}

    /// Something is lost at the moment, as the messages have it.
    package var isOngoing: Bool { isOpen }

    /// To be called once a second.
    /// - Parameter now: All that was lost since the start.
    package mutating func look(_ now: UInt64) -> Message? {
        secondsSinceLoss = now == total ? min(secondsSinceLoss + 1, Self.patience) : 0
        secondsSinceMessage = min(secondsSinceMessage + 1, Self.interval)
        total = now
        if isOpen, secondsSinceLoss >= Self.patience {
            isOpen = false
            told = now
            return .isOver(now - toldBefore)
        }
        guard now != told, secondsSinceMessage >= Self.interval else { return nil }
        secondsSinceMessage = 0
        defer { told = now }
        if isOpen { return .goesOn(now - told) }
        isOpen = true
        toldBefore = told
        return .begins
    }
}
