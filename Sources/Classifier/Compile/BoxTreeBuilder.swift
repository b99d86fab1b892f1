/// Cuts boxes into decision trees: nodes of up to 16 ways, each along one dimension, down to leaves of few boxes.
struct BoxTreeBuilder {
    /// Maximum places in groups that a tree may have for each of its boxes.
    static let growth = 16
    /// Boxes of a leaf that is not cut any further: two groups. To compare the second takes less than one more node on the way.
    static let leafSize = 16
    /// Maximum ways that a node has for that many boxes. With more the leaves would be nearly empty, and the index so large that it
    /// leaves the cache.
    private static let waysOfLeaf = 3
    /// Maximum nodes from the root to a leaf.
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

    private(set) var thresholds: [SIMD16<Int32>] = []
    private(set) var children: [Int32] = []
    // The groups in leaves, as `BoxIndices` has them.
    private(set) var remaining: [Int32] = []
    private(set) var numbers: [Int32] = []
    private(set) var lines: [SIMD16<Int32>] = []
    /// Nodes and boxes on the longest ways through the trees so far.
    private(set) var steps = 0
    /// True if all numbers have room in 32 bits.
    private(set) var fits = true
    private var knownLeaves: [[Int32]: Int32] = [:]

    init(
        lows: [SIMD8<UInt32>], highs: [SIMD8<UInt32>], positions: [Int32], isLast: [Bool], dimensionCount: Int, firstBox: Int,
        firstNode: Int
    ) {
        self.lows = lows
        self.highs = highs
        self.positions = positions
        self.isLast = isLast
        self.dimensionCount = dimensionCount
        self.firstBox = firstBox
        self.firstNode = firstNode
        addGroups([])
    }

    /// A part of the space.
    private struct Region {
        var low = SIMD8<UInt32>(repeating: 0)
        var high = SIMD8<UInt32>(repeating: .max)
    }

    /// - Parameter boxes: Their numbers, ascending; not empty.
    mutating func tree(of boxes: [Int32]) -> BoxTree {
        let (root, steps) = subtree(boxes, Region(), budget: Self.places(of: boxes.count) * Self.growth, depth: 0)
        self.steps += steps
        return BoxTree(root: root, firstBox: Int32(truncatingIfNeeded: firstBox) + boxes[0])
    }

    private mutating func subtree(_ boxes: [Int32], _ region: Region, budget: Int, depth: Int) -> (place: Int32, steps: Int) {
        guard boxes.count > Self.leafSize, depth < Self.depthLimit, let cut = bestCut(of: boxes, region, budget: budget) else {
            return (leaf(boxes), Self.groups(of: boxes.count))
        }
        let node = thresholds.count
        var line = SIMD16<Int32>(repeating: .max)
        for (way, threshold) in cut.thresholds.enumerated() { line[way] = BoxPoint.lane(threshold) }
        thresholds.append(line)
        children += repeatElement(BoxIndices.emptyLeaf, count: BoxIndices.fanout)
        var steps = 0
        for way in 0...cut.thresholds.count {
            var part = region
            if way > 0 { part.low[cut.dimension] = cut.thresholds[way - 1] + 1 }
            if way < cut.thresholds.count { part.high[cut.dimension] = cut.thresholds[way] }
            let inside = self.boxes(boxes, in: part, cutAt: cut.dimension)
            let places = Self.places(of: inside.count)
            let share = Int((Double(budget) * Double(places) / Double(max(1, cut.places))).rounded(.down))
            let (place, below) = subtree(inside, part, budget: max(places, share), depth: depth + 1)
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

    /// Boxes that reach into the region, as far as one may be found: none after one that holds all of the region.
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
        if boxes.isEmpty { return BoxIndices.emptyLeaf }
        if let known = knownLeaves[boxes] { return known }
        let number = ~Int32(truncatingIfNeeded: remaining.count)
        addGroups(boxes)
        if lines.count > Int(Int32.max) || firstBox + lows.count > Int(Int32.max) { fits = false }
        if boxes.count <= 2 * Self.leafSize { knownLeaves[boxes] = number }
        return number
    }

    /// At least one.
    private mutating func addGroups(_ boxes: [Int32]) {
        let count = Self.groups(of: max(1, boxes.count))
        for group in 0..<count {
            remaining.append(Int32(truncatingIfNeeded: count - group))
            let places = group * BoxIndices.groupSize..<(group + 1) * BoxIndices.groupSize
            for place in places {
                numbers.append(place < boxes.count ? Int32(truncatingIfNeeded: firstBox) &+ boxes[place] : .max)
            }
            for dimension in 0..<dimensionCount {
                // Where there is no box nothing is between these.
                var (low, high) = (SIMD8<Int32>(repeating: .max), SIMD8<Int32>(repeating: .min))
                for place in places where place < boxes.count {
                    let box = Int(boxes[place])
                    low[place - places.lowerBound] = BoxPoint.lane(lows[box][dimension])
                    high[place - places.lowerBound] = BoxPoint.lane(highs[box][dimension])
                }
                lines.append(SIMD16(lowHalf: low, highHalf: high))
            }
        }
    }

    private static func places(of boxes: Int) -> Int { groups(of: boxes) * BoxIndices.groupSize }

    private static func groups(of boxes: Int) -> Int { (boxes + BoxIndices.groupSize - 1) / BoxIndices.groupSize }

    // MARK: Choosing a cut

    private struct Cut {
        var dimension: Int
        var thresholds: [UInt32]
        /// In the groups that leaves of the ways would have.
        var places: Int
        /// What is left to look through after it: the sum of the squares of the ways' boxes.
        var rest: Double
    }

    /// nil if no cut parts the boxes, or none within the budget.
    private func bestCut(of boxes: [Int32], _ region: Region, budget: Int) -> Cut? {
        var best: Cut?
        for dimension in 0..<dimensionCount {
            var thresholds = candidates(boxes, region, dimension)
            while !thresholds.isEmpty {
                let cut = measured(boxes, dimension, thresholds)
                if cut.places <= budget {
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
        let limit = min(BoxIndices.fanout, (boxes.count * Self.waysOfLeaf + Self.leafSize - 1) / Self.leafSize) - 1
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
        var cut = Cut(dimension: dimension, thresholds: thresholds, places: 0, rest: 0)
        var count = 0
        for change in changes.dropLast() {
            count += change
            cut.places += Self.places(of: count)
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
