import Ruleset

/// The last pass: each chain becomes a run of instructions.
struct Emitter {
    let ports: [String]
    private(set) var instructions: [Instruction] = []
    private(set) var intervals: [Interval] = []
    private(set) var mapEntries: [MapEntry] = []
    private(set) var entryPoints: [EntryPoint] = []
    /// Those of the two ports come first: they differ from chain to chain.
    private(set) var loads = [Load(.metaIifname, in: .bridge), Load(.metaOifname, in: .bridge)]
    private(set) var writes: [Write] = []
    private(set) var rules: [RuleReference] = []
    private(set) var counters: [CounterReference] = []
    private(set) var baseChains: [BaseChainReference] = []
    private(set) var stateful = StatefulEmitter()

    private var loadIndices: [Load: Int] = [:]
    /// Of the table at hand.
    private var family = Family.bridge
    /// Instructions whose target is a chain that may not have been emitted yet, with the chain's name.
    private var unresolved: [(instruction: Int, chain: String)] = []
    private var unresolvedEntries: [(entry: Int, chain: String)] = []

    /// The sets of the table at hand.
    private var sets: [String: NamedSet] = [:]
    /// Where those lie that a rule has used: each is compiled once. Sets of interfaces are no more than two bits, and are not kept.
    private var compiledSets: [String: Range<Int>] = [:]
    /// The same for verdict maps. One of interfaces has other entries for `iifname` than for `oifname`.
    private var compiledMaps: [MapKey: Range<Int>] = [:]

    private struct MapKey: Hashable {
        var name: String
        var isEgress: Bool
    }

    init(ports: [String]) {
        self.ports = ports
        for (index, load) in loads.enumerated() { loadIndices[load] = index }
    }

    mutating func emit(_ ruleset: Ruleset) throws(ProgramError) {
        var hooked: [(start: Int, reference: BaseChainReference)] = []
        for table in ruleset.tables {
            var starts: [String: Int] = [:]
            family = table.family
            sets = Dictionary(table.sets.map { ($0.name, $0) }) { first, _ in first }
            try stateful.begin(table)
            compiledSets.removeAll()
            compiledMaps.removeAll()
            for chain in table.chains {
                let start = instructions.count
                if starts[chain.name] == nil { starts[chain.name] = start }
                if let base = chain.base {
                    hooked.append(
                        (start, BaseChainReference(family: table.family, table: table.name, chain: chain.name, base: base)))
                }
                for rule in chain.rules {
                    try emit(rule, of: chain, in: table, sources: ruleset.sources)
                }
                instructions.append(Instruction(operation: .endOfChain))
            }
            for (instruction, chain) in unresolved {
                guard let start = starts[chain] else { throw ProgramError(reason: .unknownChain(chain), location: table.location) }
                instructions[instruction].target = try int32(start)
            }
            unresolved.removeAll()
            for (entry, chain) in unresolvedEntries {
                guard let start = starts[chain] else { throw ProgramError(reason: .unknownChain(chain), location: table.location) }
                mapEntries[entry].target = try int32(start)
            }
            unresolvedEntries.removeAll()
        }
        let positions = hooked.enumerated().compactMap { index, chain in
            PathPosition(chain.reference.base, of: chain.reference.family, index: index).map { (position: $0, index: index) }
        }
        for index in positions.sorted(by: { $0.position < $1.position }).map(\.index) {
            let (start, reference) = hooked[index]
            baseChains.append(reference)
            entryPoints.append(
                EntryPoint(
                    start: try int32(start), policy: reference.base.policy == .accept ? .accept : .drop,
                    frames: FrameKinds(seenBy: reference.family), hidesEgress: reference.base.hook == .prerouting,
                    hidesIngress: reference.base.hook == .postrouting, countsPackets: reference.family != .bridge))
        }
    }

