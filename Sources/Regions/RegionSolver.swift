import Ruleset

/// Finds where two lists of steps have different outcomes.
///
/// Variables are taken one after the other. The numbers of a variable fall into classes that no condition tells apart; for each class the
/// steps that remain are looked at by the next variable. A class is left as soon as both lists are the same, or can only come to one
/// outcome each: so most of two large lists with few differences is never looked at.
final class RegionSolver {
    typealias Interner = StepInterner

    /// What the two lists come to, somewhere.
    struct Change: Hashable {
        var old: Int32
        var new: Int32
        /// Sorted numbers of what decides in either list.
        var oldDeciders: [Int32]
        var newDeciders: [Int32]
    }

    /// A box: for some variables the numbers they may have; for all others any number.
    struct Piece: Hashable {
        /// In the order in which variables are taken.
        var limits: [Interner.Limit]
        var change: Int32
    }

    /// A step within the region at hand.
    struct Local {
        /// By the place of the variable in the order, ascending.
        var limits: [Interner.Limit]
        var tests: [Interner.Test]
        var action: Interner.Action
        var identity: Int32

        /// True if every frame that is left at this depth has its condition.
        func isTotal(at depth: Int32) -> Bool { tests.isEmpty && (limits.last?.variable ?? -1) < depth }
    }

    /// Boxes that may be found.
    static let mostPieces = 50_000

    let interner: Interner
    let meter: WorkMeter
    var numberedChanges = Numbering<Change>()
    var changes: [Change] { numberedChanges.elements }
    private var pieceCount = 0
    /// Verdict of frames that are dealt with elsewhere.
    static let done: Int32 = -1

    // Of the region at hand.
    var locals: [Local] = []
    var order: [Int32] = []
    var domains: [ValueSet] = []
    /// A number of each class that has been gone into.
    var path: [UInt128] = []

    init(_ interner: Interner, _ meter: WorkMeter) {
        self.interner = interner
        self.meter = meter
    }

    // MARK: Regions

    /// - Parameters:
    ///   - region: What is looked at.
    ///   - excluded: Boxes that are dealt with elsewhere.
    func solve(
        _ old: [Interner.Compact], _ new: [Interner.Compact], within region: [Interner.Limit], without excluded: [[Interner.Limit]]
    ) throws(RegionFailure) -> [Piece] {
        locals = []
        meter.spend(old.count + new.count + excluded.count)
        let known = Dictionary(region.map { ($0.variable, $0.set) }) { first, _ in first }
        var left = restricted(old, known, excluded)
        var right = restricted(new, known, excluded)
        sortVariables()
        domains = order.map { variable in
            let domain = interner.kind.domain(of: interner.variables[Int(variable)])
            return known[variable].map { domain.intersection(interner.sets[Int($0)]) } ?? domain
        }
        if domains.contains(where: \.isEmpty) { return [] }
        path = domains.map { $0.lowest ?? 0 }
        prune(&left, at: 0)
        prune(&right, at: 0)
        let pieces = try solve(left, right, at: 0)
        let places = region.filter { !order.contains($0.variable) }
        return pieces.map { piece in
            // Within the region a variable that is not named has the region's numbers.
            let named = Set(piece.limits.map { order[Int($0.variable)] })
            var limits = piece.limits.map { Interner.Limit(variable: order[Int($0.variable)], set: $0.set) } + places
            for (variable, set) in known where order.contains(variable) && !named.contains(variable) {
                limits.append(Interner.Limit(variable: variable, set: set))
            }
            return Piece(limits: limits.sorted { $0.variable < $1.variable }, change: piece.change)
        }
    }

    private func restricted(
        _ steps: [Interner.Compact], _ region: [Int32: Int32], _ excluded: [[Interner.Limit]]
    ) -> [Int32] {
        var found: [Int32] = []
        for box in excluded {
            guard let limits = restricted(box, region) else { continue }
            found.append(Int32(locals.count))
            locals.append(Local(limits: limits, tests: [], action: .verdict(outcome: Self.done, decider: -1), identity: -1))
        }
        for step in steps {
            guard let limits = restricted(step.limits, region) else { continue }
            found.append(Int32(locals.count))
            locals.append(Local(limits: limits, tests: step.tests, action: step.action, identity: step.identity))
        }
        return found
    }

    private var relations: [Interner.Limit: Int8] = [:]

