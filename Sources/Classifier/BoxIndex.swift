/// Answers for many boxes at once: which is the first, at or after a position in their order, that holds a point?
///
/// A box has an interval or a wildcard in each of up to eight dimensions. Points come from frames, and so from attackers; boxes from
/// the operator's file. So what a lookup costs at the most is known when the index is made, whatever point is asked for
/// (`BoxIndexCost.steps`).
///
/// The structure is EffiCuts' (Vamanan, Voskuilen, Vijaykumar, SIGCOMM 2010): boxes are parted by shape, wide or narrow in each
/// dimension, and each part has a decision tree of its own, cut at equal numbers of bounds, so that wide boxes are not copied all over
/// the cuts between narrow ones. Three things are of today's machines: a node cuts into 16 at once with one comparison of a cache line,
/// a box is held against a point with one comparison of another, and four trees are gone down at once, so that their waits for memory
/// overlap.
///
/// Why not the others: aggregated bit vectors (Baboescu, Varghese, SIGCOMM 2001) answer "at or after" for free, but 100,000 boxes need
/// hundreds of megabytes, and a lookup grows with their number. Tuple space search, TupleMerge and what Open vSwitch does hash once for
/// each shape, ranges must be taken apart, and an attacker finds the shape that comes last. A single tree (HiCuts, HyperSplit) copies
/// wide boxes into nearly every leaf. CutSplit's first cuts in equal sizes are wasted where addresses crowd.
struct BoxIndex: BitwiseCopyable, Sendable {
    /// Dimensions of an index at the most.
    static let dimensionLimit = 8

    /// Its part of `BoxIndices.dimensions`, one element for each.
    var firstDimension: Int32
    var dimensionCount: Int32
    /// Its part of `BoxIndices.trees`.
    var firstTree: Int32
    var treeCount: Int32
    /// Its part of `BoxIndices.boxes`.
    var firstBox: Int32
    var boxCount: Int32
}

/// A point as an index has it: a lane for each dimension, shifted so that signed comparisons order them, which is all that SSE2 has.
struct BoxPoint: BitwiseCopyable, Sendable {
    fileprivate(set) var lanes = SIMD8<Int32>(repeating: .min)

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

/// A box as it is compared: a cache line.
struct LaneBox: BitwiseCopyable, Sendable {
    var lows: SIMD8<Int32>
    var highs: SIMD8<Int32>

    @inline(__always)
    func holds(_ point: BoxPoint) -> Bool {
        let outside = (point.lanes .< lows) .| (point.lanes .> highs)
        let bits = unsafe unsafeBitCast(outside, to: SIMD4<UInt64>.self)
        return bits[0] | bits[1] | bits[2] | bits[3] == 0
    }
}

/// The box indices of a program, frozen. A class as `LookupTables` is one.
final class BoxIndices: Sendable {
    /// Ways from a node.
    static let fanout = 16

    let indices: FrozenArray<BoxIndex>
    let dimensions: FrozenArray<BoxDimension>
    let bounds: FrozenArray<UInt128>
    let trees: FrozenArray<BoxTree>
    /// The last lane of each way but the last, ascending, of a dimension that whoever leads to the node names.
    let thresholds: FrozenArray<SIMD16<Int32>>
    /// `fanout` for each node: a number of a node and, in the low three bits, its dimension; or, negative, the complement of a leaf's
    /// place in `leaves`.
    let children: FrozenArray<Int32>
    /// Of each leaf the number of its boxes, and the boxes' numbers, in the order of their positions.
    let leaves: FrozenArray<Int32>
    /// In an index's order of positions.
    let boxes: FrozenArray<LaneBox>
    /// Of each box.
    let positions: FrozenArray<Int32>

    init(
        indices: [BoxIndex], dimensions: [BoxDimension], bounds: [UInt128], trees: [BoxTree], thresholds: [SIMD16<Int32>],
        children: [Int32], leaves: [Int32], boxes: [LaneBox], positions: [Int32]
    ) {
        self.indices = FrozenArray(indices)
        self.dimensions = FrozenArray(dimensions)
        self.bounds = FrozenArray(bounds)
        self.trees = FrozenArray(trees)
        self.thresholds = FrozenArray(thresholds)
        self.children = FrozenArray(children)
        self.leaves = FrozenArray(leaves)
        self.boxes = FrozenArray(boxes)
        self.positions = FrozenArray(positions)
    }

