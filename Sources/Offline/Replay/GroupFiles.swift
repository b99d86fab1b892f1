public import Capture
public import Classifier
import Decisions
import Reporting

/// Where the frames of a replay go that come to a `log group N`.
public struct GroupFiles {
    /// In the order of their groups.
    let files: [(group: UInt16, file: CaptureFile)]
    private let groups: LogGroups

    /// - Parameter program: Whose statements point at the groups.
    public init(_ files: [UInt16: CaptureFile], _ program: Program) {
        self.files = files.sorted { $0.key < $1.key }.map { (group: $0.key, file: $0.value) }
        groups = LogGroups(self.files.map(\.group), program)
    }

    /// Groups that no rule of the program names.
    public var unused: [UInt16] { groups.unused }

    /// The file for the frames of an event, and the bytes that the statement wants of them; nil for one without a file.
    func destination(of event: LoggedStatement) -> (file: CaptureFile, snapLength: UInt32)? {
        guard let destination = groups[event] else { return nil }
        return (files[destination.index].file, destination.snapLength)
    }
}
