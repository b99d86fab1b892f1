import Ruleset

/// The part of the last pass that lays out sets and maps.
struct TableEmitter {
    var tables: [LookupTable] = []
    var parts: [KeyPart] = []
    var intervals: [Interval] = []
    var outcomes: [Outcome] = []
    private var indices: [Int32] = []
    private var numbers: [UInt128] = []
    /// Outcomes whose target is a chain that may not have been emitted yet, with the chain's name.
    private var unresolved: [(outcome: Int, chain: String)] = []

    mutating func takeUnresolved() -> [(outcome: Int, chain: String)] {
        defer { unresolved.removeAll() }
        return unresolved
    }

    func frozen() -> LookupTables {
        LookupTables(
            tables: FrozenArray(tables), parts: FrozenArray(parts), intervals: FrozenArray(intervals), indices: FrozenArray(indices),
            numbers: FrozenArray(numbers), outcomes: FrozenArray(outcomes))
    }

    /// An element as numbers, a pair for each component.
    private struct Box {
        var bounds: [Interval]
        var element: Int
    }

    /// Lays out a set's elements for keys whose fields stand as that key's do; all but the parts of the table.
    /// - Parameter firstCounter: The number of the first element's counter; nil if elements don't count.
    mutating func compile(
        _ elements: [SetElement], _ key: MatchKey, _ ports: [String], firstCounter: Int?, _ location: SourceLocation
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
            for (index, element) in elements.enumerated() { try append(element, index, firstCounter) }
            try layOut(boxes, into: &table)
        } else {
            try layOutSingle(boxes, elements, firstCounter, key, location, into: &table)
        }
        if let catchAll {
            table.catchAll = try int32(outcomes.count)
            try append(elements[catchAll], catchAll, firstCounter)
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

    private mutating func append(_ element: SetElement, _ index: Int, _ firstCounter: Int?) throws(ProgramError) {
        var outcome = Outcome()
        if let firstCounter { outcome.counter = try int32(firstCounter + index) }
        switch element.verdict {
        case nil, .continue: break
        case .accept: outcome.verdict = .accept
        case .drop: outcome.verdict = .drop
        case .return: outcome.verdict = .return
        case .jump(let chain):
            outcome.verdict = .jump
            unresolved.append((outcomes.count, chain))
        case .goto(let chain):
            outcome.verdict = .goto
            unresolved.append((outcomes.count, chain))
        }
        if case .number(let number) = element.data { outcome.value = number }
        outcomes.append(outcome)
    }

    private mutating func layOutSingle(
        _ boxes: [Box], _ elements: [SetElement], _ firstCounter: Int?, _ key: MatchKey, _ location: SourceLocation,
        into table: inout LookupTable
    ) throws(ProgramError) {
        let isMap = elements.contains { $0.verdict != nil || $0.data != nil }
        table.intervals.first = try int32(intervals.count)
        for box in boxes.sorted(by: { ($0.bounds[0].low, $0.element) < ($1.bounds[0].low, $1.element) }) {
            var interval = box.bounds[0]
            if intervals.count > Int(table.intervals.first), let last = intervals.last, interval.low <= last.high {
                // In a set without outcomes it is one element that holds both.
                if isMap || firstCounter != nil { throw ProgramError(reason: .overlap(key.first.field), location: location) }
                guard interval.high > last.high else { continue }
                interval.low = last.high &+ 1
            }
            intervals.append(interval)
            try append(elements[box.element], box.element, firstCounter)
        }
        table.intervals.count = try int32(intervals.count - Int(table.intervals.first))
    }

    private mutating func layOut(_ boxes: [Box], into table: inout LookupTable) throws(ProgramError) {
        var seen: Set<[UInt128]> = []
        let points = boxes.filter { box in
            box.bounds.allSatisfy { $0.low == $0.high } && seen.insert(box.bounds.map(\.low)).inserted
        }
        table.points = LookupTable.Span(first: try int32(numbers.count), count: try int32(points.count))
        for point in points { numbers += point.bounds.map(\.low) }
        table.pointElements = LookupTable.Span(first: try int32(indices.count), count: try int32(points.count))
        for point in points { indices.append(try int32(point.element)) }
        try hash(points, into: &table)

        let intervals = boxes.filter { box in box.bounds.contains { $0.low != $0.high } }
        table.boxes = LookupTable.Span(first: try int32(numbers.count), count: try int32(intervals.count))
        for box in intervals { numbers += box.bounds.flatMap { [$0.low, $0.high] } }
        table.boxElements = LookupTable.Span(first: try int32(indices.count), count: try int32(intervals.count))
        for box in intervals { indices.append(try int32(box.element)) }
    }

    private mutating func hash(_ points: [Box], into table: inout LookupTable) throws(ProgramError) {
        guard !points.isEmpty else { return }
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
    }

    private func int32(_ number: Int) throws(ProgramError) -> Int32 {
        guard let number = Int32(exactly: number) else { throw ProgramError(reason: .tooLarge, location: nil) }
        return number
    }
}
