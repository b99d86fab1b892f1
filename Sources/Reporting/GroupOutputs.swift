public import Classifier

/// Where the frames go that come to a `log group N`: captures of a run, or files of a replay.
public struct GroupOutputs<Output> {
    /// In the order of their groups.
    package let outputs: [(group: UInt16, output: Output)]
    package let groups: LogGroups

    /// - Parameter program: Whose statements point at the groups.
    public init(_ outputs: [UInt16: Output], _ program: Program) {
        self.outputs = outputs.sorted { $0.key < $1.key }.map { (group: $0.key, output: $0.value) }
        groups = LogGroups(self.outputs.map(\.group), program)
    }

    /// The same outputs for the statements of another program.
    package func retargeted(to program: Program) -> GroupOutputs {
        GroupOutputs(Dictionary(uniqueKeysWithValues: outputs.map { ($0.group, $0.output) }), program)
    }

    /// Groups that no rule of the program names.
    public var unused: [UInt16] { groups.unused }
}

extension GroupOutputs: Sendable where Output: Sendable {}
