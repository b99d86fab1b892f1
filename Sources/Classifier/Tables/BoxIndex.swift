import CVectors
import Storage

/// Answers for many boxes at once: which is the first, at or after a position in their order, that holds a point?
///
/// A box has an interval or a wildcard in each of up to eight dimensions. Points come from frames, and so from attackers; boxes from
/// the operator's file. So the most that a lookup costs is known when the index is made, whatever point is asked for
/// (`BoxIndexCost.steps`).
///
/// The structure is EffiCuts' (Vamanan, Voskuilen, Vijaykumar, SIGCOMM 2010): boxes are parted by shape, wide or narrow in each
/// dimension, and each part has a decision tree of its own, cut at equal numbers of bounds, so that wide boxes are not copied all over
/// the cuts between narrow ones. Three things are of today's machines: a node cuts into 16 at once with one comparison of a cache line,
/// eight boxes of a leaf are held against a point with one comparison a dimension, so that no branch depends on which of them it is, and
/// four trees are gone down at once, so that their waits for memory overlap.
///
/// Why not the others: aggregated bit vectors (Baboescu, Varghese, SIGCOMM 2001) answer "at or after" for free, but 100,000 boxes need
/// hundreds of megabytes, and a lookup grows with their number. Tuple space search, TupleMerge and what Open vSwitch does hash once for
/// each shape, ranges must be taken apart, and an attacker finds the shape that comes last. A single tree (HiCuts, HyperSplit) copies
/// wide boxes into nearly every leaf. CutSplit's first cuts in equal sizes are wasted where addresses crowd.
struct BoxIndex: BitwiseCopyable, Sendable {
    /// Maximum dimensions of an index.
    static let dimensionLimit = 8

    /// Its part of `BoxIndices.dimensions`, one element for each.
    var firstDimension: Int32
    var dimensionCount: Int32
    /// Its part of `BoxIndices.trees`.
    var firstTree: Int32
    var treeCount: Int32
    /// Its part of `BoxIndices.positions`.
    var firstBox: Int32
    var boxCount: Int32
    /// Where its leaves' groups of boxes begin, of which the first has no boxes: in `BoxIndices.remaining`, and in `BoxIndices.lines`.
    var firstGroup: Int32
    var firstLine: Int32
}

/// A point as an index has it: a lane for each dimension, shifted so that signed comparisons order them, which is all that SSE2 has.
struct BoxPoint: BitwiseCopyable, Sendable {
    fileprivate var lanes = InlineArray<8, Int32>(repeating: .min)

    /// An unsigned number as a lane.
    @inline(__always)
    static func lane(_ number: UInt32) -> Int32 { Int32(bitPattern: number ^ 0x8000_0000) }
}

/// How numbers of a dimension become lanes of 32 bits.
struct BoxDimension: BitwiseCopyable, Sendable {
    /// In `BoxIndices.bounds`: where intervals begin and where they have ended, ascending. A lane is the number of them that are no
    /// larger. Of none the number itself is the lane.
    var firstBound: Int32 = 0
    var boundCount: Int32 = -1
    /// Where the number is the lane: above this, the lane is the number less one.
    var shared: UInt32 = .max

    /// The lane of what can't be read: in no interval, only in wildcards.
    static let absent = UInt32.max
}

/// One decision tree of an index.
struct BoxTree: BitwiseCopyable, Sendable {
    /// A node or leaf: see `BoxIndices.children`.
    var root: Int32
    /// Its first box.
    var firstBox: Int32
}

/// What is looked for, in memory that outlives the search.
@safe
private struct BoxSearch {
    let lanes: UnsafePointer<Int32>
    let dimensionCount: Int
    /// No box before this one counts.
    let lowest: Int32
    let isFromBegin: Bool
    /// As `BoxIndex` has them.
    let firstGroup: Int
    let firstLine: Int

    /// - Parameter dimension: Below `BoxIndex.dimensionLimit`.
    @inline(__always)
    func lane(_ dimension: Int) -> Int32 { unsafe lanes[dimension] }
}

/// The box indices of a program, frozen. A class as `LookupTables` is one.
final class BoxIndices: Sendable {
    /// Ways from a node.
    static let fanout = 16
    /// Boxes of a leaf that are compared at once.
    static let groupSize = 8

    let indices: FrozenArray<BoxIndex>
    let dimensions: FrozenArray<BoxDimension>
    let bounds: FrozenArray<UInt128>
    let trees: FrozenArray<BoxTree>
    /// The last lane of each way but the last, ascending, of a dimension that the parent node names.
    let thresholds: FrozenArray<SIMD16<Int32>>
    /// `fanout` for each node: a number of a node and, in the low three bits, its dimension; or, negative, the complement of the number
    /// that a leaf's first group has in its index.
    let children: FrozenArray<Int32>
    /// For each group in a leaf: how many there are from it on to the leaf's end.
    let remaining: FrozenArray<Int32>
    /// For each group the numbers of its boxes, `groupSize` of them, ascending from group to group of a leaf; where there are fewer,
    /// `Int32.max`.
    let numbers: FrozenArray<Int32>
    /// For each group and each dimension, the lowest lanes of its boxes and the highest; the places without a box hold no point.
    let lines: FrozenArray<SIMD16<Int32>>
    /// For each box, in an index's order.
    let positions: FrozenArray<Int32>

