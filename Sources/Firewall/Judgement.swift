public import Classifier
public import Wire

/// The verdict on one frame, and why.
public struct Judgement: Sendable, Equatable {
    public var verdict: FrameVerdict
    public var reason: Reason
    /// Index into `Program.rules` of the rule that decided; -1 where none did.
    public var rule: Int32
    /// Index into `Program.baseChains` of the chain in which it was decided; -1 where none did.
    public var baseChain: Int32
    /// With the outermost tag as rules have left it.
    public var frame: ParsedFrame
}