    /// Memory of all of it.
    var byteCount: Int {
        indices.byteCount + dimensions.byteCount + bounds.byteCount + trees.byteCount + thresholds.byteCount + children.byteCount
            + leaves.byteCount + boxes.byteCount + positions.byteCount
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

    /// The first position, `position` or one behind it, that has a box with the point in it; -1 if there is none.
    @inline(__always)
    func first(from position: Int, holding point: BoxPoint, in index: BoxIndex) -> Int {
        let box = firstBox(from: position, holding: point, in: index)
        return box < 0 ? -1 : Int(positions[Int(index.firstBox) &+ box])
    }

    /// Which box of the index that is, in the order of positions.
    @inline(never)
    func firstBox(from position: Int, holding point: BoxPoint, in index: BoxIndex) -> Int {
        let lowest = position > 0 ? firstBox(from: Int32(truncatingIfNeeded: position), in: index) : index.firstBox
        let end = index.firstBox &+ index.boxCount
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
                    first = step(from: first, point)
                    second = step(from: second, point)
                }
            } else {
                while first & second & third & fourth >= 0 {
                    first = step(from: first, point)
                    second = step(from: second, point)
                    third = step(from: third, point)
                    fourth = step(from: fourth, point)
                }
                best = firstBox(holding: point, from: lowest, before: best, leaf: third)
                best = firstBox(holding: point, from: lowest, before: best, leaf: fourth)
            }
            best = firstBox(holding: point, from: lowest, before: best, leaf: first)
            best = firstBox(holding: point, from: lowest, before: best, leaf: second)
            number &+= 4
        }
        return best == end ? -1 : Int(best &- index.firstBox)
    }

    /// Of the trees that there aren't, an empty leaf.
    @inline(__always)
    private func root(_ number: Int32, of index: BoxIndex) -> Int32 {
        number < index.treeCount ? trees[Int(index.firstTree &+ number)].root : Self.emptyLeaf
    }

    /// One node down; a leaf stays where it is.
    @inline(__always)
    private func step(from place: Int32, _ point: BoxPoint) -> Int32 {
        let node = Int(max(place, 0) >> 3)
        let above = SIMD16<Int32>(repeating: point.lanes[Int(place & 7)]) .> thresholds[node]
        // Thresholds ascend, so those in front of the way are the first: octets of ones, which are counted from the end. Without an
        // instruction that counts bits, which not every x86-64 has, a sum took twice the time.
        let octets = SIMD16<Int8>(truncatingIfNeeded: unsafe unsafeBitCast(above, to: SIMD16<Int32>.self))
        let halves = unsafe unsafeBitCast(octets, to: SIMD2<UInt64>.self)
        let way = ((~halves[0].littleEndian).trailingZeroBitCount &+ (~halves[1].littleEndian).trailingZeroBitCount) >> 3
        let child = children[node &* Self.fanout &+ way]
        return place < 0 ? place : child
    }

    /// The first box in one of the leaves that holds the point, `first` or one behind it; `end` if there is none in front of that.
    @inline(__always)
    private func firstBox(holding point: BoxPoint, from lowest: Int32, before best: Int32, leaf place: Int32) -> Int32 {
        let leaf = Int(~place)
        let end = leaf &+ 1 &+ Int(leaves[leaf])
        var next = leaf &+ 1
        if end &- next > Self.longLeaf { next = self.place(of: lowest, from: next, to: end) }
        while next < end {
            let box = leaves[next]
            if box >= best { break }
            if box >= lowest, boxes[Int(box)].holds(point) { return box }
            next &+= 1
        }
        return best
    }

    /// The place of the leaf without boxes that `leaves` begins with.
    static let emptyLeaf: Int32 = ~0

    /// Leaves with more boxes than this are searched for where to begin.
    private static let longLeaf = 16

    /// Where in a leaf the first box stands that is not in front of `box`.
    @inline(never)
    private func place(of box: Int32, from first: Int, to end: Int) -> Int {
        var low = first
        var high = end
        while low < high {
            let middle = (low &+ high) >> 1
            if leaves[middle] < box {
                low = middle &+ 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// The first box of an index that is not in front of the position.
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
