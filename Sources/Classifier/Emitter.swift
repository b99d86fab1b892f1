import Ruleset

/// The last pass: each chain becomes a run of instructions.
struct Emitter {
    let ports: [String]
    private(set) var instructions: [Instruction] = []
    private(set) var intervals: [Interval] = []
    private(set) var entryPoints: [EntryPoint] = []
    private(set) var loads: Set<Load> = []
    private(set) var rules: [RuleReference] = []
    private(set) var counters: [CounterReference] = []
    private(set) var baseChains: [BaseChainReference] = []

    /// Instructions whose target is a chain that may not have been emitted yet, with the chain's name.
    private var unresolved: [(instruction: Int, chain: String)] = []

    init(ports: [String]) {
        self.ports = ports
    }

    mutating func emit(_ ruleset: Ruleset) throws(ProgramError) {
        var hooked: [(start: Int, reference: BaseChainReference)] = []
        for table in ruleset.tables {
            var starts: [String: Int] = [:]
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
        }
        // Among equal priorities the chain that was added last runs first (net/netfilter/core.c, nf_hook_entries_grow): counters
        // and the deciding rule tell the difference.
        let order = hooked.indices.sorted {
            (hooked[$0].reference.base.priority, $1) < (hooked[$1].reference.base.priority, $0)
        }
        for index in order {
            let (start, reference) = hooked[index]
            baseChains.append(reference)
            entryPoints.append(EntryPoint(start: try int32(start), policy: reference.base.policy == .accept ? .accept : .drop))
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
        statements: for statement in rule.statements {
            switch statement {
            case .match(let match):
                matches.append(instructions.count)
                instructions.append(try instruction(for: match))
            case .counter(let packets, let bytes, _):
                instructions.append(Instruction(operation: .count, first: try int32(counters.count)))
                counters.append(CounterReference(rule: number, packets: packets, bytes: bytes))
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

    private mutating func instruction(for match: Match) throws(ProgramError) -> Instruction {
        let load = Load(match.field)
        loads.insert(load)
        var instruction = Instruction(operation: .inRange, load: load, isNegated: match.relation == .notEqual)

        if match.field.isInterfaceName {
            instruction.mask = try ingressPorts(of: match, ports: ports)
            instruction.low = 1
            instruction.high = .max
            return instruction
        }
        instruction.mask = (match.mask ?? .max) & match.field.allOnes
        let found = try operandIntervals(of: match)
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

    private func int32(_ number: Int) throws(ProgramError) -> Int32 {
        guard let number = Int32(exactly: number) else { throw ProgramError(reason: .tooLarge, location: nil) }
        return number
    }
}
