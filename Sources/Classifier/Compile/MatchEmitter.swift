import Ruleset

// Matches, and the sets and maps that keys are looked up in.

extension Emitter {
    mutating func instruction(for match: Match) throws(ProgramError) -> Instruction {
        if case .named(let name) = match.operand, let set = stateful.changingSets[name] {
            return try instruction(for: match, in: set)
        }
        if match.key.isConcatenation || match.key.first.xor != 0 || !match.elements.isEmpty || asksElements(match.operand) {
            return try inTable(match)
        }
        var instruction = Instruction(
            operation: .inRange, isNegated: match.relation == .notEqual, slot: try slot(of: match.field))

        if match.field.isInterface {
            let values = try values(of: match, in: sets)
            instruction.mask = try ingressPorts(values, of: match.key.first, ports: ports, match.location)
            // A chain that doesn't know the port reads 0, which only a set's element for all others takes.
            instruction.low = values.contains(.any) ? 0 : 1
            instruction.high = .max
            return instruction
        }
        instruction.mask = mask(of: match.key.first)
        if case .named(let name) = match.operand {
            try aim(&instruction, at: try compiledSet(name, for: match))
            return instruction
        }
        let found = try merged(match, in: sets)
        if found.count == 1 {
            instruction.low = found[0].low
            instruction.high = found[0].high
        } else {
            try aim(&instruction, at: try tables.place(found))
        }
        return instruction
    }

    private func aim(_ instruction: inout Instruction, at place: TableEmitter.IntervalPlace) throws(ProgramError) {
        switch place {
        case .scan(let range):
            instruction.operation = .inSet
            instruction.first = try int32(range.lowerBound)
            instruction.count = try int32(range.count)
        case .trie(let number):
            instruction.operation = .inTrie
            instruction.first = try int32(number)
        }
    }

    /// Whether it makes a difference which element is found.
    private func asksElements(_ operand: Operand) -> Bool {
        guard case .named(let name) = operand, let set = sets[name] else { return false }
        return set.hasCounters || set.isGuarded
    }

    private mutating func compiledSet(_ name: String, for match: Match) throws(ProgramError) -> TableEmitter.IntervalPlace {
        let key = LayoutKey(name, match.key)
        if let place = compiledSets[key] { return place }
        tables.subject = LookupStatistics.SetName(family: family, table: tableName, name: name)
        defer { tables.subject = nil }
        let place = try tables.place(try merged(match, in: sets))
        compiledSets[key] = place
        return place
    }

    /// A match of a concatenation, of turned bits, or with a set that counts.
    private mutating func inTable(_ match: Match) throws(ProgramError) -> Instruction {
        let elements: VerdictMap.Elements
        switch match.operand {
        case .single(let value): elements = .anonymous([SetElement(value: value, location: match.location)])
        case .set where !match.elements.isEmpty: elements = .anonymous(match.elements)
        case .set(let values): elements = .anonymous(values.map { SetElement(value: $0, location: match.location) })
        case .named(let name): elements = .named(name)
        }
        var instruction = try lookUp(match.key, elements, match.location)
        instruction.operation = .inTable
        instruction.isNegated = match.relation == .notEqual
        return instruction
    }

    /// - Parameter objects: What the elements lead to, in a map to objects.
    mutating func lookUp(
        _ key: MatchKey, _ elements: VerdictMap.Elements, objects kind: NamedObject.Kind? = nil, _ location: SourceLocation
    ) throws(ProgramError) -> Instruction {
        if case .named(let name) = elements, let set = stateful.changingSets[name] {
            let number = try access(SetAccess(set: try int32(set), pieces: try pieces(of: key)))
            return Instruction(operation: .lookUpChanging, first: number)
        }
        guard key.components.count <= LoadedValues.keyCapacity else { throw ProgramError(reason: .tooLarge, location: location) }
        var table: LookupTable
        switch elements {
        case .anonymous(let elements):
            let numbers = ElementNumbers(guards: try guards(of: elements, key))
            table = try tables.compile(try numbered(elements, kind), key, ports, numbers, location)
        case .named(let name):
            guard let set = sets[name] else { throw ProgramError(reason: .unknownSet(name), location: location) }
            let layout = LayoutKey(name, key)
            if let known = compiledTables[layout] {
                table = known
            } else {
                tables.subject = LookupStatistics.SetName(family: family, table: tableName, name: name)
                defer { tables.subject = nil }
                let numbers = ElementNumbers(firstCounter: firstCounters[name], guards: setGuards[name] ?? [])
                table = try tables.compile(try numbered(Array(set.elements), set.objectKind), key, ports, numbers, location)
                compiledTables[layout] = table
            }
        }
        table.parts = LookupTable.Span(first: try int32(tables.parts.count), count: try int32(key.components.count))
        for component in key.components {
            let place = try place(of: component.field)
            tables.parts.append(
                KeyPart(
                    slot: place.slot, load: place.load, mask: mask(of: component),
                    xor: component.xor << UInt128(component.field.trailingBits)))
        }
        tables.tables.append(table)
        return Instruction(operation: .lookUp, first: try int32(tables.tables.count - 1))
    }

    /// Elements with the numbers of their objects as data.
    private func numbered(_ elements: [SetElement], _ kind: NamedObject.Kind?) throws(ProgramError) -> [SetElement] {
        guard let kind else { return elements }
        var numbered = elements
        for (index, element) in elements.enumerated() {
            guard let name = element.object else {
                throw ProgramError(reason: .unknownObject(.init(kind: kind, name: "")), location: element.location)
            }
            let number = try stateful.number(of: ObjectReference(kind: kind, name: name), element.location)
            numbered[index].mapped = .value(.number(UInt128(number)))
        }
        return numbered
    }
}
