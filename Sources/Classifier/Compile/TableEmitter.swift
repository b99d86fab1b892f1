import Decisions
import Ruleset

/// What the elements of a set have beside their keys.
struct ElementNumbers {
    /// The number of the first element's counter; nil if elements don't count.
    var firstCounter: Int?
    /// For each element the number of its guard or -1; empty if none has one.
    var guards: [Int32] = []
}

/// The part of the last pass that lays out sets and maps.
struct TableEmitter {
    var tables: [LookupTable] = []
    var parts: [KeyPart] = []
    var intervals: [Interval] = []
    var outcomes: [Outcome] = []
    private(set) var tries = IntervalTrieLayout()
    private(set) var statistics: [LookupStatistics] = []
    /// The set that is laid out next; nil for one that stands in a rule.
    var subject: LookupStatistics.SetName?
    private var boxIndices = BoxIndexEmitter()
    private var indices: [Int32] = []
    private var numbers: [UInt128] = []
    /// Outcomes whose target is a chain that may not have been emitted yet, with the chain's name.
    private var unresolved: [(outcome: Int, chain: JumpTarget)] = []

    mutating func takeUnresolved() -> [(outcome: Int, chain: JumpTarget)] {
        defer { unresolved.removeAll() }
        return unresolved
    }

    func frozen() -> LookupTables {
        LookupTables(
            tables: tables, parts: parts, intervals: intervals, tries: IntervalTries(tries), indices: indices, numbers: numbers,
            boxIndices: boxIndices.frozen(), outcomes: outcomes)
    }

    /// Where the intervals of a set are.
    enum IntervalPlace {
        /// A range of `intervals`.
        case scan(Range<Int>)
        /// The number of a trie.
        case trie(Int)
    }

    /// Intervals from which on they have a trie. Fewer are found sooner by halving them where they stand.
    static let trieThreshold = 16

    /// - Parameter found: Ascending, none overlaps another.
    mutating func place(_ found: [Interval]) throws(ProgramError) -> IntervalPlace {
        if found.count >= Self.trieThreshold {
            let before = tries.byteCount
            let number = try tries.add(found)
            note(.trie, elements: found.count, bytes: tries.byteCount - before, steps: tries.steps)
            return .trie(number)
        }
        note(
            .intervals, elements: found.count, bytes: found.count * MemoryLayout<Interval>.stride,
            steps: LookupStatistics.halvings(found.count))
        intervals += found
        return .scan(intervals.count - found.count..<intervals.count)
    }

    /// Small sets in rules are part of the rule.
    private mutating func note(_ structure: LookupStatistics.Structure, elements: Int, bytes: Int, steps: Int) {
        guard subject != nil || elements >= Self.trieThreshold else { return }
        statistics.append(LookupStatistics(subject, structure, elements: elements, bytes: bytes, steps: steps))
    }

    /// An element as numbers, a pair for each component.
    private struct Box {
        var bounds: [Interval]
        var element: Int
    }

    /// Lays out a set's elements for keys whose fields stand as that key's do; all but the parts of the table.
    /// - Parameter numbers: Of what elements have beside their keys.
    mutating func compile(
        _ elements: [SetElement], _ key: MatchKey, _ ports: [String], _ numbers: ElementNumbers, _ location: SourceLocation
    ) throws(ProgramError) -> LookupTable {
        var boxes: [Box] = []
        var catchAll: Int?
        for (index, element) in elements.enumerated() {
            if element.value == .any {
                catchAll = catchAll ?? index
                continue
            }
            boxes += try self.boxes(of: element.value, key, ports, location).map { Box(bounds: $0, element: index) }
        }
        var table = LookupTable(parts: LookupTable.Span())
        table.outcomes = try int32(outcomes.count)
        if key.isConcatenation {
            for (index, element) in elements.enumerated() { try append(element, index, numbers) }
            try layOut(boxes, key, elementCount: elements.count, into: &table)
        } else {
            try layOutSingle(boxes, elements, numbers, key, location, into: &table)
        }
        if let catchAll {
            table.catchAll = try int32(outcomes.count)
            try append(elements[catchAll], catchAll, numbers)
        }
        return table
    }

