import Control
import KernelPath
import Reporting

extension BypassRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        if let on {
            guard let join = desk.pool.join else {
                return ReadyAnswer(
                    [], ControlFault(.refused, "the run fails closed, so its ports can't be joined; start it with --failure open"))
            }
            join.setBypass(on)
        }
        return ReadyAnswer([FailureReport(desk.configuration, desk.pool, desk.board.current.ports).item(form)])
    }
}

/// What becomes of frames when the run fails, and whether the kernel has joined the ports.
struct FailureReport: AnswerItem {
    /// `closed` or `open`.
    var failure: String
    /// `weir`: frames are judged; `bypass`: the ports are joined by hand; `stuck`: they are joined since a worker does not move.
    var judge: String
    /// By port: frames that came in there and were handed to the other port without any rule.
    var joined: [String: UInt64]

    init(_ configuration: Configuration, _ pool: WorkerPool, _ ports: [PortState]) {
        failure = configuration.failure.rawValue
        judge =
            switch pool.join?.state {
            case .weir?, nil: "weir"
            case .bypass?: "bypass"
            case .stuck?: "stuck"
            }
        joined = Dictionary(ports.map { ($0.name, $0.guarding.joined) }) { first, _ in first }
    }

    var text: String { "\(line)\n" }

    /// One line.
    var line: String {
        let counts = joined.sorted { $0.key < $1.key }.map { "\($0.value) came in by \($0.key)" }.joined(separator: ", ")
        let passed = "frames that no rule saw: \(counts)"
        return switch judge {
        case "bypass": "the ports are joined by hand; \(passed)"
        case "stuck": "the ports are joined, since a worker does not move; \(passed)"
        default: failure == "closed" ? "the run fails closed" : "the run fails open, and judges what passes; \(passed)"
        }
    }

    /// That the ports are joined; nil if they aren't.
    var warning: String? { judge == "weir" ? nil : line }
}
