import Storage
import Synchronization

/// A worker's sign of life: it counts its turns, and a turn comes whenever it is woken.
package final class Heartbeat: Sendable {
    private let turns = Atomic<UInt64>(0)

    package init() {}

    /// Only on the worker's thread.
    @inline(__always)
    func beat() { turns.store(turns.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }

    package var count: UInt64 { turns.load(ordering: .relaxed) }
}

/// Says whether all workers move: each is woken now and then, and one that has made no turn until the next time is stuck. One that has
/// nothing to do moves too, since it was woken.
package struct WorkerHealth {
    private var turns: [UInt64]?

    package init() {}

    /// To be called now and then, with time enough in between for a thread to run; the workers must be woken afterwards.
    /// - Parameter now: The turns of each worker; nil while they have no threads, and so nothing to be stuck in.
    /// - Returns: False if a worker has made no turn since the last call.
    package mutating func look(_ now: [UInt64]?) -> Bool {
        defer { turns = now }
        guard let now, let turns, turns.count == now.count else { return true }
        return zip(turns, now).allSatisfy { $0 != $1 }
    }
}
