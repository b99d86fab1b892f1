package import Classifier
package import Decisions
import Ruleset

/// Which `log group N` statements of a program have a capture, and what they want there.
package struct LogGroups: Sendable {
    package struct Destination: Sendable {
        /// The group's index.
        package var index: Int
        /// Bytes of a frame that the statement wants.
        package var snapLength: UInt32
    }

    private let destinations: [LoggedStatement: Destination]
    /// Groups that no rule of the program names, in their order.
    package let unused: [UInt16]

    /// - Parameters:
    ///   - groups: The groups with a capture.
    ///   - program: Whose statements point at them.
    package init(_ groups: [UInt16], _ program: Program) {
        var destinations: [LoggedStatement: Destination] = [:]
        for (number, rule) in program.rules.enumerated() {
            for (place, statement) in rule.rule.statements.enumerated() {
                guard case .log(let log, _) = statement, let index = groups.firstIndex(where: { $0 == log.group }) else {
                    continue
                }
                destinations[LoggedStatement(rule: RuleIndex(number), statement: StatementIndex(place))] = Destination(
                    index: index, snapLength: log.snaplen == 0 ? .max : log.snaplen)
            }
        }
        let used = Set(destinations.values.map(\.index))
        unused = groups.indices.filter { !used.contains($0) }.map { groups[$0] }
        self.destinations = destinations
    }

    /// Where the frames of an event go; nil where that is no capture.
    package subscript(event: LoggedStatement) -> Destination? { destinations[event] }
}
