import Ruleset

/// Writes a rule set down as a list of steps for a kind of frames.
struct StepBuilder {
    /// What holds for all rules of a chain where it is asked.
    struct Context {
        var table: Int
        var chain: String
        var place: ReadingPlace
        /// Conditions of the jumps that lead here.
        var entry: Condition
        /// Where a `return` leads.
        var exit: Int
        /// Where an `accept` leads; nil after which no chain follows.
        var next: Int?
        var depth: Int
    }

    /// Maximum number of steps: chains that are jumped to are written down again for each jump.
    static let mostSteps = 200_000
    /// As many jumps from within another as the kernel allows (`Program.deepestChain`).
    private static let deepest = 16

    let ruleset: Ruleset
    let demands: DemandBuilder
    private(set) var list = StepList()
    private let chains: [[JumpTarget: Chain]]
    let sets: [[String: NamedSet]]
    /// By table and chain the number of the first rule among all.
    private let numbers: [[JumpTarget: Int]]

    init(_ ruleset: Ruleset, _ demands: DemandBuilder) {
        self.ruleset = ruleset
        self.demands = demands
        var count = 0
        var chains: [[JumpTarget: Chain]] = []
        var numbers: [[JumpTarget: Int]] = []
        for table in ruleset.tables {
            chains.append([:])
            numbers.append([:])
            for chain in table.chains {
                if chains[chains.count - 1][chain.target] == nil {
                    chains[chains.count - 1][chain.target] = chain
                    numbers[numbers.count - 1][chain.target] = count
                }
                count += chain.rules.count
            }
        }
        (self.chains, self.numbers) = (chains, numbers)
        sets = ruleset.tables.map { table in Dictionary(table.sets.map { ($0.name, $0) }) { first, _ in first } }
    }

    var kind: FrameKind { demands.reader.kind }

    /// All chains that the kind of frames comes to.
    mutating func build() throws(RegionFailure) -> StepList {
        let path = ruleset.path.filter { kind.isSeen(by: ruleset.tables[$0.table].family) }
        if path.isEmpty {
            list.deciders.append(Decider(source: "", line: 0, chain: "", number: nil))
            add(.verdict(.accept, by: 0))
        }
        for (index, hooked) in path.enumerated() {
            let isLast = index == path.count - 1
            let table = ruleset.tables[hooked.table]
            guard let base = hooked.chain.base else { continue }
            let name = "\(table.family.rawValue) \(table.name) \(hooked.chain.name)"
            let exit = label("end of \(name)")
            let next = isLast ? nil : label("after \(name)")
            let place = ReadingPlace(family: table.family, hook: base.hook, isEarly: hooked.isEarly, statement: "")
            try add(
                hooked.chain,
                Context(
                    table: hooked.table, chain: name, place: place, entry: Condition(), exit: exit, next: next, depth: 0))
            add(.label(exit))
            if base.policy == .drop || isLast {
                list.deciders.append(
                    Decider(
                        source: sourceName(hooked.chain.location), line: hooked.chain.location.line,
                        chain: "\(hooked.chain.name) (table \(table.family.rawValue) \(table.name))", number: nil))
                add(.verdict(base.policy == .drop ? .drop : .accept, by: list.deciders.count - 1))
            }
            if let next { add(.label(next)) }
        }
        return list
    }

    // MARK: Steps

    mutating func label(_ name: @autoclosure () -> String) -> Int {
        list.labels.append(name())
        return list.labels.count - 1
    }

    mutating func add(_ action: Step.Action, where demand: Demand = Demand(), rule: Int? = nil) {
        list.steps.append(Step(condition: demand.condition, tests: demand.tests, action: action, rule: rule))
    }

    /// Notes where a statement leaves something to later frames.
    mutating func remember(where condition: Condition) { list.memories.append(Memory(condition: condition, place: list.steps.count)) }

    func sourceName(_ location: SourceLocation) -> String {
        ruleset.sources.indices.contains(location.file) ? ruleset.sources[location.file].name : ""
    }

    // MARK: Chains