    private mutating func emit(_ rule: Rule, of chain: Chain, in table: Table, sources: [SourceFile]) throws(ProgramError) {
        let number = rules.count
        let file = rule.location.file
        rules.append(
            RuleReference(
                family: table.family, table: table.name, chain: chain.name,
                source: sources.indices.contains(file) ? sources[file].name : "", line: rule.location.line, rule: rule))

        var matches: [Int] = []
        var end = Instruction(operation: .finish)
        statements: for (place, statement) in rule.statements.enumerated() {
            switch statement {
            case .match(let match):
                let first = instructions.count
                instructions.append(try instruction(for: match))
                matches += first..<instructions.count
            case .counter(let packets, let bytes, _):
                instructions.append(Instruction(operation: .count, first: try int32(counters.count)))
                counters.append(CounterReference(rule: number, packets: packets, bytes: bytes))
            case .verdictMap(let map):
                let first = instructions.count
                instructions.append(try lookUp(map))
                matches += first..<instructions.count
                matches.append(instructions.count)
                instructions.append(Instruction(operation: .mapped, first: try int32(number)))
            case .limit(let limit, let location):
                matches.append(instructions.count)
                instructions.append(Instruction(operation: .limit, first: try int32(try stateful.add(limit, location))))
            case .quota(let quota, _):
                matches.append(instructions.count)
                instructions.append(Instruction(operation: .quota, first: try int32(stateful.add(quota))))
            case .object(let object, let location):
                if object.kind != .counter { matches.append(instructions.count) }
                let operation: Instruction.Operation =
                    switch object.kind {
                    case .counter: .countObject
                    case .limit: .limit
                    case .quota: .quota
                    }
                instructions.append(Instruction(operation: operation, first: try int32(try stateful.number(of: object, location))))
            case .update(let update):
                let first = instructions.count
                var change = Instruction(operation: .change, slot: try slot(of: update.field))
                change.mask = mask(update.mask, of: update.field)
                let (set, template) = try stateful.add(update)
                change.first = try int32(set)
                change.count = try int32(template)
                instructions.append(change)
                matches += first..<instructions.count
            case .log:
                instructions.append(Instruction(operation: .log, first: try int32(number), count: try int32(place)))
            case .assignment(let assignment):
                let first = instructions.count
                instructions.append(try write(assignment))
                matches += first..<instructions.count
            case .verdict(.continue, _):
                // Says what happens anyway: the kernel goes on with the rule's next statement.
                break
            case .verdict(let verdict, _):
                end = self.end(for: verdict)
                break statements
            }
        }
        end.first = try int32(number)
        instructions.append(end)
        let next = try int32(instructions.count)
        for match in matches {
            instructions[match].target = next
        }
    }

    /// Notes the chain that a jump leads to, for an instruction that is appended next.
    private mutating func end(for verdict: Verdict) -> Instruction {
        switch verdict {
        case .accept: return Instruction(operation: .accept)
        case .drop: return Instruction(operation: .drop)
        case .return: return Instruction(operation: .return)
        case .continue: return Instruction(operation: .finish)
        case .jump(let chain):
            unresolved.append((instructions.count, chain))
            return Instruction(operation: .jump)
        case .goto(let chain):
            unresolved.append((instructions.count, chain))
            return Instruction(operation: .goto)
        }
    }

    private mutating func write(_ assignment: Assignment) throws(ProgramError) -> Instruction {
        guard let write = Write(assignment, in: family) else {
            throw ProgramError(reason: .unchangeable(assignment.field), location: assignment.location)
        }
        var instruction = Instruction(operation: .write)
        if case .field(let source) = assignment.value {
            guard source.bitWidth == assignment.field.bitWidth, source.trailingBits == 0 else {
                throw ProgramError(reason: .value(assignment.field), location: assignment.location)
            }
            instruction.operation = .copy
            instruction.slot = try slot(of: source)
        }
        instruction.first = try int32(writes.count)
        writes.append(write)
        return instruction
    }

    private mutating func instruction(for match: Match) throws(ProgramError) -> Instruction {
        var instruction = Instruction(
            operation: .inRange, isNegated: match.relation == .notEqual, slot: try slot(of: match.field))

        if match.field.isInterface {
            instruction.mask = try ingressPorts(values(of: match, in: sets), of: match, ports: ports)
            instruction.low = 1
            instruction.high = .max
            return instruction
        }
        instruction.mask = mask(match.mask, of: match.field)
        if case .named(let name) = match.operand, let set = stateful.changingSets[name] {
            instruction.operation = .inChanging
            instruction.first = try int32(set)
            return instruction
        }
        if case .named(let name) = match.operand {
            let range = try compiledSet(name, for: match)
            instruction.operation = .inSet
            instruction.first = try int32(range.lowerBound)
            instruction.count = try int32(range.count)
            return instruction
        }
        let found = try merged(values(of: match, in: sets), of: match)
        if found.count == 1 {
            instruction.low = found[0].low
            instruction.high = found[0].high
        } else {
            instruction.operation = .inSet
            instruction.first = try int32(intervals.count)
            instruction.count = try int32(found.count)
            intervals += found
        }
        return instruction
    }

