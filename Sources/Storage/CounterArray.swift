public import Synchronization

/// Counters that one thread writes and any thread reads, without locks: a write is a load and a store, no locked instruction.
///
/// Two writers would lose counts; each worker has its own, and the reader adds them up.
@safe
public struct CounterArray: ~Copyable, @unchecked Sendable {
    @usableFromInline
    let base: UnsafeMutablePointer<Atomic<UInt64>>
    public let count: Int

    /// All of them 0.
    public init(count: Int) {
        self.count = max(0, count)
        unsafe base = .allocate(capacity: self.count)
        for index in 0..<self.count {
            unsafe (base + index).initialize(to: Atomic(0))
        }
    }

    deinit {
        unsafe base.deinitialize(count: count)
        unsafe base.deallocate()
    }

    /// Adds to one counter; an index outside of the array counts nowhere. Only on the one thread that writes.
    @inlinable @inline(always)
    public func add(_ amount: UInt64, at index: Int) {
        guard index >= 0, index < count else { return }
        unsafe base[index].store(base[index].load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Gives one counter a value, for what goes up and down. Only on the one thread that writes.
    @inlinable @inline(always)
    public func set(_ value: UInt64, at index: Int) {
        guard index >= 0, index < count else { return }
        unsafe base[index].store(value, ordering: .relaxed)
    }

    /// What one counter says; 0 outside of the array.
    @inlinable
    public func value(at index: Int) -> UInt64 {
        guard index >= 0, index < count else { return 0 }
        return unsafe base[index].load(ordering: .relaxed)
    }
}