    /// What a value holds: a box, or none if no value of the fields is in it; of a single field with interfaces, one for each port.
    private func boxes(
        of value: Value, _ key: MatchKey, _ ports: [String], _ location: SourceLocation
    ) throws(ProgramError) -> [[Interval]] {
        let components = key.components
        var values = [value]
        if case .concatenation(let parts) = value { values = parts }
        guard values.count == components.count else { throw ProgramError(reason: .value(key.first.field), location: location) }
        var box: [Interval] = []
        for (value, component) in zip(values, components) {
            guard component.field.isInterface else {
                guard let interval = try placedInterval(of: value, field: component.field, location) else { return [] }
                box.append(interval)
                continue
            }
            switch try ingressPorts([value], of: component, ports: ports, location) {
            case 0: return []
            case 3: box.append(Interval(low: 1, high: 2))
            case let port: box.append(Interval(low: port, high: port))
            }
        }
        return [box]
    }

    /// The outcome of an element that is found elsewhere, in a map that changes.
    mutating func addOutcome(of element: SetElement) throws(ProgramError) -> Int {
        try append(element, 0, ElementNumbers())
        return outcomes.count - 1
    }

    private mutating func append(_ element: SetElement, _ index: Int, _ numbers: ElementNumbers) throws(ProgramError) {
        var outcome = Outcome()
        if let firstCounter = numbers.firstCounter { outcome.counter = ElementCounterIndex(try int32(firstCounter + index)) }
        if !numbers.guards.isEmpty { outcome.guardNumber = numbers.guards[index] }
        switch element.mapped {
        case .nothing, .object: break
        case .value(.number(let number)): outcome.value = number
        case .value: break
        case .verdict(.return): outcome.end = .return
        case .verdict(.jump(let chain)):
            outcome.end = .jump
            unresolved.append((outcomes.count, chain))
        case .verdict(.goto(let chain)):
            outcome.end = .goto
            unresolved.append((outcomes.count, chain))
        case .verdict(let verdict):
            guard let decided = FrameVerdict(verdict) else { break }
            (outcome.end, outcome.verdict) = (.decide, decided)
        }
        outcomes.append(outcome)
    }

    private mutating func layOutSingle(
        _ boxes: [Box], _ elements: [SetElement], _ numbers: ElementNumbers, _ key: MatchKey, _ location: SourceLocation,
        into table: inout LookupTable
    ) throws(ProgramError) {
        let isApart = elements.contains { $0.mapped != .nothing } || numbers.firstCounter != nil || !numbers.guards.isEmpty
        var laidOut: [Interval] = []
        for box in boxes.sorted(by: { ($0.bounds[0].low, $0.element) < ($1.bounds[0].low, $1.element) }) {
            var interval = box.bounds[0]
            if let last = laidOut.last, interval.low <= last.high {
                // In a set without outcomes it is one element that holds both.
                if isApart { throw ProgramError(reason: .overlap(key.first.field), location: location) }
                guard interval.high > last.high else { continue }
                interval.low = last.high &+ 1
            }
            laidOut.append(interval)
            try append(elements[box.element], box.element, numbers)
        }
        switch try place(laidOut) {
        case .scan(let range): table.intervals = LookupTable.Span(first: try int32(range.lowerBound), count: try int32(range.count))
        case .trie(let number): table.trie = TrieIndex(try int32(number))
        }
    }

