/// Cuts boxes into decision trees: nodes of up to 16 ways, each along one dimension, down to leaves of few boxes.
struct BoxTreeBuilder {
    /// References of a tree for each of its boxes, at the most.
    static let growth = 16
    /// Boxes of a leaf that is not cut any further.
    static let leafSize = 4
    /// Nodes from the root to a leaf at the most.
    static let depthLimit = 16
    /// Boxes of which a cut's candidates are taken.
    private static let sampleSize = 2048

    let lows: [SIMD8<UInt32>]
    let highs: [SIMD8<UInt32>]
    let positions: [Int32]
    let isLast: [Bool]
    let dimensionCount: Int
    /// What is there before in the arrays of the program.
    let firstBox: Int
    let firstNode: Int
    let firstLeaf: Int

    private(set) var thresholds: [SIMD16<Int32>] = []
    private(set) var children: [Int32] = []
    private(set) var leaves: [Int32] = []
    private(set) var references = 0
    /// Nodes and boxes on the longest ways through the trees so far.
    private(set) var steps = 0
    /// Whether all numbers have room in 32 bits.
    private(set) var fits = true
    private var knownLeaves: [[Int32]: Int32] = [:]

    init(
        lows: [SIMD8<UInt32>], highs: [SIMD8<UInt32>], positions: [Int32], isLast: [Bool], dimensionCount: Int, firstBox: Int,
        firstNode: Int, firstLeaf: Int
    ) {
        self.lows = lows
        self.highs = highs
        self.positions = positions
        self.isLast = isLast
        self.dimensionCount = dimensionCount
        self.firstBox = firstBox
        self.firstNode = firstNode
        self.firstLeaf = firstLeaf
    }

    /// A part of the space.
    private struct Region {
        var low = SIMD8<UInt32>(repeating: 0)
        var high = SIMD8<UInt32>(repeating: .max)
    }

    /// - Parameter boxes: Their numbers, ascending; not empty.
    mutating func tree(of boxes: [Int32]) -> BoxTree {
        let (root, steps) = subtree(boxes, Region(), budget: boxes.count * Self.growth, depth: 0)
        self.steps += steps
        return BoxTree(
            root: root, firstPosition: positions[Int(boxes[0])], lastPosition: positions[Int(boxes[boxes.count - 1])])
    }

    private mutating func subtree(_ boxes: [Int32], _ region: Region, budget: Int, depth: Int) -> (place: Int32, steps: Int) {
        guard boxes.count > Self.leafSize, depth < Self.depthLimit, let cut = bestCut(of: boxes, region, budget: budget) else {
            return (leaf(boxes), boxes.count)
        }
        let node = thresholds.count
        var line = SIMD16<Int32>(repeating: .max)
        for (way, threshold) in cut.thresholds.enumerated() { line[way] = BoxPoint.lane(threshold) }
        thresholds.append(line)
        children += repeatElement(-1, count: BoxIndices.fanout)
        var steps = 0
        for way in 0...cut.thresholds.count {
            var part = region
            if way > 0 { part.low[cut.dimension] = cut.thresholds[way - 1] + 1 }
            if way < cut.thresholds.count { part.high[cut.dimension] = cut.thresholds[way] }
            let inside = self.boxes(boxes, in: part, cutAt: cut.dimension)
            let share = Int((Double(budget) * Double(inside.count) / Double(max(1, cut.references))).rounded(.down))
            let (place, below) = subtree(inside, part, budget: max(inside.count, share), depth: depth + 1)
            children[node * BoxIndices.fanout + way] = place
            steps = max(steps, below)
        }
        for way in cut.thresholds.count + 1..<max(BoxIndices.fanout, cut.thresholds.count + 1) {
            children[node * BoxIndices.fanout + way] = children[node * BoxIndices.fanout + cut.thresholds.count]
        }
        let number = firstNode + node
        if number >= Int(Int32.max) >> 3 { fits = false }
        return (Int32(truncatingIfNeeded: number << 3 | cut.dimension), steps + 1)
    }

