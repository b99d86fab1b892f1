package import Ruleset

/// Asks what a rule set makes of some frames.
package struct RegionQuery {
    private let kinds: FrameKinds
    private let ruleset: Ruleset
    private let question: Ruleset
    private let ports: [String]

    /// The verdict of a list that has none, to compare with.
    private static let nothing: Int32 = -2

    /// - Parameters:
    ///   - question: Accepts the frames that are asked about, and drops all others.
    ///   - ports: The names of the two interfaces.
    package init(_ ruleset: Ruleset, about question: Ruleset, ports: [String]) {
        (self.ruleset, self.question, self.ports) = (ruleset, question, ports)
        kinds = FrameKinds([ruleset, question])
    }

    /// The regions of these frames, each with one verdict, which it has as the old one and the new one. No two regions overlap.
    /// - Parameter work: Steps that may be looked at; beyond that the rules are too large.
    package func regions(work: Int = WorkMeter.most) throws(RegionFailure) -> [Region] {
        let meter = WorkMeter(most: work)
        var found: [Region] = []
        for kind in kinds.all {
            let demands = try kinds.demands(for: kind, ports: ports)
            var asked = StepBuilder(question, demands)
            var own = StepBuilder(ruleset, demands)
            found += try Self.regions(kind, asked: try asked.build(), try own.build(), meter)
            guard found.count <= RegionSolver.mostPieces else { throw .tooManyRegions }
        }
        return RegionMerger.merged(found)
    }

    private static func regions(
        _ kind: FrameKind, asked: StepList, _ own: StepList, _ meter: WorkMeter
    ) throws(RegionFailure) -> [Region] {
        let interner = StepInterner(kind)
        let question = Self.question(interner.compact(asked), interner, labels: own.labels.count, askedLabels: asked.labels.count)
        let steps = question.steps + interner.compact(own)
        let nothing = StepInterner.Compact(
            limits: [], tests: [], action: .verdict(outcome: Self.nothing, decider: -1), rule: -1, identity: -2)
        let solver = RegionSolver(interner, meter)
        var regions: [Region] = []
        var dealtWith: [[StepInterner.Limit]] = []
        for limits in question.boxes where !dealtWith.contains(limits) {
            for piece in try solver.solve(steps, [nothing], within: limits, without: dealtWith) {
                let change = solver.changes[Int(piece.change)]
                // Frames that are not asked about have no verdict of the rule set's.
                guard change.old >= 0 else { continue }
                let outcome = interner.outcomes[Int(change.old)]
                let deciders = change.oldDeciders.filter { $0 >= 0 }.map { own.deciders[Int($0)] }
                var region = Region(
                    networks: [kind.network], transports: kind.transports, limits: [:], old: outcome, new: outcome, oldDeciders: deciders,
                    newDeciders: deciders)
                region.restrict(to: piece.limits, interner)
                if let region = region.withoutCutTags { regions.append(region) }
            }
            dealtWith.append(limits)
            guard regions.count <= RegionSolver.mostPieces else { throw .tooManyRegions }
        }
        return regions
    }

    /// The question's steps before those of the rule set: what is accepted goes on to these, all else ends.
    /// - Parameters:
    ///   - labels: Labels of the rule set.
    ///   - askedLabels: Labels of the question.
    /// - Returns: The steps, and the boxes whose frames may go on.
    private static func question(
        _ steps: [StepInterner.Compact], _ interner: StepInterner, labels: Int, askedLabels: Int
    ) -> (steps: [StepInterner.Compact], boxes: [[StepInterner.Limit]]) {
        let accept = interner.number(of: .accept)
        let entry = Int32(labels + askedLabels)
        var boxes: [[StepInterner.Limit]] = []
        var found = steps.map { step in
            var step = step
            step.identity = -1
            switch step.action {
            case .verdict(accept, _):
                step.action = .skip(entry)
                boxes.append(step.limits)
            case .verdict: step.action = .verdict(outcome: RegionSolver.done, decider: -1)
            case .skip(let label): step.action = .skip(label + Int32(labels))
            case .label(let label): step.action = .label(label + Int32(labels))
            case .assign: break
            }
            return step
        }
        found.append(StepInterner.Compact(limits: [], tests: [], action: .label(entry), rule: -1, identity: -1))
        return (found, boxes)
    }
}
