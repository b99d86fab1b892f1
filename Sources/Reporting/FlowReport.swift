import Decisions
import Flows

/// What has become of flows, for people, to whom they are connections, and for machines.
package struct FlowReport: Encodable {
    /// In the table now.
    package var followed: UInt64
    /// By the names of `FlowEvent`.
    package var events: [String: UInt64]
    /// Packets, by the names of `InvalidCause`; causes of which there is none are left out.
    package var invalid: [String: UInt64]

    /// - Parameter counts: As in `FirewallCounters.Snapshot.flows`.
    init(_ counts: [UInt64]) {
        followed = counts.first ?? 0
        let names = FlowEvent.allCases.map(\.name) + InvalidCause.allCases.map(\.name)
        let pairs = Array(zip(names, counts.dropFirst()))
        events = Dictionary(pairs.prefix(FlowEvent.allCases.count)) { first, _ in first }
        invalid = Dictionary(pairs.dropFirst(FlowEvent.allCases.count).filter { $0.1 > 0 }) { first, _ in first }
    }

    func table() -> String {
        var table = TextTable(["connections", ""])
        table.add(["followed now", "\(followed)"])
        for event in FlowEvent.allCases { if let count = events[event.name], count > 0 { table.add([event.name, "\(count)"]) } }
        for (cause, count) in invalid.sorted(by: { $0.key < $1.key }) { table.add(["invalid: \(cause)", "\(count)"]) }
        return table.rendered()
    }
}
