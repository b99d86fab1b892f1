import Decisions

/// Explanations that were given already for the newest generation of rules: there are no more than rules and reasons.
package struct Explanations {
    private struct Key: Hashable {
        /// With the rule of the event, if there is one.
        var decision: Decision
        var statement: StatementIndex?
    }

    private let explanation: DropCapture.Explanation?
    /// The newest that was asked for.
    private var generation: UInt32 = 0
    private var known: [Key: String] = [:]

    package init(_ explanation: DropCapture.Explanation?) {
        self.explanation = explanation
    }

    /// Returns what was said of the first record that was alike, with this one's numbers.
    package mutating func text(of record: CaptureRecord) -> String? {
        let text = knownText(of: record)
        guard record.invalidNumbers.kind != .none, let text, let numbers = record.invalidNumbers.text else { return text }
        return "\(text) (\(numbers))"
    }

    private mutating func knownText(of record: CaptureRecord) -> String? {
        guard let explanation else { return nil }
        if record.decision.generation > generation {
            generation = record.decision.generation
            known.removeAll(keepingCapacity: true)
        }
        guard record.decision.generation == generation else { return explanation(record) }
        var key = Key(decision: record.decision, statement: record.event?.statement)
        if let event = record.event { key.decision.rule = event.rule }
        if let text = known[key] { return text }
        let text = explanation(record)
        known[key] = text
        return text
    }
}
