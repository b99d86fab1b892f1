package import Classifier
import Decisions
import Firewall
package import Interpreter
package import Ruleset

/// A frame's way through the rules as text.
package struct ExplanationText {
    /// Maximum characters of a statement in a reason: sets may be long.
    private static let longestStatement = 120

    private let program: Program
    private let ports: [String]
    private let localTime: LocalTime

    package init(_ program: Program, localTime: LocalTime = .utc) {
        self.program = program
        ports = program.ports
        self.localTime = localTime
    }

    /// A packet as it was described, with what became of its frames.
    package func text(of packet: String, _ frames: [ExplainedFrame]) -> String {
        var all = PrintableText.lines(packet) + "\n"
        for frame in frames {
            let time = frame.time > 0 ? ", at \(secondsText(frame.time))" : ""
            all += "  frame \(frame.number), \(frame.length) bytes\(time)\n" + text(of: frame, indentation: "    ")
        }
        return all
    }

    /// All that happened when the frame came, a line for each thing, indented by that.
    package func text(of frame: ExplainedFrame, indentation: String = "  ") -> String {
        var lines = frame.expired.map { "before it came, frame \($0.frame): \($0.judgement.text(program))" }
        if let headers = frame.headers { lines.append("extension headers: \(headers)") }
        lines += self.lines(of: frame.trace)
        if !frame.outcomes.contains(where: { $0.frame == frame.number }) { lines.append("=> held") }
        for outcome in frame.outcomes {
            let name = outcome.frame == frame.number ? "" : "frame \(outcome.frame), which was held: "
            lines.append("=> \(name)\(outcome.judgement.text(program))")
            if outcome.judgement.leavesInFragments { lines.append("   leaves in fragments: too big for the other port") }
            if outcome.judgement.losesTrailer { lines.append("   leaves without its trailer, which is too much for the other port") }
        }
        if let answer = frame.answer {
            lines.append("   answered: \(answer)")
        } else if frame.outcomes.contains(where: { $0.judgement.verdict == .reject || $0.judgement.reason == .tooBig }) {
            lines.append("   not answered")
        }
        if let carriage = frame.carriage { lines.append("   \(carriage.text(program))") }
        return lines.map { indentation + PrintableText.line($0) + "\n" }.joined()
    }

    /// A way through the rules.
    func lines(of steps: [TraceStep]) -> [String] { steps.flatMap(lines(of:)) }

    private func lines(of step: TraceStep) -> [String] {
        switch step {
        case .baseChain(let index): ["\(chain(index))"]
        case .unseen(let index): ["\(chain(index)): does not see such frames"]
        case .policy(_, let policy): ["  policy \(policy.rawValue)"]
        case .chainEnd(let depth): ["\(indentation(depth))end of the chain"]
        case .rule(let rule): lines(of: rule)
        case .connection(let connection): ["connection: \(connection.described)"]
        }
    }

    private func chain(_ index: Int) -> String {
        guard program.baseChains.indices.contains(index) else { return "chain" }
        let chain = program.baseChains[index]
        return
            "chain \(chain.chain) (table \(chain.tableTitle), hook \(chain.base.hook.rawValue), priority \(chain.base.priority))"
    }

    private func indentation(_ depth: Int) -> String { String(repeating: "  ", count: depth + 1) }

    private func lines(of trace: RuleTrace) -> [String] {
        guard program.rules.indices.contains(trace.rule) else { return [] }
        let reference = program.rules[trace.rule]
        let indentation = indentation(trace.depth)
        return [
            "\(indentation)\(reference.source):\(reference.line): \(reference.rule.text)", "\(indentation)    \(outcome(of: trace))",
        ]
    }

    /// What came of a rule: `no: tcp dport 22, saw 80`, or `yes: counted, drop`.
    package func outcome(of trace: RuleTrace) -> String {
        guard program.rules.indices.contains(trace.rule) else { return "" }
        let rule = program.rules[trace.rule].rule
        var effects = trace.statements.filter(\.hasHeld).compactMap { effect(of: $0, in: rule) }
        guard trace.isMatched else {
            let reason = trace.statements.last.map { self.reason($0, in: rule) } ?? ""
            return "no: " + (effects.isEmpty ? reason : "\(reason); before that: \(effects.joined(separator: ", "))")
        }
        if let verdict = trace.verdict { effects.append(verdict.described) }
        return "yes" + (effects.isEmpty ? "" : ": " + effects.joined(separator: ", "))
    }

    /// The statement that ended a rule, and what it saw; nil of a rule that matched.
    package func failure(of trace: RuleTrace) -> (statement: String, isImplied: Bool, saw: String?)? {
        guard !trace.isMatched, program.rules.indices.contains(trace.rule), let last = trace.statements.last,
            let statement = statement(last, in: program.rules[trace.rule].rule)
        else { return nil }
        let saw = last.seen.flatMap { $0.values.contains(nil) ? nil : seen($0) }
        return (statement.described(in: program.rules[trace.rule].rule, localTime: localTime), statement.isImplied, saw)
    }

    private func statement(_ trace: StatementTrace, in rule: Rule) -> Statement? {
        rule.statements.indices.contains(trace.statement) ? rule.statements[trace.statement] : nil
    }

    private func shortened(_ text: String) -> String {
        text.count > Self.longestStatement ? text.prefix(Self.longestStatement) + "…" : text
    }

    /// What a statement did beside holding.
    private func effect(of trace: StatementTrace, in rule: Rule) -> String? {
        guard let statement = statement(trace, in: rule) else { return nil }
        let text = shortened(statement.described(in: rule, localTime: localTime))
        switch statement {
        case .verdict: return nil
        case .match(let match):
            guard !match.isImplied, let key = trace.seen, !key.values.contains(nil) else { return nil }
            switch match.operand {
            case .single: return nil
            case .named: return found(key, among: [])
            case .set(let elements): return found(key, among: match.relation == .equal ? elements : [])
            }
        case .verdictMap(let map):
            guard case .anonymous(let elements) = map.elements else { return trace.seen.map { found($0, among: []) } }
            return trace.seen.map { found($0, among: elements.map(\.value)) }
        case .counter: return "counted"
        case .object(let object, _): return object.kind == .counter ? "counted by \"\(object.name)\"" : "\(text) holds"
        case .objectMap(let map): return "\(map.kind.rawValue) by \(trace.seen.map(seen) ?? "key")"
        case .update: return "\(text), with \(trace.seen.map(seen) ?? "its key")"
        case .assignment(let assignment):
            return assignment.field == .metaMark ? "mark is 0x\(String(trace.mark, radix: 16))" : text
        default: return statement.traits.canFail ? "\(text) holds" : text
        }
    }

    /// What a packet has, and the element that holds it if that says more: `tcp dport is 8080, in 8000-8100`.
    private func found(_ key: SeenKey, among elements: [Value]) -> String {
        let text = "\(key.key.described) is \(seen(key))"
        guard let element = key.element(among: elements) else { return text }
        if case .any = element { return "\(text), in *" }
        let parts = if case .concatenation(let parts) = element { parts } else { [element] }
        return "\(text), in \(key.key.described(parts, localTime: localTime))"
    }

    /// Why a statement ended its rule.
    private func reason(_ trace: StatementTrace, in rule: Rule) -> String {
        guard let statement = statement(trace, in: rule) else { return "" }
        let text = shortened(statement.described(in: rule, localTime: localTime)) + (statement.isImplied ? " (implied)" : "")
        guard let seen = trace.seen else {
            switch statement {
            case .limit(let limit, _): return "\(text), \(limit.isOver ? "the rate is not exceeded" : "the rate is exceeded")"
            case .quota(let quota, _): return "\(text), \(quota.isOver ? "it is not used up" : "it is used up")"
            case .connectionCount(let count, _):
                return "\(text), \(count.isOver ? "there are no more than that" : "there are more")"
            case .assignment: return "\(text), which can't be done in this frame"
            default: return text + ", does not hold"
            }
        }
        if seen.values.contains(nil) { return "\(text), not in this packet" }
        switch statement {
        case .verdictMap, .objectMap: return "\(text), saw \(self.seen(seen)), which no element holds"
        case .update: return "\(text), saw \(self.seen(seen)): the set is full, or what its element has to hold does not"
        case .assignment(let assignment):
            if case .mapped = assignment.value { return "\(text), saw \(self.seen(seen)), which no element holds" }
            return "\(text), saw \(self.seen(seen)), and could not be set"
        default: return "\(text), saw \(self.seen(seen))"
        }
    }

    private func seen(_ seen: SeenKey) -> String {
        seen.key.described(seen.values.compactMap { $0 }, localTime: localTime)
    }
}
