public import Classifier
import Flows
import Synchronization

/// The connections of all workers that judge by the same rules: what a rule counts may be followed by another worker than the one that
/// asks.
///
/// An entry's upper nine bits are the worker's number, from 1; the rest is `FlowTracker.entry`.
@safe
public final class FlowRegistry: LiveConnections, @unchecked Sendable {
    /// Trackers that there is room for.
    static let capacity = 511

    /// Each an unmanaged reference to a `FlowLiveness`, 0 where there is none yet.
    private let tables: UnsafeMutablePointer<Atomic<UInt>>
    private let count = Atomic<Int>(0)

    public override init() {
        unsafe tables = .allocate(capacity: Self.capacity)
        for place in 0..<Self.capacity { unsafe (tables + place).initialize(to: Atomic(0)) }
        super.init()
    }

    deinit {
        for place in 0..<Self.capacity {
            if let table = unsafe Self.table(tables[place].load(ordering: .acquiring)) { unsafe table.release() }
        }
        unsafe tables.deallocate()
    }

    private static func table(_ bits: UInt) -> Unmanaged<FlowLiveness>? {
        unsafe UnsafeRawPointer(bitPattern: bits).map { unsafe Unmanaged<FlowLiveness>.fromOpaque($0) }
    }

    /// Takes a tracker's flows in, for as long as this lives.
    /// - Returns: The worker's number; 0 if there is no room, so that its connections are counted by nobody else.
    func add(_ table: FlowLiveness) -> UInt64 {
        let place = count.wrappingAdd(1, ordering: .relaxed).oldValue
        guard place < Self.capacity else { return 0 }
        unsafe tables[place].store(UInt(bitPattern: Unmanaged.passRetained(table).toOpaque()), ordering: .releasing)
        return UInt64(place) + 1
    }

    public override func isAlive(_ entry: UInt64, at now: UInt64) -> Bool {
        let worker = Int(truncatingIfNeeded: entry >> 55)
        guard worker > 0, worker <= Self.capacity, let table = unsafe Self.table(tables[worker &- 1].load(ordering: .acquiring)) else {
            return false
        }
        return unsafe table._withUnsafeGuaranteedRef { $0.isAlive(entry & (1 << 55 - 1), at: now) }
    }
}
