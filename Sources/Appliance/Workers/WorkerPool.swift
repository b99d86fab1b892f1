import Answers
import Capture
import Classifier
import Control
import Decisions
import Firewall
import Flows
import Fragments
import KernelPath
import PacketIO
import Reporting
import Storage
import Synchronization

/// The workers with all that outlives a session: their state, their counters, the rules they go by. Any thread may use it.
final class WorkerPool: Sendable {
    /// A worker between two sessions, or in use by its thread.
    final class Member: Sendable {
        private let worker: Mutex<Worker>
        /// Wakes it.
        let waker: Waker

        init(_ worker: consuming sending Worker) throws(SystemCallError) {
            waker = try Waker()
            self.worker = Mutex(worker)
        }

        func run(_ near: PortSocket, _ far: PortSocket) {
            worker.withLock { $0.run(near, far, waker: waker) }
        }

        /// Tells of its flows if no thread has it.
        func tellFlowsIfIdle() {
            _ = worker.withLockIfAvailable { $0.tellFlows() }
        }
    }

    /// What the workers count under one generation. It is kept until none of them goes by it, so that none has to give back its memory.
    private struct GenerationCounters {
        var generation: RulesetGeneration
        /// By worker.
        var counters: [FirewallCounters]

        init(_ generation: RulesetGeneration, workers: Int) {
            self.generation = generation
            counters = (0..<workers).map { _ in FirewallCounters(for: generation.program, settlesPasses: true) }
        }

        var sum: FirewallCounters.Snapshot {
            counters.reduce(FirewallCounters(for: generation.program).snapshot()) { $0 + $1.snapshot() }
        }
    }

    let control = WorkerControl()
    /// nil where the kernel carries no flows.
    let fastPath: FastPath?
    /// By what the kernel joins the ports when the run fails; nil for one that fails closed.
    let join: PortJoin?
    /// The program on the packet sockets; nil where they take all frames.
    let socketFilter: BPFProgram?
    let workers: [Member]
    /// By worker, then by port.
    let portCounters: [[PortCounters]]
    /// By worker.
    let heartbeats: [Heartbeat]
    /// What `log` statements said, by worker.
    let logs: [LogQueue]
    /// Frames that the kernel couldn't put into a ring, by port. The port thread writes.
    let kernelDrops = CounterArray(count: 2)
    /// The beginnings of the last dropped frames, by worker; empty where they are not kept. The control thread takes them.
    let recentDrops: [CaptureQueue]
    private let mailboxes: [UpdateMailbox]
    /// By which the workers tell reports of their flows, and the control socket.
    let flowRequests: [FlowRequest]
    let controlRequests: [FlowRequest]
    /// What the first worker does for the control socket.
    let errand = WorkerErrand()
    /// What it does for the thread that loads rules.
    let rulesErrand = WorkerErrand()
    private let books: Mutex<Books>

    /// What changes with a reload.
    private struct Books {
        /// The newest last.
        var counted: [GenerationCounters]
        /// Some program so far has asked for connections.
        var followsConnections: Bool
        /// In the order of `Reason.allCases`: what was counted under generations that are gone.
        var pastReasons = Reason.allCases.map { _ in Hits() }
        var pastCarried = Hits()
        /// In the order of `KeptBackCause.allCases`.
        var pastKeptBack = KeptBackCause.allCases.map { _ in UInt64(0) }
    }

