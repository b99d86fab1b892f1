public import Capture
public import Fragments
public import PacketIO

/// Everything that a run is made from.
public struct Configuration: Sendable {
    /// The names of the two ports. A frame's direction is from one to the other.
    public var ports: [String]
    /// The program of the start; reloads add theirs.
    public var editions: Editions
    /// Reads the rules anew; nil where that can't be done.
    public var reload: (@Sendable () -> Reload)?
    /// Where dropped frames go, if anywhere; made for as many workers as there are.
    public var drops: DropCapture?
    /// Where frames go that `log group` statements name; made for as many workers as there are.
    public var groups: GroupCaptures?
    /// Who writes the events of `log` statements; nil if they are lines among the messages.
    public var events: EventWriter?
    public var workers: Int
    public var fragments: FragmentMode
    /// What each worker's may cost.
    public var fragmentLimits: FragmentLimits
    public var ring: RingShape
    /// The folder of the notes by which a start after a crash puts back what the crashed run had changed.
    public var stateDirectory: String
    /// Of the program, for reports.
    public var version: String
    /// Print counters for machines.
    public var json: Bool

    public init(
        ports: [String], editions: Editions, reload: (@Sendable () -> Reload)? = nil, drops: DropCapture?, groups: GroupCaptures? = nil,
        events: EventWriter? = nil, workers: Int,
        fragments: FragmentMode = .reassemble,
        fragmentLimits: FragmentLimits = FragmentLimits(), ring: RingShape, stateDirectory: String, version: String,
        json: Bool
    ) {
        self.ports = ports
        self.editions = editions
        self.reload = reload
        self.drops = drops
        self.groups = groups
        self.events = events
        self.workers = workers
        self.fragments = fragments
        self.fragmentLimits = fragmentLimits
        self.ring = ring
        self.stateDirectory = stateDirectory
        self.version = version
        self.json = json
    }
}

/// A start that can't work: one sentence with what to do.
public struct StartProblem: Error, CustomStringConvertible {
    public var description: String

    public init(_ description: String) {
        self.description = description
    }
}
