public import Firewall
public import Flows
public import Fragments
public import PacketIO
import Ruleset

/// Everything that a run is made from.
public struct Configuration: Sendable {
    /// The names of the two ports. A frame's direction is from one to the other.
    public var ports: [String]
    /// The program of the start; reloads add theirs.
    public var generations: RulesetGenerations
    /// Reads the rules again; nil where that can't be done.
    public var reload: (@Sendable (RulesReading) -> Reload)?
    /// With each reload sets, limits and quotas begin again.
    public var resetsState = false
    /// The texts of the rules of the start.
    public var content = RulesContent(SourceFile(name: "", text: ""))
    /// The texts of the rule file at the start, which are others where a change is in force that it does not have.
    public var ownFile = RulesContent(SourceFile(name: "", text: ""))
    /// That change.
    public var restoredChange: Int?
    /// Where the rule sets are kept that were in force; nil for nowhere.
    public var archive: RuleArchive?
    /// Opens what is written besides reports, once the ports are held.
    public var open: @Sendable () throws -> Outputs
    public var workers: Int
    public var fragments: FragmentMode
    /// What each worker's may cost.
    public var fragmentLimits: FragmentLimits
    /// How each worker follows connections, if the rules ask for them.
    public var flows: FlowSettings
    /// What frames must be before the rules see them.
    public var checks: FrameChecks
    /// New rules judge each existing flow once more.
    public var rechecksFlows: Bool
    /// Reports upon SIGUSR1 list every flow.
    public var listsFlows: Bool
    public var ring: RingSettings
    /// What becomes of generic receive offload on the ports.
    public var merging = ReceiveMerging.keep
    /// Answers that may leave by each port in a second; 0 for none.
    public var answersPerSecond = 1_000
    /// What becomes of packets that are too big for the port by which they would leave.
    public var tooBig = TooBigHandling.fragment
    /// Whether the kernel carries flows that were already judged.
    public var fastPath = FastPathMode.off
    /// Flows that it can carry at a time.
    public var fastPathFlows = 65_536
    /// What becomes of frames when the run ends or fails.
    public var failure = FailureMode.closed
    /// The folder of the notes by which a start after a crash puts back what the crashed run had changed.
    public var stateDirectory: String
    /// Don't start where programs or filters of others come before the guard.
    public var hasStrictGuard: Bool
    /// Where a run can be asked and told things; nil for nowhere.
    public var control: ControlSettings?
    /// Dropped frames that are kept in memory for those who ask; 0 for none.
    public var recentDrops = 0
    /// Where metrics are served, as `127.0.0.1:9654`; nil for nowhere.
    public var metrics: String?
    /// The program's version, for reports.
    public var version: String
    /// Print counters for machines.
    public var json: Bool

    public init(
        ports: [String], generations: RulesetGenerations, reload: (@Sendable (RulesReading) -> Reload)? = nil,
        open: @escaping @Sendable () throws -> Outputs,
        workers: Int,
        fragments: FragmentMode = .reassemble,
        fragmentLimits: FragmentLimits = FragmentLimits(), flows: FlowSettings = FlowSettings(), checks: FrameChecks = FrameChecks(),
        rechecksFlows: Bool = false,
        listsFlows: Bool = false, ring: RingSettings, stateDirectory: String, hasStrictGuard: Bool = false, version: String,
        json: Bool
    ) {
        self.ports = ports
        self.generations = generations
        self.reload = reload
        self.open = open
        self.workers = workers
        self.fragments = fragments
        self.fragmentLimits = fragmentLimits
        self.flows = flows
        self.checks = checks
        self.rechecksFlows = rechecksFlows
        self.listsFlows = listsFlows
        self.ring = ring
        self.stateDirectory = stateDirectory
        self.hasStrictGuard = hasStrictGuard
        self.version = version
        self.json = json
    }
}

/// The control socket.
public struct ControlSettings: Sendable, Equatable {
    public var path: String
    /// A start without it is refused; else it is a warning.
    public var isRequired: Bool
    /// The group that may read; nil for that of the process.
    public var group: UInt32?

    public init(path: String, isRequired: Bool, group: UInt32?) {
        self.path = path
        self.isRequired = isRequired
        self.group = group
    }
}

/// A start that can't work, of which the log has the reason.
public struct LoggedProblem: Error {}

/// A start that can't work: one sentence with what to do.
public struct StartProblem: Error, CustomStringConvertible {
    public var description: String

    public init(_ description: String) {
        self.description = description
    }
}
