package import Ruleset

/// A rule that could go without any frame getting another verdict.
package struct RuleFinding: Sendable {
    package enum Kind: Sendable {
        /// Earlier rules decide every frame that it matches.
        case shadowed
        /// It decides frames, and without it they get the same verdict from later rules or the policy.
        case redundant
    }

    package var kind: Kind
    /// By number as `Program.rules` counts.
    package var rule: Int
    /// What decides the rule's frames in its place.
    package var others: [Decider]
    /// Frames that it decides, each a region; none if it is shadowed.
    package var regions: [Region]
}

/// Looks for rules that make no difference. Each finding is a proof: frames were compared region by region.
package struct RuleLint {
    private let ruleset: Ruleset
    private let kinds: FrameKinds
    private let ports: [String]

    /// What a rule's verdict is taken for, to see whether any frame comes to it.
    private static let hit: Int32 = -2

    package init(_ ruleset: Ruleset, ports: [String]) {
        self.ruleset = ruleset
        self.ports = ports
        kinds = FrameKinds([ruleset])
    }

    /// What is known of a rule after some kinds of frames.
    private struct State {
        var isReached = false
        var isNeeded = false
        var others: [Decider] = []
        var regions: [Region] = []
    }

    package func findings() throws(RegionFailure) -> [RuleFinding] {
        let meter = WorkMeter()
        var states: [Int: State] = [:]
        for kind in kinds.all {
            let demands = try kinds.demands(for: kind, ports: ports)
            var builder = StepBuilder(ruleset, demands)
            let list = try builder.build()
            try look(at: list, builder, meter, &states)
        }
        return states.filter { !$0.value.isNeeded }.sorted { $0.key < $1.key }.map { number, state in
            RuleFinding(
                kind: state.isReached ? .redundant : .shadowed, rule: number, others: state.others,
                regions: RegionMerger.merged(state.regions))
        }
    }

    private func look(
        at list: StepList, _ builder: StepBuilder, _ meter: WorkMeter, _ states: inout [Int: State]
    ) throws(RegionFailure) {
        let kind = builder.kind
        let interner = StepInterner(kind)
        let steps = interner.compact(list)
        let rules = ruleset.tables.flatMap(\.chains).flatMap(\.rules)
        let own = list.stepsOfEndingRules(in: ruleset, builder)
        for (number, places) in own.sorted(by: { $0.key < $1.key }) where states[number]?.isNeeded != true {
            meter.spend(steps.count)
            try meter.check()
            var marked = steps
            for verdict in places.values.compactMap(\.last) { marked[verdict] = steps[verdict].marked(Self.hit) }
            let removed = Set(places.values.flatMap(\.self))
            let rest = steps.indices.filter { !removed.contains($0) }.map { steps[$0] }
            var state = states[number] ?? State()
            let solver = RegionSolver(interner, meter)
            var dealtWith: [[StepInterner.Limit]] = []
            for verdict in places.values.compactMap(\.last).sorted() where !dealtWith.contains(steps[verdict].limits) {
                let limits = steps[verdict].limits
                let reached = try solver.solve(steps, marked, within: limits, without: dealtWith)
                if !reached.isEmpty {
                    state.isReached = true
                    // Who reads the log would miss it, and its frames would use up what later rules have for others.
                    state.isNeeded = rules[number].logs || list.leavesMemory(after: verdict)
                    if !state.isNeeded { state.isNeeded = try !solver.solve(steps, rest, within: limits, without: dealtWith).isEmpty }
                    if state.isNeeded { break }
                    state.regions += reached.map { region(of: $0, solver, kind, list) }
                }
                try collectOthers(rest, within: limits, solver, list, &state)
                dealtWith.append(limits)
            }
            states[number] = state
        }
    }

    /// What decides in the rule's place: what says something else than a verdict that nothing has.
    private func collectOthers(
        _ rest: [StepInterner.Compact], within limits: [StepInterner.Limit], _ solver: RegionSolver, _ list: StepList, _ state: inout State
    ) throws(RegionFailure) {
        let nothing = StepInterner.Compact(limits: [], tests: [], action: .verdict(outcome: Self.hit, decider: -1), rule: -1, identity: -2)
        for piece in try solver.solve(rest, [nothing], within: limits, without: []) {
            for decider in solver.changes[Int(piece.change)].oldDeciders where decider >= 0 {
                let found = list.deciders[Int(decider)]
                if !state.others.contains(found) { state.others.append(found) }
            }
        }
    }

    /// Frames that the rule decides.
    private func region(of piece: RegionSolver.Piece, _ solver: RegionSolver, _ kind: FrameKind, _ list: StepList) -> Region {
        let change = solver.changes[Int(piece.change)]
        let outcome = solver.interner.outcomes[Int(max(0, change.old))]
        let deciders = change.oldDeciders.filter { $0 >= 0 }.map { list.deciders[Int($0)] }
        var region = Region(
            networks: [kind.network], transports: kind.transports, limits: [:], old: outcome, new: outcome, oldDeciders: deciders,
            newDeciders: deciders)
        region.restrict(to: piece.limits, solver.interner)
        return region
    }
}

extension StepInterner.Compact {
    /// With another verdict, or a verdict in place of a way on.
    fileprivate func marked(_ outcome: Int32) -> StepInterner.Compact {
        var step = self
        switch action {
        case .verdict(_, let decider): step.action = .verdict(outcome: outcome, decider: decider)
        // An accept that leads to the next chain.
        case .skip: step.action = .verdict(outcome: outcome, decider: -1)
        case .assign, .label: return self
        }
        step.identity = -3
        return step
    }
}

extension StepList {
    /// By rule its steps, for each time that its chain is written down; the last of them is the verdict. Only rules that end frames and
    /// set nothing.
    func stepsOfEndingRules(in ruleset: Ruleset, _ builder: StepBuilder) -> [Int: [Int: [Int]]] {
        let isEnding = ruleset.tables.enumerated().flatMap { table, rules in
            rules.chains.flatMap(\.rules).map { $0.endsFrames(builder, table: table) }
        }
        var own: [Int: [Int: [Int]]] = [:]
        for (index, step) in steps.enumerated() {
            guard let decider = step.rule, let number = deciders[decider].number, isEnding[number] else { continue }
            own[number, default: [:]][decider, default: []].append(index)
        }
        return own
    }

    /// True if frames of the step may come to a later rule that leaves something to the frames after them.
    fileprivate func leavesMemory(after step: Int) -> Bool {
        memories.contains { $0.place > step && !$0.condition.isDisjoint(steps[step].condition) }
    }
}

extension Rule {
    /// True if it writes frames down somewhere.
    fileprivate var logs: Bool {
        statements.contains { if case .log = $0 { true } else { false } }
    }

    /// True if it is a match with a verdict, and nothing that others depend on.
    fileprivate func endsFrames(_ builder: StepBuilder, table: Int) -> Bool {
        guard case .verdict(let verdict, _)? = statements.last else { return false }
        switch verdict {
        case .accept, .drop, .reject: break
        case .return, .continue, .jump, .goto: return false
        }
        return statements.allSatisfy { statement in
            switch statement {
            // A limit of its own is nobody else's.
            case .limit, .quota, .connectionCount: true
            case .assignment, .update, .notrack, .verdictMap: false
            default: !builder.remembers(statement, table: table)
            }
        }
    }
}
