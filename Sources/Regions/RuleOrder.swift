package import Ruleset

/// Two rules whose order matters: a frame that both match gets the first one's verdict, and without that rule the second one's.
package struct RulePair: Sendable {
    /// By number as `Program.rules` counts.
    package var first: Int
    package var second: Decider
    /// True if the second rule matches all frames of the first, which is an exception to it then.
    package var isException: Bool
    /// Some of these frames, with the verdicts of both.
    package var region: Region
}

/// Looks for pairs of rules whose order matters. Each pair is a proof: its frames were compared region by region.
package struct RuleOrder {
    private let ruleset: Ruleset
    private let kinds: FrameKinds
    private let ports: [String]

    package init(_ ruleset: Ruleset, ports: [String]) {
        self.ruleset = ruleset
        self.ports = ports
        kinds = FrameKinds([ruleset])
    }

    private struct Key: Hashable {
        var first: Int
        var second: Int
    }

    /// By the first rule, then by the second.
    package func pairs() throws(RegionFailure) -> [RulePair] {
        let meter = WorkMeter()
        var found: [Key: RulePair] = [:]
        for kind in kinds.all {
            let demands = try kinds.demands(for: kind, ports: ports)
            var builder = StepBuilder(ruleset, demands)
            let list = try builder.build()
            try look(at: list, builder, meter, &found)
        }
        // Whether one rule matches all frames of another is asked of all kinds.
        for kind in kinds.all where !found.isEmpty {
            let demands = try kinds.demands(for: kind, ports: ports)
            var builder = StepBuilder(ruleset, demands)
            let list = try builder.build()
            let own = list.stepsOfEndingRules(in: ruleset, builder)
            for (key, pair) in found where pair.isException {
                let verdicts = own[key.first]?.values.compactMap(\.last) ?? []
                meter.spend(verdicts.count + 1)
                try meter.check()
                found[key]?.isException = verdicts.allSatisfy { list.isCovered($0, by: own[key.second] ?? [:]) }
            }
        }
        return found.sorted { ($0.key.first, $0.key.second) < ($1.key.first, $1.key.second) }.map(\.value)
    }

    private func look(
        at list: StepList, _ builder: StepBuilder, _ meter: WorkMeter, _ pairs: inout [Key: RulePair]
    ) throws(RegionFailure) {
        let interner = StepInterner(builder.kind)
        let steps = interner.compact(list)
        let own = list.stepsOfEndingRules(in: ruleset, builder)
        for (number, places) in own.sorted(by: { $0.key < $1.key }) {
            meter.spend(steps.count)
            try meter.check()
            let removed = Set(places.values.flatMap(\.self))
            let rest = steps.indices.filter { !removed.contains($0) }.map { steps[$0] }
            let solver = RegionSolver(interner, meter)
            let verdicts = places.values.compactMap(\.last).sorted()
            var dealtWith: [[StepInterner.Limit]] = []
            var known: Set<Int> = []
            for verdict in verdicts where !dealtWith.contains(steps[verdict].limits) {
                for piece in try solver.solve(steps, rest, within: steps[verdict].limits, without: dealtWith) {
                    let change = solver.changes[Int(piece.change)]
                    // Where several rules decide, which of them it is depends on the frame.
                    guard change.oldDeciders.count == 1, change.newDeciders.count == 1, change.old >= 0, change.new >= 0 else { continue }
                    let (first, second) = (list.deciders[Int(change.oldDeciders[0])], list.deciders[Int(change.newDeciders[0])])
                    guard first.number == number, let other = second.number, known.insert(other).inserted else { continue }
                    let key = Key(first: number, second: other)
                    guard pairs[key] == nil else { continue }
                    var region = Region(
                        networks: [builder.kind.network], transports: builder.kind.transports, limits: [:],
                        old: interner.outcomes[Int(change.old)], new: interner.outcomes[Int(change.new)], oldDeciders: [first],
                        newDeciders: [second])
                    region.restrict(to: piece.limits, interner)
                    guard let region = region.withoutCutTags else { continue }
                    pairs[key] = RulePair(first: number, second: second, isException: true, region: region)
                }
                dealtWith.append(steps[verdict].limits)
            }
        }
    }
}

extension StepList {
    /// True if every frame that takes the step takes a verdict of the rule too, where no other rule decides.
    /// - Parameter places: The rule's steps, for each time that its chain is written down.
    fileprivate func isCovered(_ step: Int, by places: [Int: [Int]]) -> Bool {
        places.values.contains { own in
            // With more steps than its verdict, the rule asks more than this one does.
            guard own.count == 1, own[0] > step, steps[own[0]].tests.isEmpty, case .verdict = steps[own[0]].action else { return false }
            return steps[step].condition.isSubset(of: steps[own[0]].condition)
        }
    }
}

extension Condition {
    /// True if every frame that has it has the other, as far as their own sets tell.
    fileprivate func isSubset(of other: Condition) -> Bool {
        other.sets.allSatisfy { variable, set in sets[variable]?.isSubset(of: set) == true }
    }
}
