import Glibc
import Logging
import PacketIO
import Reporting
import Synchronization

/// Makes reports and lists of flows on a thread of its own, which may wait for their readers.
final class Reporter: Sendable {
    private struct State {
        /// Reports that are asked for, oldest first.
        var requests: [[PortState]] = []
        var isFinishing = false
    }

    /// Requests that may wait.
    private static let capacity = 64
    /// Milliseconds that a worker has to tell of a part of its flows.
    private static let patience = 1000
    /// Bytes of a list that are written at once.
    private static let part = 1 << 16

    private let configuration: Configuration
    private let outputs: Outputs
    private let pool: WorkerPool
    private let log: Logger
    private let messages: TextOutput
    private let output: TextOutput
    private let waker: Waker
    private let state = Mutex(State())

    init(
        _ configuration: Configuration, _ outputs: Outputs, pool: WorkerPool, log: Logger, messages: TextOutput, output: TextOutput
    ) throws(SystemCallError) {
        self.configuration = configuration
        self.outputs = outputs
        self.pool = pool
        self.log = log
        self.messages = messages
        self.output = output
        waker = try Waker()
    }

    /// Has a report made. Never waits.
    func ask(_ ports: [PortState]) {
        let isTaken = state.withLock { state in
            guard state.requests.count < Self.capacity else { return false }
            state.requests.append(ports)
            return true
        }
        if isTaken { waker.wake() } else { output.lose() }
    }

    /// Makes `run` return once all requests are met, the list of flows at hand excepted.
    func finish() {
        state.withLock { $0.isFinishing = true }
        waker.wake()
    }

    private var isFinishing: Bool { state.withLock(\.isFinishing) }

    /// The reporter's loop: returns after `finish`.
    func run() {
        while true {
            let (request, isLast) = state.withLock { state in
                (state.requests.isEmpty ? nil : state.requests.removeFirst(), state.isFinishing)
            }
            if let request {
                var report = Report(configuration, outputs, pool, ports: request)
                report.lostMessages = messages.lost
                output.write(report.text(json: configuration.json))
                if configuration.listsFlows, !isLast { listFlows() }
            } else if isLast {
                return
            } else {
                waker.wait()
            }
        }
    }

    /// Prints a line for each flow.
    private func listFlows() {
        var lines = ""
        for worker in pool.workers.indices {
            var waited = 0
            pool.flowRequests[worker].forEach(
                wake: { pool.wakeForFlows(worker) },
                isWaiting: {
                    usleep(500)
                    waited += 1
                    // A worker that ended meanwhile tells nobody: then it is told here.
                    if waited.isMultiple(of: 20) { pool.wakeForFlows(worker) }
                    return waited < 2 * Self.patience && !isFinishing
                },
                { flow in
                    waited = 0
                    lines += FlowLine.text(of: flow, json: configuration.json)
                    guard lines.utf8.count > Self.part else { return }
                    _ = output.deliver(lines) { !isFinishing }
                    lines = ""
                })
            if isFinishing { return }
            if waited >= 2 * Self.patience { log.warning("worker \(worker) is too busy to list its connections") }
        }
        if !lines.isEmpty { _ = output.deliver(lines) { !isFinishing } }
    }
}
