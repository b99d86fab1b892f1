import CLinux
import Control
import Glibc
public import Logging
import PacketIO

/// How a run has ended.
public struct RunEnd: Sendable {
    /// False if a port is not as it was, which was said.
    public var portsAreBack: Bool
    /// False if a thread still reads rules: it can't be broken off, and the process must end without waiting for it.
    public var threadsHaveEnded: Bool
}

/// Weir inline: takes two ports from the host, forwards between them what the rules allow, and gives them back.
///
/// The caller's thread is the port thread: it hears signals and the interfaces' comings and goings, and nothing blocks it. Frames are
/// the workers' only. Rules are read, reports made and files written on threads of their own (`SideThreads`).
public struct Appliance {
    private let configuration: Configuration
    private let log: Logger
    private let messages: TextOutput
    private let reports: TextOutput

    /// - Parameters:
    ///   - log: Takes messages without waiting.
    ///   - messages: Where they go.
    ///   - reports: Takes reports and lists of flows.
    public init(_ configuration: Configuration, log: Logger, messages: TextOutput, reports: TextOutput) {
        self.configuration = configuration
        self.log = log
        self.messages = messages
        self.reports = reports
    }

    /// Runs until SIGINT or SIGTERM; throws if it can't start. SIGUSR1 prints a report, and so does the end. SIGHUP has the rules read
    /// again, and captures and events go on in new files.
    public func run() throws -> RunEnd {
        // Blocked before anything is changed, so that no signal ends the process without putting it back.
        let signals = weir_signal_descriptor([SIGINT, SIGTERM, SIGHUP, SIGUSR1, 0])
        guard signals >= 0 else { throw SystemCallError(call: "signalfd", code: errno) }
        defer { close(signals) }
        let timer = try Self.timer(.seconds(1))
        defer { close(timer) }
        let guardTimer = try Self.timer(.milliseconds(50))
        defer { close(guardTimer) }

        // Both ports are held before any file is opened: a start that is refused must not empty the files of the run that goes on.
        let join = try JoinKeeper.join(configuration)
        let fastPath = try FastPathStart(configuration, join: join).make(log)
        let ports = try PortKeeper(configuration, fastPath: fastPath, join: join, log: log)
        if let memory = MachineMemory(), let problem = StartMemory(configuration, mtu: ports.largestMTU).problem(within: memory) {
            throw problem
        }
        let socket = try controlSocket()
        let metrics = try metricsSocket()
        let notifier = ServiceNotifier.ofEnvironment()
        let board = RunBoard()
        let outputs = try configuration.open()
        let pool = try WorkerPool(configuration, outputs, fastPath: fastPath, join: join)
        let others: SideThreads
        do {
            try ports.start(pool)
            removeAbandonedSockets()
            // Files are emptied by the threads that write them, when nothing can be refused any more.
            others = try SideThreads(
                configuration, outputs, pool: pool, board: board, notifier: notifier, socket: socket,
                metrics: metrics, log: log, messages: messages,
                reports: reports)
        } catch {
            // The reason first, then what was put back for it.
            log.error("\(error)")
            _ = ports.giveBack()
            throw LoggedProblem()
        }
        var failureWatch = FailureWatch(ports: configuration.ports)
        var fullnessWatch = FullnessWatch()
        var service = ServiceWatch(notifier)
        // Made once a second: the kernel is asked what decides at a port.
        var losses: [String] = []
        func publish() {
            service.note(isForwarding: ports.isForwarding)
            board.put(RunBoard.Notes(ports: ports.states, isForwarding: ports.isForwarding, warnings: ports.warnings + losses))
        }
        publish()
        let loop = EventLoop()
        loop.add(signals) {
            Self.forEachSignal(signals) { signal in
                switch signal {
                case SIGUSR1:
                    ports.collectKernelDrops()
                    others.report(ports.states)
                case SIGHUP: others.reload()
                default: loop.stop()
                }
            }
        }
        loop.add(ports.notifications) {
            ports.notified()
            publish()
        }
        if let number = ports.chainNotifications { loop.add(number) { ports.chainsNotified() } }
        loop.add(guardTimer) {
            Self.acknowledge(guardTimer)
            ports.checkGuards()
        }
        loop.add(timer) {
            Self.acknowledge(timer)
            ports.tick()
            failureWatch.look(at: pool, outputs, ports.interfaces, log)
            fullnessWatch.look(at: pool, log)
            if configuration.control != nil || configuration.metrics != nil {
                losses = failureWatch.warnings + fullnessWatch.warnings(configuration.generations.current.program)
            }
            publish()
            service.look(at: pool, isForwarding: ports.isForwarding, hasThreads: ports.hasSession, log)
        }
        // Now that the other threads are there, which would have it from this one: rules that are read on every processor must not keep a
        // port open to the host.
        _ = weir_favour_thread(-10)
        loop.run()
        service.end()
        let portsAreBack = ports.giveBack()
        if ports.hasForwarded { others.report(ports.states) }
        return RunEnd(portsAreBack: portsAreBack, threadsHaveEnded: others.finish())
    }

    /// Removes the sockets of runs that were killed; their ports may have had other names then.
    private func removeAbandonedSockets() {
        let folder = configuration.stateDirectory
        for name in ProcFile.entries(folder) where name.hasSuffix(".sock") && ControlSocket.removeAbandoned("\(folder)/\(name)") {
            log.notice("removed \(folder)/\(name), the control socket of a run that was killed")
        }
    }

    /// Opens the control socket; nil if there shall be none, or there can be none and it was not asked for by name.
    private func controlSocket() throws -> ControlSocket? {
        guard let control = configuration.control else { return nil }
        do throws(ControlFault) {
            return try ControlSocket(control.path, group: control.group)
        } catch {
            if control.isRequired { throw StartProblem("\(error)") }
            log.warning("\(error); the run can't be asked anything")
            return nil
        }
    }

    private func metricsSocket() throws -> MetricsSocket? {
        guard let address = configuration.metrics else { return nil }
        do throws(ControlFault) {
            return try MetricsSocket(address)
        } catch {
            throw StartProblem("\(error)")
        }
    }

    private static func forEachSignal(_ descriptor: Int32, _ body: (Int32) -> Void) {
        var info = signalfd_siginfo()
        while read(descriptor, &info, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
            body(Int32(info.ssi_signo))
        }
    }

    private static func acknowledge(_ timer: Int32) {
        var expirations: UInt64 = 0
        _ = read(timer, &expirations, 8)
    }

    private static func timer(_ period: Duration) throws(SystemCallError) -> Int32 {
        let timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC | TFD_NONBLOCK))
        guard timer >= 0 else { throw SystemCallError(call: "timerfd_create", code: errno) }
        let (seconds, attoseconds) = period.components
        let time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        var every = itimerspec(it_interval: time, it_value: time)
        timerfd_settime(timer, 0, &every, nil)
        return timer
    }
}
