import Decisions
import Ruleset

/// The last pass: each chain becomes a run of instructions.
struct Emitter {
    let ports: [String]
    var instructions: [Instruction] = []
    var tables = TableEmitter()
    private(set) var entryPoints: [EntryPoint] = []
    /// The loads of the two ports come first: they differ from chain to chain.
    private(set) var loads = [Load(.metaIifname, in: .bridge), Load(.metaOifname, in: .bridge)]
    var writes: [Write] = []
    var calculations: [CalculationStep] = []
    private(set) var rules: [RuleReference] = []
    private(set) var counters: [CounterReference] = []
    var elementCounters: [ElementCounterReference] = []
    private(set) var baseChains: [BaseChainReference] = []
    var stateful: StatefulEmitter
    /// What has been asked of connections so far.
    var connectionNeeds: ConnectionNeeds = []
    /// How many of `baseChains` a frame comes to before it is tracked.
    private(set) var chainsBeforeTracking = 0
    var chainIndices = ChainIndexEmitter()
    var chainStatistics: [ChainStatistics] = []
    var accesses: [SetAccess] = []
    var pieces: [KeyPiece] = []
    /// The seed of what rules draw by lot.
    let seed: UInt64
    private(set) var draws: [NumberDraw] = []
    /// The statement at hand, and how many numbers it draws so far.
    private var drawing = (statement: LoggedStatement(rule: 0, statement: 0), count: 0)

    private var loadIndices: [Load: Int] = [:]
    /// The family of the table at hand.
    private(set) var family = Family.bridge
    var tableName = ""
    /// Instructions whose target is a chain that may not have been emitted yet, with the chain's name.
    var unresolved: [(instruction: Int, chain: JumpTarget)] = []

    /// The sets of the table at hand.
    var sets: [String: NamedSet] = [:]
    /// The numbers of their first elements' counters.
    var firstCounters: [String: Int] = [:]
    /// Of sets of intervals with timeouts or statements: the guard of each element.
    var setGuards: [String: [Int32]] = [:]
    /// Where those lie that a rule has used: each is compiled once. Sets of interfaces are no more than two bits, and are not kept.
    var compiledSets: [LayoutKey: TableEmitter.IntervalPlace] = [:]
    var compiledTables: [LayoutKey: LookupTable] = [:]

    /// A set, and how the numbers of a key lie that is looked up in it: fields of one type may end at other bits of an octet, and
    /// interfaces are other ports for `iifname` than for `oifname`.
    struct LayoutKey: Hashable {
        var name: String
        var layout: [Int]

        init(_ name: String, _ key: MatchKey) {
            self.name = name
            layout = key.components.map { component in
                guard component.field.isInterface else { return component.field.trailingBits }
                return component.field.port == .egress ? -1 : -2
            }
        }
    }

    let indexing: Indexing

    init(ports: [String], seed: UInt64 = 0, indexing: Indexing = .automatic) {
        self.ports = ports
        self.seed = seed
        self.indexing = indexing
        stateful = StatefulEmitter(ports: ports)
        for (index, load) in loads.enumerated() { loadIndices[load] = index }
    }

