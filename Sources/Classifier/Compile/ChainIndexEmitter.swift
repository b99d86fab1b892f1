import Decisions
import Ruleset

/// The pass after the last: finds in a chain's instructions what an index can see to, and makes it.
///
/// It reads what was emitted and not the tree, so an index means what the instructions mean. Of each rule it takes the matches that come
/// before anything with an effect; those of fields that have a slot bound a box, the others are left to the instructions. A box may hold
/// more than its rule matches, never less.
struct ChainIndexEmitter {
    private var chains: [ChainIndex] = []
    private var selectors: [IndexedSelector] = []
    private var entries: [RuleEntry] = []
    private var boxes = BoxIndexEmitter()

    /// Maximum boxes that one rule's sets are taken apart into.
    private static let boxLimit = 32

    func frozen() -> ChainIndices {
        ChainIndices(chains: chains, selectors: selectors, entries: entries, boxes: boxes.frozen())
    }

    /// What a match asks of a dimension.
    private struct Constraint {
        var selector: IndexedSelector
        /// Ascending.
        var intervals: [Interval]
        /// The intervals hold nothing but what the match does.
        var isExact = true
    }

    /// What the matches of a rule ask for.
    private struct Constraints {
        /// One for each of the first instructions; nil for what no index can see to.
        var matches: [Constraint?] = []
        /// After them nothing can fail, and the rule ends the chain.
        var isLast = false
        /// The instruction that each match is.
        var first = 0
    }

    /// Makes the index of a chain, if it pays.
    /// - Parameters:
    ///   - instructions: Of the program so far; the chain's begin at `rules[0]`.
    ///   - rules: Where each rule begins, and after the last where the chain ends.
    ///   - changesFrames: Rules of the chain's table may change headers. Then a rule that ends the chain hides none after it: what the
    ///     frame was when it was asked for is not what it is later.
    /// - Returns: What it costs, or nil without an index. Instructions are then still without `seek`: see `Emitter.index`.
    mutating func add(
        _ instructions: [Instruction], rules: [Int], intervals: [Interval], loads: [Load], changesFrames: Bool, indexing: Indexing
    ) -> BoxIndexCost? {
        let count = rules.count - 1
        guard indexing.isWorthwhile(rules: count, indexable: count) else { return nil }
        let asked = (0..<count).map {
            constraints(of: instructions[rules[$0]..<rules[$0 + 1]], intervals: intervals, loads: loads, mayEnd: !changesFrames)
        }
        let indexable = asked.count { $0.matches.contains { $0 != nil } }
        guard indexing.isWorthwhile(rules: count, indexable: indexable) else { return nil }

        let dimensions = Self.dimensions(of: asked)
        let numbers = Dictionary(uniqueKeysWithValues: dimensions.enumerated().map { ($0.element, $0.offset) })
        var boxes: [IndexedBox] = []
        var starts: [RuleEntry] = []
        for (position, rule) in asked.enumerated() {
            // The sum over all rules stays in proportion to their number.
            let room = max(1, min(Self.boxLimit, 4 * (position + 1) + 1024 - boxes.count))
            let (made, seenTo) = Self.boxes(of: rule, numbers, position: Int32(truncatingIfNeeded: position), room: room)
            boxes += made
            // An index is made before its `seek` instructions are put before the rules: one for each rule up to this.
            let place = Int32(truncatingIfNeeded: rule.first + seenTo + position + 1)
            var entry = Self.ending(instructions[rule.first + seenTo..<rules[position + 1]]) ?? RuleEntry(place: place)
            entry.position = Int32(truncatingIfNeeded: position)
            starts += repeatElement(entry, count: made.count)
        }
        let widths = dimensions.map { max(1, UInt128.bitWidth - $0.mask.leadingZeroBitCount) }
        guard let made = self.boxes.add(boxes, widths: widths), let firstSelector = Int32(exactly: selectors.count),
            let firstEntry = Int32(exactly: entries.count), let end = Int32(exactly: rules[count] + count)
        else { return nil }
        chains.append(
            ChainIndex(
                boxes: made.index, selectors: LookupTable.Span(first: firstSelector, count: Int32(dimensions.count)),
                entries: LookupTable.Span(first: firstEntry, count: Int32(truncatingIfNeeded: starts.count)), end: end))
        selectors += dimensions
        entries += starts
        return made.cost
    }

