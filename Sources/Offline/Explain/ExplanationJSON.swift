package import Classifier
import Decisions
import Firewall
import Interpreter
import Reporting
import Ruleset

/// A described packet and what became of its frames, as JSON: one object.
package struct ExplanationJSON: Encodable, Sendable {
    struct Author: Encodable, Sendable {
        var file: String
        var line: Int
        var text: String
        var comment: String?
        var table: String
        var chain: String

        init(_ rule: RuleReference) {
            file = rule.source
            line = rule.line
            text = rule.rule.text
            comment = rule.rule.comment
            table = rule.tableTitle
            chain = rule.chain
        }
    }

    struct Saying: Encodable, Sendable {
        /// From 1.
        var frame: Int
        /// accept, drop or reject.
        var verdict: String
        var reason: String
        var rule: Author?
        var table: String?
        var chain: String?
        var changed: Bool
        /// Why the packet is part of no connection, and by which numbers.
        var invalid: String?
        var invalidBy: String?
        /// True if it is too big for the other port and leaves in fragments; else nil.
        var inFragments: Bool?

        init(_ outcome: Outcome, _ program: Program) {
            let judgement = outcome.judgement
            frame = outcome.frame
            reason = judgement.reason.name
            changed = judgement.isChanged
            invalid = judgement.decision.invalidCause?.name
            invalidBy = judgement.invalidNumbers.text
            inFragments = judgement.leavesInFragments ? true : nil
            verdict = VerdictWords(judgement.verdict).word
            rule = program.rule(at: judgement.rule).map(Author.init)
            if let base = program.baseChain(at: judgement.baseChain) {
                table = base.tableTitle
                chain = base.chain
            }
        }
    }

    /// The first statement of a rule that did not hold.
    struct Failure: Encodable, Sendable {
        var statement: String
        /// Not written in the rule: the next match depends on it.
        var implied: Bool
        /// nil where the packet has no such field, and of statements that look at none.
        var saw: String?
    }

    struct Step: Encodable, Sendable {
        /// chain, unseen, rule, connection, end or policy.
        var kind: String
        var table: String?
        var chain: String?
        var policy: String?
        /// Jumps below the base chain.
        var depth: Int?
        var rule: Author?
        var matched: Bool?
        var verdict: String?
        var failed: Failure?
        /// What came of the rule, in words.
        var outcome: String?
        /// The state of the packet's connection, as `ct state` and `ct direction` have it; without a connection there is no direction.
        var state: String?
        var direction: String?
    }

    struct Frame: Encodable, Sendable {
        /// From 1.
        var number: Int
        var ingress: String
        /// Seconds from the start.
        var time: Double
        var length: Int
        /// Frames that had been held, and died before this one came.
        var expired: [Saying]
        /// The way of what the rules were asked about: the packet, or the datagram that this frame made whole.
        var trace: [Step]
        /// IPv6's extension headers of that, as far as rules walk them.
        var headers: String?
        /// True if nothing was said of it when it came.
        var held: Bool
        /// What was said when it came, of it and of frames that had been held.
        var outcomes: [Saying]
        /// What the sender was told, if a rule rejected it.
        var answer: String?
        /// Whether the kernel would carry packets like it, if that was asked.
        var fastPath: Carriage?
    }

    struct Carriage: Encodable, Sendable {
        var carried: Bool
        /// Why not.
        var cause: String?
        var rule: Author?
        var statement: String?

        init(_ outlook: CarriageOutlook, _ program: Program) {
            let reference = program.rule(at: outlook.rule)
            carried = outlook.cause == nil && !outlook.isFirst
            cause = outlook.isFirst ? "not-established" : outlook.cause?.name
            guard !outlook.isFirst, let found = outlook.cause else { return }
            rule = reference.map(Author.init)
            statement = reference.flatMap { CarriageOutlook.culprit(in: $0.rule, found) }
        }
    }

    /// As it was described.
    var packet: String
    var frames: [Frame]

    package init(_ packet: String, _ frames: [ExplainedFrame], _ program: Program, _ texts: ExplanationText) {
        self.packet = packet
        self.frames = frames.map { frame in
            Frame(
                number: frame.number, ingress: program.ports.indices.contains(frame.ingress) ? program.ports[frame.ingress] : "",
                time: Double(frame.time) / 1e9, length: frame.length, expired: frame.expired.map { Saying($0, program) },
                trace: Self.steps(frame.trace, program, texts), headers: frame.headers,
                held: !frame.outcomes.contains { $0.frame == frame.number }, outcomes: frame.outcomes.map { Saying($0, program) },
                answer: frame.answer, fastPath: frame.carriage.map { Carriage($0, program) })
        }
    }

    static func steps(_ steps: [TraceStep], _ program: Program, _ texts: ExplanationText) -> [Step] {
        steps.map { step($0, program, texts) }
    }

    private static func step(_ step: TraceStep, _ program: Program, _ texts: ExplanationText) -> Step {
        func base(_ index: Int, _ kind: String) -> Step {
            guard program.baseChains.indices.contains(index) else { return Step(kind: kind) }
            let chain = program.baseChains[index]
            return Step(kind: kind, table: chain.tableTitle, chain: chain.chain)
        }
        switch step {
        case .baseChain(let index): return base(index, "chain")
        case .unseen(let index): return base(index, "unseen")
        case .policy(let index, let policy):
            var step = base(index, "policy")
            step.policy = policy.rawValue
            return step
        case .connection(let connection):
            return Step(kind: "connection", state: connection.stateName, direction: connection.directionName)
        case .chainEnd(let depth): return Step(kind: "end", depth: depth)
        case .rule(let trace):
            let rule = program.rules.indices.contains(trace.rule) ? Author(program.rules[trace.rule]) : nil
            let failed = texts.failure(of: trace).map { Failure(statement: $0.statement, implied: $0.isImplied, saw: $0.saw) }
            return Step(
                kind: "rule", depth: trace.depth, rule: rule, matched: trace.isMatched, verdict: trace.verdict?.described, failed: failed,
                outcome: texts.outcome(of: trace))
        }
    }

    /// One line.
    package var text: String { jsonLine }
}
