import Synchronization

/// Events on their way from one worker to their writer: a ring of fixed size with one producer and one consumer, that never makes
/// the worker wait. What doesn't fit is counted.
///
/// Invariant: `head` and `tail` only grow, and `tail <= head <= tail + capacity`; slots between them are the reader's, all others
/// the writer's.
package final class LogQueue: Sendable {
    /// Events that it holds: more than one reader's turn wants.
    package static let capacity = 256

    private nonisolated(unsafe) let slots: UnsafeMutablePointer<LogRecord?>
    private let head = Atomic<Int>(0)
    private let tail = Atomic<Int>(0)
    private let leftOut = Atomic<UInt64>(0)

    package init() {
        slots = .allocate(capacity: Self.capacity)
        slots.initialize(repeating: nil, count: Self.capacity)
    }

    deinit {
        slots.deinitialize(count: Self.capacity)
        slots.deallocate()
    }

    /// Events that no reader will see, since the start.
    package var lost: UInt64 { leftOut.load(ordering: .relaxed) }

    /// Only on the worker's thread.
    package func offer(_ record: LogRecord) {
        let position = head.load(ordering: .relaxed)
        guard position - tail.load(ordering: .acquiring) < Self.capacity else { return leaveOut(1) }
        slots[position % Self.capacity] = record
        head.store(position + 1, ordering: .releasing)
    }

    /// Counts events that are not offered. Only on the worker's thread.
    func leaveOut(_ count: Int) {
        guard count > 0 else { return }
        leftOut.store(leftOut.load(ordering: .relaxed) &+ UInt64(count), ordering: .relaxed)
    }

    /// The oldest event, taken out; nil if there is none. Only on the reader's thread.
    package func take() -> LogRecord? {
        let position = tail.load(ordering: .relaxed)
        guard position < head.load(ordering: .acquiring) else { return nil }
        let record = slots[position % Self.capacity]
        tail.store(position + 1, ordering: .releasing)
        return record
    }
}
