/// Which flows of a tracker the kernel carries, or is to carry, and what it has carried since anybody looked.
///
/// A flow that may be carried has an entry; all of them are of the tracker's own part of the map:
///
///     none ── paths of its directions are known ──▶ waiting ── no frame of it is on its way to the worker ──▶ carried
///                                                      ▲                                                        │
///                                                      └── a frame came up: window and counts are taken back ───┘
///
/// Invariant: `slots[record]` is 0 or one more than the number of an entry whose `records` is the record.
@safe
struct FlowCarriage: ~Copyable, @unchecked Sendable {
    /// What `path` is where none is known, and where the flow can't be carried.
    static let unknownPath: UInt16 = 0
    static let refusedPath: UInt16 = .max

    struct Flag {
        /// The program was told to carry it, and nobody has taken it back.
        static let isCarried: UInt16 = 1
        /// The rules see its packets as those of a flow that nothing has answered.
        static let isUnanswered: UInt16 = 2
        /// Its frames have a tag that stands apart.
        static let isTagged: UInt16 = 4
        /// The port by which the original direction's packets come is the second one.
        static let originalIsFar: UInt16 = 8
        /// The key is in the map, or on its way there.
        static let isKnown: UInt16 = 16
        // The list that it is in.
        static let isFresh: UInt16 = 32
        static let waits: UInt16 = 64
        static let isGone: UInt16 = 128
        static let lists: UInt16 = isFresh | waits | isGone
    }

    /// What was carried in one direction.
    struct Amounts: BitwiseCopyable {
        var frames: UInt64 = 0
        var packetBytes: UInt64 = 0
        var frameBytes: UInt64 = 0
    }

    struct Slot: BitwiseCopyable {
        var record: Int32 = -1
        var flags: UInt16 = 0
        /// Frames that had gone up when the worker looked last.
        var raised: UInt64 = 0
        /// When the entry was made, or the flow was taken back.
        var since: UInt64 = 0
        /// What of the entry's counts was accounted for, by side.
        var near = Amounts()
        var far = Amounts()
    }

    let entries: CarriedEntries?
    let isOn: Bool
    private let slots: UnsafeMutablePointer<Int32>
    private let paths: UnsafeMutablePointer<UInt32>
    private let records: Int
    private let used: UnsafeMutablePointer<Slot>
    private let free: UnsafeMutablePointer<Int32>
    private(set) var freeCount: Int
    private let waiting: UnsafeMutablePointer<Int32>
    private(set) var waitingCount = 0
    private let fresh: UnsafeMutablePointer<Int32>
    private(set) var freshCount = 0
    private let gone: UnsafeMutablePointer<Int32>
    private(set) var goneCount = 0
    /// By path: frames, packets' bytes, frames' bytes, and of those frames the ones with a tag.
    let counts: UnsafeMutablePointer<UInt64>
    static let countsPerPath = 4
    let pathLimit: Int
    private var sweepPlace = 0
    var nextSweep: UInt64 = 0
    var carriedCount = 0

    /// - Parameters:
    ///   - entries: The tracker's part of the map; nil where nothing is carried.
    ///   - records: Flows that the tracker has room for.
    init(_ entries: CarriedEntries?, records: Int, paths limit: Int) {
        self.entries = entries
        isOn = entries != nil
        let count = entries?.count ?? 0
        self.records = isOn ? records : 0
        pathLimit = isOn ? limit : 0
        unsafe slots = .allocate(capacity: self.records + 1)
        unsafe slots.initialize(repeating: 0, count: self.records + 1)
        unsafe paths = .allocate(capacity: self.records + 1)
        unsafe paths.initialize(repeating: 0, count: self.records + 1)
        unsafe used = .allocate(capacity: count + 1)
        unsafe used.initialize(repeating: Slot(), count: count + 1)
        unsafe free = .allocate(capacity: count + 1)
        unsafe waiting = .allocate(capacity: count + 1)
        unsafe fresh = .allocate(capacity: count + 1)
        unsafe gone = .allocate(capacity: count + 1)
        for slot in 0..<count { unsafe free[slot] = Int32(count - 1 - slot) }
        freeCount = count
        unsafe counts = .allocate(capacity: Self.countsPerPath * (pathLimit + 1))
        unsafe counts.initialize(repeating: 0, count: Self.countsPerPath * (pathLimit + 1))
    }

    deinit {
        unsafe slots.deallocate()
        unsafe paths.deallocate()
        unsafe used.deallocate()
        unsafe free.deallocate()
        unsafe waiting.deallocate()
        unsafe fresh.deallocate()
        unsafe gone.deallocate()
        unsafe counts.deallocate()
    }

    // MARK: By record

    /// The entry of a flow; nil if it has none.
    @inline(__always)
    func slot(of record: Int32) -> Int? {
        guard isOn, record >= 0, Int(record) < records else { return nil }
        let slot = unsafe slots[Int(record)]
        return slot > 0 ? Int(slot &- 1) : nil
    }

    func path(of record: Int32, _ direction: FlowDirection) -> UInt16 {
        guard isOn, record >= 0, Int(record) < records else { return Self.refusedPath }
        let both = unsafe paths[Int(record)]
        return UInt16(truncatingIfNeeded: direction == .original ? both : both >> 16)
    }

    /// A flow has a path, so that some may be carried.
    private(set) var knowsPaths = false

