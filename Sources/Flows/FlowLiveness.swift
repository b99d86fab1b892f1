import Synchronization

/// When each flow of a table ends, and which flow it is: written by the worker that follows them, read by anyone who counts connections.
///
/// An entry names one flow among all that stand in the table at some time: its record in the upper bits, and in the low 31 how often the
/// record had been used before, by which 128 uses are told apart: anyone who keeps an entry for longer than that may take one flow for
/// another. It takes 55 bits.
@safe
public final class FlowLiveness: @unchecked Sendable {
    private let capacity: Int
    /// In ticks; 0 where there is no flow.
    private let expiries: UnsafeMutablePointer<Atomic<UInt32>>
    /// How often a record was used, and in the lowest bit whether the flow has been closed by its ends.
    private let generations: UnsafeMutablePointer<Atomic<UInt8>>
    /// The entry of a flow that rules are being asked about, before it stands in the table; `none` if there is none.
    private let pending: UnsafeMutablePointer<Atomic<UInt64>>

    /// No flow's entry: 0 is that of the flow in record 0 after each 128 uses.
    private static let none = UInt64.max

    /// For that many records, and one for the flow that is not in the table yet.
    init(capacity: Int) {
        self.capacity = capacity
        unsafe expiries = .allocate(capacity: capacity + 1)
        unsafe generations = .allocate(capacity: capacity + 1)
        unsafe pending = .allocate(capacity: 1)
        unsafe pending.initialize(to: Atomic(Self.none))
        for record in 0...capacity {
            unsafe (expiries + record).initialize(to: Atomic(0))
            unsafe (generations + record).initialize(to: Atomic(0))
        }
    }

    deinit {
        unsafe expiries.deallocate()
        unsafe generations.deallocate()
        unsafe pending.deallocate()
    }

    /// Bytes that a record takes.
    static let bytesPerRecord = MemoryLayout<UInt32>.stride + MemoryLayout<UInt8>.stride

    // MARK: For the one that writes

    @inline(__always)
    func expiry(_ record: Int) -> UInt32 { unsafe expiries[record].load(ordering: .relaxed) }

    /// After it a reader sees whatever was said of the record before.
    @inline(__always)
    func setExpiry(_ record: Int, _ tick: UInt32) { unsafe expiries[record].store(tick, ordering: .releasing) }

    func generation(_ record: Int) -> UInt8 { unsafe generations[record].load(ordering: .relaxed) >> 1 }

    /// A flow begins in the record, which is in nobody's list yet.
    func begin(_ record: Int) {
        unsafe generations[record].store((generation(record) &+ 1) << 1, ordering: .relaxed)
    }

    func setClosed(_ record: Int, _ isClosed: Bool) {
        unsafe generations[record].store(generation(record) << 1 | (isClosed ? 1 : 0), ordering: .relaxed)
    }

    static func entry(_ record: Int, _ generation: UInt8) -> UInt64 { UInt64(record) << 31 | UInt64(generation & 0x7f) }

    func setPending(_ entry: UInt64) { unsafe pending.pointee.store(entry, ordering: .releasing) }

    /// The flow that rules were asked about stands in the record that its entry names, or it never will. Then the entry is used up, or
    /// the next flow in that record would be taken for it.
    func endPending(isInTable: Bool) {
        let entry = unsafe pending.pointee.load(ordering: .relaxed)
        guard entry != Self.none else { return }
        // A free record, so nobody is alive there until the next flow begins in it, whose expiry is published after its generation.
        if !isInTable { begin(Int(truncatingIfNeeded: entry >> 31)) }
        setPending(Self.none)
    }

    // MARK: For all

    /// True if the flow of an entry is in the table, has not been silent for too long, and is not closed; or whether it is the one that
    /// rules are being asked about.
    /// - Parameter now: Nanoseconds, as for `FlowTracker.track`.
    public func isAlive(_ entry: UInt64, at now: UInt64) -> Bool {
        if unsafe entry == pending.pointee.load(ordering: .acquiring) { return true }
        let record = Int(truncatingIfNeeded: entry >> 31)
        guard record < capacity else { return false }
        let tick = unsafe expiries[record].load(ordering: .acquiring)
        guard tick != 0, !FlowTable.isReached(tick, at: Tick.at(now)) else { return false }
        return unsafe generations[record].load(ordering: .relaxed) == UInt8(truncatingIfNeeded: entry & 0x7f) << 1
    }
}

/// What a packet's flow is to those who count flows.
public enum FlowPresence: BitwiseCopyable, Sendable {
    /// There is none.
    case none
    /// It is over, or the packet is invalid in it, or an answer in one that is under way: nothing that would begin to count.
    case known
    /// It is assured, and comes from who began it.
    case goesOn
    /// It begins with this packet, or is not assured yet, or it began before the rules that are in force.
    case begins
}

extension FlowTracker {
    /// As in nf_conncount connections come into counts until they are assured, with packets of either side (net/netfilter/nf_conncount.c,
    /// `__nf_conncount_add`). So that new rules count what goes on, those from before them come in later, too.
    public func presence(of packet: TrackedPacket, now: UInt64) -> FlowPresence {
        if packet.isUnconfirmed { return .begins }
        guard let flow = packet.flow else { return packet.isOfKnownFlow ? .known : .none }
        guard let entry = entry(of: packet), table.liveness.isAlive(entry, at: now) else { return .known }
        guard table[flow].has(FlowRecord.Flag.assured) else { return .begins }
        guard packet.direction == .original, packet.state != .related else { return .known }
        return isFromEarlierRules(flow) ? .begins : .goesOn
    }

    /// Who says which flows there are still, to those who keep `entry`s.
    public var liveness: FlowLiveness { table.liveness }

    /// Tells the flow of the packet that was tracked last from all others that this tracker follows at some time; nil if it has none. Less
    /// than 2^55.
    ///
    /// For a flow that is not in the table yet it names the place that `confirm` will give it, and it counts as alive until the packet is
    /// confirmed or abandoned.
    public func entry(of packet: TrackedPacket) -> UInt64? {
        guard let flow = packet.flow else { return nil }
        let liveness = table.liveness
        if Int(flow) < table.capacity { return FlowLiveness.entry(Int(flow), liveness.generation(Int(flow))) }
        // One that this packet has ended, or that will find no room: gone already.
        guard packet.isUnconfirmed, let record = table.nextRecord else { return FlowLiveness.entry(table.capacity, 1) }
        let entry = FlowLiveness.entry(Int(record), liveness.generation(Int(record)) &+ 1)
        liveness.setPending(entry)
        return entry
    }
}
