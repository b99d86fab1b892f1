/// What becomes of a frame.
///
/// Every place that turns a verdict into something else (words, colours, counters, exit codes) is a switch without `default`, so that
/// the compiler names them all when a verdict is added.
public enum FrameVerdict: BitwiseCopyable, Sendable, Hashable {
    case accept
    case drop
    /// As `drop`, and the sender is told: `Program.rejection(of:)` says what. Only rules say it.
    case reject
    /// Nothing is decided yet: the frame is a fragment, and a copy of it is held. Rules never say it.
    case hold

    /// True if the frame may go on, to the next base chain or to the other port.
    @inlinable
    public var isAccepting: Bool {
        switch self {
        case .accept: true
        case .drop, .reject, .hold: false
        }
    }
}
