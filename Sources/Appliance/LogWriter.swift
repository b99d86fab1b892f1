import Classifier
import Decisions
import Glibc
import Logging
import PacketIO
import Reporting
import Ruleset
import Storage
import Synchronization

/// Logs what `log` statements saw, a line for each, and no more than a bounded number at a time, on a thread of its own.
final class LogWriter: Sendable {
    /// Maximum lines written in a second; of the rest only the number is written.
    static let linesPerSecond = 100

    private let ports: [String]
    private let generations: RulesetGenerations
    private let log: Logger
    private let waker: Waker
    private let isFinishing = Atomic<Bool>(false)

    init(_ configuration: Configuration, log: Logger) throws(SystemCallError) {
        ports = configuration.ports
        generations = configuration.generations
        self.log = log
        waker = try Waker()
    }

    /// Makes `run` log what there is and return.
    func finish() {
        isFinishing.store(true, ordering: .releasing)
        waker.wake()
    }

    /// The writer's loop: looks at the queues once a second and returns after `finish`.
    func run(_ queues: [LogQueue]) {
        var lost: UInt64 = 0
        while true {
            let isLast = isFinishing.load(ordering: .acquiring)
            write(queues, &lost)
            if isLast { return }
            waker.wait(1000)
        }
    }

    /// - Parameter lost: Events that the queues had no room for, as was said last.
    private func write(_ queues: [LogQueue], _ lost: inout UInt64) {
        // Called once a second: each turn has an allowance of its own.
        var rate = RateLimit(perSecond: Self.linesPerSecond)
        var left: UInt64 = 0
        for queue in queues {
            // No more than was there: a worker must not keep the writer with it.
            for _ in 0..<LogQueue.capacity {
                guard let record = queue.take() else { break }
                guard rate.admit() else {
                    left += 1
                    continue
                }
                let (event, program) = generations.resolved(record)
                log.log(level: level(of: event.event, program), "\(LogLine.text(of: event, program, ports: ports))")
            }
        }
        let total = queues.reduce(0) { $0 + $1.lost }
        left += total - lost
        lost = total
        if left > 0 { log.warning("\(left) more events of log statements were left out") }
    }

    private func level(of event: LoggedStatement?, _ program: Program) -> Logger.Level {
        switch program.logStatement(of: event)?.level {
        case .emerg, .alert, .crit: .critical
        case .err: .error
        case .warn: .warning
        case .notice: .notice
        case .info, .audit, nil: .info
        case .debug: .debug
        }
    }
}
