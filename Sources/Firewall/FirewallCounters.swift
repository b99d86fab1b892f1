public import Classifier
public import Decisions
public import Flows
import Storage

/// What one worker's firewall has judged under one program: only that worker writes it, anybody reads it at any time.
///
/// A reader may see a frame under its rule and not yet under its reason; no count is ever lost.
public final class FirewallCounters: Sendable {
    let hits: HitCounters
    /// Frames and bytes of each reason, by its raw value.
    private let reasons = CounterArray(count: 2 * 256)
    /// The cells of `reasons` by which frames pass, as readers are told of them; only where `settlesPasses`.
    private let settled = CounterArray(count: FirewallCounters.passingCells)
    private let settlesPasses: Bool
    /// `acceptByRule` and `acceptByPolicy` are 0 and 1.
    private static let passingCells = 4
    /// Frames, bytes and datagrams that are held now.
    private let held = CounterArray(count: 3)
    /// Flows that are followed now, then the tracker's counters.
    private let flows = CounterArray(count: 1 + FlowTracker.counterCount)
    /// Frames and bytes that the kernel has carried, and the flows that it carries now.
    private let carried = CounterArray(count: 3)
    /// Flows that are not carried, by the cause's raw value.
    private let kept = CounterArray(count: KeptBackCause.allCases.count)
    /// Frames that rules dropped of established connections.
    private let established = CounterArray(count: 1)
    private let ruleCount: Int
    private let counterCount: Int
    private let namedCounterCount: Int
    private let elementCount: Int

    /// All of them 0, for that program.
    /// - Parameter settlesPasses: Readers are told of frames that pass by `Firewall.settlePasses`, not at once: some may be taken back.
    public init(for program: Program, settlesPasses: Bool = false) {
        self.settlesPasses = settlesPasses
        hits = HitCounters(for: program)
        ruleCount = program.rules.count
        counterCount = program.counters.count
        namedCounterCount = program.namedCounters.count
        elementCount = program.elementCounters.count
    }

    @inline(__always)
    func count(_ reason: Reason, length: Int) {
        reasons.add(1, at: 2 &* Int(reason.rawValue))
        reasons.add(UInt64(truncatingIfNeeded: length), at: 2 &* Int(reason.rawValue) &+ 1)
    }

    /// Counts a frame that has passed for a reason as one that was not sent.
    func takeBack(_ reason: Reason, length: Int) {
        reasons.add(0 &- 1, at: 2 &* Int(reason.rawValue))
        reasons.add(0 &- UInt64(truncatingIfNeeded: length), at: 2 &* Int(reason.rawValue) &+ 1)
        count(.notSent, length: length)
    }

    @inline(__always)
    func settlePasses() {
        guard settlesPasses else { return }
        for cell in 0..<Self.passingCells { settled.set(reasons.value(at: cell), at: cell) }
    }

    /// What readers are told of a cell of `reasons`.
    private func told(_ cell: Int) -> UInt64 {
        settlesPasses && cell < Self.passingCells ? settled.value(at: cell) : reasons.value(at: cell)
    }

    /// Counts frames that the kernel has carried.
    func count(_ reason: Reason, frames: UInt64, bytes: UInt64) {
        reasons.add(frames, at: 2 &* Int(reason.rawValue))
        reasons.add(bytes, at: 2 &* Int(reason.rawValue) &+ 1)
        carried.add(frames, at: 0)
        carried.add(bytes, at: 1)
    }

    /// A frame that rules drop, of a connection in which packets went both ways.
    func countEstablishedDrop() { established.add(1, at: 0) }

    /// Frames that rules dropped of connections in which packets went both ways.
    public var establishedDrops: UInt64 { established.value(at: 0) }

    /// Frames that were dropped.
    public var drops: UInt64 {
        Reason.allCases.reduce(0) { sum, reason in
            switch reason {
            case .acceptByRule, .acceptByPolicy, .held: sum
            default: sum &+ reasons.value(at: 2 &* Int(reason.rawValue))
            }
        }
    }

    /// Packets that a named counter counted, by index into `Program.namedCounters`.
    public func packets(ofCounter index: Int) -> UInt64 { hits.namedCounter(index).frames }

    func setCarriedFlows(_ count: Int) { carried.set(UInt64(truncatingIfNeeded: count), at: 2) }

    func countKept(_ cause: KeptBackCause) { kept.add(1, at: Int(cause.rawValue)) }

