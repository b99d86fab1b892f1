import Ruleset

extension RegionSolver {
    /// Leaves out steps that no frame comes to, and labels that no step leads to.
    func prune(_ list: inout [Int32], at depth: Int32) {
        var targets: Set<Int32> = []
        var isLive = true
        var count = 0
        for place in list.indices {
            let index = list[place]
            let action = locals[Int(index)].action
            if case .label(let label) = action {
                guard targets.contains(label) else { continue }
                isLive = true
            }
            guard isLive else { continue }
            list[count] = index
            count += 1
            switch action {
            case .verdict: if locals[Int(index)].isTotal(at: depth) { isLive = false }
            case .skip(let label):
                targets.insert(label)
                if locals[Int(index)].isTotal(at: depth) { isLive = false }
            case .assign, .label: break
            }
        }
        list.removeLast(list.count - count)
    }

    /// True if both lists say the same of every frame.
    func isSame(_ old: [Int32], _ new: [Int32], at depth: Int32) -> Bool {
        guard old.count == new.count else { return false }
        var labels: [Int32: Int32] = [:]
        for (left, right) in zip(old, new) where left != right {
            let (mine, its) = (locals[Int(left)], locals[Int(right)])
            switch (mine.action, its.action) {
            case (.verdict(let outcome, _), .verdict(let other, _)): if outcome != other { return false }
            case (.assign(let assigned), .assign(let other)): if assigned != other { return false }
            case (.skip(let label), .skip(let other)):
                if labels[label, default: other] != other { return false }
                labels[label] = other
            case (.label(let label), .label(let other)): if labels[label] != other { return false }
            default: return false
            }
            if mine.identity == its.identity, mine.identity >= 0 { continue }
            guard mine.tests == its.tests,
                mine.limits.drop(while: { $0.variable < depth }).elementsEqual(its.limits.drop { $0.variable < depth })
            else { return false }
        }
        return true
    }

    /// The outcome of all frames that are left, if there is only one.
    func onlyOutcome(of list: [Int32]) -> Int32? {
        var found: Int32?
        for index in list {
            guard case .verdict(let outcome, _) = locals[Int(index)].action else { continue }
            if let found, found != outcome { return nil }
            found = outcome
        }
        return found
    }
}
