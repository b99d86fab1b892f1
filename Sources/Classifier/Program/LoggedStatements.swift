import Decisions

/// The events of the frame that was judged last, in memory of a fixed size: only one worker's thread writes and reads it.
@safe
struct LoggedStatements: ~Copyable, @unchecked Sendable {
    /// What comes beyond is counted and not kept.
    static let capacity = 16

    private let events: UnsafeMutablePointer<LoggedStatement>
    private let total: UnsafeMutablePointer<Int>

    init() {
        unsafe events = .allocate(capacity: Self.capacity)
        unsafe events.initialize(repeating: LoggedStatement(rule: .none, statement: .none), count: Self.capacity)
        unsafe total = .allocate(capacity: 1)
        unsafe total.initialize(to: 0)
    }

    deinit {
        unsafe events.deallocate()
        unsafe total.deallocate()
    }

    /// With those that were not kept.
    var count: Int { unsafe total.pointee }

    @inline(__always)
    func removeAll() { unsafe total.pointee = 0 }

    @inline(__always)
    func append(_ event: LoggedStatement) {
        let count = unsafe total.pointee
        if count < Self.capacity { unsafe events[count] = event }
        unsafe total.pointee = count &+ 1
    }

    /// nil where there is none, or it was not kept.
    subscript(index: Int) -> LoggedStatement? {
        guard index >= 0, index < min(count, Self.capacity) else { return nil }
        return unsafe events[index]
    }
}
