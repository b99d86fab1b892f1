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
        let lows = intervals.map { ($0.low &- base) >> UInt128(shift) }
        let highs = intervals.map { ($0.high &- base) >> UInt128(shift) }
        var trie = IntervalTrie(
            base: base, span: span, width: highest >> 32 == 0 ? .bits32 : highest >> 64 == 0 ? .bits64 : .bits128,
            shift: UInt8(truncatingIfNeeded: shift), arePoints: lows == highs, root: 0, lows: 0, highs: 0,
            count: try int32(intervals.count))
        steps = 0
        trie.root = try node(of: lows, 0..<lows.count, depth: 1)
        let place: (lows: Int, highs: Int)
        switch trie.width {
        case .bits32: place = Self.append(lows, highs, to: &narrow) { Int32(sortable: UInt32(truncatingIfNeeded: $0)) }
        case .bits64: place = Self.append(lows, highs, to: &middle) { UInt64(truncatingIfNeeded: $0) }
        case .bits128: place = Self.append(lows, highs, to: &wide) { $0 }
        }
        trie.lows = try int32(place.lows)
        trie.highs = try int32(place.highs)
        tries.append(trie)
        return tries.count - 1
    }

    private static func append<Number: FixedWidthInteger>(
        _ lows: [UInt128], _ highs: [UInt128], to numbers: inout [Number], as stored: (UInt128) -> Number
    ) -> (lows: Int, highs: Int) {
        let first = numbers.count
        numbers += lows.map(stored)
        numbers += Array(repeating: .max, count: IntervalTrie.window)
        let last = numbers.count
        // Where each is its interval's last number, too, there is nothing more to read.
        if lows != highs { numbers += highs.map(stored) }
        return (first, last)
    }

    private mutating func node(of lows: [UInt128], _ range: Range<Int>, depth: Int) throws(ProgramError) -> Int32 {
        let low = lows[range.lowerBound]
        let span = lows[range.upperBound - 1] - low
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
            while end < range.upperBound, Int((lows[end] - low) >> UInt128(shift)) == slot { end += 1 }
            var entry = try int32(start)
            if end - start > IntervalTrie.window { entry = try self.node(of: lows, start..<end, depth: depth + 1) + Int32.min }
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
