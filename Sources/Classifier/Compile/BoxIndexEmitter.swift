/// A box that an index is made of.
struct IndexedBox: Sendable {
    /// One for each dimension; nil is a wildcard, which also holds what can't be read.
    var bounds: [Interval?]
    /// Several boxes may have the same.
    var position: Int32
    /// Anyone who finds it never asks after it for the same point.
    var isLast = false
}

/// What an index takes and costs.
struct BoxIndexCost: Sendable, Equatable {
    var boxes = 0
    var trees = 0
    var nodes = 0
    var bytes = 0
    /// Maximum nodes and groups of boxes that a lookup looks at: two cache lines each, and as many as there are dimensions.
    var steps = 0
}

/// Makes box indices, and gathers them in the arrays of a program.
///
/// Time is about n log n. Memory is bounded: a tree has no more than `BoxTreeBuilder.growth` places for each of its boxes. Where cutting
/// on would need more, leaves stay larger, which `BoxIndexCost.steps` shows.
struct BoxIndexEmitter {
    private var indices: [BoxIndex] = []
    private var dimensions: [BoxDimension] = []
    private var bounds: [UInt128] = []
    private var trees: [BoxTree] = []
    private var thresholds: [SIMD16<Int32>] = []
    private var children: [Int32] = []
    private var remaining: [Int32] = []
    private var numbers: [Int32] = []
    private var lines: [SIMD16<Int32>] = []
    private var positions: [Int32] = []

    var count: Int { indices.count }

    /// Makes an index.
    /// - Parameters:
    ///   - widths: Bits of each dimension's numbers, 1 to 128; no more than `BoxIndex.dimensionLimit` dimensions.
    ///   - boxes: In any order. No bound is beyond the width of its dimension.
    /// - Returns: The index, and what it costs. nil for more dimensions or boxes than there can be.
    mutating func add(_ boxes: [IndexedBox], widths: [Int]) -> (index: BoxIndex, cost: BoxIndexCost)? {
        guard widths.count <= BoxIndex.dimensionLimit, boxes.allSatisfy({ $0.bounds.count == widths.count }) else { return nil }
        let boxes = boxes.sorted { $0.position < $1.position }
        let (firstBox, size) = (positions.count, byteCount)

        var lows = [SIMD8<UInt32>](repeating: SIMD8(repeating: 0), count: boxes.count)
        var highs = [SIMD8<UInt32>](repeating: SIMD8(repeating: .max), count: boxes.count)
        let firstDimension = dimensions.count
        for (dimension, width) in widths.enumerated() {
            let scale = BoxScale(boxes.lazy.map { $0.bounds[dimension] }, width: width)
            for (number, box) in boxes.enumerated() {
                guard let interval = box.bounds[dimension] else { continue }
                lows[number][dimension] = scale.lane(interval.low)
                highs[number][dimension] = scale.lane(interval.high)
            }
            guard let first = Int32(exactly: bounds.count), let count = Int32(exactly: scale.bounds?.count ?? -1) else { return nil }
            dimensions.append(BoxDimension(firstBound: first, boundCount: count, shared: scale.shared))
            bounds += scale.bounds ?? []
        }

        var builder = BoxTreeBuilder(
            lows: lows, highs: highs, positions: boxes.map(\.position), isLast: boxes.map(\.isLast), dimensionCount: widths.count,
            firstBox: firstBox, firstNode: thresholds.count)
        let built = boxShapes(lows, highs, dimensionCount: widths.count).map { builder.tree(of: $0) }.sorted {
            $0.firstBox < $1.firstBox
        }
        guard let firstTree = Int32(exactly: trees.count), let first = Int32(exactly: firstDimension),
            let firstGroup = Int32(exactly: remaining.count), let firstLine = Int32(exactly: lines.count), builder.fits
        else { return nil }
        trees += built
        thresholds += builder.thresholds
        children += builder.children
        remaining += builder.remaining
        numbers += builder.numbers
        lines += builder.lines
        positions += boxes.map(\.position)
        let index = BoxIndex(
            firstDimension: first, dimensionCount: Int32(widths.count), firstTree: firstTree, treeCount: Int32(built.count),
            firstBox: Int32(truncatingIfNeeded: firstBox), boxCount: Int32(truncatingIfNeeded: boxes.count), firstGroup: firstGroup,
            firstLine: firstLine)
        indices.append(index)

        var cost = BoxIndexCost(boxes: boxes.count, trees: built.count, nodes: builder.thresholds.count)
        cost.steps = builder.steps
        cost.bytes = byteCount - size
        return (index, cost)
    }

    private var byteCount: Int {
        16 * bounds.count + 64 * (thresholds.count + lines.count) + 4 * (children.count + remaining.count + numbers.count + positions.count)
    }

    func frozen() -> BoxIndices {
        BoxIndices(
            indices: indices, dimensions: dimensions, bounds: bounds, trees: trees, thresholds: thresholds, children: children,
            remaining: remaining, numbers: numbers, lines: lines, positions: positions)
    }
}

/// How a dimension's numbers become lanes: as they are, if they have no more than 32 bits, else by their rank among the bounds of
/// intervals.
///
/// The lane `UInt32.max` is kept for what can't be read. Of numbers with 32 bits two have to share a lane for that: two neighbours that
/// no interval parts.
struct BoxScale {
    /// nil where numbers are lanes.
    private(set) var bounds: [UInt128]?
    /// Numbers above it have a lane that is less by one.
    private(set) var shared: UInt32 = .max

    init(_ intervals: some Sequence<Interval?>, width: Int) {
        if width < 32 { return }
        var bounds: [UInt128] = []
        for case let interval? in intervals {
            if interval.low > 0 { bounds.append(interval.low) }
            if interval.high < .max { bounds.append(interval.high + 1) }
        }
        bounds.sort()
        var distinct: [UInt128] = []
        for bound in bounds where bound != distinct.last { distinct.append(bound) }
        if width > 32 {
            self.bounds = distinct
            return
        }
        shared = .max - 1
        for bound in distinct.reversed() where bound <= UInt128(UInt32.max) {
            if bound != UInt128(shared) + 1 { break }
            shared &-= 1
        }
    }

    func lane(_ number: UInt128) -> UInt32 {
        guard let bounds else {
            let lane = UInt32(truncatingIfNeeded: number)
            return lane > shared ? lane - 1 : lane
        }
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] <= number { low = middle + 1 } else { high = middle }
        }
        return UInt32(truncatingIfNeeded: low)
    }
}