    private mutating func compiledSet(_ name: String, for match: Match) throws(ProgramError) -> Range<Int> {
        if let range = compiledSets[name] { return range }
        let first = intervals.count
        intervals += try merged(values(of: match, in: sets), of: match)
        compiledSets[name] = first..<intervals.count
        return first..<intervals.count
    }

    private mutating func lookUp(_ map: VerdictMap) throws(ProgramError) -> Instruction {
        let range: Range<Int>
        switch map.elements {
        case .anonymous(let elements): range = try compile(elements, of: map)
        case .named(let name):
            guard let set = sets[name], set.isVerdictMap else { throw ProgramError(reason: .unknownSet(name), location: map.location) }
            let key = MapKey(name: name, isEgress: map.field == .metaOifname || map.field == .metaOif)
            if let known = compiledMaps[key] {
                range = known
            } else {
                range = try compile(set.elements, of: map)
                compiledMaps[key] = range
            }
        }
        var instruction = Instruction(operation: .lookUp, slot: try slot(of: map.field))
        instruction.first = try int32(range.lowerBound)
        instruction.count = try int32(range.count)
        instruction.mask = map.field.isInterface ? .max : mask(map.mask, of: map.field)
        return instruction
    }

    private mutating func compile(_ elements: [SetElement], of map: VerdictMap) throws(ProgramError) -> Range<Int> {
        var found: [(interval: Interval, verdict: Verdict)] = []
        for element in elements {
            let match = Match(field: map.field, mask: map.mask, operand: .single(element.value), location: map.location)
            guard let verdict = element.verdict else { throw ProgramError(reason: .value(map.field), location: map.location) }
            if map.field.isInterface {
                let ports = try ingressPorts([element.value], of: match, ports: ports)
                for port in [1, 2] as [UInt128] where ports & port != 0 { found.append((Interval(low: port, high: port), verdict)) }
            } else {
                guard let interval = try placedInterval(of: element.value, in: match) else { continue }
                found.append((interval, verdict))
            }
        }
        found.sort { $0.interval.low < $1.interval.low }
        let first = mapEntries.count
        for (interval, verdict) in found {
            if mapEntries.count > first, let last = mapEntries.last, interval.low <= last.high {
                throw ProgramError(reason: .overlap(map.field), location: map.location)
            }
            var entry = MapEntry(low: interval.low, high: interval.high, verdict: .finish, target: 0)
            switch verdict {
            case .accept: entry.verdict = .accept
            case .drop: entry.verdict = .drop
            case .return: entry.verdict = .return
            case .continue: break
            case .jump(let chain):
                entry.verdict = .jump
                unresolvedEntries.append((mapEntries.count, chain))
            case .goto(let chain):
                entry.verdict = .goto
                unresolvedEntries.append((mapEntries.count, chain))
            }
            mapEntries.append(entry)
        }
        return first..<mapEntries.count
    }

    /// The bits that count, where the field stands in its octets.
    private func mask(_ mask: UInt128?, of field: Field) -> UInt128 {
        ((mask ?? .max) & field.allOnes) << UInt128(field.trailingBits)
    }

    /// The slot from which the instruction that is appended next reads. The loads that come first in the program have one each.
    private mutating func slot(of field: Field) throws(ProgramError) -> UInt8 {
        let load = Load(field, in: family)
        let index = loadIndices[load] ?? loads.count
        if index == loads.count {
            loads.append(load)
            loadIndices[load] = index
        }
        if index < LoadedValues.spare { return UInt8(index) }
        instructions.append(Instruction(operation: .read, first: try int32(index)))
        return UInt8(LoadedValues.spare)
    }

    private func int32(_ number: Int) throws(ProgramError) -> Int32 {
        guard let number = Int32(exactly: number) else { throw ProgramError(reason: .tooLarge, location: nil) }
        return number
    }
}
