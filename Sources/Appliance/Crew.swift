import Classifier
import Decisions
import Firewall
import Flows
import Fragments
import PacketIO
import Reporting
import Storage
import Synchronization

/// The workers with all that outlives a session: their state, their counters, the rules they go by. Any thread may use it.
final class Crew: Sendable {
    /// A worker between two sessions, or in use by its thread.
    final class Member: Sendable {
        private let worker: Mutex<Worker>
        /// Wakes it.
        let bell: SharedBell

        init(_ worker: consuming sending Worker) throws(SystemCallError) {
            bell = SharedBell(bell: try Bell())
            self.worker = Mutex(worker)
        }

        func run(_ near: PortSocket, _ far: PortSocket) {
            worker.withLock { $0.run(near, far, bell: bell.bell) }
        }

        /// Tells of its flows if no thread has it.
        func tellFlowsIfIdle() {
            _ = worker.withLockIfAvailable { $0.tellFlows() }
        }
    }

    /// What the workers count under one edition. It is kept until none of them goes by it, so that none has to give back its memory.
    private struct Ledger {
        var edition: Edition
        /// By worker.
        var counters: [FirewallCounters]

        init(_ edition: Edition, workers: Int) {
            self.edition = edition
            counters = (0..<workers).map { _ in FirewallCounters(for: edition.program) }
        }

        var sum: FirewallCounters.Snapshot {
            counters.reduce(FirewallCounters(for: edition.program).snapshot()) { $0 + $1.snapshot() }
        }
    }

    let orders = Orders()
    let workers: [Member]
    /// By worker, then by port.
    let portCounters: [[PortCounters]]
    /// What `log` statements said, by worker.
    let logs: [LogQueue]
    /// Frames that the kernel couldn't put into a ring, by port. The port thread writes.
    let kernelDrops = CounterArray(count: 2)
    private let handovers: [Handover]
    /// By which the workers tell of their flows.
    let flowRequests: [FlowRequest]
    private let books: Mutex<Books>

    /// What changes with a reload.
    private struct Books {
        /// The newest last.
        var ledgers: [Ledger]
        /// Some program so far has asked for connections.
        var followsConnections: Bool
        /// In the order of `Reason.allCases`: what was counted under editions that are gone.
        var pastReasons = Reason.allCases.map { _ in Hits() }
    }

    init(_ configuration: Configuration, _ outputs: Outputs) throws(SystemCallError) {
        var workers: [Member] = []
        var portCounters: [[PortCounters]] = []
        let ledger = Ledger(configuration.editions.current, workers: configuration.workers)
        let handovers = (0..<configuration.workers).map { _ in Handover() }
        let logs = (0..<configuration.workers).map { _ in LogQueue() }
        let flowRequests = (0..<configuration.workers).map { _ in FlowRequest() }
        let connections = FollowedConnections()
        for number in 0..<configuration.workers {
            let counters = [PortCounters(), PortCounters()]
            let firewall = Firewall(
                program: ledger.edition.program, counters: ledger.counters[number],
                fragments: FragmentGatherer(mode: configuration.fragments, limits: configuration.fragmentLimits),
                flows: configuration.flows, connections: connections, start: Clock.now().monotonic, checks: configuration.checks)
            portCounters.append(counters)
            workers.append(
                try Member(
                    Worker(
                        number: number, firewall: firewall, counters: counters, orders: orders, drops: outputs.drops,
                        log: logs[number], groups: outputs.groups,
                        reportsDrops: outputs.events?.settings.includesDrops ?? false,
                        handover: handovers[number], flowRequest: flowRequests[number])))
        }
        self.workers = workers
        self.portCounters = portCounters
        self.logs = logs
        self.handovers = handovers
        self.flowRequests = flowRequests
        books = Mutex(Books(ledgers: [ledger], followsConnections: !ledger.edition.program.connectionNeeds.isEmpty))
    }

    /// Wakes all workers, so that they see what there is for them.
    func wake() {
        for worker in workers { worker.bell.bell.ring() }
    }

    /// Has a worker answer its flow request, whether or not it has a thread.
    func wakeForFlows(_ worker: Int) {
        workers[worker].bell.bell.ring()
        workers[worker].tellFlowsIfIdle()
    }

    // MARK: rules

    /// Has all workers use these rules, each from its next batch on. Only on one thread at a time.
    func use(_ edition: Edition, groups: GroupCaptures?, _ configuration: Configuration) {
        // Outside of the lock: counters of a large rule set take a while to make.
        let ledger = Ledger(edition, workers: workers.count)
        let needsFlows = books.withLock { books in
            let needsFlows = !edition.program.connectionNeeds.isEmpty && !books.followsConnections
            books.followsConnections = books.followsConnections || needsFlows
            books.ledgers.append(ledger)
            return needsFlows
        }
        for (handover, counters) in zip(handovers, ledger.counters) {
            let flows = NewFlows(settings: configuration.flows, start: Clock.now().monotonic, isNeeded: needsFlows)
            handover.leave(
                Handover.Delivery(
                    edition: edition, counters: counters, groups: groups, flows: flows, rechecksFlows: configuration.rechecksFlows))
        }
        wake()
    }

    /// There are rules that wait to be freed.
    var hasOldRules: Bool { books.withLock { $0.ledgers.count > 1 } }

    /// Frees the rules that no worker goes by. To be called now and then, on the thread that calls `use`.
    func retire() {
        let oldest = handovers.map(\.adopted).min() ?? 0
        while let retired = books.withLock({ books -> Ledger? in
            guard books.ledgers.count > 1, books.ledgers[0].edition.number < oldest else { return nil }
            return books.ledgers[0]
        }) {
            let sum = retired.sum.reasons
            // Counted in one place or the other at any moment.
            books.withLock { books in
                books.ledgers.removeFirst()
                books.pastReasons = zip(books.pastReasons, sum).map { $0 + $1 }
            }
        }
    }

    /// Packets that would have begun a connection and found no room, with the newest rules. Cheap enough for every second.
    func refusals() -> (newest: Edition, (limit: UInt64, share: UInt64)) {
        books.withLock { books in
            let counters = books.ledgers.flatMap(\.counters)
            let newest = books.ledgers[books.ledgers.endIndex - 1].edition
            return (
                newest,
                (
                    counters.reduce(0) { $0 &+ $1.count(of: .refused) }, counters.reduce(0) { $0 &+ $1.count(of: .refusedShare) }
                )
            )
        }
    }

    /// What was counted under the newest rules; by reasons, and of what is held, since the start.
    func counted() -> (edition: Edition, sum: FirewallCounters.Snapshot) {
        let (ledgers, pastReasons) = books.withLock { ($0.ledgers, $0.pastReasons) }
        let newest = ledgers[ledgers.endIndex - 1]
        var sum = newest.sum
        sum.reasons = zip(sum.reasons, pastReasons).map { $0 + $1 }
        for older in ledgers.dropLast().map(\.sum) {
            sum.reasons = zip(sum.reasons, older.reasons).map { $0 + $1 }
            sum.held = sum.held + older.held
            sum.heldDatagrams += older.heldDatagrams
            sum.flows = zip(sum.flows, older.flows).map { $0 &+ $1 }
        }
        return (newest.edition, sum)
    }
}
