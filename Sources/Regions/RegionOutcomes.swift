import Ruleset

/// What lists come to, and which rules decide it.
extension RegionSolver {
    /// Steps that may be looked at to tell which rules decide; beyond that all that may are named.
    private static let mostForDeciders = 100_000

    func piece(_ old: [Int32], _ left: Int32, _ new: [Int32], _ right: Int32, at depth: Int) -> Piece {
        let change = Change(
            old: left, new: right, oldDeciders: deciders(of: old, at: depth), newDeciders: deciders(of: new, at: depth))
        return Piece(limits: [], change: number(change))
    }

    func number(_ change: Change) -> Int32 { numberedChanges.number(of: change) }

    /// What decides frames of a list that come to one outcome.
    private func deciders(of list: [Int32], at depth: Int) -> [Int32] {
        var found: Set<Int32> = []
        var budget = Self.mostForDeciders
        let saved = path
        defer { path = saved }
        if !collectDeciders(list, at: depth, &found, &budget) {
            for index in list { if case .verdict(_, let decider) = locals[Int(index)].action { found.insert(decider) } }
        }
        return found.sorted()
    }

    private func collectDeciders(_ list: [Int32], at start: Int, _ found: inout Set<Int32>, _ budget: inout Int) -> Bool {
        budget -= list.count + 1
        meter.spend(list.count + 1)
        guard budget > 0 else { return false }
        if list.count == 1, case .verdict(_, let decider) = locals[Int(list[0])].action {
            found.insert(decider)
            return true
        }
        var depth = start
        var classes: [ValueClass] = []
        while depth < order.count {
            classes = self.classes(list, [], at: Int32(depth))
            if !classes.isEmpty { break }
            depth += 1
        }
        guard depth < order.count else {
            found.insert(outcome(of: list).decider)
            return true
        }
        for one in classes {
            path[depth] = one.set.lowest ?? 0
            var left = filtered(list, at: Int32(depth), one)
            prune(&left, at: Int32(depth + 1))
            if !collectDeciders(left, at: depth + 1, &found, &budget) { return false }
        }
        return true
    }

    /// Takes the steps for frames of which all conditions are decided.
    func outcome(of list: [Int32]) -> (outcome: Int32, decider: Int32) {
        var state: [Variable: Step.Value] = [:]
        var target: Int32?
        for index in list {
            let local = locals[Int(index)]
            if let label = target {
                guard case .label(label) = local.action else { continue }
                target = nil
            }
            guard local.tests.allSatisfy({ holds($0, state) }) else { continue }
            switch local.action {
            case .verdict(let outcome, let decider): return (outcome, decider)
            case .skip(let label): target = label
            case .assign(let number):
                for assigned in interner.assignments[Int(number)] { state[assigned.variable] = assigned.value }
            case .label: break
            }
        }
        return (Self.done, -1)
    }

    private func holds(_ test: Interner.Test, _ state: [Variable: Step.Value]) -> Bool {
        switch state[test.test.variable] {
        case .number(let number): return test.test.holds(number)
        case .unknown(let text):
            guard let place = test.unknowns[text], place >= 0 else { return false }
            return path[Int(place)] == 1
        case nil:
            // The mark is 0 until a rule sets it; everything else has been decided on the way here.
            guard test.set != nil, test.variable >= 0 else { return test.test.holds(0) }
            return test.test.holds(path[Int(test.variable)])
        }
    }
}
