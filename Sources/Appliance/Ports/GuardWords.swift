/// Parts of sentences about guards.
package enum GuardWords {
    /// `once`, or `3 times`.
    package static func times(_ count: UInt64) -> String { count == 1 ? "once" : "\(count) times" }

    /// `once more`, or `3 more times`.
    package static func more(_ count: UInt64) -> String { count == 1 ? "once more" : "\(count) more times" }

    /// `37 ms`, `4.2 s` or `12 min`: rounded up.
    package static func time(_ duration: Duration) -> String {
        let milliseconds = duration / .milliseconds(1)
        if milliseconds < 1000 { return "\(Int(milliseconds.rounded(.up))) ms" }
        if milliseconds < 100_000 {
            let tenths = Int((milliseconds / 100).rounded(.up))
            return "\(tenths / 10).\(tenths % 10) s"
        }
        return "\(Int((milliseconds / 60_000).rounded(.up))) min"
    }

    /// `240 frames came in, at most 12 of which …`.
    package static func came(_ amount: GuardMeter.Amount, _ fate: String) -> String {
        "\(frames(amount.total)) came in" + part(amount, fate)
    }

    /// `30 frames left, at most 2 of which …`.
    package static func left(_ amount: GuardMeter.Amount, _ fate: String) -> String { "\(frames(amount.total)) left" + part(amount, fate) }

    private static func frames(_ count: UInt64) -> String { count == 1 ? "1 frame" : "\(count) frames" }

    private static func part(_ amount: GuardMeter.Amount, _ fate: String) -> String {
        switch amount.missed {
        case 0: ", none of which \(fate)"
        case amount.total: ", at most all of which \(fate)"
        default: ", at most \(amount.missed) of which \(fate)"
        }
    }
}

/// Lets a few messages of one kind pass, and no more for a while: others can cause them as often as they like.
package struct MessageQuota {
    package static let period = Duration.seconds(10)

    private let size: Int
    private var taken: [ContinuousClock.Instant] = []

    /// - Parameter size: Messages in a period.
    package init(size: Int = 4) {
        self.size = size
    }

    /// A message may pass now.
    package func isOpen(at now: ContinuousClock.Instant = .now) -> Bool {
        taken.count < size || taken[taken.count - size].duration(to: now) >= Self.period
    }

    /// Returns true if a message may pass, and counts it.
    package mutating func take(at now: ContinuousClock.Instant = .now) -> Bool {
        guard isOpen(at: now) else { return false }
        taken = taken.suffix(size - 1) + [now]
        return true
    }
}
