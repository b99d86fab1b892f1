import Classifier
import Firewall
import Fragments
import PacketIO
import Reporting

/// The workers with all that outlives a session: their state, their counters, the rules they go by.
final class Crew {
    /// A worker between two sessions, or in use by its thread alone.
    final class Member: @unchecked Sendable {
        private var worker: Worker

        init(_ worker: consuming Worker) {
            self.worker = worker
        }

        func run(_ near: PortSocket, _ far: PortSocket, _ bell: SharedBell) {
            worker.run(near, far, bell: bell.bell)
        }

        /// Tells of its flows while no thread has it.
        func tellFlows() { worker.tellFlows() }
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
    /// Frames that the kernel couldn't put into a ring, by port.
    var kernelDrops: [UInt64] = [0, 0]
    private let handovers: [Handover]
    /// By which the workers tell of their flows.
    let flowRequests: [FlowRequest]
    /// The newest last.
    private var ledgers: [Ledger]
    /// Some program so far has asked for connections.
    private var followsConnections: Bool
    /// In the order of `Reason.allCases`: what was counted under editions that are gone.
    private var pastReasons = Reason.allCases.map { _ in Hits() }

    init(_ configuration: Configuration) {
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
                flows: configuration.flows, connections: connections, start: Clock.now().monotonic)
            portCounters.append(counters)
            workers.append(
                Member(
                    Worker(
                        number: number, firewall: firewall, counters: counters, orders: orders, drops: configuration.drops,
                        log: logs[number], groups: configuration.groups,
                        reportsDrops: configuration.events?.settings.includesDrops ?? false,
                        handover: handovers[number], flowRequest: flowRequests[number])))
        }
        self.workers = workers
        self.portCounters = portCounters
        self.logs = logs
        self.handovers = handovers
        self.flowRequests = flowRequests
        ledgers = [ledger]
        followsConnections = !ledger.edition.program.connectionNeeds.isEmpty
    }

    // MARK: rules

    /// Has all workers go by these rules, each from its next batch on.
    func use(_ edition: Edition, groups: GroupCaptures?, _ configuration: Configuration) {
        let ledger = Ledger(edition, workers: workers.count)
        let needsFlows = !edition.program.connectionNeeds.isEmpty && !followsConnections
        followsConnections = followsConnections || needsFlows
        ledgers.append(ledger)
        for (handover, counters) in zip(handovers, ledger.counters) {
            let flows = NewFlows(settings: configuration.flows, start: Clock.now().monotonic, isNeeded: needsFlows)
            handover.leave(
                Handover.Delivery(
                    edition: edition, counters: counters, groups: groups, flows: flows, rechecksFlows: configuration.rechecksFlows))
        }
    }

    /// Frees the rules that no worker goes by. To be called now and then.
    func retire() {
        let oldest = handovers.map(\.adopted).min() ?? 0
        while ledgers.count > 1, ledgers[0].edition.number < oldest {
            pastReasons = zip(pastReasons, ledgers.removeFirst().sum.reasons).map { $0 + $1 }
        }
    }

    /// What was counted under the newest rules; by reasons, and of what is held, since the start.
    func counted() -> (edition: Edition, sum: FirewallCounters.Snapshot) {
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