    private mutating func layOut(_ boxes: [Box], _ key: MatchKey, elementCount: Int, into table: inout LookupTable) throws(ProgramError) {
        let before = 4 * indices.count + 16 * numbers.count
        var seen: Set<[UInt128]> = []
        let points = boxes.filter { box in
            box.bounds.allSatisfy { $0.low == $0.high } && seen.insert(box.bounds.map(\.low)).inserted
        }
        table.points = LookupTable.Span(first: try int32(numbers.count), count: try int32(points.count))
        for point in points { numbers += point.bounds.map(\.low) }
        table.pointElements = LookupTable.Span(first: try int32(indices.count), count: try int32(points.count))
        for point in points { indices.append(try int32(point.element)) }
        let probes = try hash(points, into: &table)

        let intervals = boxes.filter { box in box.bounds.contains { $0.low != $0.high } }
        var structure = intervals.isEmpty ? LookupStatistics.Structure.hash : .boxes
        var cost = BoxIndexCost(steps: intervals.count)
        defer {
            let bytes = 4 * indices.count + 16 * numbers.count - before + cost.bytes
            note(structure, elements: points.count + intervals.count, bytes: bytes, steps: probes + cost.steps)
        }
        if intervals.count >= Self.indexThreshold,
            let found = try index(intervals, key, elementCount: elementCount, into: &table)
        {
            (structure, cost) = (.boxIndex, found)
            return
        }
        table.boxElements = LookupTable.Span(first: try int32(indices.count), count: try int32(intervals.count))
        for box in intervals { indices.append(try int32(box.element)) }
        try append(intervals, into: &table)
    }

    /// Boxes from which on they have an index. Fewer are asked one by one.
    static let indexThreshold = 8

    /// - Returns: What the index costs, if there is one now.
    private mutating func index(
        _ boxes: [Box], _ key: MatchKey, elementCount: Int, into table: inout LookupTable
    ) throws(ProgramError) -> BoxIndexCost? {
        let components = key.components.prefix(BoxIndex.dimensionLimit)
        let isWhole = components.count == key.components.count
        var indexed: [IndexedBox] = []
        for box in boxes {
            indexed.append(
                IndexedBox(bounds: box.bounds.prefix(components.count).map { $0 }, position: try int32(box.element), isLast: isWhole))
        }
        let widths = components.map { $0.field.isInterface ? 2 : min(128, $0.field.bitWidth + $0.field.trailingBits) }
        let number = boxIndices.count
        guard let cost = boxIndices.add(indexed, widths: widths)?.cost else { return nil }
        table.boxIndex = BoxIndexNumber(try int32(number))
        guard !isWhole else { return cost }
        table.boxElements = LookupTable.Span(first: try int32(indices.count), count: try int32(elementCount))
        var boxNumbers = [Int32](repeating: -1, count: elementCount)
        for (number, box) in boxes.enumerated() { boxNumbers[box.element] = try int32(number) }
        indices += boxNumbers
        try append(boxes, into: &table)
        return cost
    }

    private mutating func append(_ boxes: [Box], into table: inout LookupTable) throws(ProgramError) {
        table.boxes = LookupTable.Span(first: try int32(numbers.count), count: try int32(boxes.count))
        for box in boxes { numbers += box.bounds.flatMap { [$0.low, $0.high] } }
    }

    /// - Returns: Buckets that the search for a key comes to at most.
    private mutating func hash(_ points: [Box], into table: inout LookupTable) throws(ProgramError) -> Int {
        guard !points.isEmpty else { return 0 }
        var count = 2
        while count < 2 * points.count { count *= 2 }
        let first = indices.count
        table.buckets = LookupTable.Span(first: try int32(first), count: try int32(count))
        indices += Array(repeating: -1, count: count)
        for (number, point) in points.enumerated() {
            var hash = KeyHash()
            for component in point.bounds { hash.add(component.low) }
            var bucket = hash.bucket(among: count - 1)
            while indices[first + bucket] >= 0 { bucket = (bucket + 1) & (count - 1) }
            indices[first + bucket] = try int32(number)
        }
        // The longest run of full buckets, which may go on at the front, and the empty one after it.
        var (run, longest) = (0, 0)
        for bucket in 0..<2 * count {
            run = indices[first + bucket & (count - 1)] < 0 ? 0 : run + 1
            longest = max(longest, run)
        }
        return longest + 1
    }

    private func int32(_ number: Int) throws(ProgramError) -> Int32 {
        guard let number = Int32(exactly: number) else { throw ProgramError(reason: .tooLarge, location: nil) }
        return number
    }
}
