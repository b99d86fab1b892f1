import Classifier
import Decisions

/// The ways through one program's rules that carried flows go, each with a number: of one worker.
///
/// It allocates when it comes to know a way, which is at most `FlowTracker.carriedPathLimit` times for each program.
final class CarriedPaths: @unchecked Sendable {
    struct Path: Hashable {
        var steps: [PathStep]
        var reason: Reason
        var ingress: UInt8
    }

    /// By number, from 1.
    private(set) var paths: [Path] = []
    private var numbers: [Path: UInt16] = [:]
    private let limit: Int
    let recorder = PathRecorder()
    /// No flow is looked at until then: all entries were in use.
    var fullUntil: UInt64 = 0

    init(limit: Int) { self.limit = limit }

    /// The number of the way that the recorder has; nil if there are too many.
    func number(ingress: UInt8) -> UInt16? {
        let path = Path(steps: recorder.steps, reason: recorder.decision.reason, ingress: ingress)
        if let known = numbers[path] { return known }
        guard paths.count < limit else { return nil }
        paths.append(path)
        let number = UInt16(truncatingIfNeeded: paths.count)
        numbers[path] = number
        return number
    }
}
