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
    /// Those who wait for the next reading.
    private let tickets = Mutex<[ReloadTicket]>([])
    private let lastReload = Mutex<LastReload?>(nil)
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

    /// Has the rules read again. While they are being read, any number of requests is one more reading afterwards.
    func ask(_ ticket: ReloadTicket? = nil) {
        if let ticket { tickets.withLock { $0.append(ticket) } }
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
        let waiting = tickets.withLock { tickets in
            defer { tickets = [] }
            return tickets
        }
        notifier?.reloading()
        let (outcome, diagnostics) = read()
        notifier?.reloaded()
        lastReload.withLock { $0 = LastReload(outcome: outcome, time: Clock.now().sinceEpoch) }
        for ticket in waiting { ticket.settle(outcome, diagnostics: diagnostics) }
    }

    /// The existing rules stay if there is anything wrong with the new ones.
    private func read() -> (ReloadOutcome, diagnostics: [String]) {
        guard let read = configuration.reload else {
            let reason = "the rules came from standard input and can't be read again; they stay as they are"
            log.warning("\(reason)")
            return (.refused(reason), [])
        }
        switch read() {
        case .unchanged:
            log.info("the rules are as they were")
            return (.unchanged, [])
        case .refused(let reason, let diagnostics):
            log.error("the rules stay as they were: \(reason)")
            return (.refused(reason), diagnostics)
        case .changed(let program, let origin, let files, let diagnostics):
            let generation = configuration.generations.add(program, origin: origin, files: files)
            pool.use(generation, groups: outputs.groups?.retargeted(to: program), configuration)
            let count = program.rules.count
            log.notice("new rules are in force (\(count) \(count == 1 ? "rule" : "rules"), reload \(generation.number))")
            return (.inForce(generation: generation.number, rules: count, isAdopted: waitForAdoption(of: generation)), diagnostics)
        }
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
