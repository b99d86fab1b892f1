import Classifier
import Control
import Reporting

extension ReloadRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        let waking = desk.waking
        let ticket = ReloadTicket { waking.wake() }
        desk.reload(ticket, resetState ?? false)
        return ReloadAnswer(ticket, form)
    }
}

/// Waits for the outcome without holding up anybody.
private final class ReloadAnswer: AnswerStream {
    private let ticket: ReloadTicket
    private let form: ControlForm
    private var isTold = false

    init(_ ticket: ReloadTicket, _ form: ControlForm) {
        self.ticket = ticket
        self.form = form
    }

    func next() -> AnswerStep {
        guard let (outcome, diagnostics) = ticket.outcome else { return .wait(1000) }
        if case .refused(let reason) = outcome {
            // What was found in the files is the reason.
            return .failed(ControlFault(.refused, "the rules stay as they were: " + ([reason] + diagnostics).joined(separator: "\n")))
        }
        guard !isTold else { return .end }
        isTold = true
        return .item(ReloadReport(outcome, diagnostics).item(form))
    }
}

/// What became of a reload that was not refused.
private struct ReloadReport: AnswerItem {
    /// False if the files are as they were.
    var changed: Bool
    var generation: UInt32?
    var rules: Int?
    /// False if some worker has not taken the new rules within a second; it will with its next batch.
    var adopted: Bool?
    /// What the new rules have taken over, and what has begun again.
    var state: KeptStateReport?
    var diagnostics: [String]

    init(_ outcome: ReloadOutcome, _ diagnostics: [String]) {
        self.diagnostics = diagnostics
        changed = false
        if case .inForce(let generation, let rules, let isAdopted, let kept) = outcome {
            changed = true
            self.generation = generation
            self.rules = rules
            adopted = isAdopted
            state = KeptStateReport(kept)
        }
    }

    var text: String {
        let found = diagnostics.joined()
        guard let generation, let rules else { return found + "the rules are as they were\n" }
        let rest = adopted == false ? "; not all workers have taken them yet" : ""
        return found + "new rules are in force (\(rules) \(rules == 1 ? "rule" : "rules"), generation \(generation))\(rest)\n"
            + (state?.lines ?? []).map { $0 + "\n" }.joined()
    }
}
