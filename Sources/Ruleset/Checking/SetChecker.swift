/// Named sets: declarations, elements that come and go, and what they have to be in the end.
extension Checker {
    mutating func declare(_ syntax: SetSyntax, inTableAt table: Int) {
        defer { if contents[table].sets[syntax.name] == nil { contents[table].declarations.broken.insert(syntax.name) } }
        guard let key = syntax.key else {
            if syntax.hasKey { return }
            return sink.error(syntax.location, "the \(syntax.isMap ? "map" : "set") has no type", note: "write: type ipv4_addr")
        }
        if syntax.mergesElements, !syntax.isInterval {
            return sink.error(syntax.location, "'auto-merge' is for sets with 'flags interval'")
        }
        if syntax.mergesElements, syntax.dynamics.statements.contains(where: { $0.kind == .counter }) {
            return sink.error(syntax.location, "'auto-merge' and 'counter' exclude each other: joined elements would count as one")
        }
        if syntax.dynamics.collectionInterval != nil, !syntax.dynamics.hasTimeout {
            return sink.error(syntax.location, "'gc-interval' is for sets with 'flags timeout' or a timeout")
        }
        if syntax.dynamics.hasTimeout, syntax.dynamics.statements.contains(where: { $0.kind == .connectionCount }) {
            return sink.error(
                syntax.location, "elements with timeouts can't count connections", note: "the kernel refuses it; leave the timeouts out")
        }
        var syntax = syntax
        var others = syntax.dynamics
        others.statements = []
        if !others.changes, syntax.dynamics.statements.count == 1, case .counter(let packets, let bytes) = syntax.dynamics.statements[0] {
            // In a set that does not change it is a number that the file gives to each element.
            syntax.dynamics = others
            syntax.counter = SetElement.Counter(packets: packets, bytes: bytes)
        }
        if syntax.dynamics.isDynamic, syntax.isInterval || syntax.isConstant {
            return sink.error(
                syntax.location, "a set that rules change is neither constant nor one of intervals", note: "the kernel refuses it")
        }
        if case .objects = syntax.contents, syntax.dynamics.isDynamic || !syntax.dynamics.statements.isEmpty {
            return sink.error(
                syntax.location, "a map to objects is not dynamic, and its elements have no statements",
                note: "accepted: flags timeout")
        }
        let set: Int
        if let known = contents[table].sets[syntax.name] {
            let other = tables[table].sets[known]
            let isSame =
                other.contents == syntax.contents && other.isInterval == syntax.isInterval
                && other.isConstant == syntax.isConstant
                && other.mergesElements == syntax.mergesElements && other.dynamics == syntax.dynamics
                && other.hasCounters == (syntax.counter != nil)
                && other.key.fits(key.fields.map(Selector.reading))
            guard isSame else {
                return sink.error(syntax.location, "'\(printable(syntax.name))' already exists, as another set: \(other.key.text)")
            }
            set = known
        } else {
            set = tables[table].sets.count
            var declared = NamedSet(name: syntax.name, key: key, contents: syntax.contents, location: syntax.location)
            declared.isConstant = syntax.isConstant
            declared.isInterval = syntax.isInterval
            declared.mergesElements = syntax.mergesElements
            declared.dynamics = syntax.dynamics
            declared.size = syntax.size
            declared.policy = syntax.policy
            declared.hasCounters = syntax.counter != nil
            declared.comment = syntax.comment
            contents[table].sets[syntax.name] = set
            contents[table].counters[set] = syntax.counter
            contents[table].declarations.declare(declared)
            tables[table].sets.append(declared)
        }
        for list in syntax.elements { add(list, toSetAt: set, ofTableAt: table, syntax.location) }
    }

    /// Elements that the lexer has packed stay packed in a set that holds nothing else.
    private static let unpackedLimit = 2_000_000

