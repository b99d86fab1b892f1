import CLinux
import Capture
import Classifier
import Glibc
public import Logging
import PacketIO
import Reporting
import Synchronization

/// Weir inline: takes two ports from the host, forwards between them what the rules allow, and gives them back.
///
/// One thread, the caller's, controls: it hears signals and the interfaces' comings and goings, and starts and ends sessions.
/// Frames are the workers' alone.
public final class Appliance {
    private let configuration: Configuration
    private let log: Logger
    private let print: (String) -> Void
    private let links: Links
    private let crew: Crew
    private var session: Session?
    /// Why a session couldn't be begun, as it was said last.
    private var sessionProblem: String?
    private var hasForwarded = false
    private var failureWatch: FailureWatch
    private let logWriter: LogWriter

    /// `print` takes reports, each a text of its own.
    public init(_ configuration: Configuration, log: Logger, print: @escaping (String) -> Void) throws {
        self.configuration = configuration
        self.log = log
        self.print = print
        links = try Links()
        crew = Crew(configuration)
        failureWatch = FailureWatch(ports: configuration.ports)
        logWriter = LogWriter(configuration)
    }

    /// Runs until SIGINT or SIGTERM; throws if it can't start. SIGUSR1 prints a report, and so does the end. SIGHUP has the rules read
    /// anew, and captures and events go on in new files.
    public func run() throws {
        // Blocked before any thread starts, so that they come here and nowhere else.
        let signals = weir_signal_descriptor([SIGINT, SIGTERM, SIGHUP, SIGUSR1, 0])
        guard signals >= 0 else { throw SystemCallError(call: "signalfd", code: errno) }
        defer { close(signals) }
        let events = try LinkEvents()
        let timer = try Self.everySecond()
        defer { close(timer) }

        var near = try Port(configuration.ports[0], directory: configuration.stateDirectory)
        var far = try Port(configuration.ports[1], directory: configuration.stateDirectory)
        let writers = try startWriters()
        defer {
            session?.stop()
            session = nil
            if configuration.events == nil { logWriter.write(crew.logs, log) }
            near.giveBack(links, besides: far.link?.index, hasRun: hasForwarded, log)
            far.giveBack(links, besides: near.link?.index, hasRun: hasForwarded, log)
            for capture in captures { capture.finish() }
            configuration.events?.finish()
            for writer in writers { writer.join() }
            if hasForwarded { print(report(near.isWorking, far.isWorking).text(json: configuration.json)) }
        }

        // Whatever stands in the way is found before anything is changed.
        try near.reserve(links, log)
        try far.reserve(links, log)
        try attend(&near, &far)
        var isRunning = true
        while isRunning {
            var polled = [
                pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
                pollfd(fd: events.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: timer, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&polled, nfds_t(polled.count), -1) > 0 else { continue }
            if polled[0].revents != 0 {
                isRunning = handleSignals(signals) {
                    print(report(near.isWorking, far.isWorking).text(json: configuration.json))
                    if configuration.listsFlows { listFlows() }
                }
            }
            if polled[2].revents != 0 { tick(timer) }
            // The second is also the time after which what failed is tried again.
            if polled[1].revents != 0 || polled[2].revents != 0 {
                events.drain()
                do {
                    try attend(&near, &far)
                } catch {
                    complain("\(error)")
                }
            }
        }
    }

    /// Looks at both ports and has the session that fits them.
    private func attend(_ near: inout Port, _ far: inout Port) throws {
        let isFirst = session == nil && sessionProblem == nil
        var problem: (any Error)?
        var changed = false
        // The second port is looked after also where the first can't be: its guard must not wait.
        do { changed = try near.refresh(links, besides: far.link?.index, log) } catch { problem = error }
        do { changed = try far.refresh(links, besides: near.link?.index, log) || changed } catch { problem = problem ?? error }
        if let old = session, changed || !old.isBound {
            old.stop()
            session = nil
        }
        if let problem { throw problem }
        guard let first = near.link, let second = far.link else { return }
        crew.orders.nearMTU.store(near.mtu ?? first.mtu, ordering: .relaxed)
        crew.orders.farMTU.store(far.mtu ?? second.mtu, ordering: .relaxed)
        crew.orders.nearSuperFrames.store(first.superFrames.packed, ordering: .relaxed)
        crew.orders.farSuperFrames.store(second.superFrames.packed, ordering: .relaxed)
        guard session == nil else { return }
        do throws(SystemCallError) {
            session = try Session(
                [first, second], crew: crew, shape: configuration.ring, processors: NativeThread.allowedProcessors())
        } catch {
            if isFirst, error.code == ENOMEM {
                throw StartProblem("there is no memory for the receive rings (\(error)); ask for fewer with --slots or --workers")
            }
            throw error
        }
        sessionProblem = nil
        hasForwarded = true
        let count = configuration.workers
        log.notice("forwarding between \(near.title) and \(far.title) with \(count) \(count == 1 ? "worker" : "workers")")
    }

    private func complain(_ problem: String) {
        if problem != sessionProblem { log.error("\(problem); trying again every second") }
        sessionProblem = problem
    }

    private var captures: [DropCapture] {
        (configuration.drops.map { [$0] } ?? []) + (configuration.groups?.captures.map(\.capture) ?? [])
    }

    private func startWriters() throws -> [NativeThread] {
        var writers = try captures.map { capture in try NativeThread(name: "weir-capture") { capture.run() } }
        if let events = configuration.events {
            writers.append(try NativeThread(name: "weir-events") { [logs = crew.logs] in events.run(logs) })
        }
        return writers
    }

    // MARK: signals and time

    /// False when it is time to end.
    private func handleSignals(_ descriptor: Int32, report: () -> Void) -> Bool {
        var info = signalfd_siginfo()
        var goesOn = true
        while read(descriptor, &info, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
            switch Int32(info.ssi_signo) {
            case SIGUSR1: report()
            case SIGHUP:
                for capture in captures { capture.reopen() }
                configuration.events?.reopen()
                reload()
            default: goesOn = false
            }
        }
        return goesOn
    }

    /// Goes by the rules as their files are now. Those at hand stay if there is anything wrong with the new ones.
    private func reload() {
        guard let read = configuration.reload else {
            return log.warning("the rules came from standard input and can't be read again; they stay as they are")
        }
        switch read() {
        case .unchanged: log.info("the rules are as they were")
        case .refused(let reason): log.error("the rules stay as they were: \(reason)")
        case .changed(let program, let origin):
            let edition = configuration.editions.add(program, origin: origin)
            crew.use(edition, groups: configuration.groups?.retargeted(to: program), configuration)
            session?.wake()
            let count = program.rules.count
            log.notice("new rules are in force (\(count) \(count == 1 ? "rule" : "rules"), reload \(edition.number))")
        }
    }

    /// Prints a line for each flow.
    private func listFlows() {
        var lines = ""
        for (worker, request) in crew.flowRequests.enumerated() {
            var patience = 2000
            request.forEach(
                wake: { if let session { session.wake() } else { crew.workers[worker].tellFlows() } },
                isWaiting: {
                    usleep(500)
                    patience -= 1
                    return patience > 0
                },
                { flow in
                    patience = 2000
                    lines += FlowLine.text(of: flow, json: configuration.json)
                    if lines.utf8.count > 1 << 16 {
                        print(lines)
                        lines = ""
                    }
                })
            if patience == 0 { log.warning("worker \(worker) is too busy to tell of its flows") }
        }
        if !lines.isEmpty { print(lines) }
    }

    private static func everySecond() throws(SystemCallError) -> Int32 {
        let timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC | TFD_NONBLOCK))
        guard timer >= 0 else { throw SystemCallError(call: "timerfd_create", code: errno) }
        var every = itimerspec(it_interval: timespec(tv_sec: 1, tv_nsec: 0), it_value: timespec(tv_sec: 1, tv_nsec: 0))
        timerfd_settime(timer, 0, &every, nil)
        return timer
    }

    private func tick(_ timer: Int32) {
        var expirations: UInt64 = 0
        _ = read(timer, &expirations, 8)
        session?.collectKernelDrops()
        crew.retire()
        failureWatch.look(at: crew, captures: captures, events: configuration.events, log)
        if configuration.events == nil { logWriter.write(crew.logs, log) }
    }

    private func report(_ isUp: Bool...) -> Report {
        session?.collectKernelDrops()
        return Report(configuration, crew, isUp: isUp)
    }
}
