import Logging

/// Tells the service manager once a second what there is to tell: that frames pass, a line about the run, and that the workers move. Only
/// on the port thread.
struct ServiceWatch {
    /// Seconds between two lines about the run.
    private static let statusInterval = 10

    private let notifier: ServiceNotifier?
    private var health = WorkerHealth()
    private var isStuck = false
    private var secondsToStatus = 0

    init(_ notifier: ServiceNotifier?) {
        self.notifier = notifier
    }

    /// Frames pass, or don't yet.
    func note(isForwarding: Bool) {
        if isForwarding { notifier?.ready("forwarding") }
    }

    /// To be called once a second.
    /// - Parameter hasThreads: The workers have threads.
    mutating func look(at pool: WorkerPool, isForwarding: Bool, hasThreads: Bool, _ log: Logger) {
        guard let notifier else { return }
        note(isForwarding: isForwarding)
        if notifier.watchdog != nil {
            let moves = health.look(hasThreads ? pool.heartbeats.map(\.count) : nil)
            if moves { notifier.feedWatchdog() }
            if !moves, !isStuck { log.error("a worker does not move; the service manager is told nothing until it does") }
            if moves, isStuck { log.notice("all workers move again") }
            isStuck = !moves
            pool.wake()
        }
        secondsToStatus -= 1
        guard secondsToStatus <= 0 else { return }
        secondsToStatus = Self.statusInterval
        notifier.status(Self.line(pool, isForwarding: isForwarding))
    }

    /// The run's end has begun.
    func end() { notifier?.stopping() }

    private static func line(_ pool: WorkerPool, isForwarding: Bool) -> String {
        let sums = [PortCounters.Cell.receivedFrames, .sentFrames].map { cell in
            pool.portCounters.joined().reduce(0) { $0 &+ $1.value(cell) }
        }
        return "\(isForwarding ? "forwarding" : "waiting for the ports"), \(sums[0]) frames received, \(sums[1]) sent, "
            + "\(pool.followedFlows) connections"
    }
}