    /// Those that reach into the region, as far as one may be found: none behind one that holds all of the region.
    private func boxes(_ boxes: [Int32], in region: Region, cutAt dimension: Int) -> [Int32] {
        var inside: [Int32] = []
        for box in boxes {
            let (low, high) = (lows[Int(box)], highs[Int(box)])
            guard low[dimension] <= region.high[dimension], high[dimension] >= region.low[dimension] else { continue }
            inside.append(box)
            if isLast[Int(box)], all(low .<= region.low), all(high .>= region.high) { break }
        }
        return inside
    }

    private mutating func leaf(_ boxes: [Int32]) -> Int32 {
        if let known = knownLeaves[boxes] { return known }
        let place = firstLeaf + leaves.count
        leaves.append(Int32(truncatingIfNeeded: boxes.count))
        for box in boxes { leaves.append(Int32(truncatingIfNeeded: firstBox + Int(box))) }
        references += boxes.count
        if firstLeaf + leaves.count > Int(Int32.max) || firstBox + lows.count > Int(Int32.max) { fits = false }
        let number = ~Int32(truncatingIfNeeded: place)
        if boxes.count <= 2 * Self.leafSize { knownLeaves[boxes] = number }
        return number
    }

    // MARK: Choosing a cut

    private struct Cut {
        var dimension: Int
        var thresholds: [UInt32]
        var references: Int
        /// What is left to look through behind it: the sum of the squares of the ways' boxes.
        var rest: Double
    }

    /// nil if no cut parts the boxes, or none within the budget.
    private func bestCut(of boxes: [Int32], _ region: Region, budget: Int) -> Cut? {
        var best: Cut?
        for dimension in 0..<dimensionCount {
            var thresholds = candidates(boxes, region, dimension)
            while !thresholds.isEmpty {
                let cut = measured(boxes, dimension, thresholds)
                if cut.references <= budget {
                    if cut.rest < best?.rest ?? (Double(boxes.count) * Double(boxes.count) * 16) * 0.95 { best = cut }
                    break
                }
                // Fewer ways, fewer copies.
                thresholds = thresholds.count == 1 ? [] : stride(from: 1, to: thresholds.count, by: 2).map { thresholds[$0] }
            }
        }
        return best
    }

    /// The ends of boxes within the region that part them into equal numbers.
    private func candidates(_ boxes: [Int32], _ region: Region, _ dimension: Int) -> [UInt32] {
        var ends: [UInt32] = []
        let step = max(1, boxes.count / Self.sampleSize)
        let (first, last) = (region.low[dimension], region.high[dimension])
        for index in stride(from: 0, to: boxes.count, by: step) {
            let box = Int(boxes[index])
            let (low, high) = (lows[box][dimension], highs[box][dimension])
            if low > first { ends.append(low - 1) }
            if high < last { ends.append(high) }
        }
        guard !ends.isEmpty else { return [] }
        ends.sort()
        var distinct: [UInt32] = []
        for end in ends where end != distinct.last { distinct.append(end) }
        let limit = BoxIndices.fanout - 1
        if distinct.count <= limit { return distinct }
        var chosen: [UInt32] = []
        for way in 1...limit {
            let end = ends[way * ends.count / (limit + 1)]
            if end != chosen.last { chosen.append(end) }
        }
        return chosen
    }

    private func measured(_ boxes: [Int32], _ dimension: Int, _ thresholds: [UInt32]) -> Cut {
        var changes = [Int](repeating: 0, count: thresholds.count + 2)
        for box in boxes {
            changes[Self.way(lows[Int(box)][dimension], thresholds)] += 1
            changes[Self.way(highs[Int(box)][dimension], thresholds) + 1] -= 1
        }
        var cut = Cut(dimension: dimension, thresholds: thresholds, references: 0, rest: 0)
        var count = 0
        for change in changes.dropLast() {
            count += change
            cut.references += count
            cut.rest += Double(count) * Double(count)
        }
        // In a node with fewer ways each of them has a larger share of the points.
        cut.rest *= Double(BoxIndices.fanout) / Double(thresholds.count + 1)
        return cut
    }

    private static func way(_ lane: UInt32, _ thresholds: [UInt32]) -> Int {
        var low = 0
        var high = thresholds.count
        while low < high {
            let middle = (low + high) / 2
            if thresholds[middle] < lane { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
