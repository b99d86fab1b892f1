public import Classifier
public import Decisions
public import Ruleset
public import Storage
public import Wire

/// Walks a rule set rule by rule, as it stands in the file: slow and plain, the reference that `Program` is held against.
///
/// It reads fields and compares values by itself; only the frame's parsing is the same.
public struct Interpreter {
    /// What a frame came upon on its way.
    public struct Result: Equatable, Sendable {
        public var classification: Classification
        /// Rules that matched to their end, in that order, by index as in `Program.rules`.
        public var matchedRules: [Int] = []
        /// `counter` statements that counted, in that order, by index as in `Program.counters`.
        public var counters: [Int] = []
        /// Elements with counters that were found, in that order, by index as in `Program.elementCounters`.
        public var elements: [Int] = []
        /// Named counters that counted, in that order, by index as in `Program.namedCounters`.
        public var namedCounters: [Int] = []
        /// `log` statements, in that order.
        public var events: [LoggedStatement] = []
        /// `last` statements, in that order.
        public var lastUses: [LoggedStatement] = []
        /// What became of the frame, its outermost tag in its place.
        public var bytes: [UInt8] = []
        /// The connection, with what rules have written.
        public var connection = PacketConnection.untracked
        /// Its way; empty unless it was asked for.
        public var trace = Trace(isOn: false)
    }

    struct NumberedSet {
        var elements: [SetElement]
        /// The first element's, in a set with counters.
        var firstCounter: Int?
        /// In a set of intervals with timeouts or statements the set.
        var guarded: NamedSet?
    }

    /// The numbers of counters among the statements of elements, by element and place.
    struct OwnCounters {
        private var numbers: [InterpreterState.FixedElement: [Int: Int]] = [:]

        /// - Returns: How many there are.
        mutating func add(_ statements: [[ElementStatement]], of set: InterpreterState.FixedSet, from first: Int) -> Int {
            var count = 0
            for (index, statements) in statements.enumerated() {
                for (place, statement) in statements.enumerated() {
                    guard case .counter = statement else { continue }
                    numbers[InterpreterState.FixedElement(set: set, index: index), default: [:]][place] = first + count
                    count += 1
                }
            }
            return count
        }

        func number(_ element: InterpreterState.FixedElement, _ place: Int) -> Int? { numbers[element]?[place] }
    }

    struct NumberedRule {
        var number: Int
        var firstCounter: Int
        var rule: Rule
    }

    struct NumberedChain {
        var base: BaseChain?
        var rules: [NumberedRule]
    }

    private enum Outcome {
        case decided(FrameVerdict)
        case next
    }

    private let ports: [String]
    private let pathMTU: Int
    /// By table, then by name.
    let tables: [(chains: [JumpTarget: NumberedChain], sets: [String: NumberedSet])]
    /// Counters among the statements of elements.
    let ownCounters: OwnCounters
    /// From when on elements live, in nanoseconds of the monotonic clock.
    let start: UInt64
    /// What previous frames have left.
    let state: InterpreterState
    private let families: [Family]
    /// In the order in which a frame comes to them.
    private let baseChains: [(table: Int, chain: NumberedChain, base: BaseChain)]
    /// How many of them come before connections are tracked.
    private let chainsBeforeTracking: Int

    /// Parameters as those of `Program`, with what `Program.setPathMTU` would be told.
    public init(
        _ ruleset: Ruleset, ports: [String], start: Instant = Instant(monotonic: 0, sinceEpoch: 0), seed: UInt64 = 0, pathMTU: Int = 1_500
    ) {
        self.ports = ports
        self.pathMTU = pathMTU
        var rules = 0
        var counters = 0
        var elements = 0
        var ownCounters = OwnCounters()
        var tables: [(chains: [JumpTarget: NumberedChain], sets: [String: NumberedSet])] = []
        var hooked: [(table: Int, chain: NumberedChain, base: BaseChain)] = []
        for table in ruleset.tables {
            var chains: [JumpTarget: NumberedChain] = [:]
            var sets: [String: NumberedSet] = [:]
            for set in table.sets where sets[set.name] == nil {
                sets[set.name] = NumberedSet(
                    elements: Array(set.elements), firstCounter: set.hasCounters ? elements : nil, guarded: set.isGuarded ? set : nil)
                if set.hasCounters { elements += set.elements.count }
            }
            for set in table.sets where set.isGuarded && sets[set.name]?.guarded == set {
                let place = InterpreterState.FixedSet.named(set.name, table: tables.count)
                elements += ownCounters.add(set.elements.map(set.statements), of: place, from: elements)
            }
            for chain in table.chains {
                var numbered = NumberedChain(base: chain.base, rules: [])
                for rule in chain.rules {
                    numbered.rules.append(NumberedRule(number: rules, firstCounter: counters, rule: rule))
                    rules += 1
                    for (place, statement) in rule.statements.enumerated() {
                        let here = LoggedStatement(rule: RuleIndex(rules - 1), statement: StatementIndex(place))
                        elements += ownCounters.add(statement.elementsInRule.map(\.statements), of: .inRule(here), from: elements)
                    }
                    counters += rule.reachableCounters
                }
                if chains[chain.target] == nil { chains[chain.target] = numbered }
                if let base = chain.base { hooked.append((tables.count, numbered, base)) }
            }
            tables.append((chains, sets))
        }
        self.tables = tables
        self.ownCounters = ownCounters
        self.start = start.monotonic
        state = InterpreterState(ruleset, start: start.monotonic, seed: seed)
        let families = ruleset.tables.map(\.family)
        self.families = families
        var ordered: [(table: Int, chain: NumberedChain, base: BaseChain)] = []
        for hook in [Hook.prerouting, .forward, .postrouting] {
            let here = hooked.filter { $0.base.hook == hook }
            let packetChains = here.filter { [.inet, .ip, .ip6].contains(families[$0.table]) }
            let bridgeChains = here.filter { families[$0.table] == .bridge }
            // br_netfilter asks IP's chains from a function of its own, which has this priority among the bridge's.
            let turn: Int32 = hook == .postrouting ? .max : 0
            ordered += Self.byPriority(bridgeChains.filter { $0.base.priority <= turn })
            ordered += Self.byPriority(packetChains)
            ordered += Self.byPriority(bridgeChains.filter { $0.base.priority > turn })
        }
        baseChains = ordered
        chainsBeforeTracking = ordered.prefix { $0.base.hook == .prerouting && $0.base.priority < -200 }.count
    }

