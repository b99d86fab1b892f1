import Classifier
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
    private let configuration: Configuration
    private let outputs: Outputs
    private let pool: WorkerPool
    private let log: Logger
    private let waker: Waker
    private let isAsked = Atomic<Bool>(false)
    private let isFinishing = Atomic<Bool>(false)
    private let isDone = Atomic<Bool>(false)
    /// What is asked of the next reading.
    private let wanted = Mutex(Wanted())
    private let lastReload = Mutex<LastReload?>(nil)
    /// Hears that a reload begins and that it is over.
    private let notifier: ServiceNotifier?
    private struct Wanted {
        /// Those who wait for it.
        var tickets: [ReloadTicket] = []
        var resetsState = false
    }

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

    /// Has the rules read again. While they are being read, any number of requests is one more reading afterwards.
    /// - Parameter resetsState: Has sets, limits and quotas begin again, whatever the setting.
    func ask(_ ticket: ReloadTicket? = nil, resetsState: Bool = false) {
        wanted.withLock { wanted in
            if let ticket { wanted.tickets.append(ticket) }
            wanted.resetsState = wanted.resetsState || resetsState
        }
        isAsked.store(true, ordering: .releasing)
        waker.wake()
    }

    /// nil if there was none.
    var last: LastReload? { lastReload.withLock { $0 } }

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
        while !isFinishing.load(ordering: .acquiring) {
            // Workers say on their own when they have left the old rules, without waking anybody.
            waker.wait(pool.hasOldRules ? 1000 : -1)
            if isAsked.exchange(false, ordering: .acquiring) { reload() }
            pool.retire()
        }
        isDone.store(true, ordering: .releasing)
    }

    /// Runs by the rules as their files are now, and tells those who wait.
    private func reload() {
        let wanted = wanted.withLock { wanted in
            defer { wanted = Wanted() }
            return wanted
        }
        notifier?.reloading()
        let (outcome, diagnostics) = read(resetsState: wanted.resetsState || configuration.resetsState)
        notifier?.reloaded()
        lastReload.withLock { $0 = LastReload(outcome: outcome, time: Clock.now().sinceEpoch) }
        for ticket in wanted.tickets { ticket.settle(outcome, diagnostics: diagnostics) }
    }

    /// The existing rules stay if there is anything wrong with the new ones.
    private func read(resetsState: Bool) -> (ReloadOutcome, diagnostics: [String]) {
        guard let read = configuration.reload else {
            let reason = "the rules came from standard input and can't be read again; they stay as they are"
            log.warning("\(reason)")
            return (.refused(reason), [])
        }
        switch read(resetsState) {
        case .unchanged:
            log.info("the rules are as they were")
            return (.unchanged, [])
        case .refused(let reason, let diagnostics):
            log.error("the rules stay as they were: \(reason)")
            return (.refused(reason), diagnostics)
        case .changed(let program, let inheritance, let origin, let files, let diagnostics):
            guard merge(inheritance) else {
                let reason = "a worker does not take the elements of the file"
                log.error("the rules stay as they were: \(reason)")
                return (.refused(reason), diagnostics)
            }
            let handover = inheritance.handOver(to: program)
            let generation = configuration.generations.add(program, origin: origin, files: files, handover: handover)
            pool.use(generation, groups: outputs.groups?.retargeted(to: program), configuration)
            let count = program.rules.count
            log.notice("new rules are in force (\(count) \(count == 1 ? "rule" : "rules"), reload \(generation.number))")
            let kept = inheritance.outcome(at: Clock.now())
            for line in kept.lines { log.info("\(line)") }
            let isAdopted = waitForAdoption(of: generation)
            return (.inForce(generation: generation.number, rules: count, isAdopted: isAdopted, kept: kept), diagnostics)
        }
    }

    /// Has a worker bring sets that go on to the elements of the new file, a part at a time.
    /// - Returns: False if it does not come to it.
    private func merge(_ inheritance: StateInheritance) -> Bool {
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

    private func waitForAdoption(of generation: RulesetGeneration) -> Bool {
        for _ in 0..<Self.patience {
            if pool.hasAdopted(generation) { return true }
            if isFinishing.load(ordering: .acquiring) { break }
            usleep(1000)
        }
        return false
    }
}
