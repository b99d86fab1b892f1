import Classifier
import Synchronization

/// What became of a reload.
enum ReloadOutcome: Sendable {
    case unchanged
    case refused(String)
    /// The rules are in force.
    /// - Parameters:
    ///   - isAdopted: All workers go by them. They do from their next batch on, unless one is held up.
    ///   - kept: What they have taken over of what the ones before had come to.
    case inForce(generation: UInt32, rules: Int, isAdopted: Bool, kept: KeptState)
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