    private static func byPriority(
        _ chains: [(table: Int, chain: NumberedChain, base: BaseChain)]
    ) -> [(table: Int, chain: NumberedChain, base: BaseChain)] {
        // The kernel hooks a chain in before those of its own priority.
        Set(chains.map(\.base.priority)).sorted().flatMap { priority in chains.filter { $0.base.priority == priority }.reversed() }
    }

    /// True if a set has been full of elements some of which had expired. When those make room is a program's own affair: from then
    /// on it may say something else.
    public var isRoomUncertain: Bool { state.isRoomUncertain }

    /// Runs a frame through the rules; parameters as `Program.classify`.
    /// - Parameter isTraced: Whether the result tells the frame's way.
    public func classify(
        _ bytes: RawSpan, _ frame: ParsedFrame, isChecksumPartial: Bool = false, ingress: UInt8, at instant: Instant,
        section: PathSection = .whole, after before: Classification = .none, connection: PacketConnection = .untracked,
        live: LiveConnections = .none, isTraced: Bool = false
    ) -> Result {
        var fields = InterpreterFields(bytes, frame, ingress: Int(ingress), at: instant, ports: ports, pathMTU: pathMTU)
        fields.connection = connection
        fields.live = live
        fields.mark = UInt128(before.mark)
        fields.isChanged = before.isChanged
        var result = Result(classification: before)
        result.trace = Trace(isOn: isTraced)
        for (index, entry) in baseChains.enumerated() {
            switch section {
            case .whole: break
            case .beforeTracking: if index >= chainsBeforeTracking { continue }
            case .afterTracking: if index < chainsBeforeTracking { continue }
            }
            let family = families[entry.table]
            guard sees(fields.frame, family) else {
                result.trace.add(.unseen(baseChain: index))
                continue
            }
            result.trace.add(.baseChain(index))
            fields.family = family
            fields.hook = entry.base.hook
            var decider: Int?
            let outcome = walk(entry.chain, in: entry.table, depth: 0, &fields, isChecksumPartial: isChecksumPartial, &result, &decider)
            let verdict: FrameVerdict =
                switch outcome {
                case .decided(let verdict): verdict
                case .next: FrameVerdict(entry.base.policy)
                }
            if case .next = outcome { result.trace.add(.policy(baseChain: index, entry.base.policy)) }
            result.classification = Classification(
                verdict: verdict, rule: RuleIndex(decider), baseChain: BaseChainIndex(index))
            if !verdict.isAccepting { break }
            fields.readAgain()
        }
        result.classification.decision.isChanged = fields.isChanged
        result.classification.mark = UInt32(truncatingIfNeeded: fields.mark)
        result.connection = fields.connection
        result.bytes = fields.wire
        return result
    }

    private func sees(_ frame: ParsedFrame, _ family: Family) -> Bool {
        switch family {
        case .bridge: true
        case .inet: frame.vlanCount < 2 && (frame.network == .ipv4 || frame.network == .ipv6)
        case .ip: frame.vlanCount < 2 && frame.network == .ipv4
        case .ip6: frame.vlanCount < 2 && frame.network == .ipv6
        case .arp, .netdev: false
        }
    }

