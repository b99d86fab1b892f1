/// Lays out the tries of a program.
struct IntervalTrieLayout {
    private(set) var tries: [IntervalTrie] = []
    private(set) var nodes: [IntervalTrie.Node] = []
    private(set) var slots: [Int32] = []
    private(set) var narrow: [Int32] = []
    private(set) var middle: [UInt64] = []
    private(set) var wide: [UInt128] = []
    /// The most that a search in the trie that was added last takes: nodes, the comparison after them, and halvings.
    private(set) var steps = 0

    /// All tries together.
    var byteCount: Int {
        tries.count * MemoryLayout<IntervalTrie>.stride + nodes.count * MemoryLayout<IntervalTrie.Node>.stride + 4 * slots.count
            + 4 * narrow.count + 8 * middle.count + 16 * wide.count
    }

    /// - Parameter intervals: Ascending, none overlaps another.
    /// - Returns: The trie's number.
    /// - Throws: Where there are no intervals, or more than 31 bits count.
    mutating func add(_ intervals: [Interval]) throws(ProgramError) -> Int {
        guard let first = intervals.first, let last = intervals.last else { throw ProgramError(reason: .tooLarge, location: nil) }
        let base = first.low
        let span = last.high - base
        // An end has ones where the bound after it has zeros.
        var bounds: UInt128 = 0
        for interval in intervals { bounds |= (interval.low &- base) | (interval.high &- base &+ 1) }
        let shift = bounds == 0 ? 0 : bounds.trailingZeroBitCount
        let highest = span >> UInt128(shift)
        let numbers = Numbers(intervals: intervals, base: base, shift: UInt128(shift))
        var trie = IntervalTrie(
            base: base, span: span, width: highest >> 32 == 0 ? .bits32 : highest >> 64 == 0 ? .bits64 : .bits128,
            shift: UInt8(truncatingIfNeeded: shift), arePoints: intervals.indices.allSatisfy { numbers.low($0) == numbers.high($0) },
            root: 0, lows: 0, highs: 0, count: try int32(intervals.count))
        steps = 0
        trie.root = try node(of: numbers, 0..<intervals.count, depth: 1)
        let place: (lows: Int, highs: Int)
        switch trie.width {
        case .bits32: place = numbers.append(to: &narrow, points: trie.arePoints) { Int32(sortable: UInt32(truncatingIfNeeded: $0)) }
        case .bits64: place = numbers.append(to: &middle, points: trie.arePoints) { UInt64(truncatingIfNeeded: $0) }
        case .bits128: place = numbers.append(to: &wide, points: trie.arePoints) { $0 }
        }
        trie.lows = try int32(place.lows)
        trie.highs = try int32(place.highs)
        tries.append(trie)
        return tries.count - 1
    }

    /// Bounds of intervals as they are stored. They are computed again when they are asked for: a million of them would be dear to keep.
    private struct Numbers {
        let intervals: [Interval]
        let base: UInt128
        let shift: UInt128

        func low(_ index: Int) -> UInt128 { (intervals[index].low &- base) >> shift }
        func high(_ index: Int) -> UInt128 { (intervals[index].high &- base) >> shift }

        func append<Number: FixedWidthInteger>(
            to numbers: inout [Number], points: Bool, as stored: (UInt128) -> Number
        ) -> (lows: Int, highs: Int) {
            let first = numbers.count
            numbers.reserveCapacity(first + intervals.count * (points ? 1 : 2) + IntervalTrie.window)
            for index in intervals.indices { numbers.append(stored(low(index))) }
            for _ in 0..<IntervalTrie.window { numbers.append(.max) }
            let last = numbers.count
            // Where each is its interval's last number, too, there is nothing more to read.
            if !points { for index in intervals.indices { numbers.append(stored(high(index))) } }
            return (first, last)
        }
    }

    private mutating func node(of numbers: Numbers, _ range: Range<Int>, depth: Int) throws(ProgramError) -> Int32 {
        let low = numbers.low(range.lowerBound)
        let span = numbers.low(range.upperBound - 1) - low
        let number = nodes.count
        var node = IntervalTrie.Node(
            low: low, rank: try int32(range.lowerBound), count: try int32(range.count), lastSlot: -1, firstSlot: try int32(slots.count),
            shift: 0)
        guard range.count > 1, depth <= IntervalTrie.depth else {
            nodes.append(node)
            steps = max(steps, depth + 1 + LookupStatistics.halvings(range.count))
            return try int32(number)
        }
        steps = max(steps, depth + 1)
        // A slot for two numbers or so: from a quarter of their number to all of it.
        let logarithm = max(1, Int.bitWidth - range.count.leadingZeroBitCount - 1)
        let bits = UInt128.bitWidth - span.leadingZeroBitCount
        let shift = max(0, bits - logarithm)
        let last = Int(span >> UInt128(shift))
        node.shift = UInt8(truncatingIfNeeded: shift)
        node.lastSlot = try int32(last)
        nodes.append(node)
        slots += Array(repeating: 0, count: last + 1)
        var start = range.lowerBound
        for slot in 0...last {
            var end = start
            while end < range.upperBound, Int((numbers.low(end) - low) >> UInt128(shift)) == slot { end += 1 }
            var entry = try int32(start)
            if end - start > IntervalTrie.window { entry = try self.node(of: numbers, start..<end, depth: depth + 1) + Int32.min }
            slots[Int(node.firstSlot) + slot] = entry
            start = end
        }
        return try int32(number)
    }

    private func int32(_ number: Int) throws(ProgramError) -> Int32 {
        guard let number = Int32(exactly: number) else { throw ProgramError(reason: .tooLarge, location: nil) }
        return number
    }
}