    init(
        indices: [BoxIndex], dimensions: [BoxDimension], bounds: [UInt128], trees: [BoxTree], thresholds: [SIMD16<Int32>],
        children: [Int32], remaining: [Int32], numbers: [Int32], lines: [SIMD16<Int32>], positions: [Int32]
    ) {
        self.indices = FrozenArray(indices)
        self.dimensions = FrozenArray(dimensions)
        self.bounds = FrozenArray(bounds)
        self.trees = FrozenArray(trees)
        self.thresholds = FrozenArray(thresholds)
        self.children = FrozenArray(children)
        self.remaining = FrozenArray(remaining)
        self.numbers = FrozenArray(numbers)
        self.lines = FrozenArray(lines)
        self.positions = FrozenArray(positions)
    }

    /// Memory of all of it.
    var byteCount: Int {
        indices.byteCount + dimensions.byteCount + bounds.byteCount + trees.byteCount + thresholds.byteCount + children.byteCount
            + remaining.byteCount + numbers.byteCount + lines.byteCount + positions.byteCount
    }

    /// Puts a number into a point.
    /// - Parameters:
    ///   - number: nil for what can't be read, which only wildcards hold.
    ///   - dimension: In the order in which the index was made of them.
    @inline(__always)
    func place(_ number: UInt128?, at dimension: Int, of index: BoxIndex, in point: inout BoxPoint) {
        let way = dimensions[Int(index.firstDimension) &+ dimension]
        let lane: UInt32
        if let number {
            let low = UInt32(truncatingIfNeeded: number)
            lane = way.boundCount < 0 ? low &- (low > way.shared ? 1 : 0) : rank(of: number, way)
        } else {
            lane = BoxDimension.absent
        }
        point.lanes[dimension & (BoxIndex.dimensionLimit &- 1)] = BoxPoint.lane(lane)
    }

    /// How many bounds are no larger: a binary search without branches that a point could make go wrong.
    private func rank(of number: UInt128, _ way: BoxDimension) -> UInt32 {
        var first = Int(way.firstBound)
        var count = Int(way.boundCount)
        while count > 0 {
            let half = (count &+ 1) >> 1
            if bounds[first &+ half &- 1] <= number { first &+= half }
            count &-= half
        }
        return UInt32(truncatingIfNeeded: first &- Int(way.firstBound))
    }

    /// The first position, `position` or a later one, that has a box with the point in it; -1 if there is none.
    @inline(__always)
    func first(from position: Int, holding point: inout BoxPoint, in index: BoxIndex) -> Int {
        let box = firstBox(from: position, holding: &point, in: index)
        return box < 0 ? -1 : Int(positions[Int(index.firstBox) &+ box])
    }

    /// Which box of the index that is, in the order of positions.
    @inline(never)
    func firstBox(from position: Int, holding point: inout BoxPoint, in index: BoxIndex) -> Int {
        let lowest = position > 0 ? firstBox(from: Int32(truncatingIfNeeded: position), in: index) : index.firstBox
        let end = index.firstBox &+ index.boxCount
        // Where the lanes are, since they are asked for by number: a copy would wait for each of them to be written.
        let best = unsafe withUnsafeMutablePointer(to: &point) { lanes in
            let search = unsafe BoxSearch(
                lanes: UnsafeRawPointer(lanes).assumingMemoryBound(to: Int32.self), dimensionCount: Int(index.dimensionCount),
                lowest: lowest, isFromBegin: lowest == index.firstBox, firstGroup: Int(index.firstGroup), firstLine: Int(index.firstLine))
            return firstBox(before: end, search, in: index)
        }
        return best == end ? -1 : Int(best &- index.firstBox)
    }

    /// The first box that the search finds; `end` if there is none.
    @inline(__always)
    private func firstBox(before end: Int32, _ search: BoxSearch, in index: BoxIndex) -> Int32 {
        var best = end
        var number: Int32 = 0
        // Down four trees at once: each step waits for memory, and so all wait together.
        while number < index.treeCount {
            var (first, second, third, fourth) = (
                root(number, of: index), root(number &+ 1, of: index), root(number &+ 2, of: index), root(number &+ 3, of: index)
            )
            if third == Self.emptyLeaf {
                // Leaves are negative.
                while first & second >= 0 {
                    first = step(from: first, search)
                    second = step(from: second, search)
                }
            } else {
                while first & second & third & fourth >= 0 {
                    first = step(from: first, search)
                    second = step(from: second, search)
                    third = step(from: third, search)
                    fourth = step(from: fourth, search)
                }
                prefetch(search, first)
                prefetch(search, second)
                prefetch(search, third)
                prefetch(search, fourth)
                best = firstBox(before: best, search, leaf: third)
                best = firstBox(before: best, search, leaf: fourth)
            }
            best = firstBox(before: best, search, leaf: first)
            best = firstBox(before: best, search, leaf: second)
            number &+= 4
        }
        return best
    }

