public import Capture
public import Classifier
import Ruleset

/// Where the frames go that come to a `log group N`.
public final class GroupCaptures: Sendable {
    private struct Destination {
        var index: Int
        var snapLength: UInt32
    }

    /// In the order of their groups.
    public let captures: [(group: UInt16, capture: DropCapture)]
    private let destinations: [LoggedStatement: Destination]

    /// - Parameter program: Whose statements point at the groups.
    public init(_ captures: [UInt16: DropCapture], _ program: Program) {
        self.captures = captures.sorted { $0.key < $1.key }.map { (group: $0.key, capture: $0.value) }
        destinations = Self.destinations(program, self.captures.map(\.group))
    }

    /// The same captures for the statements of another program.
    func retargeted(to program: Program) -> GroupCaptures {
        GroupCaptures(Dictionary(uniqueKeysWithValues: captures.map { ($0.group, $0.capture) }), program)
    }

    private static func destinations(_ program: Program, _ groups: [UInt16]) -> [LoggedStatement: Destination] {
        var destinations: [LoggedStatement: Destination] = [:]
        for (number, rule) in program.rules.enumerated() {
            for (place, statement) in rule.rule.statements.enumerated() {
                guard case .log(let log, _) = statement, let index = groups.firstIndex(where: { $0 == log.group }) else {
                    continue
                }
                destinations[LoggedStatement(rule: Int32(number), statement: Int32(place))] = Destination(
                    index: index, snapLength: log.snaplen == 0 ? .max : log.snaplen)
            }
        }
        return destinations
    }

    /// Groups that no rule of the program names.
    public var unused: [UInt16] {
        let used = Set(destinations.values.map(\.index))
        return captures.indices.filter { !used.contains($0) }.map { captures[$0].group }
    }

    /// A worker's queue for the frames of an event, and the bytes that the statement wants of them; nil for one without a file.
    func queue(for event: LoggedStatement, worker: Int) -> (queue: CaptureQueue, snapLength: UInt32)? {
        guard let destination = destinations[event] else { return nil }
        return (captures[destination.index].capture.queues[worker], destination.snapLength)
    }

    func wake() {
        for (_, capture) in captures { capture.wake() }
    }
}
