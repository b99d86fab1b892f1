/// Numbers, as sorted intervals that neither overlap nor touch.
package struct ValueSet: Hashable, Sendable {
    package struct Interval: Hashable, Sendable {
        package var low: UInt128
        package var high: UInt128

        package init(_ low: UInt128, _ high: UInt128) {
            self.low = low
            self.high = high
        }

        func contains(_ number: UInt128) -> Bool { low <= number && number <= high }
    }

    package private(set) var intervals: [Interval]

    static let empty = ValueSet([])

    /// - Parameter intervals: In any order; they may overlap.
    package init(_ intervals: [Interval]) {
        guard intervals.count > 1 else {
            self.intervals = intervals
            return
        }
        var joined: [Interval] = []
        for interval in intervals.sorted(by: { $0.low < $1.low }) {
            if let last = joined.last, last.high == .max || interval.low <= last.high + 1 {
                joined[joined.count - 1].high = max(last.high, interval.high)
            } else {
                joined.append(interval)
            }
        }
        self.intervals = joined
    }

    package init(_ low: UInt128, _ high: UInt128) { intervals = [Interval(low, high)] }

    package init(numbers: some Sequence<UInt128>) { self.init(numbers.map { Interval($0, $0) }) }

    /// All numbers of that many bits.
    package static func all(bits: Int) -> ValueSet { ValueSet(0, ones(bits)) }

    /// As many ones.
    static func ones(_ bits: Int) -> UInt128 { bits >= 128 ? .max : (1 << UInt128(max(0, bits))) - 1 }

    package var isEmpty: Bool { intervals.isEmpty }
    package var lowest: UInt128? { intervals.first?.low }

    /// The number of its numbers, if it is no more than the limit.
    func count(upTo limit: UInt128) -> UInt128? {
        var sum: UInt128 = 0
        for interval in intervals {
            guard interval.high - interval.low < limit else { return nil }
            sum += interval.high - interval.low + 1
            if sum > limit { return nil }
        }
        return sum
    }

    package func contains(_ number: UInt128) -> Bool {
        var (first, last) = (0, intervals.count)
        while first < last {
            let middle = (first + last) / 2
            if intervals[middle].high < number { first = middle + 1 } else { last = middle }
        }
        return first < intervals.count && intervals[first].low <= number
    }

    package func intersection(_ other: ValueSet) -> ValueSet {
        var found: [Interval] = []
        var (left, right) = (0, 0)
        while left < intervals.count, right < other.intervals.count {
            let (mine, its) = (intervals[left], other.intervals[right])
            let (low, high) = (max(mine.low, its.low), min(mine.high, its.high))
            if low <= high { found.append(Interval(low, high)) }
            if mine.high < its.high { left += 1 } else { right += 1 }
        }
        var set = ValueSet.empty
        set.intervals = found
        return set
    }

    package func isDisjoint(_ other: ValueSet) -> Bool {
        var (left, right) = (0, 0)
        while left < intervals.count, right < other.intervals.count {
            let (mine, its) = (intervals[left], other.intervals[right])
            if max(mine.low, its.low) <= min(mine.high, its.high) { return false }
            if mine.high < its.high { left += 1 } else { right += 1 }
        }
        return true
    }

    /// True if all of its numbers are the other's too.
    package func isSubset(of other: ValueSet) -> Bool {
        var right = 0
        for interval in intervals {
            while right < other.intervals.count, other.intervals[right].high < interval.low { right += 1 }
            guard right < other.intervals.count, other.intervals[right].low <= interval.low, interval.high <= other.intervals[right].high
            else { return false }
        }
        return true
    }

    package func union(_ other: ValueSet) -> ValueSet { ValueSet(intervals + other.intervals) }

    /// What is left of it without the other's numbers.
    package func subtracting(_ other: ValueSet) -> ValueSet {
        var left: [Interval] = []
        var right = 0
        for interval in intervals {
            var low: UInt128? = interval.low
            while right > 0, other.intervals[right - 1].high >= interval.low { right -= 1 }
            while right < other.intervals.count, other.intervals[right].high < interval.low { right += 1 }
            while let from = low, right < other.intervals.count, other.intervals[right].low <= interval.high {
                let hole = other.intervals[right]
                if hole.low > from { left.append(Interval(from, hole.low - 1)) }
                low = hole.high >= interval.high ? nil : hole.high + 1
                if low != nil { right += 1 }
            }
            if let low { left.append(Interval(low, interval.high)) }
        }
        var set = ValueSet.empty
        set.intervals = left
        return set
    }

    /// The same numbers by their digits: boxes of one set for each digit, which don't overlap.
    /// - Parameter widths: Bits of the digits, the highest first; together those of the numbers.
    package func digits(_ widths: ArraySlice<Int>) -> [[ValueSet]] {
        guard let first = widths.first, widths.count > 1 else { return isEmpty ? [] : [[self]] }
        let bits = UInt128(widths.dropFirst().reduce(0, +))
        let rest = Self.ones(Int(bits))
        var points: [UInt128: [Interval]] = [:]
        var wholes: [Interval] = []
        for interval in intervals {
            let (from, to) = (interval.low >> bits, interval.high >> bits)
            if from == to {
                points[from, default: []].append(Interval(interval.low & rest, interval.high & rest))
            } else {
                points[from, default: []].append(Interval(interval.low & rest, rest))
                points[to, default: []].append(Interval(0, interval.high & rest))
                if to - from > 1 { wholes.append(Interval(from + 1, to - 1)) }
            }
        }
        var highs: [ValueSet: [Interval]] = wholes.isEmpty ? [:] : [ValueSet(0, rest): wholes]
        for (high, lows) in points { highs[ValueSet(lows), default: []].append(Interval(high, high)) }
        let sorted = highs.map { (high: ValueSet($0.value), low: $0.key) }.sorted { $0.high.lowest ?? 0 < $1.high.lowest ?? 0 }
        assert(first > 0)
        return sorted.flatMap { entry in entry.low.digits(widths.dropFirst()).map { [entry.high] + $0 } }
    }
}