    /// - Parameter join: By what the ports are joined when the run fails.
    init(
        _ configuration: Configuration, _ outputs: Outputs, fastPath: FastPath? = nil, join: PortJoin? = nil
    ) throws(SystemCallError) {
        self.fastPath = fastPath
        self.join = join
        if let fastPath { socketFilter = fastPath.filter } else { socketFilter = try join?.filter() }
        var workers: [Member] = []
        var portCounters: [[PortCounters]] = []
        let counted = GenerationCounters(configuration.generations.current, workers: configuration.workers)
        let mailboxes = (0..<configuration.workers).map { _ in UpdateMailbox() }
        let logs = (0..<configuration.workers).map { _ in LogQueue() }
        let flowRequests = (0..<configuration.workers).map { _ in FlowRequest() }
        let controlRequests = (0..<configuration.workers).map { _ in FlowRequest() }
        let heartbeats = (0..<configuration.workers).map { _ in Heartbeat() }
        let recentDrops = configuration.recentDrops > 0 ? (0..<configuration.workers).map { _ in RecentDrops.queue() } : []
        let connections = FlowRegistry()
        let answers = AnswerRate(perSecond: configuration.answersPerSecond)
        for number in 0..<configuration.workers {
            let counters = [PortCounters(), PortCounters()]
            let firewall = Firewall(
                program: counted.generation.program, counters: counted.counters[number],
                fragments: FragmentGatherer(mode: configuration.fragments, limits: configuration.fragmentLimits),
                flows: configuration.flows, connections: connections, start: Clock.now().monotonic, checks: configuration.checks,
                answers: answers, links: LinkLimits(handling: configuration.tooBig),
                carried: fastPath?.maps.part(number, of: configuration.workers))
            portCounters.append(counters)
            workers.append(
                try Member(
                    Worker(
                        number: number, firewall: firewall, counters: counters, control: control, drops: outputs.drops,
                        log: logs[number], groups: outputs.groups,
                        reportsDrops: outputs.events?.settings.includesDrops ?? false,
                        mailbox: mailboxes[number], flowRequest: flowRequests[number],
                        controlRequest: controlRequests[number], heartbeat: heartbeats[number],
                        errands: number == 0 ? (errand, rulesErrand) : nil,
                        recentDrops: recentDrops.isEmpty ? nil : recentDrops[number], fastPath: fastPath)))
        }
        self.workers = workers
        self.portCounters = portCounters
        self.logs = logs
        self.mailboxes = mailboxes
        self.flowRequests = flowRequests
        self.controlRequests = controlRequests
        self.heartbeats = heartbeats
        self.recentDrops = recentDrops
        books = Mutex(Books(counted: [counted], followsConnections: !counted.generation.program.connectionNeeds.isEmpty))
    }

    /// Wakes all workers, so that they see what there is for them.
    func wake() {
        for worker in workers { worker.waker.wake() }
    }

    /// Has a worker answer its flow request, whether or not it has a thread.
    func wakeForFlows(_ worker: Int) {
        workers[worker].waker.wake()
        workers[worker].tellFlowsIfIdle()
    }

    /// Has the first worker do its errands, whether or not it has a thread.
    func wakeForErrand() { wakeForFlows(0) }

    // MARK: rules

    /// Has all workers use these rules, each from its next batch on. Only on one thread at a time.
    func use(_ generation: RulesetGeneration, groups: GroupOutputs<DropCapture>?, _ configuration: Configuration) {
        // Outside of the lock: counters of a large rule set take a while to make.
        let counted = GenerationCounters(generation, workers: workers.count)
        let needsFlows = books.withLock { books in
            let needsFlows = !generation.program.connectionNeeds.isEmpty && !books.followsConnections
            books.followsConnections = books.followsConnections || needsFlows
            books.counted.append(counted)
            return needsFlows
        }
        // Before any worker goes by them: what is carried by the earlier ones until then is counted as theirs.
        fastPath?.use(generation.number)
        for (number, (mailbox, counters)) in zip(mailboxes, counted.counters).enumerated() {
            let flows = NewFlows(
                settings: configuration.flows, start: Clock.now().monotonic, isNeeded: needsFlows,
                carried: fastPath?.maps.part(number, of: workers.count))
            mailbox.leave(
                UpdateMailbox.Delivery(
                    generation: generation, counters: counters, groups: groups, flows: flows, rechecksFlows: configuration.rechecksFlows))
        }
        wake()
    }

