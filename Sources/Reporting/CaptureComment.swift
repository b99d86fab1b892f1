public import Capture
public import Classifier
import Firewall
package import Ruleset

/// Why a frame is in a capture, in one line: `drop by rule edge.nft:14 "no telnet" (chain forward) reason=rule`.
public enum CaptureComment {
    public static func text(of record: CaptureRecord, _ program: Program) -> String {
        let why = Reason(rawValue: record.reason)
        let reason = "reason=" + (why?.name ?? "\(record.reason)")
        let isLogged = record.statement >= 0
        let isAccepted = why == .acceptByRule || why == .acceptByPolicy
        var words = [isLogged ? "log" : isAccepted ? "accept" : "drop"]
        if program.rules.indices.contains(Int(record.rule)) {
            let rule = program.rules[Int(record.rule)]
            words += ["by rule", "\(rule.source):\(rule.line)"]
            if let comment = rule.rule.comment { words.append("\"\(comment)\"") }
            words.append("(chain \(rule.chain))")
        } else if program.baseChains.indices.contains(Int(record.baseChain)) {
            let chain = program.baseChains[Int(record.baseChain)]
            words += ["by policy of chain \(chain.chain)", "(table \(chain.family.rawValue) \(chain.table))"]
        }
        if isLogged {
            let event = LoggedStatement(rule: record.rule, statement: record.statement)
            if let prefix = program.logStatement(of: event)?.prefix { words.append("prefix=\"\(prefix)\"") }
        }
        if record.isChanged { words.append("headers changed by rules") }
        return PrintableText.line((words + [reason]).joined(separator: " "))
    }
}

extension Program {
    /// The statement that an event is about; nil where there is none, as for an event that says that a frame was dropped.
    package func logStatement(of event: LoggedStatement) -> LogStatement? {
        guard rules.indices.contains(Int(event.rule)) else { return nil }
        let statements = rules[Int(event.rule)].rule.statements
        guard statements.indices.contains(Int(event.statement)), case .log(let log, _) = statements[Int(event.statement)] else {
            return nil
        }
        return log
    }
}
