import Decisions
import Storage
import Wire

/// One component of a key: `(slot & mask) ^ xor`.
struct KeyPart: BitwiseCopyable, Sendable {
    /// The slot that holds the load; the spare one for a load that has none of its own.
    var slot: UInt8
    /// As `LoadedValues.late` takes it.
    var load: Int32
    var mask: UInt128
    var xor: UInt128
}

/// Counters of elements, in the order in which a worker counts them.
typealias ElementCounterIndex = RowIndex<ElementCounterReference>
/// The `counter` statements of a program.
typealias CounterIndex = RowIndex<CounterReference>
/// The tries of a program.
typealias TrieIndex = RowIndex<IntervalTrie>
/// The indices of boxes of a program.
typealias BoxIndexNumber = RowIndex<BoxIndex>

/// What an element of a set or map leads to.
struct Outcome: BitwiseCopyable, Sendable {
    /// One of the ends of a rule; `finish` for `continue`, and where there is no verdict.
    var end = Instruction.Operation.finish
    /// For `decide`.
    var verdict = FrameVerdict.drop
    /// For `jump` and `goto`.
    var target: Int32 = 0
    /// The element's counter, if it has one.
    var counter = ElementCounterIndex.none
    /// The number of the element's guard, or -1.
    var guardNumber: Int32 = -1
    /// In a map to values.
    var value: UInt128 = 0
}

/// A set or map that a key is looked up in: where its pieces lie in the program's arrays.
struct LookupTable: BitwiseCopyable, Sendable {
    var parts: Span
    /// With a single component: ascending, none overlaps another; the outcomes are in the same order.
    var intervals = Span()
    /// The trie that many of them have instead.
    var trie = TrieIndex.none
    /// With several components: exact keys by their hash. A bucket has a key's number, or -1; there are at least twice as many as keys, and
    /// their number is a power of two, or 0.
    var buckets = Span()
    /// The exact keys' numbers, one component after the other.
    var points = Span()
    /// The numbers of the elements that the exact keys are.
    var pointElements = Span()
    /// The index that many boxes have. It is of the first components, as many as it can have.
    var boxIndex = BoxIndexNumber.none
    /// The lowest and the highest number of each component, one element after the other. Of boxes with an index those of all elements
    /// that the index may find, and none where it has all components.
    var boxes = Span()
    /// The numbers of the elements that the boxes are, ascending. Of an index with fewer components than the key the other way round: of
    /// each element the number of its box.
    var boxElements = Span()
    /// The first element's outcome.
    var outcomes: Int32 = 0
    /// The outcome of `*`, or `Missing.none`.
    var catchAll = Int32(LookupTables.Missing.none)

    /// Some elements of one of the program's arrays.
    struct Span: BitwiseCopyable, Sendable {
        var first: Int32 = 0
        var count: Int32 = 0
    }
}

/// The lookup tables of a program.
///
/// A class, though it has one owner: a call to a method of a structure of that many arrays copies it whole, for every frame.
final class LookupTables: Sendable {
    let tables: FrozenArray<LookupTable>
    let parts: FrozenArray<KeyPart>
    let intervals: FrozenArray<Interval>
    let tries: IntervalTries
    /// Buckets and numbers of elements.
    let indices: FrozenArray<Int32>
    /// Exact keys and boxes.
    let numbers: FrozenArray<UInt128>
    let boxIndices: BoxIndices
    let outcomes: FrozenArray<Outcome>

    init(
        tables: [LookupTable], parts: [KeyPart], intervals: [Interval], tries: consuming IntervalTries, indices: [Int32],
        numbers: [UInt128], boxIndices: BoxIndices, outcomes: [Outcome]
    ) {
        self.tables = FrozenArray(tables)
        self.parts = FrozenArray(parts)
        self.intervals = FrozenArray(intervals)
        self.tries = tries
        self.indices = FrozenArray(indices)
        self.numbers = FrozenArray(numbers)
        self.boxIndices = boxIndices
        self.outcomes = FrozenArray(outcomes)
    }

    /// Memory of all of it.
    var byteCount: Int {
        tables.byteCount + parts.byteCount + intervals.byteCount + tries.byteCount + indices.byteCount + numbers.byteCount
            + boxIndices.byteCount + outcomes.byteCount
    }

    /// What a lookup has found, in place of an outcome's index.
    enum Missing {
        static let none = -1
        /// The key can't be read in this frame.
        static let unreadable = -2
    }

    /// The index of the outcome of the first element that holds the key, or one of `Missing`.
    /// - Parameter loads: The program's, for those without a slot.
    @inline(never)
    func find(
        _ number: Int, _ values: borrowing LoadedValues, _ loads: borrowing FrozenArray<Load>, _ bytes: RawSpan, _ frame: ParsedFrame,
        _ context: FrameContext
    ) -> Int {
        let table = tables[number]
        let count = Int(table.parts.count)
        for index in 0..<count {
            let part = parts[Int(table.parts.first) &+ index]
            let loaded =
                part.slot == UInt8(LoadedValues.spare)
                ? values.late(part.load, loads, bytes, frame, context) : values[part.slot]
            guard let loaded else { return Missing.unreadable }
            values.setKey(index, (loaded & part.mask) ^ part.xor)
        }
        let element = count == 1 ? interval(holding: values.key(0), of: table) : concatenation(values, count, of: table)
        return element >= 0 ? Int(table.outcomes) &+ element : Int(table.catchAll)
    }

