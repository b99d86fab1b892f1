import Firewall
import Synchronization

/// An edition on its way to one worker, who takes it between two batches.
package final class Handover: Sendable {
    struct Delivery: Sendable {
        var edition: Edition
        /// Made for its program.
        var counters: FirewallCounters
        /// Where the frames go that its `log group` statements name.
        var groups: GroupCaptures?
    }

    private let isWaiting = Atomic<Bool>(false)
    private let delivery = Mutex<Delivery?>(nil)
    private let adoptedNumber = Atomic<UInt32>(0)

    package init() {}

    /// The edition that the worker goes by.
    var adopted: UInt32 { adoptedNumber.load(ordering: .acquiring) }

    /// Leaves it for the worker; what was left before and not taken is forgotten.
    func leave(_ delivery: Delivery) {
        self.delivery.withLock { $0 = delivery }
        isWaiting.store(true, ordering: .releasing)
    }

    /// Whether there is something to take. Only on the worker's thread.
    @inline(__always)
    var isThere: Bool { isWaiting.load(ordering: .relaxed) }

    /// Only on the worker's thread.
    func take() -> Delivery? {
        guard isWaiting.exchange(false, ordering: .acquiring) else { return nil }
        return delivery.withLock { $0.take() }
    }

    /// Says that the worker goes by this edition now, and by no older one. Only on the worker's thread.
    func adopt(_ number: UInt32) { adoptedNumber.store(number, ordering: .releasing) }
}
