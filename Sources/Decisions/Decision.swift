/// The verdict on a frame, why it got it, and what of the rules said so. Every stage hands on the same value, up to captures and reports.
public struct Decision: BitwiseCopyable, Sendable, Hashable {
    public var verdict: FrameVerdict
    public var reason: Reason
    /// True if rules have put another value in the place of what stood in the frame, its checksums aside.
    public var isChanged = false
    /// Why connection tracking found the packet invalid; nil where it didn't, or was not asked.
    public var invalidCause: InvalidCause?
    /// The rule that decided; none where a chain's policy did, or no rule was asked.
    public var rule: RuleIndex
    /// The chain in which it was decided; none where no base chain was asked.
    ///
    /// Where several base chains accept, the last of them decides.
    public var baseChain: BaseChainIndex
    /// Number of the rule set that `rule` and `baseChain` are indices of; it grows with each reload.
    public var generation: UInt32

    @inlinable
    public init(
        verdict: FrameVerdict, reason: Reason, rule: RuleIndex = .none, baseChain: BaseChainIndex = .none, generation: UInt32 = 0
    ) {
        self.verdict = verdict
        self.reason = reason
        self.rule = rule
        self.baseChain = baseChain
        self.generation = generation
    }

    /// What a rule says.
    @inlinable
    public init(_ verdict: FrameVerdict, byRule rule: RuleIndex) {
        self.init(verdict: verdict, reason: Reason(ofRule: verdict), rule: rule)
    }

    /// What a base chain says of frames that no rule has decided on.
    @inlinable
    public init(byPolicy verdict: FrameVerdict) {
        self.init(verdict: verdict, reason: Reason(ofPolicy: verdict))
    }

    /// Without the rule and the chain: what they are indices of is no longer in force.
    @inlinable
    public mutating func forgetRules() {
        (rule, baseChain) = (.none, .none)
    }
}
