public import Decisions
public import Wire

/// What was decided on a frame, and the frame.
///
/// While a fragment is held its verdict is `hold`: see `Firewall.nextDeparture`.
public struct Judgement: Sendable, Equatable, Decided {
    public var decision: Decision
    /// With the outermost tag as rules have left it.
    public var frame: ParsedFrame
    /// What `decision.invalidCause` goes by. Frames that were held have none.
    public var invalidNumbers = InvalidNumbers.none
    /// True if the packet goes the way of its connection's answers; nil where no connection is followed, and for held frames.
    public var isReply: Bool?
    /// True if it is too big for the other port, and leaves in fragments.
    public var leavesInFragments = false
    /// True if the packet fits the other port, and the frame's trailer doesn't: it leaves without, as `ip_rcv` of Linux cuts it off.
    public var losesTrailer = false

    /// Joins the two.
    public init(decision: Decision, frame: ParsedFrame) {
        self.decision = decision
        self.frame = frame
    }
}
