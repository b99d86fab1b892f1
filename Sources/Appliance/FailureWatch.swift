import Capture
import Classifier
import Glibc
import Logging
import PacketIO

/// Says when frames begin to be lost for a reason that the operator can do something about, and when that is over: once for
/// each change, not for each frame.
struct FailureWatch {
    /// Seconds without a loss after which it counts as over.
    private static let patience = 5

    private struct Watched {
        var total: UInt64 = 0
        /// Seconds since the last loss; nil if all is well.
        var quiet: Int?
        var since: UInt64 = 0
    }

    private enum Cause: Hashable {
        case send(port: Int, SendFailure)
        case kernelDrops(port: Int)
        case capture
        case events
    }

    private let ports: [String]
    private var watched: [Cause: Watched] = [:]

    init(ports: [String]) {
        self.ports = ports
    }

    /// To be called once a second.
    mutating func look(at crew: Crew, _ outputs: Outputs, _ log: Logger) {
        for port in ports.indices {
            for (failure, total) in PortCounters.failures(crew.portCounters.map { $0[port] }) where !failure.isSaidOfThePort {
                note(.send(port: port, failure), total, log)
            }
            note(.kernelDrops(port: port), crew.kernelDrops.value(at: port), log)
        }
        note(.capture, outputs.captures.reduce(0) { $0 &+ $1.lost }, log)
        if let events = outputs.events { note(.events, events.lost, log) }
    }

    private mutating func note(_ cause: Cause, _ total: UInt64, _ log: Logger) {
        guard total != 0 else { return }
        var state = watched[cause] ?? Watched()
        if total != state.total {
            if state.quiet == nil {
                state.since = state.total
                log.warning("\(begin(cause))")
            }
            state.quiet = 0
        } else if let quiet = state.quiet {
            state.quiet = quiet + 1
            if quiet + 1 >= Self.patience {
                state.quiet = nil
                log.notice("\(end(cause)); \(total - state.since) were lost")
            }
        }
        state.total = total
        watched[cause] = state
    }

    private func begin(_ cause: Cause) -> String {
        switch cause {
        case .send(let port, let failure):
            "frames are lost on their way out of \(ports[port]) (\(failure.name)): \(failure.advice(ports[port]))"
        case .kernelDrops(let port):
            "frames that come in on \(ports[port]) are lost before Weir can take them: the receive ring is full (--slots, --workers)"
        case .capture:
            "frames are missing in the capture: the disk, or what reads it, is too slow or full"
        case .events: "events are missing in their file: the disk is full, or nobody reads"
        }
    }

    private func end(_ cause: Cause) -> String {
        switch cause {
        case .send(let port, let failure): "no more frames are lost on their way out of \(ports[port]) (\(failure.name))"
        case .kernelDrops(let port): "the receive ring of \(ports[port]) has room again"
        case .capture: "the capture is complete again"
        case .events: "events are written again"
        }
    }
}