    /// Asks for a leaf's first group, so that all leaves' are on their way when the first is compared.
    @inline(__always)
    private func prefetch(_ search: BoxSearch, _ leaf: Int32) {
        let number = Int(~leaf)
        unsafe weir_prefetch(remaining.address(of: search.firstGroup &+ number))
        for dimension in 0..<search.dimensionCount {
            unsafe weir_prefetch(lines.address(of: search.firstLine &+ number &* search.dimensionCount &+ dimension))
        }
    }

    /// An empty leaf stands for trees that there aren't.
    @inline(__always)
    private func root(_ number: Int32, of index: BoxIndex) -> Int32 {
        number < index.treeCount ? trees[Int(index.firstTree &+ number)].root : Self.emptyLeaf
    }

    /// One node down; a leaf stays where it is.
    @inline(__always)
    private func step(from place: Int32, _ search: BoxSearch) -> Int32 {
        // All ones for a leaf. As a condition it would be a branch that goes wrong wherever trees are not alike in depth.
        let stays = place >> 31
        let node = Int((place & ~stays) >> 3)
        unsafe weir_prefetch(children.address(of: node &* Self.fanout))
        let way = unsafe Int(weir_count_less(thresholds.numbers(of: node), search.lane(Int(place & 7))))
        let child = children[node &* Self.fanout &+ way]
        return (place & stays) | (child & ~stays)
    }

    /// The first box of a leaf that holds the point, and is not before those that are asked for; `best` if none is before that.
    @inline(__always)
    private func firstBox(before best: Int32, _ search: BoxSearch, leaf place: Int32) -> Int32 {
        var number = Int(~place)
        var rest = remaining[search.firstGroup &+ number]
        if !search.isFromBegin, rest > Self.longLeaf {
            let skipped = groups(before: search.lowest, from: search.firstGroup &+ number)
            number &+= skipped
            rest &-= Int32(truncatingIfNeeded: skipped)
        }
        while true {
            let found = firstBox(search, group: number)
            // Mostly there is no other group.
            rest &-= 1
            if rest <= 0 || found != .max { return min(best, found) }
            number &+= 1
            if numbers[(search.firstGroup &+ number) &* Self.groupSize] >= best { return best }
        }
    }

    /// The first box of a group that holds the point; `Int32.max` if there is none.
    @inline(__always)
    private func firstBox(_ search: BoxSearch, group: Int) -> Int32 {
        let line = search.firstLine &+ group &* search.dimensionCount
        var inside = unsafe weir_boxes_holding(lines.numbers(of: line), search.lanes, search.dimensionCount)
        let first = (search.firstGroup &+ group) &* Self.groupSize
        if !search.isFromBegin { inside &= boxes(from: search.lowest, amongThoseAt: first) }
        let number = numbers[first &+ inside.trailingZeroBitCount & (Self.groupSize &- 1)]
        return inside == 0 ? .max : number
    }

    /// Which of a group's boxes are not before one: a bit for each.
    @inline(never)
    private func boxes(from lowest: Int32, amongThoseAt first: Int) -> UInt32 {
        var inside = UInt32.max
        for place in 0..<Self.groupSize where numbers[first &+ place] < lowest { inside &= ~(1 &<< UInt32(place)) }
        return inside
    }

    /// The number, within its index, of the group without boxes.
    static let emptyLeaf: Int32 = ~0

    /// Leaves with more groups than this are searched for where to begin.
    private static let longLeaf = 2

    /// How many groups of a leaf lie entirely before a box.
    @inline(never)
    private func groups(before lowest: Int32, from first: Int) -> Int {
        var low = first
        var high = first &+ Int(remaining[first]) &- 1
        // The last group whose first box is no later.
        while low < high {
            let middle = (low &+ high &+ 1) >> 1
            if numbers[middle &* Self.groupSize] <= lowest {
                low = middle
            } else {
                high = middle &- 1
            }
        }
        return low &- first
    }

    /// The first box of an index that is not before the position.
    @inline(never)
    private func firstBox(from position: Int32, in index: BoxIndex) -> Int32 {
        var low = index.firstBox
        var high = index.firstBox &+ index.boxCount
        while low < high {
            let middle = (low &+ high) >> 1
            if positions[Int(middle)] < position {
                low = middle &+ 1
            } else {
                high = middle
            }
        }
        return low
    }
}

extension FrozenArray where Element == SIMD16<Int32> {
    /// The numbers of one element.
    @inline(__always)
    fileprivate func numbers(of index: Int) -> UnsafePointer<Int32> {
        unsafe UnsafeRawPointer(address(of: index)).assumingMemoryBound(to: Int32.self)
    }
}