    mutating func emit(_ ruleset: Ruleset) throws(ProgramError) {
        var hooked: [(start: Int, reference: BaseChainReference)] = []
        for table in ruleset.tables {
            var starts: [JumpTarget: Int] = [:]
            family = table.family
            tableName = table.name
            sets = Dictionary(table.sets.map { ($0.name, $0) }) { first, _ in first }
            try stateful.begin(table, &tables)
            compiledSets.removeAll()
            compiledTables.removeAll()
            try numberElements(of: table)
            for chain in table.chains {
                let start = instructions.count
                if starts[chain.target] == nil { starts[chain.target] = start }
                if let base = chain.base {
                    hooked.append(
                        (start, BaseChainReference(family: table.family, table: table.name, chain: chain.name, base: base)))
                }
                var starts: [Int] = []
                for rule in chain.rules {
                    starts.append(instructions.count)
                    try emit(rule, of: chain, in: table, sources: ruleset.sources)
                }
                starts.append(instructions.count)
                instructions.append(Instruction(operation: .endOfChain))
                try index(starts, of: chain, in: table)
            }
            for (instruction, chain) in unresolved {
                guard let start = starts[chain] else {
                    throw ProgramError(reason: .unknownChain(chain.description), location: table.location)
                }
                instructions[instruction].target = try int32(start)
            }
            unresolved.removeAll()
            for (outcome, chain) in tables.takeUnresolved() {
                guard let start = starts[chain] else {
                    throw ProgramError(reason: .unknownChain(chain.description), location: table.location)
                }
                tables.outcomes[outcome].target = try int32(start)
            }
        }
        if stateful.countsConnections { connectionNeeds.formUnion([.state, .count]) }
        let positions = hooked.enumerated().compactMap { index, chain in
            PathPosition(chain.reference.base, of: chain.reference.family, index: index).map { (position: $0, index: index) }
        }
        for index in positions.sorted(by: { $0.position < $1.position }).map(\.index) {
            let (start, reference) = hooked[index]
            if PathPosition.isBeforeTracking(reference.base), chainsBeforeTracking == baseChains.count { chainsBeforeTracking += 1 }
            baseChains.append(reference)
            entryPoints.append(
                EntryPoint(
                    start: try int32(start), policy: FrameVerdict(reference.base.policy),
                    frames: FrameKinds(seenBy: reference.family), hidesEgress: reference.base.hook == .prerouting,
                    hidesIngress: reference.base.hook == .postrouting, countsPackets: reference.family != .bridge))
        }
    }

