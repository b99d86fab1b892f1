import Classifier
import Control
import Reporting
import Ruleset

extension ReloadRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        let waking = desk.waking
        let ticket = ReloadTicket { waking.wake() }
        desk.reload(RulesOrder(kind: .reload, resetsState: resetState ?? false, peer: desk.peer, ticket: ticket))
        return OrderAnswer(ticket, form)
    }
}

/// Waits for what becomes of an order, without holding up anybody.
final class OrderAnswer: AnswerStream {
    private let ticket: ReloadTicket
    private let form: ControlForm
    private var isTold = false

    init(_ ticket: ReloadTicket, _ form: ControlForm) {
        self.ticket = ticket
        self.form = form
    }

    /// Has the loader carry an order out.
    convenience init(_ order: RulesOrder, _ desk: ControlDesk, _ form: ControlForm) {
        let waking = desk.waking
        let ticket = ReloadTicket { waking.wake() }
        var order = order
        order.peer = desk.peer
        order.ticket = ticket
        desk.loader.ask(order)
        self.init(ticket, form)
    }

    func next() -> AnswerStep {
        guard let (outcome, diagnostics) = ticket.outcome else { return .wait(1000) }
        if case .refused(let reason) = outcome {
            // What was found in the files is the reason.
            return .failed(ControlFault(.refused, "the rules stay as they were: " + ([reason] + diagnostics).joined(separator: "\n")))
        }
        guard !isTold else { return .end }
        isTold = true
        return .item(OrderReport(outcome, diagnostics).item(form))
    }
}

/// What became of an order that was not refused.
private struct OrderReport: AnswerItem {
    /// False if the rules are as they were.
    var changed = false
    var generation: UInt32?
    var rules: Int?
    /// False if some worker has not taken the new rules within a second; it will with its next batch.
    var adopted: Bool?
    /// What the new rules have taken over, and what has begun again.
    var state: KeptStateReport?
    /// Its number in the history.
    var change: Int?
    /// Milliseconds within which the change has to be confirmed.
    var trial: UInt64?
    /// True if the change is confirmed.
    var confirmed: Bool?
    /// Why the change was taken back.
    var returned: String?
    /// Why the history does not have the change.
    var problem: String?
    var diagnostics: [String]

    init(_ outcome: ReloadOutcome, _ diagnostics: [String]) {
        self.diagnostics = diagnostics
        switch outcome {
        case .unchanged, .refused: break
        case .inForce(let rules):
            changed = true
            generation = rules.generation
            self.rules = rules.rules
            adopted = rules.isAdopted
            state = KeptStateReport(rules.kept)
            change = rules.change
            trial = rules.trial
            problem = rules.problem
        case .confirmed(let change):
            self.change = change
            confirmed = true
        case .returned(let change, let generation, let reason):
            changed = true
            self.change = change
            self.generation = generation
            returned = reason
        }
    }

    var text: String {
        let found = diagnostics.joined()
        if confirmed == true, let change { return "change \(change) is confirmed\n" }
        if returned != nil, let change { return "change \(change) is taken back, and the rules before are in force again\n" }
        guard let generation, let rules else { return found + "the rules are as they were\n" }
        let rest = adopted == false ? "; not all workers have taken them yet" : ""
        var lines = ["new rules are in force (\(rules) \(rules == 1 ? "rule" : "rules"), generation \(generation))\(rest)"]
        lines += state?.lines ?? []
        if let change, let trial {
            lines.append("change \(change) is on trial for \(trial / 1000) s: \"weir confirm\" keeps it, else the rules before come back")
        }
        if let problem { lines.append("the history does not have them, so that a start does not begin with them: \(problem)") }
        return found + lines.map { $0 + "\n" }.joined()
    }
}
