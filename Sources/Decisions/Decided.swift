/// A value with a decision in it.
public protocol Decided {
    /// What was decided.
    var decision: Decision { get }
}

extension Decided {
    /// The decision's verdict.
    @inlinable public var verdict: FrameVerdict { decision.verdict }
    /// The decision's reason.
    @inlinable public var reason: Reason { decision.reason }
    /// The decision's rule.
    @inlinable public var rule: RuleIndex { decision.rule }
    /// The decision's base chain.
    @inlinable public var baseChain: BaseChainIndex { decision.baseChain }
    /// True if rules have changed the frame.
    @inlinable public var isChanged: Bool { decision.isChanged }
}
