/// Says which of the connections that a rule has counted are still there. Anyone who follows connections says it in a class of its own;
/// to this one none is.
open class LiveConnections: @unchecked Sendable {
    public init() {}

    /// To whom no connection is there but the present packet's.
    public static let none = LiveConnections()

    /// True if a connection lives and has not been closed (net/netfilter/nf_conncount.c, `find_or_evict` and `already_closed`). Asked
    /// by all workers, of connections that others follow too: it neither waits nor allocates.
    /// - Parameters:
    ///   - entry: As in `PacketConnection.entry`.
    ///   - now: On the clock of `Instant.monotonic`.
    open func isAlive(_ entry: UInt64, at now: UInt64) -> Bool { false }
}

/// The connection of the packet at hand, as `ct count` sees it.
@safe
struct CountedConnection: BitwiseCopyable {
    /// The name of one that may come into a count; else 0.
    let entry: UInt64
    let counting: PacketConnection.Counting
    // Held by anyone who classifies the frame.
    private let live: Unmanaged<LiveConnections>?

    @inline(__always)
    init(_ connection: PacketConnection, _ live: LiveConnections) {
        entry = connection.entry
        counting = connection.counting
        unsafe self.live = Unmanaged.passUnretained(live)
    }

    private init() {
        entry = 0
        counting = .alone
        unsafe live = nil
    }

    /// No packet's.
    static let none = CountedConnection()

    func isAlive(_ other: UInt64, at now: UInt64) -> Bool {
        guard let live = unsafe live else { return false }
        return unsafe live._withUnsafeGuaranteedRef { $0.isAlive(other, at: now) }
    }
}
