import Capture
import Firewall
import Reporting
import Synchronization

/// A generation on its way to one worker, who takes it between two batches.
package final class UpdateMailbox: Sendable {
    struct Delivery: Sendable {
        var generation: RulesetGeneration
        /// Made for its program.
        var counters: FirewallCounters
        /// Where the frames go that its `log group` statements name.
        var groups: GroupOutputs<DropCapture>?
        /// For a worker that has followed no connections so far.
        var flows: NewFlows
        /// Existing flows have to pass the new rules.
        var rechecksFlows: Bool
    }

    private let isWaiting = Atomic<Bool>(false)
    private let delivery = Mutex<Delivery?>(nil)
    private let adoptedNumber = Atomic<UInt32>(0)

    package init() {}

    /// The generation that the worker goes by.
    var adopted: UInt32 { adoptedNumber.load(ordering: .acquiring) }

    /// Leaves it for the worker, who must be woken afterwards; what was left before and not taken is forgotten.
    func leave(_ delivery: Delivery) {
        // Freed after the lock is let go.
        let forgotten = self.delivery.withLock { waiting in
            let forgotten = waiting
            waiting = delivery
            isWaiting.store(true, ordering: .relaxed)
            return forgotten
        }
        withExtendedLifetime(forgotten) {}
    }

    /// True if there is something to take. Only on the worker's thread.
    @inline(__always)
    var isThere: Bool { isWaiting.load(ordering: .relaxed) }

    /// Only on the worker's thread, which never waits for the lock: its holder may have lost the processor, and wakes the worker
    /// after it has let go.
    func take() -> Delivery? {
        delivery.withLockIfAvailable { delivery -> Delivery? in
            isWaiting.store(false, ordering: .relaxed)
            return delivery.take()
        } ?? nil
    }

    /// Says that the worker goes by this generation now, and by no older one. Only on the worker's thread.
    func adopt(_ number: UInt32) { adoptedNumber.store(number, ordering: .releasing) }
}