    var count: Int { chains.count }

    /// What is left of a rule, if that is no more than a counter and a verdict.
    private static func ending(_ rest: ArraySlice<Instruction>) -> RuleEntry? {
        var counter = CounterIndex.none
        for instruction in rest {
            switch instruction.operation {
            case .count where counter == .none: counter = CounterIndex(instruction.first)
            case .decide:
                return RuleEntry(
                    place: RuleEntry.place(of: instruction.verdict), rule: RuleIndex(instruction.first), counter: counter)
            default: return nil
            }
        }
        return nil
    }

    // MARK: What rules ask for

    private func constraints(
        of rule: ArraySlice<Instruction>, intervals: [Interval], loads: [Load], mayEnd: Bool
    ) -> Constraints {
        var found = Constraints()
        found.first = rule.startIndex
        var place = rule.startIndex
        matches: while place < rule.endIndex {
            let instruction = rule[place]
            switch instruction.operation {
            case .inRange, .inSet: found.matches.append(constraint(instruction, intervals, loads))
            // Reads, and has no other effect; what comes of it is compared by the next.
            case .read: found.matches.append(nil)
            default: break matches
            }
            place += 1
        }
        // After them, what always goes on up to what ends the chain.
        while place < rule.endIndex {
            switch rule[place].operation {
            case .count, .countObject, .mark, .log: place += 1
            case .decide, .return, .goto:
                found.isLast = mayEnd
                return found
            default: return found
            }
        }
        return found
    }

    private func constraint(
        _ instruction: Instruction, _ intervals: [Interval], _ loads: [Load]
    ) -> Constraint? {
        let slot = Int(instruction.slot)
        guard slot < LoadedValues.mark, loads.indices.contains(slot), let width = loads[slot].indexedBits else { return nil }
        var held = [Interval(low: instruction.low, high: instruction.high)]
        var isExact = true
        if instruction.operation == .inSet, instruction.count > Self.boxLimit {
            // A large set stands here for one interval, else each rule that names it would have it all.
            let (first, last) = (Int(instruction.first), Int(instruction.first) + Int(instruction.count) - 1)
            guard !instruction.isNegated else { return nil }
            held = [Interval(low: intervals[first].low, high: intervals[last].high)]
            isExact = false
        } else if instruction.operation == .inSet {
            held = Array(intervals[Int(instruction.first)..<Int(instruction.first) + Int(instruction.count)])
        }
        if loads[slot].base == .ingress || loads[slot].base == .egress {
            // Bits of a mask, and none of them where a chain does not know the port.
            let ports = (0..<4 as Range<UInt128>).filter { port in
                held.contains { $0.low <= port & instruction.mask && port & instruction.mask <= $0.high } != instruction.isNegated
            }
            return Constraint(
                selector: IndexedSelector(slot: instruction.slot, mask: 3), intervals: ports.map { Interval(low: $0, high: $0) },
                isExact: isExact)
        }
        let all: UInt128 = width >= 128 ? .max : (1 << UInt128(width)) - 1
        let mask = instruction.mask & all
        if mask == 0 { return nil }
        held = held.filter { $0.low <= mask }.map { Interval(low: $0.low, high: min($0.high, mask)) }
        return Constraint(
            selector: IndexedSelector(slot: instruction.slot, mask: mask),
            intervals: instruction.isNegated ? Self.rest(of: held, upTo: mask) : held, isExact: isExact)
    }

    /// What is in none of the intervals, which are ascending.
    private static func rest(of intervals: [Interval], upTo highest: UInt128) -> [Interval] {
        var rest: [Interval] = []
        var low: UInt128 = 0
        for interval in intervals {
            if interval.low > low { rest.append(Interval(low: low, high: interval.low - 1)) }
            guard interval.high < highest else { return rest }
            low = interval.high + 1
        }
        rest.append(Interval(low: low, high: highest))
        return rest
    }