    /// What `inTrie` asks.
    @inline(never)
    func isInTrie(_ instruction: Step, mask: UInt128, _ values: borrowing LoadedValues) -> Bool {
        guard let loaded = values[instruction.slot] else { return false }
        return (tries.index(holding: loaded & mask, of: Int(instruction.first)) >= 0) != instruction.isNegated
    }

    /// The interval's number in the table, or -1.
    private func interval(holding value: UInt128, of table: LookupTable) -> Int {
        if let trie = table.trie.row { return tries.index(holding: value, of: trie) }
        let first = Int(table.intervals.first)
        return intervals.index(holding: value, from: first, count: Int(table.intervals.count)).map { $0 &- first } ?? -1
    }

    private func concatenation(_ values: borrowing LoadedValues, _ count: Int, of table: LookupTable) -> Int {
        let point = point(values, count, of: table)
        let first = Int(table.boxes.first)
        if let number = table.boxIndex.row { return indexed(values, count, of: table, boxIndices.indices[number], point) }
        for box in 0..<Int(table.boxElements.count) {
            let element = Int(indices[Int(table.boxElements.first) &+ box])
            if point >= 0, point < element { break }
            if isInside(values, count, box: first &+ box &* count &* 2) { return element }
        }
        return point
    }

    /// The first of the boxes with an index that holds the key, if no exact key is before it.
    private func indexed(
        _ values: borrowing LoadedValues, _ count: Int, of table: LookupTable, _ index: BoxIndex, _ exact: Int
    ) -> Int {
        var point = BoxPoint()
        for component in 0..<min(count, BoxIndex.dimensionLimit) {
            boxIndices.place(values.key(component), at: component, of: index, in: &point)
        }
        var element = boxIndices.first(from: 0, holding: &point, in: index)
        while element >= 0, exact < 0 || element < exact {
            if count <= BoxIndex.dimensionLimit { return element }
            let box = Int(indices[Int(table.boxElements.first) &+ element])
            if isInside(values, count, box: Int(table.boxes.first) &+ box &* count &* 2) { return element }
            element = boxIndices.first(from: element &+ 1, holding: &point, in: index)
        }
        return exact
    }

    private func isInside(_ values: borrowing LoadedValues, _ count: Int, box: Int) -> Bool {
        for index in 0..<count {
            let value = values.key(index)
            if value < numbers[box &+ 2 &* index] || value > numbers[box &+ 2 &* index &+ 1] { return false }
        }
        return true
    }

    /// The element that is just that key, or -1.
    private func point(_ values: borrowing LoadedValues, _ count: Int, of table: LookupTable) -> Int {
        guard table.buckets.count > 0 else { return -1 }
        var hash = KeyHash()
        for index in 0..<count { hash.add(values.key(index)) }
        let last = Int(table.buckets.count) &- 1
        var bucket = hash.bucket(among: last)
        while true {
            let point = Int(indices[Int(table.buckets.first) &+ bucket])
            if point < 0 { return -1 }
            if isEqual(values, count, point: Int(table.points.first) &+ point &* count) {
                return Int(indices[Int(table.pointElements.first) &+ point])
            }
            // At least half of the buckets are empty, so that this ends.
            bucket = (bucket &+ 1) & last
        }
    }

    private func isEqual(_ values: borrowing LoadedValues, _ count: Int, point: Int) -> Bool {
        for index in 0..<count where values.key(index) != numbers[point &+ index] { return false }
        return true
    }
}

/// Spreads keys over buckets. Frames have no part in which keys lie in a bucket: only the rule file makes them.
struct KeyHash {
    private var state: UInt64 = 0

    mutating func add(_ number: UInt128) {
        mix(UInt64(truncatingIfNeeded: number))
        mix(UInt64(truncatingIfNeeded: number >> 64))
    }

    private mutating func mix(_ half: UInt64) {
        state = (state ^ half) &* 0x9e37_79b9_7f4a_7c15
        state ^= state >> 32
    }

    /// - Parameter last: One less than a power of two.
    func bucket(among last: Int) -> Int { Int(truncatingIfNeeded: state) & last }
}

extension FrozenArray where Element == Interval {
    /// The interval that holds the value; `first ..< first + count` are ascending, and none overlaps another.
    ///
    /// Binary search for the last that does not begin above the value.
    @inline(__always)
    func index(holding value: UInt128, from first: Int, count: Int) -> Int? {
        var low = first
        var high = first &+ count
        while low < high {
            let middle = (low &+ high) >> 1
            if self[middle].low <= value {
                low = middle &+ 1
            } else {
                high = middle
            }
        }
        return low > first && value <= self[low &- 1].high ? low &- 1 : nil
    }
}
