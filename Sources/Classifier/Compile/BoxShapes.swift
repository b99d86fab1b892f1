/// Parts boxes by shape: in which dimensions they are narrow.
///
/// Narrow is what reaches over no more than a 32nd of the bounds that a dimension has. Shapes with few boxes join others, for each
/// tree costs every lookup a way down.
/// - Returns: The numbers of each part's boxes, ascending; none is empty.
func boxShapes(_ lows: [SIMD8<UInt32>], _ highs: [SIMD8<UInt32>], dimensionCount: Int) -> [[Int32]] {
    guard !lows.isEmpty else { return [] }
    var shapes = [UInt8](repeating: 0, count: lows.count)
    for dimension in 0..<dimensionCount {
        let bounds = distinctBounds(lows, highs, dimension)
        guard bounds.count >= BoxShape.leastBounds else { continue }
        for box in lows.indices {
            let reach = rank(highs[box][dimension], bounds) - rank(lows[box][dimension], bounds)
            if reach * BoxShape.narrow <= bounds.count { shapes[box] |= 1 << UInt8(dimension) }
        }
    }
    var parts: [UInt8: [Int32]] = [:]
    for (box, shape) in shapes.enumerated() { parts[shape, default: []].append(Int32(truncatingIfNeeded: box)) }

    // The smallest joins another until there are few, and none is small.
    while parts.count > 1 {
        guard let (smallest, boxes) = parts.min(by: { ($0.value.count, $0.key) < ($1.value.count, $1.key) }),
            parts.count > BoxShape.treeLimit || boxes.count * BoxShape.smallest < lows.count
        else { break }
        parts[smallest] = nil
        // Where the others are narrow it is narrow too: it is copied by none of their cuts. Failing that, as few copies as can be.
        let target = parts.keys.max { left, right in
            let (badLeft, badRight) = ((left & ~smallest).nonzeroBitCount, (right & ~smallest).nonzeroBitCount)
            return (-badLeft, (left & smallest).nonzeroBitCount, left) < (-badRight, (right & smallest).nonzeroBitCount, right)
        }
        guard let target else { break }
        parts[target & smallest, default: []] += boxes
        if target & smallest != target, let others = parts.removeValue(forKey: target) { parts[target & smallest, default: []] += others }
    }
    return parts.sorted { $0.key < $1.key }.map { $0.value.sorted() }
}

private enum BoxShape {
    /// This part of a dimension's bounds is narrow.
    static let narrow = 32
    /// A dimension with fewer bounds parts no shapes.
    static let leastBounds = 64
    /// This part of all boxes is small.
    static let smallest = 50
    static let treeLimit = 4
}

private func distinctBounds(_ lows: [SIMD8<UInt32>], _ highs: [SIMD8<UInt32>], _ dimension: Int) -> [UInt32] {
    var all: [UInt32] = []
    for box in lows.indices {
        all.append(lows[box][dimension])
        if highs[box][dimension] < .max { all.append(highs[box][dimension] + 1) }
    }
    all.sort()
    var distinct: [UInt32] = []
    for bound in all where bound != distinct.last { distinct.append(bound) }
    return distinct
}

/// How many bounds are no larger.
private func rank(_ lane: UInt32, _ bounds: [UInt32]) -> Int {
    var low = 0
    var high = bounds.count
    while low < high {
        let middle = (low + high) / 2
        if bounds[middle] <= lane { low = middle + 1 } else { high = middle }
    }
    return low
}