    /// - Returns: `next` where the chain comes to its end without a word.
    private func walk(
        _ chain: NumberedChain, in table: Int, depth: Int, _ fields: inout InterpreterFields, isChecksumPartial: Bool,
        _ result: inout Result, _ decider: inout Int?
    ) -> Outcome {
        rules: for numbered in chain.rules {
            var counter = numbered.firstCounter
            result.trace.begin(rule: numbered.number, depth: depth)
            for (place, statement) in numbered.rule.statements.enumerated() {
                var said: Verdict?
                let here = LoggedStatement(rule: RuleIndex(numbered.number), statement: StatementIndex(place))
                fields.drawn = state.numbers(drawnBy: statement, here, fields)
                result.trace.begin(statement, at: place, fields)
                switch statement {
                case .match(let written):
                    let match = written.loaded
                    if case .named(let name) = match.operand, state.isChanging(name, table: table) {
                        guard let isInside = state.holds(match, in: name, table: table, fields), isInside == (match.relation == .equal)
                        else { continue rules }
                    } else {
                        let set: VerdictMap.Elements =
                            switch match.operand {
                            case .single(let value): .anonymous([SetElement(value: value, location: match.location)])
                            case .set where !match.elements.isEmpty: .anonymous(match.elements)
                            case .set(let values): .anonymous(values.map { SetElement(value: $0, location: match.location) })
                            case .named(let name): .named(name)
                            }
                        guard fields.canRead(match.key) else { continue rules }
                        let found = find(in: set, of: table, match.key, fields)
                        guard (found != nil) == (match.relation == .equal) else { continue rules }
                        if let counter = found?.counter { result.elements.append(counter) }
                        if match.relation == .equal, let found, !pass(found, set, table, here, fields, &result) { continue rules }
                    }
                case .update(let update):
                    guard state.change(update, table: table, fields) else { continue rules }
                case .verdictMap(let map):
                    guard let found = element(of: map.elements, in: table, map.key, here, fields, &result) else { continue rules }
                    said = found.verdict
                case .assignment(let assignment) where assignment.value == .removed:
                    switch fields.removeOption(assignment.field, isChecksumPartial: isChecksumPartial) {
                    case .done: break
                    case .noTCP: continue rules
                    case .beyondHeader:
                        result.matchedRules.append(numbered.number)
                        result.trace.finish(.drop, fields)
                        decider = numbered.number
                        return .decided(.drop)
                    }
                case .assignment(let assignment):
                    guard let number = assigned(assignment.value, in: table, here, fields, &result) else { continue rules }
                    switch assignment.field {
                    case .metaMark, .ctMark: fields.setMark(number, of: assignment.field)
                    default: guard fields.assign(number, to: assignment.field, isChecksumPartial: isChecksumPartial) else { continue rules }
                    }
                case .counter:
                    result.counters.append(counter)
                    counter += 1
                case .verdict(let verdict, _):
                    said = verdict
                case .limit(let limit, _):
                    guard state.pass(limit, .statement(here), fields) else { continue rules }
                case .quota(let quota, _):
                    guard state.pass(quota, .statement(here), fields) else { continue rules }
                case .connectionCount(let count, _):
                    guard state.pass(count, .statement(here), fields) else { continue rules }
                case .object(let reference, _):
                    guard pass(reference, table, &fields, &result) else { continue rules }
                case .notrack:
                    if !fields.connection.isFollowed { fields.connection.state = .untracked }
                case .objectMap(let map):
                    guard let name = element(of: map.elements, in: table, map.key, here, fields, &result)?.object else { continue rules }
                    guard pass(ObjectReference(kind: map.kind, name: name), table, &fields, &result) else { continue rules }
                case .log:
                    result.events.append(here)
                case .last:
                    result.lastUses.append(here)
                case .hostSetting: break
                }
                switch said {
                case nil, .continue: continue
                default:
                    result.matchedRules.append(numbered.number)
                    result.trace.finish(said, fields)
                }
                if let decided = said.flatMap({ FrameVerdict($0) }) {
                    decider = numbered.number
                    return .decided(decided)
                }
                switch said {
                case .return:
                    return .next
                case .jump(let chain), .goto(let chain):
                    // Programs with such jumps do not compile.
                    guard depth < Program.deepestChain, let target = tables[table].chains[chain] else {
                        decider = numbered.number
                        return .decided(.drop)
                    }
                    let outcome = walk(
                        target, in: table, depth: depth + 1, &fields, isChecksumPartial: isChecksumPartial, &result, &decider)
                    if case .next = outcome, case .jump = said { continue rules }
                    return outcome
                default: break
                }
            }
            result.matchedRules.append(numbered.number)
            result.trace.finish(nil, fields)
        }
        if depth > 0 { result.trace.add(.chainEnd(depth: depth)) }
        return .next
    }
}

extension Rule {
    /// `counter` statements before the verdict.
    fileprivate var reachableCounters: Int {
        var count = 0
        for statement in statements {
            if statement.traits.isTerminal { return count }
            if case .counter = statement { count += 1 }
        }
        return count
    }
}

extension Statement {
    /// The elements of a set or map that stands in the rule.
    fileprivate var elementsInRule: [SetElement] {
        let elements: VerdictMap.Elements
        switch self {
        case .match(let match): return match.elements
        case .verdictMap(let map): elements = map.elements
        case .objectMap(let map): elements = map.elements
        case .assignment(let assignment):
            guard case .mapped(let map) = assignment.value else { return [] }
            elements = map.elements
        default: return []
        }
        guard case .anonymous(let found) = elements else { return [] }
        return found
    }
}
