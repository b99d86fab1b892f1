package import Decisions

/// A verdict in the words of all outputs: the one place that spells them.
package struct VerdictWords: Sendable {
    /// As rules say it, in listings, comments of captures, explanations and expectations.
    package let word: String
    /// EVE's `verdict.action`; nil while nothing is decided.
    let action: StaticString?
    /// EVE's `alert.action`; nil while nothing is decided.
    let alert: StaticString?
    /// EVE's `event_type` of a frame that no `log` statement saw.
    let eventType: StaticString
    /// True if that event says what was dropped, and why.
    let isLoss: Bool

    /// The words of one verdict.
    package init(_ verdict: FrameVerdict) {
        switch verdict {
        case .accept: (word, action, alert, eventType, isLoss) = ("accept", "pass", "allowed", "packet", false)
        case .drop: (word, action, alert, eventType, isLoss) = ("drop", "drop", "blocked", "drop", true)
        case .reject: (word, action, alert, eventType, isLoss) = ("reject", "drop", "blocked", "drop", true)
        case .hold: (word, action, alert, eventType, isLoss) = ("hold", nil, nil, "drop", true)
        }
    }
}
