import Classifier
import Control
import Firewall
import Reporting
import Storage

extension CountersRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        let (report, counted) = desk.rulesReport()
        if reset == true { desk.reset = CounterReset(counted) }
        let state = report.state
        return MappedAnswer(
            state.counters.map(CounterItem.init) + state.quotas.map(CounterItem.init) + state.elements.map(CounterItem.init)
                + state.sets.map(CounterItem.init)
        ) { $0.item(form) }
    }
}

extension RulesRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        MappedAnswer(desk.rulesReport().report.rules.map(RuleItem.init)) { $0.item(form) }
    }
}

/// What was counted when `weir counters --reset` was asked for. Workers count on: what is told later is the difference.
struct CounterReset {
    private let generation: UInt32
    private let counted: FirewallCounters.Snapshot

    init(_ counted: (generation: RulesetGeneration, sum: FirewallCounters.Snapshot)) {
        generation = counted.generation.number
        self.counted = counted.sum
    }

    /// What came since then. Rules that were read since count from 0 themselves.
    func since(_ number: UInt32, _ sum: FirewallCounters.Snapshot) -> FirewallCounters.Snapshot {
        guard number == generation else { return sum }
        func difference(_ now: [Hits], _ then: [Hits]) -> [Hits] {
            zip(now, then).map { Hits(frames: $0.frames &- $1.frames, bytes: $0.bytes &- $1.bytes) }
        }
        var result = sum
        result.rules = difference(sum.rules, counted.rules)
        result.namedCounters = difference(sum.namedCounters, counted.namedCounters)
        result.elements = difference(sum.elements, counted.elements)
        return result
    }
}

extension ControlDesk {
    /// What rules and state have come to since the last reset, and what was counted since the rules are in force.
    fileprivate func rulesReport() -> (
        report: FirewallReport, counted: (generation: RulesetGeneration, sum: FirewallCounters.Snapshot)
    ) {
        let counted = pool.counted()
        let sum = reset?.since(counted.generation.number, counted.sum) ?? counted.sum
        return (FirewallReport(counted.generation.program, sum, at: Clock.now()), counted)
    }
}

/// Something under a name that counts.
private struct CounterItem: AnswerItem {
    /// `counter`, `quota`, `element` or `set`.
    var kind: String
    var table: String
    var name: String
    var element: String?
    var frames: UInt64?
    var bytes: UInt64?
    /// Bytes of a quota that are used up.
    var used: UInt64?
    var elements: Int?
    var capacity: Int?

    init(_ counter: StateReport.CounterReport) {
        (kind, table, name, frames, bytes) = ("counter", counter.table, counter.name, counter.frames, counter.bytes)
    }

    init(_ quota: StateReport.QuotaReport) {
        (kind, table, name, used, bytes) = ("quota", quota.table, quota.name, quota.used, quota.bytes)
    }

    init(_ element: StateReport.ElementReport) {
        (kind, table, name, self.element) = ("element", element.table, element.set, element.element)
        (frames, bytes) = (element.frames, element.bytes)
    }

    init(_ set: StateReport.SetReport) {
        (kind, table, name, elements, capacity) = ("set", set.table, set.set, set.elements, set.capacity)
    }

    var text: String {
        var words = ["\(kind) \(table) \(name)" + (element.map { ": \($0)" } ?? "")]
        if let frames { words.append("packets \(frames)") }
        if let used { words.append("used \(used) of") }
        if let bytes { words.append("bytes \(bytes)") }
        if let elements, let capacity { words.append("\(elements) of \(capacity) elements") }
        return words.joined(separator: " ") + "\n"
    }
}

/// A rule with what it has counted.
private struct RuleItem: AnswerItem {
    var rule: RuleReport

    func encode(to encoder: any Encoder) throws { try rule.encode(to: encoder) }

    var text: String { "\(rule.frames) packets \(rule.bytes) bytes \(rule.title)\n" }
}