    private mutating func emit(_ rule: Rule, of chain: Chain, in table: Table, sources: [SourceFile]) throws(ProgramError) {
        let number = rules.count
        let file = rule.location.file
        stateful.keys.begin(rule, of: chain.target, table: table.name, family: table.family)
        rules.append(
            RuleReference(
                family: table.family, table: table.name, chain: chain.owner ?? chain.name,
                source: sources.indices.contains(file) ? sources[file].name : "", line: rule.location.line, rule: rule))

        var matches: [Int] = []
        var end = Instruction(operation: .finish)
        statements: for (place, statement) in rule.statements.enumerated() {
            drawing = (LoggedStatement(rule: RuleIndex(try int32(number)), statement: StatementIndex(try int32(place))), 0)
            switch statement {
            case .match(let match):
                let first = instructions.count
                instructions.append(try instruction(for: match.loaded))
                matches += first..<instructions.count
            case .counter(let packets, let bytes, _):
                instructions.append(Instruction(operation: .count, first: try int32(counters.count)))
                counters.append(CounterReference(rule: number, packets: packets, bytes: bytes))
            case .verdictMap(let map):
                let first = instructions.count
                instructions.append(try lookUp(map.key, map.elements, map.location))
                matches += first..<instructions.count
                matches.append(instructions.count)
                instructions.append(Instruction(operation: .mapped, first: try int32(number)))
            case .assignment(let assignment):
                let first = instructions.count
                try emit(assignment)
                matches += first..<instructions.count
            case .limit(let limit, let location):
                matches.append(instructions.count)
                instructions.append(Instruction(operation: .limit, first: try int32(try stateful.add(limit, location))))
            case .quota(let quota, _):
                matches.append(instructions.count)
                instructions.append(Instruction(operation: .quota, first: try int32(stateful.add(quota))))
            case .object(let object, let location):
                if object.kind == .limit || object.kind == .quota { matches.append(instructions.count) }
                let operation: Instruction.Operation =
                    switch object.kind {
                    case .counter: .countObject
                    case .limit: .limit
                    case .quota: .quota
                    case .timeout: .connectionTimeouts
                    }
                if object.kind == .timeout { connectionNeeds.formUnion([.state, .timeouts]) }
                instructions.append(Instruction(operation: operation, first: try int32(try stateful.number(of: object, location))))
            case .update(let update):
                let first = instructions.count
                instructions.append(try instruction(for: update))
                matches += first..<instructions.count
            case .objectMap(let map):
                let first = instructions.count
                instructions.append(try lookUp(map.key, map.elements, objects: map.kind, map.location))
                let operation: Instruction.Operation =
                    switch map.kind {
                    case .counter: .countMapped
                    case .limit: .limitMapped
                    case .quota: .quotaMapped
                    case .timeout: throw ProgramError(reason: .unknownObject(.init(kind: .timeout, name: "")), location: map.location)
                    }
                instructions.append(Instruction(operation: operation))
                matches += first..<instructions.count
            case .connectionCount(let count, _):
                matches.append(instructions.count)
                instructions.append(Instruction(operation: .countConnections, first: try int32(stateful.add(count))))
            case .last(let last, _):
                instructions.append(Instruction(operation: .last, first: try int32(stateful.add(.last(last, ofRule: number)))))
            case .notrack:
                connectionNeeds.insert(.state)
                instructions.append(Instruction(operation: .notrack))
            case .log:
                instructions.append(Instruction(operation: .log, first: try int32(number), count: try int32(place)))
            case .hostSetting: break
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
        if let decided = FrameVerdict(verdict) { return Instruction(operation: .decide, verdict: decided) }
        switch verdict {
        case .return: return Instruction(operation: .return)
        case .jump(let chain):
            unresolved.append((instructions.count, chain))
            return Instruction(operation: .jump)
        case .goto(let chain):
            unresolved.append((instructions.count, chain))
            return Instruction(operation: .goto)
        default: return Instruction(operation: .finish)
        }
    }

    /// The bits that count, where the field stands in its octets.
    func mask(of component: MatchKey.Component) -> UInt128 {
        if component.field.isInterface { return .max }
        return ((component.mask ?? .max) & component.field.allOnes) << UInt128(component.field.trailingBits)
    }

    /// The slot from which the instruction that is appended next reads.
    mutating func slot(of field: Field) throws(ProgramError) -> UInt8 {
        let place = try place(of: field)
        if place.slot == UInt8(LoadedValues.spare) {
            let isDrawn = place.load < 0
            instructions.append(
                Instruction(operation: isDrawn ? .draw : .read, first: isDrawn ? LoadedValues.drawn(place.load) : place.load))
        }
        return place.slot
    }

    /// The loads that come first in the program have a slot each.
    mutating func place(of field: Field) throws(ProgramError) -> (slot: UInt8, load: Int32) {
        if field == .metaMark { return (UInt8(LoadedValues.mark), 0) }
        if let generator = field.generator {
            draws.append(NumberDraw(generator, seed: seed, at: drawing.statement, ordinal: drawing.count))
            drawing.count += 1
            return (UInt8(LoadedValues.spare), LoadedValues.drawn(try int32(draws.count - 1)))
        }
        // Where a chain does not know the port it can't be read.
        if !field.isInterface, let port = field.port {
            instructions.append(Instruction(operation: .inRange, slot: port == .ingress ? 0 : 1, mask: 0b11, low: 1, high: .max))
        }
        let load = Load(field, in: family)
        if load.base == .connection { connectionNeeds.formUnion(load.connection.needs) }
        let index = loadIndices[load] ?? loads.count
        if index == loads.count {
            loads.append(load)
            loadIndices[load] = index
        }
        // What is no part of a frame is read when it is asked for.
        let hasSlot = index < LoadedValues.mark && load.base != .pathSegment
        return (UInt8(hasSlot ? index : LoadedValues.spare), try int32(index))
    }

    func int32(_ number: Int) throws(ProgramError) -> Int32 {
        guard let number = Int32(exactly: number) else { throw ProgramError(reason: .tooLarge, location: nil) }
        return number
    }
}
