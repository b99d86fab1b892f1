public import Capture
public import Classifier
package import Decisions
package import Ruleset

/// Why a frame is in a capture, in one line: `drop by rule edge.nft:14 "no telnet" (chain forward) reason=rule`.
public enum CaptureComment {
    public static func text(of record: CaptureRecord, _ program: Program) -> String {
        var words = [record.event == nil ? VerdictWords(record.verdict).word : "log"]
        if record.event == nil, record.verdict == .reject, let asked = program.rejection(of: record.rule)?.asked { words.append(asked) }
        let number = Int(record.event?.rule ?? record.rule)
        if program.rules.indices.contains(number) {
            let rule = program.rules[number]
            words += ["by rule", "\(rule.source):\(rule.line)"]
            if let comment = rule.rule.comment { words.append("\"\(comment)\"") }
            words.append("(chain \(rule.chain))")
        } else if program.baseChains.indices.contains(Int(record.baseChain)) {
            let chain = program.baseChains[Int(record.baseChain)]
            words += ["by policy of chain \(chain.chain)", "(table \(chain.family.rawValue) \(chain.table))"]
        }
        if let prefix = program.logStatement(of: record.event)?.prefix { words.append("prefix=\"\(prefix)\"") }
        if record.isChanged { words.append("headers changed by rules") }
        return PrintableText.line((words + ["reason=" + record.reason.name]).joined(separator: " "))
    }
}

extension Program {
    /// The statement that an event is about; nil where there is none, as for an event that says that a frame was dropped.
    package func logStatement(of event: LoggedStatement?) -> LogStatement? {
        guard let event, rules.indices.contains(Int(event.rule)) else { return nil }
        let statements = rules[Int(event.rule)].rule.statements
        guard statements.indices.contains(Int(event.statement)), case .log(let log, _) = statements[Int(event.statement)] else {
            return nil
        }
        return log
    }
}
