package import Ruleset

/// Compares what two rule sets mean: where in header space their verdicts differ.
package struct RegionComparison {
    private let kinds: FrameKinds
    private let old: Ruleset
    private let new: Ruleset
    private let ports: [String]

    /// Steps without a counterpart that are looked at one by one, each with only the steps that it meets.
    private static let mostApart = 256

    /// - Parameter ports: The names of the two interfaces.
    package init(_ old: Ruleset, _ new: Ruleset, ports: [String]) {
        (self.old, self.new, self.ports) = (old, new, ports)
        kinds = FrameKinds([old, new])
    }

    /// The regions whose verdict differs; none where both rule sets mean the same. No two regions overlap.
    /// - Parameter work: Steps that may be looked at; beyond that the rule sets are too large to compare.
    package func regions(work: Int = WorkMeter.most) throws(RegionFailure) -> [Region] {
        let meter = WorkMeter(most: work)
        var found: [Region] = []
        for kind in kinds.all {
            let demands = try kinds.demands(for: kind, ports: ports)
            var left = StepBuilder(old, demands)
            var right = StepBuilder(new, demands)
            found += try Self.regions(kind, try left.build(), try right.build(), meter)
            guard found.count <= RegionSolver.mostPieces else { throw .tooManyRegions }
        }
        return RegionMerger.merged(found)
    }

    static func regions(_ kind: FrameKind, _ old: StepList, _ new: StepList, _ meter: WorkMeter) throws(RegionFailure) -> [Region] {
        let interner = StepInterner(kind)
        let left = interner.compact(old)
        let right = interner.compact(new)
        let differing = StepAlignment.differing(left, right)
        guard !differing.old.isEmpty || !differing.new.isEmpty else { return [] }
        let solver = RegionSolver(interner, meter)
        var pieces: [RegionSolver.Piece] = []
        if differing.old.count + differing.new.count > mostApart {
            pieces = try solver.solve(left, right, within: [], without: [])
        } else {
            var dealtWith: [[StepInterner.Limit]] = []
            for step in differing.old.map({ left[$0] }) + differing.new.map({ right[$0] }) where !dealtWith.contains(step.limits) {
                pieces += try solver.solve(left, right, within: step.limits, without: dealtWith)
                dealtWith.append(step.limits)
                guard pieces.count <= RegionSolver.mostPieces else { throw .tooManyRegions }
            }
        }
        return pieces.compactMap { region(of: $0, solver, kind, old, new).withoutCutTags }
    }

    private static func region(
        of piece: RegionSolver.Piece, _ solver: RegionSolver, _ kind: FrameKind, _ old: StepList, _ new: StepList
    ) -> Region {
        let change = solver.changes[Int(piece.change)]
        let interner = solver.interner
        var region = Region(
            networks: [kind.network], transports: kind.transports, limits: [:], old: interner.outcomes[Int(change.old)],
            new: interner.outcomes[Int(change.new)], oldDeciders: change.oldDeciders.map { old.deciders[Int($0)] },
            newDeciders: change.newDeciders.map { new.deciders[Int($0)] })
        region.restrict(to: piece.limits, interner)
        return region
    }
}

extension Region {
    /// Without frames that can't be: an untagged frame has a tag's type only where the tag is cut off, and less than four octets follow.
    var withoutCutTags: Region? {
        let tags = ValueSet(numbers: [0x8100, 0x88a8])
        guard networks == [.other], limits[.tag] == ValueSet(0, 0), let type = limits[.type], type.isSubset(of: tags) else { return self }
        var region = self
        let length = (limits[.networkLength] ?? ValueSet(0, 65_535)).intersection(ValueSet(0, 3))
        region.limits[.networkLength] = length
        return length.isEmpty ? nil : region
    }

    /// - Parameter limits: Of the kind of frames that the region is of.
    mutating func restrict(to limits: [StepInterner.Limit], _ interner: StepInterner) {
        for limit in limits {
            let variable = interner.variables[Int(limit.variable)]
            let domain = interner.kind.domain(of: variable)
            let set = interner.sets[Int(limit.set)].intersection(domain)
            if variable == .transportProtocol {
                transports = set
            } else if set != domain {
                self.limits[variable] = set
            }
        }
    }
}
