import Classifier
import Firewall
import Reporting

/// What the kernel carries, for people and for machines. All of it is among the other counters too.
struct FastPathReport: Encodable {
    /// Flows that it carries at this moment.
    var flows: UInt64
    /// What it has carried since the start.
    var carried: Amount
    /// Flows that it could not carry since the start, by the cause's name; those with none are left out.
    var keptBack: [String: UInt64]

    init(_ counted: FirewallCounters.Snapshot) {
        flows = counted.carriedFlows
        carried = Amount(counted.carried)
        keptBack = [:]
        for (cause, count) in zip(KeptBackCause.allCases, counted.keptBack) where count > 0 { keptBack[cause.name] = count }
    }

    /// One line.
    var text: String {
        let kept = keptBack.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        return "fast path: \(flows) flows now, \(carried.frames) frames and \(carried.bytes) bytes carried"
            + (kept.isEmpty ? "" : "; flows kept back: \(kept.joined(separator: ", "))")
    }
}
