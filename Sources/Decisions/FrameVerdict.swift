/// What becomes of a frame.
///
/// Every place that turns a verdict into something else (words, colours, counters, exit codes) is a switch without `default`, so that
/// the compiler names them all when a verdict is added.
public enum FrameVerdict: UInt8, BitwiseCopyable, Sendable, Hashable, CaseIterable {
    case accept
    case drop
    /// As `drop`, and the sender is told: `Program.rejection(of:)` says what. Only rules say it.
    case reject
    /// Nothing is decided yet: the frame is a fragment, and a copy of it is held. Rules never say it.
    case hold

    /// What is done with the frame.
    public enum Fate: BitwiseCopyable, Sendable {
        /// It goes on, to the next base chain or to the other port.
        case passes
        /// It goes no further.
        case ends
        /// It waits for what comes after it.
        case waits
    }

    /// What is done with the frame, whatever else is said of it.
    @inlinable
    public var fate: Fate {
        switch self {
        case .accept: .passes
        case .drop, .reject: .ends
        case .hold: .waits
        }
    }

    /// True if the frame may go on, to the next base chain or to the other port.
    @inlinable
    public var isAccepting: Bool { fate == .passes }
}