    mutating func add(_ chain: Chain, _ context: Context) throws(RegionFailure) {
        let names = RuleNames(chain, table: "\(ruleset.tables[context.table].family.rawValue) \(ruleset.tables[context.table].name)")
        let first = numbers[context.table][chain.target] ?? 0
        for (index, rule) in chain.rules.enumerated() {
            guard list.steps.count <= Self.mostSteps else {
                throw .tooLarge("written down without jumps they have more than \(Self.mostSteps) steps")
            }
            list.deciders.append(
                Decider(
                    source: sourceName(rule.location), line: rule.location.line, chain: chain.name, number: first + index))
            var writer = RuleWriter(rule, decider: list.deciders.count - 1, context, at: RulePlace(names: names, index: index))
            try writer.write(into: &self)
        }
    }

    /// `jump` and `goto`.
    mutating func enter(
        _ target: JumpTarget, isJump: Bool, where demand: Demand, _ context: Context, rule: Int, name: String
    ) throws(RegionFailure) {
        guard context.depth < Self.deepest, let chain = chains[context.table][target] else {
            throw .tooLarge("jumps lead more than \(Self.deepest) chains deep")
        }
        var inner = context
        inner.chain = chain.name
        inner.depth += 1
        inner.entry = demand.condition
        inner.exit = label("back to \(name)")
        // What was asked of marks and their like is not asked again by each rule of the chain: they may change it.
        let past = demand.tests.isEmpty ? nil : label("past \(name)")
        if let past { ask(demand, else: past, name: name, rule: rule) }
        try add(chain, inner)
        add(.label(inner.exit))
        if !isJump { add(.skip(context.exit), where: Demand(condition: demand.condition), rule: rule) }
        if let past { add(.label(past)) }
    }

    /// Goes on only where the demand is fulfilled, as far as it is about what steps assign.
    mutating func ask(_ demand: Demand, else end: Int, name: String, rule: Int) {
        let inside = label("inside \(name)")
        add(.skip(inside), where: demand, rule: rule)
        add(.skip(end), where: Demand(condition: demand.condition), rule: rule)
        add(.label(inside))
    }
}

/// By what a rule is known in another rule set too.
struct RulePlace {
    var names: RuleNames
    var index: Int

    var text: String { names.texts[index] }
}

/// The names of a chain's rules, which are made when the first is asked for.
final class RuleNames {
    private let chain: Chain
    private let table: String
    private(set) lazy var texts: [String] = {
        var counts: [String: Int] = [:]
        return chain.rules.map { rule in
            let text = rule.meaning
            let before = counts[text, default: 0]
            counts[text] = before + 1
            // Where several rules of the chain read the same, with their number.
            return "\(table) \(chain.name): \(text)\(before > 0 ? " (\(before + 1))" : "")"
        }
    }()

    init(_ chain: Chain, table: String) {
        self.chain = chain
        self.table = table
    }
}

extension Rule {
    /// Its text without its comment.
    var meaning: String { Rule(statements: statements, comment: nil, location: location).text }
}

/// A base chain on the path.
struct HookedChain {
    var table: Int
    var chain: Chain
    /// Before connections are tracked.
    var isEarly = false
}

extension Ruleset {
    /// Base chains in the order in which a frame comes to them (net/bridge/br_netfilter_hooks.c; `PathPosition` has the reasons).
    var path: [HookedChain] {
        var ordered: [HookedChain] = []
        for hook in [Hook.prerouting, .forward, .postrouting] {
            var here: [HookedChain] = []
            for (index, table) in tables.enumerated() where table.family != .arp && table.family != .netdev {
                here += table.chains.filter { $0.base?.hook == hook }.map { HookedChain(table: index, chain: $0) }
            }
            let last: Int32 = hook == .postrouting ? .max : 0
            func turn(_ hooked: HookedChain) -> Int {
                guard tables[hooked.table].family == .bridge else { return 1 }
                return hooked.chain.base?.priority ?? 0 <= last ? 0 : 2
            }
            // Among equals the one that was added last comes first.
            ordered += here.enumerated().sorted { left, right in
                (turn(left.element), left.element.chain.base?.priority ?? 0, -left.offset)
                    < (turn(right.element), right.element.chain.base?.priority ?? 0, -right.offset)
            }.map(\.element)
        }
        let early = ordered.prefix { $0.chain.base?.hook == .prerouting && $0.chain.base?.priority ?? 0 < -200 }.count
        for index in 0..<early { ordered[index].isEarly = true }
        return ordered
    }
}
