public import Ruleset
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
        /// Named counters that counted, in that order, by index as in `Program.namedCounters`.
        public var namedCounters: [Int] = []
        /// `log` statements, in that order.
        public var events: [LoggedStatement] = []
        /// What became of the frame, its outermost tag in its place.
        public var bytes: [UInt8] = []
    }

    private struct NumberedRule {
        var number: Int
        var firstCounter: Int
        var rule: Rule
    }

    private struct NumberedChain {
        var base: BaseChain?
        var rules: [NumberedRule]
    }

    private enum Outcome {
        case accept, drop
        case next
    }

    private let ports: [String]
    /// By table, then by name.
    private let tables: [[String: NumberedChain]]
    /// What frames before have left behind.
    private let state: InterpreterState
    private let families: [Family]
    /// In the order in which a frame comes to them.
    private let baseChains: [(table: Int, chain: NumberedChain, base: BaseChain)]

    /// Parameters as those of `Program`.
    public init(_ ruleset: Ruleset, ports: [String], start: Instant = Instant(monotonic: 0, sinceEpoch: 0)) {
        self.ports = ports
        var rules = 0
        var counters = 0
        var tables: [[String: NumberedChain]] = []
        var hooked: [(table: Int, chain: NumberedChain, base: BaseChain)] = []
        for table in ruleset.tables {
            var chains: [String: NumberedChain] = [:]
            let sets = Dictionary(table.sets.filter { !$0.dynamics.changes }.map { ($0.name, $0.elements) }) { first, _ in first }
            for chain in table.chains {
                var numbered = NumberedChain(base: chain.base, rules: [])
                for rule in chain.rules.map({ $0.withElements(of: sets) }) {
                    numbered.rules.append(NumberedRule(number: rules, firstCounter: counters, rule: rule))
                    rules += 1
                    counters += rule.reachableCounters
                }
                if chains[chain.name] == nil { chains[chain.name] = numbered }
                if let base = chain.base { hooked.append((tables.count, numbered, base)) }
            }
            tables.append(chains)
        }
        self.tables = tables
        state = InterpreterState(ruleset, start: start.monotonic)
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
    }

    private static func byPriority(
        _ chains: [(table: Int, chain: NumberedChain, base: BaseChain)]
    ) -> [(table: Int, chain: NumberedChain, base: BaseChain)] {
        // The kernel hooks a chain in before those of its own priority.
        Set(chains.map(\.base.priority)).sorted().flatMap { priority in chains.filter { $0.base.priority == priority }.reversed() }
    }

    /// Runs a frame through the rules; parameters as `Program.classify`.
    public func classify(_ bytes: RawSpan, _ frame: ParsedFrame, isChecksumPartial: Bool = false, ingress: UInt8, at instant: Instant)
        -> Result
    {
        var fields = InterpreterFields(bytes, frame, ingress: Int(ingress), at: instant, ports: ports)
        var result = Result(classification: Classification(verdict: .accept, rule: -1, baseChain: -1))
        for (index, entry) in baseChains.enumerated() {
            let family = families[entry.table]
            guard sees(fields.frame, family) else { continue }
            fields.family = family
            fields.hook = entry.base.hook
            var decider: Int?
            let outcome = walk(entry.chain, in: entry.table, depth: 0, &fields, isChecksumPartial: isChecksumPartial, &result, &decider)
            let verdict: FrameVerdict =
                switch outcome {
                case .accept: .accept
                case .drop: .drop
                case .next: entry.base.policy == .accept ? .accept : .drop
                }
            result.classification = Classification(
                verdict: verdict, rule: Int32(truncatingIfNeeded: decider ?? -1), baseChain: Int32(truncatingIfNeeded: index))
            if verdict == .drop { break }
            fields.readAgain()
        }
        result.classification.isChanged = fields.isChanged
        result.bytes = fields.wire
        return result
    }

    private func sees(_ frame: ParsedFrame, _ family: Family) -> Bool {
        switch family {
        case .bridge: true
        case .inet: frame.tagCount < 2 && (frame.network == .ipv4 || frame.network == .ipv6)
        case .ip: frame.tagCount < 2 && frame.network == .ipv4
        case .ip6: frame.tagCount < 2 && frame.network == .ipv6
        case .arp: false
        }
    }

    /// - Returns: `next` where the chain comes to its end without a word.
    private func walk(
        _ chain: NumberedChain, in table: Int, depth: Int, _ fields: inout InterpreterFields, isChecksumPartial: Bool,
        _ result: inout Result, _ decider: inout Int?
    ) -> Outcome {
        rules: for numbered in chain.rules {
            var counter = numbered.firstCounter
            for (place, statement) in numbered.rule.statements.enumerated() {
                var said: Verdict?
                let here = LoggedStatement(rule: Int32(truncatingIfNeeded: numbered.number), statement: Int32(truncatingIfNeeded: place))
                switch statement {
                case .match(let match):
                    if case .named(let name) = match.operand, state.isChanging(name, table: table) {
                        guard let isInside = state.holds(match, in: name, table: table, fields), isInside == (match.relation == .equal)
                        else { continue rules }
                    } else {
                        guard fields.satisfy(match) else { continue rules }
                    }
                case .update(let update):
                    guard state.change(update, table: table, fields) else { continue rules }
                case .verdictMap(let map):
                    guard let verdict = self.verdict(in: map, fields) else { continue rules }
                    said = verdict
                case .assignment(let assignment):
                    guard fields.assign(assignment, isChecksumPartial: isChecksumPartial) else { continue rules }
                case .counter:
                    result.counters.append(counter)
                    counter += 1
                case .verdict(let verdict, _):
                    said = verdict
                case .limit(let limit, _):
                    guard state.pass(limit, .statement(here), fields) else { continue rules }
                case .quota(let quota, _):
                    guard state.pass(quota, .statement(here), fields) else { continue rules }
                case .object(let reference, _):
                    guard let (object, number) = state.object(reference, table: table) else { continue rules }
                    switch object.content {
                    case .counter: result.namedCounters.append(number)
                    case .limit(let limit): guard state.pass(limit, .limit(number), fields) else { continue rules }
                    case .quota(let quota): guard state.pass(quota, .quota(number), fields) else { continue rules }
                    }
                case .log:
                    result.events.append(here)
                }
                switch said {
                case nil, .continue: continue
                default: result.matchedRules.append(numbered.number)
                }
                switch said {
                case .accept:
                    decider = numbered.number
                    return .accept
                case .drop:
                    decider = numbered.number
                    return .drop
                case .return:
                    return .next
                case .jump(let name), .goto(let name):
                    // Programs with such jumps do not compile.
                    guard depth < Program.deepestChain, let target = tables[table][name] else {
                        decider = numbered.number
                        return .drop
                    }
                    let outcome = walk(
                        target, in: table, depth: depth + 1, &fields, isChecksumPartial: isChecksumPartial, &result, &decider)
                    if case .next = outcome, case .jump = said { continue rules }
                    return outcome
                case nil, .continue:
                    break
                }
            }
            result.matchedRules.append(numbered.number)
        }
        return .next
    }

    /// Of the first element that holds the field's value.
    private func verdict(in map: VerdictMap, _ fields: InterpreterFields) -> Verdict? {
        guard case .anonymous(let elements) = map.elements else { return nil }
        let found = elements.first {
            fields.satisfy(Match(field: map.field, mask: map.mask, operand: .single($0.value), location: map.location))
        }
        return found?.verdict
    }
}

extension Rule {
    /// The rule with each named set's elements in the place of its name.
    fileprivate func withElements(of sets: [String: [SetElement]]) -> Rule {
        var rule = self
        rule.statements = statements.map { statement in
            switch statement {
            case .match(var match):
                if case .named(let name) = match.operand, let elements = sets[name] { match.operand = .set(elements.map(\.value)) }
                return .match(match)
            case .verdictMap(var map):
                if case .named(let name) = map.elements { map.elements = .anonymous(sets[name] ?? []) }
                return .verdictMap(map)
            case .counter, .verdict, .limit, .quota, .object, .log, .update, .assignment: return statement
            }
        }
        return rule
    }

    /// `counter` statements in front of the verdict.
    fileprivate var reachableCounters: Int {
        var count = 0
        for statement in statements {
            switch statement {
            case .counter: count += 1
            case .match, .verdictMap, .limit, .quota, .object, .log, .update, .assignment, .verdict(.continue, _): break
            case .verdict: return count
            }
        }
        return count
    }
}