    // MARK: Dimensions and boxes

    /// The selectors that most rules ask for in most ways, if there are more than an index has.
    private static func dimensions(of constraints: [Constraints]) -> [IndexedSelector] {
        var uses: [IndexedSelector: (rules: Int, bounds: Set<UInt128>)] = [:]
        for match in constraints.lazy.flatMap(\.matches) {
            guard let match, let first = match.intervals.first else { continue }
            uses[match.selector, default: (0, [])].rules += 1
            if uses[match.selector, default: (0, [])].bounds.count < 64 { uses[match.selector]?.bounds.insert(first.low) }
        }
        let sorted = uses.sorted { left, right in
            let (more, less) = (left.value.rules * left.value.bounds.count, right.value.rules * right.value.bounds.count)
            return more != less ? more > less : (left.key.slot, left.key.mask) < (right.key.slot, right.key.mask)
        }
        return sorted.prefix(BoxIndex.dimensionLimit).map(\.key)
    }

    /// The boxes that a rule's matches bound, and how many of its first instructions they stand for.
    private static func boxes(
        of rule: Constraints, _ numbers: [IndexedSelector: Int], position: Int32, room: Int
    ) -> (boxes: [IndexedBox], seenTo: Int) {
        var bounds = [[Interval]?](repeating: nil, count: numbers.count)
        var isExact = [Bool](repeating: true, count: numbers.count)
        for match in rule.matches {
            guard let match, let number = numbers[match.selector] else { continue }
            bounds[number] = bounds[number].map { intersection($0, match.intervals) } ?? match.intervals
            if bounds[number]?.isEmpty == true { return ([], 0) }
        }
        // Sets with too many intervals become one that holds them all.
        while bounds.reduce(1, { min($0 * ($1?.count ?? 1), 1 << 20) }) > room {
            guard let most = bounds.indices.max(by: { (bounds[$0]?.count ?? 1) < (bounds[$1]?.count ?? 1) }), let all = bounds[most],
                let first = all.first, let last = all.last
            else { break }
            bounds[most] = [Interval(low: first.low, high: last.high)]
            isExact[most] = false
        }
        let seenTo = rule.matches.prefix { match in
            guard let match, let number = numbers[match.selector] else { return false }
            return isExact[number] && match.isExact
        }.count
        let isLast = rule.isLast && seenTo == rule.matches.count
        var boxes = [IndexedBox(bounds: [], position: position, isLast: isLast)]
        for intervals in bounds {
            boxes = boxes.flatMap { box -> [IndexedBox] in
                guard let intervals else { return [IndexedBox(bounds: box.bounds + [nil], position: position, isLast: isLast)] }
                return intervals.map { IndexedBox(bounds: box.bounds + [$0], position: position, isLast: isLast) }
            }
        }
        return (boxes, seenTo)
    }

    /// Intersection of ascending intervals.
    private static func intersection(_ left: [Interval], _ right: [Interval]) -> [Interval] {
        var common: [Interval] = []
        var (l, r) = (0, 0)
        while l < left.count, r < right.count {
            let (low, high) = (max(left[l].low, right[r].low), min(left[l].high, right[r].high))
            if low <= high { common.append(Interval(low: low, high: high)) }
            if left[l].high < right[r].high { l += 1 } else { r += 1 }
        }
        return common
    }
}

extension Load {
    /// Bits of the value, if an index may be asked by it: it stays as it is while a frame is in a chain, unless rules change headers.
    var indexedBits: Int? {
        switch base {
        case .ingress, .egress: 2
        case .networkProtocol: 16
        case .transportProtocol, .packetType, .packetTypeToHost, .family: 8
        case .link, .network, .transport, .packet, .searched: 8 * Int(count)
        case .presence: 1
        default: nil
        }
    }
}
