import Capture
import Classifier
import Glibc
import Logging
import PacketIO
import Reporting
import Storage

/// Says when frames are lost for a reason that the operator can do something about, once a minute at most, and when that is over.
struct FailureWatch {
    private enum Cause: Hashable {
        case send(port: Int, SendFailure)
        case kernelDrops(port: Int)
        case capture
        case events
    }

    private let ports: [String]
    private var interfaces: [Link?] = []
    private var notices: [Cause: LossNotice] = [:]
    /// Why files took nothing, as it was said last.
    private var problems: [Cause: String] = [:]

    init(ports: [String]) {
        self.ports = ports
    }

    /// To be called once a second, with the interfaces that are the ports now.
    mutating func look(at pool: WorkerPool, _ outputs: Outputs, _ interfaces: [Link?], _ log: Logger) {
        self.interfaces = interfaces
        for port in ports.indices {
            for (failure, total) in PortCounters.failures(pool.portCounters.map { $0[port] }) where !failure.isSaidOfThePort {
                note(.send(port: port, failure), total, log)
            }
            note(.kernelDrops(port: port), pool.kernelDrops.value(at: port), log)
        }
        problems[.capture] = outputs.captures.lazy.compactMap(\.problem).first ?? problems[.capture]
        problems[.events] = outputs.events?.problem ?? problems[.events]
        note(.capture, outputs.captures.reduce(0) { $0 &+ $1.lost }, log)
        if let events = outputs.events { note(.events, events.lost, log) }
    }

    /// What is lost at the moment, a sentence each.
    var warnings: [String] { notices.filter { $0.value.isOngoing }.map { begin($0.key) }.sorted() }

    private mutating func note(_ cause: Cause, _ total: UInt64, _ log: Logger) {
        guard total != 0 else { return }
        switch notices[cause, default: LossNotice()].look(total) {
        case .begins: log.warning("\(begin(cause))")
        case .goesOn(let lost): log.warning("\(begin(cause)); \(lost) in the last minute")
        case .isOver(let lost):
            log.notice("\(end(cause)); \(lost) were lost")
            problems[cause] = nil
        case nil: break
        }
    }

    private func begin(_ cause: Cause) -> String {
        switch cause {
        case .send(let port, let failure):
            "frames are lost on their way out of \(ports[port]) (\(failure.name)): \(advice(failure, port))"
        case .kernelDrops(let port):
            "frames that come in on \(ports[port]) are lost before Weir can take them: the receive ring is full; give it more --slots for "
                + "bursts, and Weir more processors and --workers if it goes on"
        case .capture: "frames are missing in the capture: " + (problems[.capture] ?? "the disk, or what reads it, is too slow")
        case .events: "events are missing in their file: " + (problems[.events] ?? "the disk is full, or nobody reads")
        }
    }

    /// Why, and what to do; it names what decides on frames at the port, where that can be known.
    private func advice(_ failure: SendFailure, _ port: Int) -> String {
        guard interfaces.indices.contains(port), let link = interfaces[port] else { return failure.advice(ports[port]) }
        let obstacles =
            failure == .queueFull ? PortGuard.programs(besidesWeirOn: link, .egress) + link.egressObstacles() : []
        if obstacles.isEmpty { return failure.advice(link.name) }
        return "\(obstacles.listed(with: ", and ")) decides on them there, and drops them or has no room for them"
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
