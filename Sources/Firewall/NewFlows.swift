public import Flows

/// A tracker on its way to its worker: the thread that hands over rules that ask for connections makes it, since setting its
/// memory aside takes longer than a worker may.
public final class NewFlows: @unchecked Sendable {
    private let settings: FlowSettings
    private let start: UInt64
    private let carried: CarriedEntries?
    // Written when it is made, and by the one who takes it.
    private var tracker: FlowTracker?

    /// - Parameters:
    ///   - isNeeded: Whether to make it now. What is taken without having been made is made then.
    ///   - start: Now, on the clock of `Instant.monotonic`.
    ///   - carried: Entries for flows that the kernel is to carry; nil for none.
    public init(
        settings: FlowSettings = FlowSettings(), start: UInt64 = 0, isNeeded: Bool = false, carried: CarriedEntries? = nil
    ) {
        self.carried = carried
        self.settings = settings
        self.start = start
        tracker = isNeeded ? FlowTracker(settings: settings, carried: carried, now: start) : nil
    }

    func take() -> FlowTracker { tracker.take() ?? FlowTracker(settings: settings, carried: carried, now: start) }
}