    mutating func add(_ list: EntryList, toSetAt index: Int, ofTableAt table: Int, _ location: SourceLocation) {
        let set = (name: tables[table].sets[index].name, isConstant: tables[table].sets[index].isConstant)
        guard list.count > 0 else { return }
        if set.isConstant, contents[table].usedSets.contains(set.name) {
            return sink.error(location, "the set '\(printable(set.name))' is constant, and a rule uses it already")
        }
        if case .packed(let literals) = list {
            if checker(ofSetAt: index, ofTableAt: table).takes(literals, tables[table].sets[index]) {
                return tables[table].sets[index].elements.append(literals.elements)
            }
            guard literals.elements.count <= Self.unpackedLimit else {
                return sink.error(
                    literals.elements.location(at: 0), "more than \(Self.unpackedLimit) elements in a list",
                    note: "only sets of plain addresses can have more")
            }
        }
        let entries = list.entries
        let any = entries.first { if case .any = $0.element { true } else { false } }
        if let any, tables[table].sets[index].changes {
            return sink.error(any.element.location, "'*' in a set that changes is not supported", note: "write a rule after the lookup")
        }
        if tables[table].sets[index].mergesElements, tables[table].sets[index].isGuarded, !tables[table].sets[index].elements.isEmpty {
            return sink.error(
                location, "elements with timeouts or statements of a set with 'auto-merge' have to be given at once",
                note: "which timeout joined elements keep depends on the order of the commands; leave 'auto-merge' out")
        }
        do throws(Diagnostic) {
            let elements = try checker(ofSetAt: index, ofTableAt: table).elements(
                entries, hasIntervals: tables[table].sets[index].isInterval, dynamics: tables[table].sets[index].dynamics)
            if case .objects(let kind) = tables[table].sets[index].contents { try contents[table].declarations.check(elements, of: kind) }
            tables[table].sets[index].elements.append(contentsOf: elements)
        } catch {
            sink.report(error)
        }
    }

    func checker(ofSetAt index: Int, ofTableAt table: Int) -> ElementChecker {
        let set = tables[table].sets[index]
        return ElementChecker(
            set.key.fields.map(Selector.reading), SetUse(set.contents), counter: contents[table].counters[index],
            localTime: contents[table].declarations.localTime)
    }

    /// Holds all elements against each other, and their number against the size.
    mutating func finish(set index: Int, ofTableAt table: Int) {
        let creations = contents[table].creations.filter { $0.set == index }.map(\.range)
        if let packed = tables[table].sets[index].elements.packed {
            // Messages name places by the order of the text, which sorting would lose.
            let size = tables[table].sets[index].size.map { Int($0) }
            if creations.isEmpty, size ?? .max >= packed.count { return finish(packedSet: index, ofTableAt: table) }
            tables[table].sets[index].elements.unpack()
        }
        let set = tables[table].sets[index]
        let checker = checker(ofSetAt: index, ofTableAt: table)
        if !creations.isEmpty { reportPresent(in: set, creations, checker) }
        let (elements, conflict) = checker.withoutDuplicates(
            Array(set.elements), mayOverlap: set.mergesElements, timeout: set.dynamics.timeout)
        tables[table].sets[index].elements = SetElements(elements)
        tables[table].sets[index].elements = SetElements(tables[table].sets[index].canonicalElements)
        if let conflict { reportOverlap(in: set.name, conflict.location) }
        let counted = elements.filter { $0.value != .any }
        if let size = set.size, counted.count > size, !set.mergesElements || checker.mergedCount(elements) > size {
            let place = counted[Int(size)].location
            sink.error(place, "the set '\(printable(set.name))' has more than its size of \(size) elements")
        }
        if counted.count < elements.count { reportNegations(of: set.name, inTableAt: table) }
    }

    private mutating func finish(packedSet index: Int, ofTableAt table: Int) {
        let joins = tables[table].sets[index].mergesElements
        if let conflict = tables[table].sets[index].elements.settlePacked(mayOverlap: joins, joins: joins) {
            reportOverlap(in: tables[table].sets[index].name, conflict)
        }
    }

    private mutating func reportOverlap(in set: String, _ location: SourceLocation) {
        sink.error(location, "the element overlaps another of '\(printable(set))'")
    }

    /// The kernel's versions differ in what is outside of a set that has `*`.
    private mutating func reportNegations(of name: String, inTableAt table: Int) {
        for rule in tables[table].chains.lazy.flatMap(\.rules).flatMap(\.withBlock) {
            for case .match(let match) in rule.statements where match.relation == .notEqual && match.operand == .named(name) {
                sink.error(match.location, "the set '\(printable(name))' has '*' and holds everything, so that nothing is outside of it")
            }
        }
    }

    /// `create element` takes none that is there.
    private mutating func reportPresent(in set: NamedSet, _ ranges: [Range<Int>], _ checker: ElementChecker) {
        let bounds = set.elements.map { checker.identity(of: $0) }
        let first = Dictionary(bounds.enumerated().map { ($1, $0) }) { first, _ in first }
        for range in ranges {
            for index in range where first[bounds[index]].map({ $0 < range.lowerBound }) == true {
                sink.error(set.elements[index].location, "the element is already in '\(printable(set.name))'")
            }
        }
    }
}
