/// What clients may cost a run.
public struct ControlLimits: Sendable {
    /// Connections at a time.
    public var clients = 32
    /// How many of them only root and the user of the process can have, so that readers can't lock them out.
    public var reserved = 8
    /// Connections that ask for metrics at a time.
    public var metricsClients = 8
    /// Bytes of a request.
    public var lineBytes = 64 << 10
    /// Bytes of an answer that wait for a client before no more is made. An item more may wait.
    public var queuedBytes = 64 << 10
    /// Items that are made for a client before others have their turn.
    public var turn = 32
    /// Milliseconds after which a client that asks for nothing is disconnected.
    public var idleTime: Int64 = 60_000
    /// Milliseconds after which a client that takes nothing of its answer is disconnected.
    public var stuckTime: Int64 = 10_000

    public init() {}
}
