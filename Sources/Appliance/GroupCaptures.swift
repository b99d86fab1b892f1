public import Capture
public import Classifier
import Decisions
import Reporting

/// Where the frames go that come to a `log group N`.
public final class GroupCaptures: Sendable {
    /// In the order of their groups.
    public let captures: [(group: UInt16, capture: DropCapture)]
    private let groups: LogGroups

    /// - Parameter program: Whose statements point at the groups.
    public init(_ captures: [UInt16: DropCapture], _ program: Program) {
        self.captures = captures.sorted { $0.key < $1.key }.map { (group: $0.key, capture: $0.value) }
        groups = LogGroups(self.captures.map(\.group), program)
    }

    /// The same captures for the statements of another program.
    func retargeted(to program: Program) -> GroupCaptures {
        GroupCaptures(Dictionary(uniqueKeysWithValues: captures.map { ($0.group, $0.capture) }), program)
    }

    /// Groups that no rule of the program names.
    public var unused: [UInt16] { groups.unused }

    /// A worker's queue for the frames of an event, and the bytes that the statement wants of them; nil for one without a file.
    func queue(for event: LoggedStatement, worker: Int) -> (queue: CaptureQueue, snapLength: UInt32)? {
        guard let destination = groups[event] else { return nil }
        return (captures[destination.index].capture.queues[worker], destination.snapLength)
    }

    func wake() {
        for (_, capture) in captures { capture.wake() }
    }
}
