import Capture
import Control
import Logging
import PacketIO

/// All threads but the port thread and the workers: each does what may take long, and none waits for another.
final class SideThreads {
    private let outputs: Outputs
    private let loader: RulesetLoader
    private let reporter: Reporter
    /// What `log` statements saw, where it is lines among the messages.
    private let logWriter: LogWriter?
    /// Answers operators; nil where there is no socket.
    private let control: ControlServer?
    private var threads: [NativeThread] = []

    /// Starts them.
    init(
        _ configuration: Configuration, _ outputs: Outputs, pool: WorkerPool, board: RunBoard, notifier: ServiceNotifier?,
        socket: ControlSocket?, metrics: MetricsSocket?, log: Logger, messages: TextOutput, reports: TextOutput
    ) throws(SystemCallError) {
        self.outputs = outputs
        let loader = try RulesetLoader(configuration, outputs, pool: pool, log: log, notifier: notifier)
        self.loader = loader
        reporter = try Reporter(configuration, outputs, pool: pool, log: log, messages: messages, output: reports)
        logWriter = outputs.events == nil ? try LogWriter(configuration, log: log) : nil
        control =
            try socket == nil && metrics == nil
            ? nil
            : ControlServer(serving: configuration, outputs, pool: pool, loader: loader, board: board, messages: messages) { order in
                Self.reload(outputs, loader, order)
            }
        do throws(SystemCallError) {
            if let control {
                threads.append(try NativeThread(name: "weir-control") { control.run(socket, metrics: metrics) })
            }
            threads.append(try NativeThread(name: "weir-reports") { [reporter] in reporter.run() })
            for capture in outputs.captures {
                threads.append(try NativeThread(name: "weir-capture") { capture.run() })
            }
            let logs = pool.logs
            if let events = outputs.events { threads.append(try NativeThread(name: "weir-events") { events.run(logs) }) }
            if let logWriter { threads.append(try NativeThread(name: "weir-log") { logWriter.run(logs) }) }
        } catch {
            _ = finish()
            throw error
        }
    }

    /// Has a report printed.
    func report(_ ports: [PortState]) { reporter.ask(ports) }

    /// Has the rules read again, and what is written go on in new files.
    func reload() { Self.reload(outputs, loader, RulesOrder(kind: .reload)) }

    private static func reload(_ outputs: Outputs, _ loader: RulesetLoader, _ order: RulesOrder) {
        for capture in outputs.captures { capture.reopen() }
        outputs.events?.reopen()
        loader.ask(order)
    }

    /// Has all that was begun written, and ends the threads.
    /// - Returns: Whether all have ended: rules that are being read can't be broken off.
    func finish() -> Bool {
        for capture in outputs.captures { capture.finish() }
        outputs.events?.finish()
        logWriter?.finish()
        reporter.finish()
        control?.finish()
        for thread in threads { thread.join() }
        threads = []
        return loader.finish()
    }
}
