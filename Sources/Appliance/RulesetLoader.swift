import Classifier
import Glibc
import Logging
import PacketIO
import Reporting
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

    /// Starts the thread.
    init(_ configuration: Configuration, _ outputs: Outputs, pool: WorkerPool, log: Logger) throws(SystemCallError) {
        self.configuration = configuration
        self.outputs = outputs
        self.pool = pool
        self.log = log
        waker = try Waker()
        try NativeThread(name: "weir-rules") { [self] in run() }.detach()
    }

    /// Has the rules read again. While they are being read, any number of requests is one more reading afterwards.
    func ask() {
        isAsked.store(true, ordering: .releasing)
        waker.wake()
    }

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

    /// Runs by the rules as their files are now. The existing ones stay if there is anything wrong with the new ones.
    private func reload() {
        guard let read = configuration.reload else {
            return log.warning("the rules came from standard input and can't be read again; they stay as they are")
        }
        switch read() {
        case .unchanged: log.info("the rules are as they were")
        case .refused(let reason): log.error("the rules stay as they were: \(reason)")
        case .changed(let program, let origin):
            let generation = configuration.generations.add(program, origin: origin)
            pool.use(generation, groups: outputs.groups?.retargeted(to: program), configuration)
            let count = program.rules.count
            log.notice("new rules are in force (\(count) \(count == 1 ? "rule" : "rules"), reload \(generation.number))")
        }
    }
}
