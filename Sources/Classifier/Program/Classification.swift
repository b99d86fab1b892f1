public import Ruleset

/// What becomes of a frame.
public enum FrameVerdict: UInt8, BitwiseCopyable, Sendable {
    case accept, drop

    /// What a base chain says where no rule has.
    public init(_ policy: Policy) {
        self =
            switch policy {
            case .accept: .accept
            case .drop: .drop
            }
    }
}

/// What a rule set says of one frame, and which part of it said so.
public struct Classification: Sendable, Equatable {
    public var verdict: FrameVerdict
    /// Index into `Program.rules` of the rule that decided; -1 where a chain's policy did, or nothing.
    public var rule: Int32
    /// Index into `Program.baseChains` of the chain in which it was decided; -1 where no base chain saw the frame, which is then accepted.
    ///
    /// Where several base chains accept, the last of them decides.
    public var baseChain: Int32
    /// Whether a rule has put another value in the place of what stood in the frame, its checksums aside.
    public var isChanged = false
    /// What rules have marked the packet with (`meta mark`); 0 if none has.
    public var mark: UInt32 = 0

    /// Before any rule.
    public static let none = Classification(verdict: .accept, rule: -1, baseChain: -1)

    public init(verdict: FrameVerdict, rule: Int32, baseChain: Int32) {
        self.verdict = verdict
        self.rule = rule
        self.baseChain = baseChain
    }
}
