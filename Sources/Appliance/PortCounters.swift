import Synchronization

/// What one worker counts on one port. The worker writes, everybody may read.
final class PortCounters: Sendable {
    /// Error numbers are counted each by itself; Linux has none above this (EHWPOISON).
    static let errorNumbers = 134

    let receivedFrames = Atomic<UInt64>(0)
    let receivedBytes = Atomic<UInt64>(0)
    let sentFrames = Atomic<UInt64>(0)
    let sentBytes = Atomic<UInt64>(0)
    /// Frames that came in, were allowed, and are larger than the other port's MTU.
    let tooBig = Atomic<UInt64>(0)
    /// Frames of which the kernel could hand over only the beginning.
    let truncated = Atomic<UInt64>(0)
    /// Frames that were allowed and could not be sent by this port, by error number.
    private nonisolated(unsafe) let failures: UnsafeMutablePointer<Atomic<UInt64>>

    init() {
        failures = .allocate(capacity: Self.errorNumbers)
        for number in 0..<Self.errorNumbers { (failures + number).initialize(to: Atomic(0)) }
    }

    deinit {
        failures.deinitialize(count: Self.errorNumbers)
        failures.deallocate()
    }

    func countFailure(_ code: Int32) {
        failures[min(max(Int(code), 0), Self.errorNumbers - 1)].count()
    }

    func failures(_ code: Int) -> UInt64 {
        failures[code].load(ordering: .relaxed)
    }
}

extension Atomic where Value == UInt64 {
    /// Adds as the only writer: without the locked instruction that several would need.
    @inline(__always)
    borrowing func count(_ amount: Int = 1) {
        store(load(ordering: .relaxed) &+ UInt64(truncatingIfNeeded: amount), ordering: .relaxed)
    }

    var now: UInt64 { borrowing get { load(ordering: .relaxed) } }
}
