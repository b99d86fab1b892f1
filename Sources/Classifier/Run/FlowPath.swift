public import Decisions
import Storage

/// Why packets of a flow have to be looked at one by one.
public enum KeptBackCause: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// A rule on their way reads what may differ from packet to packet.
    case field
    /// It limits or counts what passes: `limit`, `quota`, `ct count`.
    case limit
    /// It has them logged.
    case log
    /// It notes when they came: `last`.
    case last
    /// It asks a set or map that changes or whose elements have timeouts or statements, or changes one.
    case set
    /// It changes the packet.
    case change
    /// It draws a number: `numgen`, `meta random`.
    case draw
    /// It changes what is known of the connection: its mark, its timeouts, whether it is followed.
    case connection
    /// They don't pass.
    case verdict
    /// More rules count them than a path has room for, or there are too many different paths.
    case length
    /// All entries of the map are in use. Rules never say it.
    case entries

    /// The name in reports; it does not change between releases.
    public var name: String {
        switch self {
        case .field: "field"
        case .limit: "limit"
        case .log: "log"
        case .last: "last"
        case .set: "set"
        case .change: "change"
        case .draw: "random"
        case .connection: "connection"
        case .verdict: "verdict"
        case .length: "path"
        case .entries: "flow-limit"
        }
    }
}

/// Records the way of a packet through the rules, for a flow all of whose plain packets go that way: with the same addresses, ports and
/// tag, unfragmented, without IP options or extension headers, and in the same state of the same connection.
///
/// A field that isn't listed as the same in all of them keeps the flow back.
public final class PathRecorder: @unchecked Sendable {
    /// What a path has room for.
    public static let stepLimit = 48

    /// In the order in which they counted.
    public private(set) var steps: [PathStep] = []
    /// Why not all packets go this way; nil if they do.
    public private(set) var cause: KeptBackCause?
    /// The rule that says so; none where the chain's index does.
    public private(set) var rule = RuleIndex.none
    /// The MAC addresses have to be the same, too.
    public private(set) var readsAddresses = false
    /// What was said in the end.
    public internal(set) var decision = Decision(byPolicy: .accept)

    public init() { steps.reserveCapacity(Self.stepLimit) }

    /// Forgets the path.
    public func begin() {
        steps.removeAll(keepingCapacity: true)
        cause = nil
        rule = .none
        readsAddresses = false
        decision = Decision(byPolicy: .accept)
    }

    func add(_ kind: PathStep.Kind, _ index: Int, _ countsPackets: Bool) {
        guard steps.count < Self.stepLimit, let index = Int32(exactly: index) else { return keep(.length) }
        steps.append(PathStep(kind: kind, countsPackets: countsPackets, index: index))
    }

    /// The first cause counts.
    func keep(_ cause: KeptBackCause, by rule: RuleIndex = .none) {
        guard self.cause == nil else { return }
        self.cause = cause
        self.rule = rule
    }

    func noteAddresses() { readsAddresses = true }
}

extension HitCounters {
    /// Counts packets that went a recorded way.
    /// - Parameters:
    ///   - packetBytes: Of the packets, from the network header on and without padding.
    ///   - frameBytes: Of what follows the link header and the tag, with padding.
    public func add(_ step: PathStep, frames: UInt64, packetBytes: UInt64, frameBytes: UInt64) {
        add(step.kind, Int(step.index), Hits(frames: frames, bytes: step.countsPackets ? packetBytes : frameBytes))
    }
}
