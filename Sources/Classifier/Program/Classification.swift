public import Decisions
public import Ruleset

extension FrameVerdict {
    /// What a base chain says where no rule has.
    public init(_ policy: Policy) {
        self =
            switch policy {
            case .accept: .accept
            case .drop: .drop
            }
    }
}

extension FrameVerdict {
    /// What a rule's verdict decides; nil for those that lead to another rule.
    public init?(_ verdict: Verdict) {
        switch verdict {
        case .accept: self = .accept
        case .drop: self = .drop
        case .reject: self = .reject
        case .return, .continue, .jump, .goto: return nil
        }
    }
}

/// What a rule set says of one frame. A frame that no base chain saw is accepted.
public struct Classification: Sendable, Equatable, Decided {
    public var decision: Decision
    /// What rules have marked the packet with (`meta mark`); 0 if none has.
    public var mark: UInt32 = 0

    /// Before any rule.
    public static let none = Classification(decision: Decision(byPolicy: .accept))

    public init(decision: Decision) {
        self.decision = decision
    }

    /// - Parameter rule: The rule that said so; none for the policy.
    public init(verdict: FrameVerdict, rule: RuleIndex, baseChain: BaseChainIndex) {
        decision = rule == .none ? Decision(byPolicy: verdict) : Decision(verdict, byRule: rule)
        decision.baseChain = baseChain
    }
}
