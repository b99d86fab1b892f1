import Classifier
import Control
import Glibc
import Logging
import PacketIO
import Reporting
import Storage
import Synchronization

/// Reads the rules again on a thread of its own, for as long as that takes, and hands them to the workers.
///
/// What the old rules take in memory is freed here too: for a million elements that takes longer than a port may wait for its guard.
final class RulesetLoader: Sendable {
    /// What only the thread has.
    struct State {
        /// The texts of the rules in force.
        var content: RulesContent
        /// The rule file as it was when rules were loaded from it last.
        var ownFile: RulesContent
        /// Their number in the history; nil where none is kept.
        var change: Int?
        var trial: RulesTrial?
    }

    let configuration: Configuration
    let outputs: Outputs
    let pool: WorkerPool
    let log: Logger
    private let waker: Waker
    private let isFinishing = Atomic<Bool>(false)
    private let isDone = Atomic<Bool>(false)
    private let orders = Mutex(RulesOrders())
    private let lastReload = Mutex<LastReload?>(nil)
    private let noted = Mutex(Note())
    /// Hears that a reload begins and that it is over.
    private let notifier: ServiceNotifier?
    /// Milliseconds that workers have to take new rules before it is said that they have not.
    private static let patience = 1000

    /// Starts the thread.
    init(
        _ configuration: Configuration, _ outputs: Outputs, pool: WorkerPool, log: Logger, notifier: ServiceNotifier? = nil
    ) throws(SystemCallError) {
        self.notifier = notifier
        self.configuration = configuration
        self.outputs = outputs
        self.pool = pool
        self.log = log
        waker = try Waker()
        try NativeThread(name: "weir-rules") { [self] in run() }.detach()
    }

    /// Has an order carried out; any number of reloads that wait is one reading.
    func ask(_ order: RulesOrder) {
        orders.withLock { $0.add(order) }
        waker.wake()
    }

    /// nil if there was none.
    var last: LastReload? { lastReload.withLock { $0 } }

    /// What others are told of the rules in force.
    struct Note: Sendable {
        /// In the history; nil where none is kept.
        var change: Int?
        /// nil if no rules are on trial.
        var trial: TrialNote?
    }

    var note: Note { noted.withLock { $0 } }

    /// Ends the thread if it has nothing to do; what it is doing can't be broken off.
    /// - Returns: Whether it has ended.
    func finish() -> Bool {
        isFinishing.store(true, ordering: .releasing)
        waker.wake()
        for _ in 0..<50 {
            if isDone.load(ordering: .acquiring) { return true }
            usleep(1000)
        }
        return false
    }

    private func run() {
        var state = State(content: configuration.content, ownFile: configuration.ownFile)
        begin(&state)
        publish(state)
        while !isFinishing.load(ordering: .acquiring) {
            // Workers say on their own when they have left the old rules, without waking anybody.
            let idle: Int32 = pool.hasOldRules ? 1000 : -1
            let watch = state.trial.map { $0.wait(at: Clock.now().monotonic) } ?? -1
            waker.wait(idle < 0 ? watch : watch < 0 ? idle : min(idle, watch))
            while true {
                let taken = orders.withLock { $0.take() }
                guard !taken.isEmpty, !isFinishing.load(ordering: .acquiring) else { break }
                carryOut(taken, &state)
            }
            if let reason = state.trial?.reasonToEnd(pool, at: Clock.now().monotonic) {
                let outcome = goBack(reason, &state)
                lastReload.withLock { $0 = LastReload(outcome: outcome, time: Clock.now().sinceEpoch) }
            }
            publish(state)
            pool.retire()
        }
        isDone.store(true, ordering: .releasing)
    }

    private func publish(_ state: State) {
        let trial = state.trial.map { TrialNote(change: $0.change, end: $0.end, conditions: $0.conditions.map(\.condition.text)) }
        noted.withLock { $0 = Note(change: state.change, trial: trial) }
    }

    /// Carries out one order, or several reloads as one, and tells those who wait.
    private func carryOut(_ orders: [RulesOrder], _ state: inout State) {
        guard var order = orders.first else { return }
        order.resetsState = configuration.resetsState || orders.contains(where: \.resetsState)
        notifier?.reloading()
        let (outcome, diagnostics) = outcome(of: order, &state)
        notifier?.reloaded()
        // Where nothing was on trial, nothing has become of any rules.
        if case (.confirm, .refused) = (order.kind, outcome) {
        } else {
            lastReload.withLock { $0 = LastReload(outcome: outcome, time: Clock.now().sinceEpoch) }
        }
        // Before the answer: who has it may ask.
        publish(state)
        for order in orders { order.ticket?.settle(outcome, diagnostics: diagnostics) }
    }

