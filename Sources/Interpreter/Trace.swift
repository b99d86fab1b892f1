public import Classifier
import Decisions
public import Ruleset

/// The way of one frame through the rules, step by step, as `nft monitor trace` tells it of traffic.
///
/// Only `Interpreter` writes it: the compiled program knows nothing of it.
public struct Trace: Sendable, Equatable {
    /// In the order in which the frame came by them.
    public private(set) var steps: [TraceStep] = []
    private let isOn: Bool
    /// The rule at hand, which is among the steps when its outcome is known.
    private var rule: RuleTrace?

    init(isOn: Bool) { self.isOn = isOn }

    mutating func add(_ step: TraceStep) {
        guard isOn else { return }
        end()
        steps.append(step)
    }

    mutating func begin(rule number: Int, depth: Int) {
        guard isOn else { return }
        end()
        rule = RuleTrace(rule: number, depth: depth)
    }

    mutating func begin(_ statement: Statement, at place: Int, _ fields: InterpreterFields) {
        guard isOn else { return }
        settle(fields)
        rule?.statements.append(StatementTrace(statement: place, seen: statement.traits.key.map { SeenKey($0, fields) }))
    }

    /// Statements of the rule at hand have all held.
    mutating func finish(_ verdict: Verdict?, _ fields: InterpreterFields) {
        guard isOn else { return }
        settle(fields)
        rule?.isMatched = true
        rule?.verdict = verdict
        end()
    }

    /// The last statement has held.
    private mutating func settle(_ fields: InterpreterFields) {
        guard let last = rule?.statements.indices.last else { return }
        rule?.statements[last].hasHeld = true
        rule?.statements[last].mark = UInt32(truncatingIfNeeded: fields.mark)
    }

    /// A rule that nobody has finished ended at its last statement.
    private mutating func end() {
        if let rule { steps.append(.rule(rule)) }
        rule = nil
    }
}

/// What a frame came by.
public enum TraceStep: Sendable, Equatable {
    /// A base chain that the frame goes through, by index into `Program.baseChains`.
    case baseChain(Int)
    /// One whose family does not see such frames.
    case unseen(baseChain: Int)
    case rule(RuleTrace)
    /// Tracking: what the chains after it see of the packet's connection. The caller that has the frame tracked adds it.
    case connection(PacketConnection)
    /// The end of a chain that was jumped to, which stands that many jumps below its base chain.
    case chainEnd(depth: Int)
    /// The end of a base chain, and what its policy says.
    case policy(baseChain: Int, Policy)
}

/// One rule on a frame's way.
public struct RuleTrace: Sendable, Equatable {
    /// Index into `Program.rules`.
    public let rule: Int
    /// Jumps between its chain and the base chain.
    public let depth: Int
    /// Up to the first that did not hold.
    public internal(set) var statements: [StatementTrace] = []
    /// True if all of its statements held, as far as they were asked for.
    public internal(set) var isMatched = false
    /// What it said; nil where it went on to the next rule.
    public internal(set) var verdict: Verdict?

    init(rule: Int, depth: Int) {
        self.rule = rule
        self.depth = depth
    }
}

/// One statement of a rule.
public struct StatementTrace: Sendable, Equatable {
    /// Index into the rule's statements.
    public let statement: Int
    /// What the frame has where the statement looks; nil for one that looks at nothing.
    public let seen: SeenKey?
    /// True if the rule went on after it.
    public internal(set) var hasHeld = false
    /// The frame's mark after it.
    public internal(set) var mark: UInt32 = 0

    init(statement: Int, seen: SeenKey?) {
        self.statement = statement
        self.seen = seen
    }
}

/// What a frame has in the fields of a key, after their masks, but for the state of its connection.
public struct SeenKey: Sendable, Equatable {
    public let key: MatchKey
    /// For each component a number or an interface's name; nil where the frame does not have the field (`NFT_BREAK`).
    public let values: [Value?]

    init(_ key: MatchKey, _ fields: InterpreterFields) {
        self.key = key
        var drawn = 0
        values = key.components.map { component in
            defer { if component.field.generator != nil { drawn += 1 } }
            // What a state is says more than which of the bits asked for it is not.
            let component = component.field == .ctState ? MatchKey.Component(component.field) : component
            return fields.values(of: MatchKey(component), afterDrawing: drawn)?.first
        }
    }
}
