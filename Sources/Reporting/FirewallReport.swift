package import Classifier
import Decisions
package import Firewall
import Ruleset
package import Storage

/// Frames and bytes.
package struct Amount: Encodable {
    package var frames: UInt64
    package var bytes: UInt64

    package init(_ hits: Hits) {
        frames = hits.frames
        bytes = hits.bytes
    }
}

/// What a rule has come to.
package struct RuleReport: Encodable {
    package var table: String
    package var chain: String
    package var file: String
    package var line: Int
    package var text: String
    /// Not told by itself: it stands in `text`.
    package var comment: String?
    /// Frames that matched all of the rule.
    package var frames: UInt64
    /// As nft counts them: without the Ethernet header and the outermost tag.
    package var bytes: UInt64

    private enum CodingKeys: CodingKey { case table, chain, file, line, text, frames, bytes }

    /// Its place and its text, in one line.
    package var title: String { "\(file):\(line) \(chain): \(text)" }
}

/// What firewalls have judged under one program, for people and for machines.
package struct FirewallReport: Encodable {
    /// Fragments that are held at this moment.
    package struct HeldReport: Encodable {
        package var frames: UInt64
        package var datagrams: UInt64
        /// Bytes of memory.
        package var bytes: UInt64

        /// For people.
        var line: String {
            let table = datagrams == 1 ? "1 datagram" : "\(datagrams) datagrams, dead ones among them"
            return "fragments held: \(frames == 1 ? "1 frame" : "\(frames) frames"); \(table), in the table; \(bytes) bytes of memory"
        }
    }

    package var rules: [RuleReport]
    /// By the reasons' names: every frame has exactly one. Bytes of whole frames.
    package var reasons: [String: Amount]
    package var held: HeldReport
    /// nil where the rules ask for no connections.
    package var flows: FlowReport?
    /// Under names: counters, quotas, elements and sets.
    package var state: StateReport

    /// - Parameter counted: The sum over all workers.
    package init(_ program: Program, _ counted: FirewallCounters.Snapshot, at instant: Instant) {
        rules = zip(program.rules, counted.rules).map { rule, hits in
            RuleReport(
                table: rule.tableTitle, chain: rule.chain, file: rule.source, line: rule.line,
                text: rule.rule.text, comment: rule.rule.comment, frames: hits.frames, bytes: hits.bytes)
        }
        reasons = [:]
        for (reason, hits) in zip(Reason.allCases, counted.reasons) where reason != .held { reasons[reason.name] = Amount(hits) }
        held = HeldReport(frames: counted.held.frames, datagrams: counted.heldDatagrams, bytes: counted.held.bytes)
        flows = program.connectionNeeds.isEmpty ? nil : FlowReport(counted.flows)
        state = StateReport(program, counted, at: instant)
    }

    /// Frames that were dropped or rejected, by the reasons' names; those without a frame are left out.
    package var drops: [String: Amount] {
        let passing = Set(Self.passing.map(\.name))
        return reasons.filter { !passing.contains($0.key) && $0.value.frames > 0 }
    }

    /// Frames that the rules let pass.
    package var passed: Amount {
        let amounts = Self.passing.compactMap { reasons[$0.name] }
        return Amount(
            Hits(frames: amounts.reduce(0) { $0 &+ $1.frames }, bytes: amounts.reduce(0) { $0 &+ $1.bytes }))
    }

    private static let passing: [Reason] = [.acceptByRule, .acceptByPolicy]

    /// Reasons, what is held, rules and state, each under a head of its own, with an empty line between them.
    /// - Parameter omitsIdleRules: Rules without a frame are left out.
    package func tables(omitsIdleRules: Bool = false) -> String {
        var text = TextTable(["reason", "frames", "bytes"])
        for (name, amount) in reasons.sorted(by: { $0.key < $1.key }) where amount.frames > 0 {
            text.add([name, "\(amount.frames)", "\(amount.bytes)"])
        }
        var result = text.rendered()
        if held.frames > 0 { result += "\n\(held.line)\n" }
        if let flows { result += "\n" + flows.table() }
        let shown = rules.filter { !omitsIdleRules || $0.frames > 0 }
        if !shown.isEmpty {
            // Not of frames, as reasons are: a datagram in many fragments is judged once.
            text = TextTable(["packets", "bytes", "rule"])
            for rule in shown { text.add(["\(rule.frames)", "\(rule.bytes)", rule.title]) }
            result += "\n" + text.rendered()
        }
        return result + state.tables()
    }
}
