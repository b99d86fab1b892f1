import Classifier
import Control
import Logging
import PacketIO
import Reporting

// Changes on trial, and the history: all on the loader's thread.

extension RulesetLoader {
    /// What the history has of the rules of the start.
    func begin(_ state: inout State) {
        guard let archive = configuration.archive else { return }
        let entry = RuleArchive.Entry(command: "start", content: state.content)
        do throws(SystemCallError) {
            try archive.endTrials()
            if let restored = configuration.restoredChange {
                state.change = restored
            } else if let last = archive.changes.last(where: { $0.state != .returned }), last.content == state.content.hash {
                state.change = last.number
                try archive.settle(last.number, last.state, reason: last.reason, decision: nil)
            } else {
                state.change = try archive.add(entry) { _ in nil }
            }
        } catch {
            log.warning("the history of rules can't be written: \(error)")
        }
    }

    /// Rules of a file or of the history, on trial or for good.
    func change(_ order: RulesOrder, _ state: inout State) -> (ReloadOutcome, diagnostics: [String]) {
        if let trial = state.trial {
            return (.refused("change \(trial.change) is on trial; \"weir confirm\" or \"weir rollback\" ends that first"), [])
        }
        let source: RulesReading.Source
        switch order.kind {
        case .apply(let path): source = .apply(path)
        case .rollback(let number):
            guard let content = wantedContent(number, state) else {
                let which = number.map { "the texts of change \($0) are not kept" } ?? "no other rules are kept from before"
                return (.refused("\(which); \"weir history\" lists those that are"), [])
            }
            source = .content(content)
        case .reload, .confirm: source = .reload
        }
        return read(source, order, &state)
    }

    /// What a rollback brings back.
    private func wantedContent(_ number: Int?, _ state: State) -> RulesContent? {
        guard let archive = configuration.archive else { return nil }
        if let number { return archive.content(of: number) }
        let running = state.content.hash
        let before = archive.changes.last { change in
            change.content != running && change.isKept && change.state != .returned && change.number < state.change ?? .max
        }
        return before.flatMap { archive.content(of: $0.number) }
    }

    /// Notes a trial before it begins: a start that comes in between must find the rules before.
    func archiveTrial(_ rules: LoadedRules, _ order: RulesOrder, _ state: inout State) throws(TermsFault) -> Int {
        guard let archive = configuration.archive else { throw TermsFault("a trial needs the history, which can't be kept here") }
        do throws(SystemCallError) {
            let previous = try archive.keep(state.content, of: state.change)
            state.change = previous
            return try archive.add(entry(rules, order, .trial)) { _ in
                StandingDecision(file: rules.ownFile.hash, change: previous)
            }
        } catch {
            throw TermsFault("the trial can't be noted for a restart: \(error)")
        }
    }

    /// A trial comes to nothing before it has begun.
    func giveUp(_ change: Int, _ fault: TermsFault, _ rules: LoadedRules, _ inheritance: StateInheritance, _ state: State) {
        inheritance.takeBackMerge()
        _ = merge(inheritance)
        do throws(SystemCallError) {
            let decision = state.change.map { StandingDecision(file: rules.ownFile.hash, change: $0) }
            try configuration.archive?.settle(change, .returned, reason: fault.reason, decision: decision)
        } catch {
            log.warning("the history of rules can't be written: \(error)")
        }
    }

    /// Notes rules that are in force for good.
    /// - Returns: The number, or why there is none.
    func archiveChange(_ rules: LoadedRules, _ order: RulesOrder) -> (change: Int?, problem: String?) {
        guard let archive = configuration.archive else { return (nil, nil) }
        do throws(SystemCallError) {
            let number = try archive.add(entry(rules, order, .done)) { number in
                order.kind == .reload ? nil : StandingDecision(file: rules.ownFile.hash, change: number)
            }
            return (number, nil)
        } catch {
            log.warning("the history of rules can't be written: \(error)")
            return (nil, "\(error)")
        }
    }

    private func entry(_ rules: LoadedRules, _ order: RulesOrder, _ state: RuleChange.State) -> RuleArchive.Entry {
        RuleArchive.Entry(
            command: order.command, content: rules.content, user: order.peer?.user, process: order.peer?.process,
            comment: order.terms.comment, state: state)
    }

    /// The rules on trial stay.
    /// - Parameter change: Which they have to be; nil for any.
    func confirm(_ change: Int?, _ state: inout State) -> ReloadOutcome {
        guard let trial = state.trial else { return .refused("no change is on trial") }
        if let change, change != trial.change { return .refused("change \(trial.change) is on trial, not \(change)") }
        do throws(SystemCallError) {
            try configuration.archive?.settle(trial.change, .confirmed, decision: trial.decision(trial.change))
        } catch {
            return .refused("the history of rules can't be written, and a start would bring the rules before: \(error)")
        }
        state.trial = nil
        log.notice("change \(trial.change) is confirmed")
        return .confirmed(change: trial.change)
    }

    /// The rules before come back.
    func goBack(_ reason: String, _ state: inout State) -> ReloadOutcome {
        guard let trial = state.trial else { return .refused("no change is on trial") }
        let onTrial = configuration.generations.current
        let previous = trial.previous
        _ = waitForAdoption(of: onTrial)
        pool.retire()
        trial.inheritance.takeBackMerge()
        if !merge(trial.inheritance) { log.warning("a worker does not put back the elements of the rule file before") }
        // A worker that still goes by the rules before has its own part of their limits and quotas; what came to them on trial is left out.
        let handover = pool.hasNotRetired(previous) ? nil : trial.handover.reversed(from: onTrial.program, to: previous.program)
        let generation = configuration.generations.add(
            previous.program, origin: previous.origin, files: previous.files, handover: handover)
        pool.use(generation, groups: outputs.groups?.retargeted(to: previous.program), configuration)
        state.trial = nil
        state.content = trial.previousContent
        state.change = trial.previousChange
        log.warning(
            "change \(trial.change) is taken back, and the rules before are in force again (reload \(generation.number)): \(reason)")
        do throws(SystemCallError) {
            try configuration.archive?.settle(trial.change, .returned, reason: reason, decision: trial.decision(trial.previousChange))
        } catch {
            log.warning("the history of rules can't be written: \(error)")
        }
        _ = waitForAdoption(of: generation)
        return .returned(change: trial.change, generation: generation.number, reason: reason)
    }
}
