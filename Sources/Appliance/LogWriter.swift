import Classifier
import Logging
import Reporting
import Ruleset

/// Writes what `log` statements saw, a line for each, and no more than a bounded number at a time.
final class LogWriter {
    /// Lines that are written each second at the most; of the rest the number is said.
    static let linesPerSecond = 100

    private let ports: [String]
    private let editions: Editions
    private var lost: UInt64 = 0

    init(_ configuration: Configuration) {
        ports = configuration.ports
        editions = configuration.editions
    }

    /// To be called once a second, on the thread that is not a worker's.
    func write(_ queues: [LogQueue], _ log: Logger) {
        var lines = 0
        var left: UInt64 = 0
        for queue in queues {
            while let record = queue.take() {
                guard lines < Self.linesPerSecond else {
                    left += 1
                    continue
                }
                lines += 1
                let (event, program) = editions.resolved(record)
                log.log(level: level(of: event.event, program), "\(LogLine.text(of: event, program, ports: ports))")
            }
        }
        let total = queues.reduce(0) { $0 + $1.lost }
        left += total - lost
        lost = total
        if left > 0 { log.warning("\(left) more events of log statements were left out") }
    }

    private func level(of event: LoggedStatement, _ program: Program) -> Logger.Level {
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