    private func outcome(of order: RulesOrder, _ state: inout State) -> (ReloadOutcome, diagnostics: [String]) {
        switch order.kind {
        case .confirm(let change): return (confirm(change, &state), [])
        case .rollback(nil) where state.trial != nil: return (goBack("somebody asked for it", &state), [])
        case .apply, .rollback: return change(order, &state)
        case .reload:
            if let trial = state.trial {
                let reason = "change \(trial.change) is on trial; \"weir confirm\" or \"weir rollback\" ends that first"
                log.warning("the rules were not read again: \(reason)")
                return (.refused(reason), [])
            }
            return read(.reload, order, &state)
        }
    }

    /// The existing rules stay if there is anything wrong with the new ones.
    func read(_ source: RulesReading.Source, _ order: RulesOrder, _ state: inout State) -> (ReloadOutcome, diagnostics: [String]) {
        guard let read = configuration.reload else { return (.refused("the rules of this run can't be read again"), []) }
        let reading = RulesReading(source: source, running: state.content, ownFile: state.ownFile, resetsState: order.resetsState)
        switch read(reading) {
        case .unchanged:
            log.info("the rules are as they were")
            return (.unchanged, [])
        case .refused(let reason, let diagnostics):
            log.error("the rules stay as they were: \(reason)")
            return (.refused(reason), diagnostics)
        case .changed(let rules):
            do throws(TermsFault) {
                return (.inForce(try put(rules, order, &state)), rules.diagnostics)
            } catch {
                log.error("the rules stay as they were: \(error.reason)")
                return (.refused(error.reason), rules.diagnostics)
            }
        }
    }

    /// Puts rules into force, on trial or for good.
    private func put(_ rules: LoadedRules, _ order: RulesOrder, _ state: inout State) throws(TermsFault) -> RulesInForce {
        let (program, inheritance) = (rules.program, rules.inheritance)
        let conditions = try order.terms.conditions(for: program, followsConnections: pool.followsConnections)
        let onTrial = order.terms.confirm == nil ? nil : try archiveTrial(rules, order, &state)
        if onTrial != nil { inheritance.recordMerge() }
        guard merge(inheritance) else {
            let fault = TermsFault("a worker does not take the elements of the file")
            if let onTrial { giveUp(onTrial, fault, rules, inheritance, state) }
            throw fault
        }
        let previous = configuration.generations.current
        let handover = inheritance.handOver(to: program)
        let generation = configuration.generations.add(program, origin: rules.origin, files: rules.files, handover: handover)
        pool.use(generation, groups: outputs.groups?.retargeted(to: program), configuration)
        let count = program.rules.count
        log.notice("new rules are in force (\(count) \(count == 1 ? "rule" : "rules"), reload \(generation.number))")
        let kept = inheritance.outcome(at: Clock.now())
        for line in kept.lines { log.info("\(line)") }
        var result = RulesInForce(
            generation: generation.number, rules: count, isAdopted: waitForAdoption(of: generation), kept: kept)
        if let onTrial, let confirm = order.terms.confirm {
            let now = Clock.now()
            state.trial = RulesTrial(
                change: onTrial, previous: previous, previousContent: state.content, previousChange: state.change ?? 0, handover: handover,
                inheritance: inheritance, ownFile: rules.ownFile.hash, end: now.monotonic + confirm * 1_000_000, conditions: conditions)
            log.notice("change \(onTrial) is on trial: without \"weir confirm\" the rules before come back")
            (result.change, result.trial) = (onTrial, confirm)
        } else {
            (result.change, result.problem) = archiveChange(rules, order)
        }
        state.content = rules.content
        state.change = result.change
        if rules.isOfOwnFile { state.ownFile = rules.ownFile }
        return result
    }

    /// Has a worker bring sets that go on to the elements of the new file, a part at a time.
    /// - Returns: False if it does not come to it.
    func merge(_ inheritance: StateInheritance) -> Bool {
        let errand = pool.rulesErrand
        defer { if errand.isDone { errand.release() } }
        while inheritance.needsMerge {
            guard waitForErrand(), errand.isFree(for: self) else { return false }
            errand.ask(for: self) { inheritance.merge(Self.mergedPart, at: Clock.now()) }
            pool.wakeForErrand()
            guard waitForErrand() else { return false }
        }
        return true
    }

    /// Elements that a worker looks at between two batches of frames: some tens of microseconds.
    private static let mergedPart = 256

    private func waitForErrand() -> Bool {
        for round in 0..<Self.patience * 10 {
            if pool.rulesErrand.isDone { return true }
            if isFinishing.load(ordering: .acquiring) { return false }
            if round % 200 == 199 { pool.wakeForErrand() }
            usleep(100)
        }
        return false
    }

    func waitForAdoption(of generation: RulesetGeneration) -> Bool {
        for _ in 0..<Self.patience {
            if pool.hasAdopted(generation) { return true }
            if isFinishing.load(ordering: .acquiring) { break }
            usleep(1000)
        }
        return false
    }
}
