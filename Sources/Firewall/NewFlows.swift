public import Flows

/// A tracker on its way to its worker: the thread that hands over rules that ask for connections makes it, since setting its
/// memory aside takes longer than a worker may.
public final class NewFlows: @unchecked Sendable {
    private let settings: FlowSettings
    private let start: UInt64
    // Written when it is made, and by the one who takes it.
    private var tracker: FlowTracker?

    /// - Parameters:
    ///   - isNeeded: Whether to make it now. What is taken without having been made is made then.
    ///   - start: Now, on the clock of `Instant.monotonic`.
    public init(settings: FlowSettings = FlowSettings(), start: UInt64 = 0, isNeeded: Bool = false) {
        self.settings = settings
        self.start = start
        tracker = isNeeded ? FlowTracker(settings: settings, now: start) : nil
    }

    func take() -> FlowTracker { tracker.take() ?? FlowTracker(settings: settings, now: start) }
}
