public import Capture
public import Reporting

/// The files of a run besides reports and messages, open.
public struct Outputs: Sendable {
    /// Where dropped frames go, if anywhere; made for as many workers as there are.
    public var drops: DropCapture?
    /// Where frames go that `log group` statements name; made for as many workers as there are.
    public var groups: GroupOutputs<DropCapture>?
    /// Who writes the events of `log` statements; nil if they are lines among the messages.
    public var events: EventWriter?

    public init(drops: DropCapture? = nil, groups: GroupOutputs<DropCapture>? = nil, events: EventWriter? = nil) {
        self.drops = drops
        self.groups = groups
        self.events = events
    }

    var captures: [DropCapture] {
        (drops.map { [$0] } ?? []) + (groups?.outputs.map(\.output) ?? [])
    }
}