    mutating func setPath(_ path: UInt16, of record: Int32, _ direction: FlowDirection) {
        guard isOn, record >= 0, Int(record) < records else { return }
        if path != Self.unknownPath { knowsPaths = true }
        let both = unsafe paths[Int(record)]
        unsafe paths[Int(record)] = direction == .original ? both & 0xffff_0000 | UInt32(path) : both & 0xffff | UInt32(path) << 16
    }

    // MARK: Slots

    subscript(slot: Int) -> Slot {
        @inline(__always) _read { yield unsafe used[slot] }
        @inline(__always) nonmutating _modify { yield unsafe &used[slot] }
    }

    /// Gives a flow an entry; nil if all are in use.
    mutating func take(for record: Int32) -> Int? {
        guard isOn, freeCount > 0, record >= 0, Int(record) < records else { return nil }
        freeCount &-= 1
        let slot = unsafe Int(free[freeCount])
        entries?.clear(slot)
        self[slot] = Slot(record: record)
        unsafe slots[Int(record)] = Int32(truncatingIfNeeded: slot &+ 1)
        return slot
    }

    /// The flow has no entry from here on. What it carried has been accounted for.
    mutating func detach(_ slot: Int) {
        let record = self[slot].record
        if record >= 0 {
            unsafe slots[Int(record)] = 0
            unsafe paths[Int(record)] = 0
        }
        self[slot].record = -1
        if self[slot].flags & Flag.isKnown != 0 {
            self[slot].flags |= Flag.isGone
            unsafe gone[goneCount] = Int32(truncatingIfNeeded: slot)
            goneCount &+= 1
        }
        settle(slot)
    }

    /// Frees an entry that belongs to no flow, once it is in no list.
    mutating func settle(_ slot: Int) {
        guard self[slot].record < 0, self[slot].flags & Flag.lists == 0 else { return }
        self[slot] = Slot()
        unsafe free[freeCount] = Int32(truncatingIfNeeded: slot)
        freeCount &+= 1
    }

    /// Has the key of an entry put into the map.
    mutating func order(_ slot: Int) {
        self[slot].flags |= Flag.isKnown | Flag.isFresh
        unsafe fresh[freshCount] = Int32(truncatingIfNeeded: slot)
        freshCount &+= 1
    }

    /// An entry whose key is to be put into the map. To be asked when `nextGone` has no more: another entry may have had the same key.
    mutating func nextFresh() -> Int? {
        while freshCount > 0 {
            freshCount &-= 1
            let slot = unsafe Int(fresh[freshCount])
            self[slot].flags &= ~Flag.isFresh
            if self[slot].record >= 0 { return slot }
            settle(slot)
        }
        return nil
    }

    /// An entry whose key is to be taken out of the map, and which is to be settled then.
    mutating func nextGone() -> Int? {
        guard goneCount > 0 else { return nil }
        goneCount &-= 1
        let slot = unsafe Int(gone[goneCount])
        self[slot].flags &= ~(Flag.isGone | Flag.isKnown)
        return slot
    }

    /// Has a flow wait until none of its frames is on its way.
    mutating func wait(_ slot: Int) {
        guard self[slot].flags & Flag.waits == 0 else { return }
        self[slot].flags |= Flag.waits
        unsafe waiting[waitingCount] = Int32(truncatingIfNeeded: slot)
        waitingCount &+= 1
    }

    /// The flow that waits in a place of the list; nil if it has ended meanwhile.
    func waitingSlot(_ place: Int) -> Int? {
        let slot = unsafe Int(waiting[place])
        return self[slot].record >= 0 ? slot : nil
    }

    /// Takes out of the list what is carried by now, has ended, or has waited since an earlier time.
    mutating func sortWaiting(since time: UInt64) {
        var kept = 0
        for place in 0..<waitingCount {
            let slot = unsafe Int(waiting[place])
            if self[slot].record >= 0, self[slot].flags & Flag.isCarried == 0, self[slot].since >= time {
                unsafe waiting[kept] = Int32(truncatingIfNeeded: slot)
                kept &+= 1
            } else {
                self[slot].flags &= ~Flag.waits
                settle(slot)
            }
        }
        waitingCount = kept
    }

    /// Entries that are in use, for a sweep: up to `count` of them from where the last one stopped.
    mutating func nextForSweep(_ budget: inout Int) -> Int? {
        guard let entries, entries.count > 0 else { return nil }
        while budget > 0 {
            let slot = sweepPlace
            sweepPlace = sweepPlace &+ 1 == entries.count ? 0 : sweepPlace &+ 1
            budget &-= 1
            if self[slot].record >= 0 { return slot }
        }
        return nil
    }

    /// Forgets the paths of all flows: other rules are in force.
    mutating func forgetPaths() {
        knowsPaths = false
        unsafe paths.update(repeating: 0, count: records + 1)
    }

    // MARK: Counts by path

    mutating func add(_ amounts: Amounts, toPath path: UInt16, isTagged: Bool) {
        guard Int(path) <= pathLimit else { return }
        let place = Self.countsPerPath &* Int(path)
        unsafe counts[place] &+= amounts.frames
        unsafe counts[place &+ 1] &+= amounts.packetBytes
        unsafe counts[place &+ 2] &+= amounts.frameBytes
        if isTagged { unsafe counts[place &+ 3] &+= amounts.frames }
    }
}
