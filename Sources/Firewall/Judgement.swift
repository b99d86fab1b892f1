public import Wire

/// The verdict on one frame, and why.
public struct Judgement: Sendable, Equatable {
    public enum Verdict: Sendable, Equatable {
        case accept, drop
        /// Nothing is said yet: the frame is a fragment, and a copy of it is held. See `Firewall.nextDeparture`.
        case hold

        /// As rules say it; nil where nothing is said yet.
        public var word: String? {
            switch self {
            case .accept: "accept"
            case .drop: "drop"
            case .hold: nil
            }
        }
    }

    public var verdict: Verdict
    public var reason: Reason
    /// Index into `Program.rules` of the rule that decided; -1 where none did.
    public var rule: Int32
    /// Index into `Program.baseChains` of the chain in which it was decided; -1 where none did.
    public var baseChain: Int32
    /// With the outermost tag as rules have left it.
    public var frame: ParsedFrame
    /// Whether rules have changed the frame. Of a fragment that is held nothing is said.
    public var isChanged = false
}
