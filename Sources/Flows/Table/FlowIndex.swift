import Storage

/// Where flows stand, by their hash: open addressing with linear probing, the slots of a run in the order of their homes (Celis,
/// Robin Hood Hashing, 1986).
///
/// A slot is four bytes: 24 bits say the record, one more than its number so that 0 is an empty slot, and 8 how far from its home the
/// slot is. So a search reads only records of its own home, and a removal moves slots back without reading any.
///
/// Invariant: in a run, homes never fall; `distance` of a slot is its place less its home, around the end of the table.
struct FlowIndex: ~Copyable, Sendable {
    private let slots: FixedArray<UInt32>
    let slotCount: Int

    /// Slots for each flow: four of five are in use when the table is full.
    static func slotCount(for capacity: Int) -> Int { max(16, capacity &+ capacity / 4) }
    static let bytesPerSlot = MemoryLayout<UInt32>.stride
    private static let longestDistance: UInt32 = 255
    /// Slots that an insertion may move.
    private static let longestRun = 1024

    init(capacity: Int) {
        slotCount = Self.slotCount(for: capacity)
        slots = FixedArray(repeating: 0, count: slotCount)
    }

    @inline(__always)
    func home(of hash: UInt64) -> Int { KeyedHash.place(of: hash, among: slotCount) }

    @inline(__always)
    func slot(_ place: Int) -> UInt32 { slots[place] }

    @inline(__always)
    func next(_ place: Int) -> Int { place &+ 1 == slotCount ? 0 : place &+ 1 }

    private func set(_ place: Int, _ slot: UInt32) { slots[place] = slot }

    @inline(__always)
    static func distance(_ slot: UInt32) -> UInt32 { slot >> 24 }

    @inline(__always)
    static func record(_ slot: UInt32) -> Int32 { Int32(bitPattern: slot & 0xff_ffff) &- 1 }

    /// The furthest that a slot is from its home, and the longest run of slots in use: what the slowest search and the slowest insertion
    /// go over. Reads the whole table.
    var extremes: (distance: Int, run: Int) {
        var distance = 0
        var run = 0
        var longest = 0
        for place in 0..<slotCount {
            distance = max(distance, Int(Self.distance(slot(place))))
            run = slot(place) == 0 ? 0 : run &+ 1
            longest = max(longest, run)
        }
        return (distance, longest)
    }

    /// Adds a record; false, and nothing is changed, where the run around its home is too long. With a key that nobody knows, that
    /// does not happen to a table of its size.
    mutating func insert(_ record: Int32, hash: UInt64) -> Bool {
        var place = home(of: hash)
        var distance: UInt32 = 0
        while slot(place) != 0, Self.distance(slot(place)) >= distance {
            place = next(place)
            distance &+= 1
            if distance > Self.longestDistance { return false }
        }
        var end = place
        var moved = 0
        while slot(end) != 0 {
            guard Self.distance(slot(end)) < Self.longestDistance, moved < Self.longestRun else { return false }
            end = next(end)
            moved &+= 1
        }
        while end != place {
            let before = end == 0 ? slotCount &- 1 : end &- 1
            set(end, slot(before) &+ 1 << 24)
            end = before
        }
        set(place, distance << 24 | UInt32(bitPattern: record &+ 1))
        return true
    }

    /// Takes a record out.
    mutating func remove(_ record: Int32, hash: UInt64) {
        var place = home(of: hash)
        var distance: UInt32 = 0
        while true {
            let slot = slot(place)
            guard slot != 0, Self.distance(slot) >= distance, distance <= Self.longestDistance else { return }
            if Self.record(slot) == record { break }
            place = next(place)
            distance &+= 1
        }
        while true {
            let behind = next(place)
            let slot = slot(behind)
            guard slot != 0, Self.distance(slot) > 0 else { return set(place, 0) }
            set(place, slot &- 1 << 24)
            place = behind
        }
    }
}
