import Glibc
import Logging
import KernelPath
import PacketIO
import Storage
import Synchronization

/// Keeps both ports taken and guarded, and has the session that fits their interfaces. Only on the port thread.
///
/// Nothing here may block: a port that came back stays open to the host until its guard is up.
final class PortKeeper {
    private let configuration: Configuration
    private let log: Logger
    private let links: Links
    private let events: LinkEvents
    private var chains = ChainWatch()
    private var pool: WorkerPool?
    private var near: Port
    private var far: Port
    private var session: Session?
    /// nil for a run that fails closed.
    private var joining: JoinKeeper?
    /// Why a session couldn't be begun, as it was said last.
    private var problem: String?
    /// The ports' MTUs as they were compared last.
    private var toldMTUs: [UInt32]?
    private var notices = ChangeNotices()
    /// There has been a session.
    private(set) var hasForwarded = false
    /// Something was announced since the last look for what interferes with the ports.
    private var mayInterfere = false
    private var seconds = 0
    /// Seconds after which what nobody announces is looked for, TCX programs of others at the egress among it.
    private static let unannouncedPeriod = 5

    /// Finds both ports and reserves them, and changes nothing yet: whatever stands in the way of a start is found here.
    init(_ configuration: Configuration, fastPath: FastPath? = nil, join: PortJoin? = nil, log: Logger) throws {
        joining = join.map(JoinKeeper.init)
        self.configuration = configuration
        self.log = log
        links = try Links()
        events = try LinkEvents()
        near = try Port(
            configuration.ports[0], directory: configuration.stateDirectory, hasStrictGuard: configuration.hasStrictGuard,
            merging: configuration.merging, flows: fastPath?.maps, join: join)
        far = try Port(
            configuration.ports[1], directory: configuration.stateDirectory, hasStrictGuard: configuration.hasStrictGuard,
            merging: configuration.merging, flows: fastPath?.maps, join: join)
        try near.reserve(links, log)
        try far.reserve(links, log)
    }

    /// The larger MTU of the interfaces of their names.
    var largestMTU: UInt32 {
        configuration.ports.compactMap { (try? links.link(named: $0))?.mtu }.max() ?? 1500
    }

    /// Both ports as they were seen last.
    var states: [PortState] { [near.state, far.state] }

    /// Frames can pass.
    var isForwarding: Bool { session != nil && near.isWorking && far.isWorking }

    /// The workers have threads.
    var hasSession: Bool { session != nil }

    /// What is wrong with the ports now, a sentence each.
    var warnings: [String] {
        var warnings = problem.map { [$0] } ?? []
        for state in states {
            if state.interface == nil {
                warnings.append("\(state.name) is gone")
            } else if !state.isUp {
                warnings.append("\(state.name) \(state.isAdministratedUp ? "has no carrier" : "is down")")
            }
            guard state.interface != nil, let text = Report.GuardReport(state.guarding).standing else { continue }
            warnings.append("guard of \(state.name): \(text)")
        }
        return warnings
    }

    /// The interfaces that are the ports, as they were seen last; nil for one that is gone.
    var interfaces: [Link?] { [near.link, far.link] }

    /// Takes both ports, and begins a session for these workers if the interfaces are there. What it throws makes the start impossible.
    func start(_ pool: WorkerPool) throws {
        self.pool = pool
        chains.look()
        tellOfJoined()
        try attend()
        near.removeStaleNotes(links, log)
    }

    /// To be polled for `POLLIN`: an interface may have changed, which `notified` looks at.
    var notifications: Int32 { events.number }

    func notified() {
        events.drain()
        mayInterfere = true
        look()
    }

    /// To be polled for `POLLIN` where the kernel tells of changes of nftables, which `chainsNotified` takes.
    var chainNotifications: Int32? { chains.notifications }

    /// What has changed is looked at with the next `checkGuards`, so that somebody who changes nftables all the time costs little.
    func chainsNotified() { chains.notified() }

    private func surroundings(_ port: Int) -> Surroundings {
        var traffic = PortTraffic()
        if let pool {
            let counters = pool.portCounters.map { $0[port] }
            func sum(_ cell: PortCounters.Cell) -> UInt64 { counters.reduce(0) { $0 &+ $1.value(cell) } }
            traffic.received = sum(.receivedFrames) &+ pool.kernelDrops.value(at: port)
            traffic.sent = sum(.sentFrames) &+ sum(.answers)
        }
        return Surroundings(chains: chains.atEgress, traffic: traffic)
    }