    func setHeld(frames: Int, bytes: Int, datagrams: Int) {
        held.set(UInt64(truncatingIfNeeded: frames), at: 0)
        held.set(UInt64(truncatingIfNeeded: bytes), at: 1)
        held.set(UInt64(truncatingIfNeeded: datagrams), at: 2)
    }

    func setFlows(_ tracker: borrowing FlowTracker) {
        flows.set(UInt64(truncatingIfNeeded: tracker.count), at: 0)
        for number in 0..<FlowTracker.counterCount { flows.set(tracker.counter(number), at: 1 &+ number) }
    }

    /// How often something has happened to connections, as it was made known last.
    public func count(of event: FlowEvent) -> UInt64 { flows.value(at: 1 &+ Int(event.rawValue)) }

    /// Flows in the worker's table, as it was made known last.
    public var followedFlows: UInt64 { flows.value(at: 0) }

    /// Another program's counters have them from here on.
    func forgetFlows() {
        for number in 0..<flows.count { flows.set(0, at: number) }
        carried.set(0, at: 2)
    }

    /// All the numbers as they are now.
    public func snapshot() -> Snapshot {
        Snapshot(
            rules: (0..<ruleCount).map { hits.rule($0) },
            counters: (0..<counterCount).map { hits.counter($0) },
            namedCounters: (0..<namedCounterCount).map { hits.namedCounter($0) },
            elements: (0..<elementCount).map { hits.element($0) },
            reasons: Reason.allCases.map { reason in
                let index = 2 * Int(reason.rawValue)
                return Hits(frames: told(index), bytes: told(index + 1))
            }, held: Hits(frames: held.value(at: 0), bytes: held.value(at: 1)), heldDatagrams: held.value(at: 2),
            flows: (0..<flows.count).map { flows.value(at: $0) },
            carried: Hits(frames: carried.value(at: 0), bytes: carried.value(at: 1)), carriedFlows: carried.value(at: 2),
            keptBack: (0..<kept.count).map { kept.value(at: $0) })
    }

    /// Numbers of one worker, or the sum of several.
    public struct Snapshot: Sendable, Equatable {
        /// Frames that matched a rule to its end, by index into `Program.rules`. Bytes as `HitCounters` counts them.
        public var rules: [Hits]
        /// What `counter` statements counted, by index into `Program.counters`, from 0. Bytes too.
        public var counters: [Hits]
        /// What named counters counted, by index into `Program.namedCounters`, in the same way.
        public var namedCounters: [Hits]
        /// Frames for which an element was found, by index into `Program.elementCounters`, in the same way.
        public var elements: [Hits]
        /// In the order of `Reason.allCases`. Bytes of whole frames, with all their tags.
        public var reasons: [Hits]
        /// Fragments that are held at this moment; bytes of the memory that they take.
        public var held: Hits
        /// The datagrams that they are parts of.
        public var heldDatagrams: UInt64
        /// Flows that are followed at this moment, then what has become of flows: see `FlowTracker.counter`.
        public var flows: [UInt64]
        /// What the kernel has carried, which is among the others too; bytes as of `reasons`.
        public var carried: Hits
        /// Flows that it carries at this moment.
        public var carriedFlows: UInt64
        /// Flows that it does not carry, in the order of `KeptBackCause.allCases`.
        public var keptBack: [UInt64]

        public subscript(reason: Reason) -> Hits {
            Reason.allCases.firstIndex(of: reason).map { reasons[$0] } ?? Hits()
        }

        /// Adds what another worker counted under the same program.
        public static func + (left: Snapshot, right: Snapshot) -> Snapshot {
            Snapshot(
                rules: zip(left.rules, right.rules).map { $0 + $1 },
                counters: zip(left.counters, right.counters).map { $0 + $1 },
                namedCounters: zip(left.namedCounters, right.namedCounters).map { $0 + $1 },
                elements: zip(left.elements, right.elements).map { $0 + $1 },
                reasons: zip(left.reasons, right.reasons).map { $0 + $1 }, held: left.held + right.held,
                heldDatagrams: left.heldDatagrams + right.heldDatagrams, flows: zip(left.flows, right.flows).map { $0 &+ $1 },
                carried: left.carried + right.carried, carriedFlows: left.carriedFlows &+ right.carriedFlows,
                keptBack: zip(left.keptBack, right.keptBack).map { $0 &+ $1 })
        }
    }
}
