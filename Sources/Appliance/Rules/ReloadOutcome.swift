import Classifier
import Synchronization

/// What became of an order to load rules.
enum ReloadOutcome: Sendable {
    case unchanged
    case refused(String)
    case inForce(RulesInForce)
    /// The trial of this change is over, and its rules stay.
    case confirmed(change: Int)
    /// The trial of a change is over, and the rules before are in force again.
    case returned(change: Int, generation: UInt32, reason: String)
}

/// New rules that are in force.
struct RulesInForce: Sendable {
    var generation: UInt32
    var rules: Int
    /// All workers go by them. They do from their next batch on, unless one is held up.
    var isAdopted: Bool
    /// What they have taken over of what the ones before had come to.
    var kept: KeptState
    /// In the history; nil where none is kept.
    var change: Int?
    /// Milliseconds within which they must be confirmed; nil if they stay.
    var trial: UInt64?
    /// Why the history does not have them.
    var problem: String?
}

/// A reload that somebody waits for.
final class ReloadTicket: Sendable {
    private let result = Mutex<(outcome: ReloadOutcome, diagnostics: [String])?>(nil)
    private let wake: @Sendable () -> Void

    /// - Parameter wake: Is called on another thread when the outcome is there.
    init(wake: @escaping @Sendable () -> Void) {
        self.wake = wake
    }

    /// nil until it is there.
    var outcome: (outcome: ReloadOutcome, diagnostics: [String])? { result.withLock { $0 } }

    /// Says what became of it.
    func settle(_ outcome: ReloadOutcome, diagnostics: [String]) {
        result.withLock { $0 = (outcome, diagnostics) }
        wake()
    }
}

/// The last reload, for those who ask later.
struct LastReload: Sendable {
    var outcome: ReloadOutcome
    /// Nanoseconds since the epoch.
    var time: UInt64
}
