public import Capture
public import Classifier
package import Decisions
package import Ruleset

/// Why a frame is in a capture, in one line: `drop by rule edge.nft:14 "no telnet" (chain forward) reason=rule`.
public enum CaptureComment {
    public static func text(of record: CaptureRecord, _ program: Program) -> String {
        var words = [record.event == nil ? VerdictWords(record.verdict).word : "log"]
        if record.event == nil, record.verdict == .reject, let asked = program.rejection(of: record.rule)?.asked { words.append(asked) }
        if let rule = program.rule(at: record.event?.rule ?? record.rule) {
            words += ["by rule", "\(rule.source):\(rule.line)"]
            if let comment = rule.rule.comment { words.append("\"\(comment)\"") }
            words.append("(chain \(rule.chain))")
        } else if let chain = program.baseChain(at: record.baseChain) {
            words += ["by policy of chain \(chain.chain)", "(table \(chain.tableTitle))"]
        }
        if let prefix = program.logStatement(of: record.event)?.prefix { words.append("prefix=\"\(prefix)\"") }
        if record.isChanged { words.append("headers changed by rules") }
        words.append("reason=" + record.reason.name)
        // The numbers follow: see `Explanations`.
        if let cause = record.decision.invalidCause { words.append("invalid=" + cause.name) }
        return PrintableText.line(words.joined(separator: " "))
    }
}

extension Program {
    /// The statement that an event is about; nil where there is none, as for an event that says that a frame was dropped.
    package func logStatement(of event: LoggedStatement?) -> LogStatement? {
        guard let event, let statements = rule(at: event.rule)?.rule.statements, let place = event.statement.row,
            statements.indices.contains(place), case .log(let log, _) = statements[place]
        else { return nil }
        return log
    }
}