    /// All workers go by these rules or newer ones.
    func hasAdopted(_ generation: RulesetGeneration) -> Bool { mailboxes.allSatisfy { $0.adopted >= generation.number } }

    /// There are rules that wait to be freed.
    var hasOldRules: Bool { books.withLock { $0.counted.count > 1 } }

    /// Frees the rules that no worker goes by. To be called now and then, on the thread that calls `use`.
    func retire() {
        let oldest = mailboxes.map(\.adopted).min() ?? 0
        while let (retired, next) = books.withLock({ books -> (GenerationCounters, RulesetGeneration)? in
            guard books.counted.count > 1, books.counted[0].generation.number < oldest else { return nil }
            return (books.counted[0], books.counted[1].generation)
        }) {
            let sum = retired.sum
            next.handover?.finish(from: retired.generation.program, to: next.program)
            // Counted in one place or the other at any moment.
            books.withLock { books in
                books.counted.removeFirst()
                books.pastReasons = zip(books.pastReasons, sum.reasons).map { $0 + $1 }
                books.pastCarried = books.pastCarried + sum.carried
                books.pastKeptBack = zip(books.pastKeptBack, sum.keptBack).map { $0 &+ $1 }
            }
        }
    }

    /// Packets that would have begun a connection and found no room, with the newest rules. Cheap enough for every second.
    func refusals() -> (newest: RulesetGeneration, (limit: UInt64, share: UInt64)) {
        books.withLock { books in
            let counters = books.counted.flatMap(\.counters)
            let newest = books.counted[books.counted.endIndex - 1].generation
            return (
                newest,
                (
                    counters.reduce(0) { $0 &+ $1.count(of: .refused) }, counters.reduce(0) { $0 &+ $1.count(of: .refusedShare) }
                )
            )
        }
    }

    /// Some program so far has asked for connections.
    var followsConnections: Bool { books.withLock { $0.followsConnections } }

    /// What was counted under the newest rules. Cheap enough for many times a second.
    func count(of watched: WatchedCondition) -> UInt64 {
        let counters = books.withLock { $0.counted[$0.counted.endIndex - 1].counters }
        return counters.reduce(0) { sum, counters in
            switch watched.condition.count {
            case .establishedDrops: sum &+ counters.establishedDrops
            case .drops: sum &+ counters.drops
            case .counter: sum &+ (watched.counter.map { counters.packets(ofCounter: $0) } ?? 0)
            }
        }
    }

    /// Some worker may go by these rules.
    func hasNotRetired(_ generation: RulesetGeneration) -> Bool {
        books.withLock { $0.counted.contains { $0.generation === generation } }
    }

    /// Connections in the tables of all workers, as they were made known last.
    var followedFlows: UInt64 {
        books.withLock { books in books.counted.flatMap(\.counters).reduce(0) { $0 &+ $1.followedFlows } }
    }

    /// What was counted under the newest rules; by reasons, and of what is held or carried, since the start.
    func counted() -> (generation: RulesetGeneration, sum: FirewallCounters.Snapshot) {
        let (counted, past) = books.withLock { ($0.counted, $0) }
        let newest = counted[counted.endIndex - 1]
        var sum = newest.sum
        sum.reasons = zip(sum.reasons, past.pastReasons).map { $0 + $1 }
        sum.carried = sum.carried + past.pastCarried
        sum.keptBack = zip(sum.keptBack, past.pastKeptBack).map { $0 &+ $1 }
        for older in counted.dropLast().map(\.sum) {
            sum.reasons = zip(sum.reasons, older.reasons).map { $0 + $1 }
            sum.held = sum.held + older.held
            sum.heldDatagrams += older.heldDatagrams
            sum.flows = zip(sum.flows, older.flows).map { $0 &+ $1 }
            sum.carried = sum.carried + older.carried
            sum.carriedFlows &+= older.carriedFlows
            sum.keptBack = zip(sum.keptBack, older.keptBack).map { $0 &+ $1 }
        }
        return (newest.generation, sum)
    }
}
