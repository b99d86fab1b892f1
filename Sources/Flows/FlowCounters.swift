import Decisions

/// Counts of `FlowEvent`s and `InvalidCause`s, written by one worker.
@safe
struct FlowCounters: ~Copyable, @unchecked Sendable {
    private let counts: UnsafeMutablePointer<UInt64>
    private static let events = FlowEvent.allCases.count
    static let total = events + InvalidCause.allCases.count

    init() {
        unsafe counts = .allocate(capacity: Self.total)
        unsafe counts.initialize(repeating: 0, count: Self.total)
    }

    deinit {
        unsafe counts.deallocate()
    }

    func value(_ number: Int) -> UInt64 { number >= 0 && number < Self.total ? unsafe counts[number] : 0 }

    subscript(event: FlowEvent) -> UInt64 {
        get { unsafe counts[Int(event.rawValue)] }
        nonmutating set { unsafe counts[Int(event.rawValue)] = newValue }
    }

    subscript(cause: InvalidCause) -> UInt64 {
        get { unsafe counts[Self.events &+ Int(cause.rawValue)] }
        nonmutating set { unsafe counts[Self.events &+ Int(cause.rawValue)] = newValue }
    }
}

extension FlowTracker {
    /// Counters there are: one for each `FlowEvent`, in their order, then one for each `InvalidCause`.
    public static var counterCount: Int { FlowCounters.total }

    /// A counter by its number; 0 where there is none.
    public func counter(_ number: Int) -> UInt64 { counters.value(number) }
}

/// Timeouts in ticks, by policy: 0 is that of the settings, 1 to 15 are those of `ct timeout` objects.
@safe
struct TimeoutTable: ~Copyable, @unchecked Sendable {
    static let policyCount = 16
    private static let width = FlowTimeout.allCases.count
    private let ticks: UnsafeMutablePointer<UInt32>

    init(_ timeouts: FlowTimeouts) {
        unsafe ticks = .allocate(capacity: Self.policyCount * Self.width)
        unsafe ticks.initialize(repeating: 0, count: Self.policyCount * Self.width)
        for policy in 0..<Self.policyCount { set(policy, timeouts) }
    }

    deinit {
        unsafe ticks.deallocate()
    }

    func set(_ policy: Int, _ timeouts: FlowTimeouts) {
        guard policy >= 0, policy < Self.policyCount else { return }
        for timeout in FlowTimeout.allCases {
            unsafe ticks[policy * Self.width + Int(timeout.rawValue)] = Tick.count(ofSeconds: timeouts[timeout])
        }
    }

    @inline(__always)
    subscript(policy: UInt8, timeout: FlowTimeout) -> UInt32 {
        unsafe ticks[Int(policy) &* Self.width &+ Int(timeout.rawValue)]
    }
}

/// Time as the table keeps it: 2^22 ns, about 4 ms, in 32 bits that come around after 208 days; a time is after or before another by
/// less than half of that.
enum Tick {
    static let shift: UInt64 = 22

    static func at(_ nanoseconds: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: nanoseconds >> shift) }

    /// Rounded up, so that nothing ends early.
    static func count(ofSeconds seconds: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: (min(seconds, FlowTimeouts.longestSeconds) &* 1_000_000_000) >> shift &+ 1)
    }

    static func nanoseconds(_ ticks: UInt32) -> UInt64 { UInt64(ticks) << shift }
}