    /// Looks at both ports and has the session that fits them.
    private func attend() throws {
        guard let pool else { return }
        let isFirst = session == nil && problem == nil
        var failure: (any Error)?
        var changed = false
        // The second port is looked after also where the first can't be: its guard must not wait.
        do { changed = try near.refresh(links, besides: far.link?.index, surroundings(0), log) } catch { failure = error }
        do { changed = try far.refresh(links, besides: near.link?.index, surroundings(1), log) || changed } catch {
            failure = failure ?? error
        }
        if let old = session, changed || !old.isBound {
            joining?.sessionEnds()
            old.stop()
            session = nil
        }
        if let failure { throw failure }
        guard let first = near.link, let second = far.link else { return }
        compareMTUs(near.mtu ?? first.mtu, far.mtu ?? second.mtu)
        pool.control.nearMTU.store(near.mtu ?? first.mtu, ordering: .relaxed)
        pool.control.farMTU.store(far.mtu ?? second.mtu, ordering: .relaxed)
        pool.control.nearSuperFrames.store(first.superFrames.packed, ordering: .relaxed)
        pool.control.farSuperFrames.store(second.superFrames.packed, ordering: .relaxed)
        if let maps = pool.fastPath?.maps {
            maps.setPort(0, interface: first.index, mtu: near.mtu ?? first.mtu)
            maps.setPort(1, interface: second.index, mtu: far.mtu ?? second.mtu)
        }
        guard session == nil else { return }
        joining?.sessionBegins(first, second)
        do throws(SystemCallError) {
            session = try Session(
                [first, second], pool: pool, shape: configuration.ring.shape(mtu: max(first.mtu, second.mtu)),
                processors: NativeThread.allowedProcessors())
        } catch {
            if isFirst, error.code == ENOMEM {
                throw StartProblem("there is no memory for the receive rings (\(error)); ask for fewer with --slots or --workers")
            }
            throw error
        }
        joining?.sessionHasBegun()
        problem = nil
        hasForwarded = true
        openFastPath()
        guard notices.mayPass() else { return }
        let count = configuration.workers
        log.notice("forwarding between \(near.title) and \(far.title) with \(count) \(count == 1 ? "worker" : "workers")")
    }

    /// Has flows carried while both guards stand before everything else.
    private func openFastPath() { pool?.fastPath?.setOpen(session != nil && near.canCarry && far.canCarry) }

    private func compareMTUs(_ first: UInt32, _ second: UInt32) {
        let mtus = [first, second]
        defer { toldMTUs = mtus }
        guard toldMTUs != mtus else { return }
        for finding in LinkFindings.between([near.name, far.name], mtus: mtus, configuration.tooBig) where notices.mayPass() {
            log.warning("\(finding.sentence)")
        }
    }

    /// Attends to both ports; what can't be done is logged, and tried again every second.
    private func look() {
        near.watchGuard(surroundings(0), log)
        far.watchGuard(surroundings(1), log)
        do {
            try attend()
        } catch {
            if "\(error)" != problem { log.error("\(error); trying again every second") }
            problem = "\(error)"
        }
    }

    /// To be called every 50 ms: what nobody announces must be found as soon as what is.
    func checkGuards() {
        chains.lookIfChanged()
        near.checkGuard(surroundings(0), log)
        far.checkGuard(surroundings(1), log)
        openFastPath()
        if let pool { joining?.look(at: pool, hasSession: hasSession, areThere: near.link != nil && far.link != nil, log) }
    }

    /// To be called once a second.
    func tick() {
        collectKernelDrops()
        chains.look()
        // Not all that becomes of an interface is announced, and what failed is tried again.
        look()
        if let count = notices.sum() { summarize(count) }
        joining?.tell(states.reduce(0) { $0 &+ $1.guarding.joined }, log)
        seconds &+= 1
        if mayInterfere || seconds % Self.unannouncedPeriod == 0 {
            mayInterfere = false
            near.lookForInterference(links, log)
            far.lookForInterference(links, log)
        }
    }

    private func summarize(_ count: UInt64) {
        log.warning("the ports changed \(GuardWords.more(count)), each time with a new start of forwarding or another pair of MTUs")
    }

    /// Brings what the kernel has dropped before the rings to the pool's sums.
    func collectKernelDrops() {
        session?.collectKernelDrops()
    }

    /// Frames that the kernel has handed over since the last run ended, if it left the ports joined.
    private func tellOfJoined() {
        let links = configuration.ports.map { try? self.links.link(named: $0) }
        let earlier = links.map { $0.flatMap(PortGuard.joining) }
        joining?.begin(links, earlier)
        guard earlier.contains(where: { $0 != nil }) else { return }
        let frames = earlier.reduce(0) { $0 &+ ($1?.frames ?? 0) }
        log.warning("the ports were joined by the kernel: \(frames) frames passed that no rule saw")
    }

    /// Ends the session, and puts the ports back as they were, or leaves them joined for a run that fails open.
    ///
    /// - Returns: False if something could not be put back, which was said.
    func giveBack() -> Bool {
        if hasForwarded, let joining, near.link != nil, far.link != nil {
            joining.leaveJoined(pool)
            session?.stop()
            session = nil
            log.warning(
                """
                \(near.title) and \(far.title) stay joined by the kernel (--failure open): no rule sees what passes until the next start; \
                \"weir release --ports \(near.name),\(far.name)\" gives them back to the host
                """)
            return true
        }
        session?.stop()
        session = nil
        if let count = notices.sum(isLast: true) { summarize(count) }
        let isNearBack = near.giveBack(links, besides: far.link?.index, hasRun: hasForwarded, log)
        let isFarBack = far.giveBack(links, besides: near.link?.index, hasRun: hasForwarded, log)
        // What runs before have left may have gone during this one.
        near.removeStaleNotes(links, log)
        return isNearBack && isFarBack
    }
}