    /// Limits that tell frames of the region apart; nil if none of them has all.
    private func restricted(_ limits: [Interner.Limit], _ region: [Int32: Int32]) -> [Interner.Limit]? {
        var left: [Interner.Limit] = []
        for limit in limits {
            guard let own = region[limit.variable] else {
                left.append(limit)
                continue
            }
            switch relation(own, limit.set) {
            case 0: return nil
            case 1: left.append(limit)
            default: continue
            }
        }
        return left
    }

    /// 0 for sets without a common number, 2 if all numbers of the first are the second's, else 1.
    private func relation(_ own: Int32, _ other: Int32) -> Int8 {
        if own == other { return 2 }
        let key = Interner.Limit(variable: own, set: other)
        if let known = relations[key] { return known }
        let (mine, its) = (interner.sets[Int(own)], interner.sets[Int(other)])
        let relation: Int8 = mine.isDisjoint(its) ? 0 : mine.isSubset(of: its) ? 2 : 1
        relations[key] = relation
        return relation
    }

    /// Variables with many different sets come first: they leave the fewest steps.
    private func sortVariables() {
        var sets: [Int32: Set<Int32>] = [:]
        for local in locals {
            for limit in local.limits { sets[limit.variable, default: []].insert(limit.set) }
            for test in local.tests {
                // Marks stay out of it: they are known.
                if let set = test.set { sets[test.variable, default: []].insert(set) }
                for variable in test.unknowns.values { sets[variable, default: []].insert(-1) }
            }
        }
        order = sets.sorted { left, right in
            (-left.value.count, interner.variables[Int(left.key)].rank) < (-right.value.count, interner.variables[Int(right.key)].rank)
        }.map(\.key)
        var places: [Int32: Int32] = [:]
        for (place, variable) in order.enumerated() { places[variable] = Int32(place) }
        for index in locals.indices {
            for number in locals[index].limits.indices {
                locals[index].limits[number].variable = places[locals[index].limits[number].variable] ?? 0
            }
            locals[index].limits.sort { $0.variable < $1.variable }
            for number in locals[index].tests.indices {
                locals[index].tests[number].variable = places[locals[index].tests[number].variable] ?? -1
                locals[index].tests[number].unknowns = locals[index].tests[number].unknowns.mapValues { places[$0] ?? -1 }
            }
        }
    }

    // MARK: Classes

    private func solve(_ old: [Int32], _ new: [Int32], at start: Int) throws(RegionFailure) -> [Piece] {
        meter.spend(old.count + new.count + 1)
        try meter.check()
        if isSame(old, new, at: Int32(start)) { return [] }
        if let left = onlyOutcome(of: old), let right = onlyOutcome(of: new) {
            return left == right || left == Self.done ? [] : [piece(old, left, new, right, at: start)]
        }
        var depth = start
        var classes: [ValueClass] = []
        while depth < order.count {
            classes = self.classes(old, new, at: Int32(depth))
            if !classes.isEmpty { break }
            depth += 1
        }
        guard depth < order.count else {
            let (left, right) = (outcome(of: old), outcome(of: new))
            if left.outcome == right.outcome { return [] }
            return [
                Piece(
                    limits: [],
                    change: number(
                        Change(old: left.outcome, new: right.outcome, oldDeciders: [left.decider], newDeciders: [right.decider])))
            ]
        }
        var merged: [Piece: [ValueSet.Interval]] = [:]
        var sequence: [Piece] = []
        for found in classes {
            meter.spend(old.count + new.count)
            try meter.check()
            path[depth] = found.set.lowest ?? 0
            var left = filtered(old, at: Int32(depth), found)
            var right = filtered(new, at: Int32(depth), found)
            prune(&left, at: Int32(depth + 1))
            prune(&right, at: Int32(depth + 1))
            for piece in try solve(left, right, at: depth + 1) {
                if merged[piece] == nil { sequence.append(piece) }
                merged[piece, default: []] += found.set.intervals
            }
        }
        pieceCount += sequence.count
        if sequence.count > Self.mostPieces || pieceCount > 20 * Self.mostPieces {
            throw .tooManyRegions
        }
        return sequence.map { piece in
            let set = ValueSet(merged[piece] ?? [])
            guard set != domains[depth] else { return piece }
            let limit = Interner.Limit(variable: Int32(depth), set: interner.number(of: set))
            return Piece(limits: [limit] + piece.limits, change: piece.change)
        }
    }
}
