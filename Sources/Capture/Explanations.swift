/// Explanations that were given already for the newest edition: there are no more than rules and reasons.
package struct Explanations {
    private struct Key: Hashable {
        var reason: UInt8
        var rule: Int32
        var baseChain: Int32
        var statement: Int32
        var isChanged: Bool
    }

    private let explanation: DropCapture.Explanation?
    /// The newest that was asked for.
    private var edition: UInt32 = 0
    private var known: [Key: String] = [:]

    package init(_ explanation: DropCapture.Explanation?) {
        self.explanation = explanation
    }

    /// What was said of the first that was alike.
    package mutating func text(of record: CaptureRecord) -> String? {
        guard let explanation else { return nil }
        if record.edition > edition {
            edition = record.edition
            known.removeAll(keepingCapacity: true)
        }
        guard record.edition == edition else { return explanation(record) }
        let key = Key(
            reason: record.reason, rule: record.rule, baseChain: record.baseChain, statement: record.statement, isChanged: record.isChanged)
        if let text = known[key] { return text }
        let text = explanation(record)
        known[key] = text
        return text
    }
}
