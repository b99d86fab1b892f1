/// Which elements of a set of concatenations the kernel takes: `nft_pipapo_insert` refuses one whose first or last corner lies in an
/// element that is there, unless that is the same. An element around an older one, or across it, is taken.
///
/// So the first element is looked for of which a corner lies in an older box. Boxes and corners are handed down the halves of the way
/// that the corners take up in one component; where a box spans all corners that are left, both go on to the next component. No pair is
/// met twice, and what is done in all is in the order of n times the logarithm of n for each component.
package struct BoxOverlap {
    /// For each component and element the first and the last number, by their rank among all numbers of that component.
    private var lows: [[Int32]] = []
    private var highs: [[Int32]] = []
    /// The first element that is refused, of those that have been seen.
    private var conflict = Int32.max
    /// Boxes, corners and pairs of them that were looked at.
    private(set) var steps = 0

    /// Pairs of boxes and corners that are sooner held against each other than handed on.
    private static let fewPairs = 64

    /// - Parameters:
    ///   - bounds: By element; empty for `*`.
    ///   - isKept: Becomes false for what is there twice.
    /// - Returns: The first element that is refused.
    static func conflict(in elements: [SetElement], _ bounds: [[ValueBounds]], _ isKept: inout [Bool]) -> Int? {
        var first: [[ValueBounds]: Int] = [:]
        var boxes: [Int] = []
        var repeated: [Int] = []
        var conflict: Int?
        for index in elements.indices where !bounds[index].isEmpty {
            if let older = first[bounds[index]] {
                guard elements[older].mapped == elements[index].mapped else {
                    conflict = index
                    break
                }
                repeated.append(index)
            } else {
                first[bounds[index]] = index
                boxes.append(index)
            }
        }
        let refused = BoxOverlap.firstConflict(among: boxes.map { bounds[$0] }).conflict.map { boxes[$0] }
        conflict = [conflict, refused].compactMap(\.self).min()
        for index in repeated where index < conflict ?? .max { isKept[index] = false }
        return conflict
    }

    /// - Parameter boxes: No two of them are the same, and all have as many components.
    /// - Returns: The first of which a corner lies in an older one, and how much work it was to see.
    package static func firstConflict(among boxes: [[ValueBounds]]) -> (conflict: Int?, steps: Int) {
        guard let components = boxes.first?.count, let count = Int32(exactly: boxes.count), count < Int32.max / 2 else { return (nil, 0) }
        var overlap = BoxOverlap()
        for component in 0..<components {
            let sorted = boxes.flatMap { [$0[component].low, $0[component].high] }.sorted()
            var ranks: [UInt128: Int32] = [:]
            for number in sorted where ranks[number] == nil { ranks[number] = Int32(truncatingIfNeeded: ranks.count) }
            overlap.lows.append(boxes.map { ranks[$0[component].low] ?? 0 })
            overlap.highs.append(boxes.map { ranks[$0[component].high] ?? 0 })
        }
        var corners: [Int32] = []
        for (index, box) in boxes.enumerated() {
            corners.append(Int32(truncatingIfNeeded: 2 * index))
            if box.contains(where: { $0.low != $0.high }) { corners.append(Int32(truncatingIfNeeded: 2 * index + 1)) }
        }
        overlap.search(Array(0..<count), corners, component: 0)
        return (overlap.conflict == .max ? nil : Int(overlap.conflict), overlap.steps)
    }

    /// Where a corner lies in a component. Its number is twice that of its element, and one more for the last corner.
    private func rank(_ corner: Int32, _ component: Int) -> Int32 {
        corner & 1 == 0 ? lows[component][Int(corner >> 1)] : highs[component][Int(corner >> 1)]
    }

    /// - Parameters:
    ///   - boxes: Ascending; they span all of the corners in all components before this one.
    ///   - corners: Ascending.
    private mutating func search(_ boxes: [Int32], _ corners: [Int32], component: Int) {
        guard let oldest = boxes.first else { return }
        // Only what is younger than the oldest box, and before what is known to be refused, has anything to say.
        let corners = corners.filter { $0 >> 1 > oldest && $0 >> 1 < conflict }
        guard let youngest = corners.last else { return }
        let boxes = boxes.last ?? 0 < youngest >> 1 ? boxes : boxes.filter { $0 < youngest >> 1 }
        steps += boxes.count + corners.count
        guard component < lows.count else {
            conflict = min(conflict, corners[0] >> 1)
            return
        }
        if boxes.count * corners.count <= Self.fewPairs { return compare(boxes, corners, from: component) }

        var first = Int32.max
        var last = Int32.min
        for corner in corners {
            let rank = rank(corner, component)
            first = min(first, rank)
            last = max(last, rank)
        }
        var spanning: [Int32] = []
        var others: [Int32] = []
        for box in boxes {
            let (low, high) = (lows[component][Int(box)], highs[component][Int(box)])
            if low <= first, high >= last {
                spanning.append(box)
            } else if low <= last, high >= first {
                others.append(box)
            }
        }
        search(spanning, corners, component: component + 1)
        guard first < last, !others.isEmpty else { return }
        let middle = first + (last - first) / 2
        search(
            others.filter { lows[component][Int($0)] <= middle }, corners.filter { rank($0, component) <= middle }, component: component)
        search(
            others.filter { highs[component][Int($0)] > middle }, corners.filter { rank($0, component) > middle }, component: component)
    }

    private mutating func compare(_ boxes: [Int32], _ corners: [Int32], from component: Int) {
        for corner in corners where corner >> 1 < conflict {
            for box in boxes {
                if box >= corner >> 1 { break }
                steps += 1
                let isInside = (component..<lows.count).allSatisfy {
                    let rank = rank(corner, $0)
                    return lows[$0][Int(box)] <= rank && rank <= highs[$0][Int(box)]
                }
                if isInside {
                    conflict = corner >> 1
                    break
                }
            }
        }
    }
}
