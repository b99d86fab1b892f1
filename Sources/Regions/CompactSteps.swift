import Ruleset

/// Numbers for variables, sets and steps, so that comparing two lists compares numbers.
final class StepInterner {
    /// A condition: a variable and a set, by number.
    struct Limit: Hashable {
        var variable: Int32
        var set: Int32
    }

    struct Test: Hashable {
        var variable: Int32
        var test: StateTest
        /// For what the variable is at first; nil if that is known.
        var set: Int32?
        /// Opaque variables that decide for unknown values.
        var unknowns: [String: Int32]
    }

    enum Action: Hashable {
        case verdict(outcome: Int32, decider: Int32)
        case skip(Int32)
        case assign(Int32)
        case label(Int32)
    }

    struct Compact {
        var limits: [Limit]
        var tests: [Test]
        var action: Action
        var rule: Int32
        /// The same for steps that mean the same, wherever they lead.
        var identity: Int32
    }

    private struct Identity: Hashable {
        var limits: [Limit]
        var tests: [Test]
        var kind: Int
        var payload: Int32
    }

    let kind: FrameKind
    private var numberedVariables = Numbering<Variable>()
    private var numberedSets = Numbering<ValueSet>()
    private var numberedOutcomes = Numbering<RegionVerdict>()
    private var numberedAssignments = Numbering<[Step.Assigned]>()
    private var labels = Numbering<String>()
    private var identities: [Identity: Int32] = [:]

    init(_ kind: FrameKind) { self.kind = kind }

    var variables: [Variable] { numberedVariables.elements }
    var sets: [ValueSet] { numberedSets.elements }
    var outcomes: [RegionVerdict] { numberedOutcomes.elements }
    var assignments: [[Step.Assigned]] { numberedAssignments.elements }

    func number(of variable: Variable) -> Int32 { numberedVariables.number(of: variable) }
    func number(of set: ValueSet) -> Int32 { numberedSets.number(of: set) }
    func number(of outcome: RegionVerdict) -> Int32 { numberedOutcomes.number(of: outcome) }
    private func number(of assignment: [Step.Assigned]) -> Int32 { numberedAssignments.number(of: assignment) }
    private func number(ofLabel name: String) -> Int32 { labels.number(of: name) }

    private func limits(of condition: Condition) -> [Limit] {
        condition.sets.map { Limit(variable: number(of: $0.key), set: number(of: $0.value)) }.sorted { $0.variable < $1.variable }
    }

    private func compact(_ test: StateTest) -> Test {
        // Of marks it is known that they are 0 at first.
        let set = test.variable == .mark ? nil : number(of: test.set)
        return Test(
            variable: number(of: test.variable), test: test, set: set, unknowns: test.unknowns.mapValues { number(of: $0) })
    }

    func compact(_ list: StepList) -> [Compact] {
        list.steps.map { step in
            let limits = limits(of: step.condition)
            let tests = step.tests.map(compact)
            let action: Action
            var identity = Identity(limits: limits, tests: tests, kind: 0, payload: 0)
            switch step.action {
            case .verdict(let outcome, let decider):
                let number = number(of: outcome)
                action = .verdict(outcome: number, decider: Int32(decider))
                identity.payload = number
            case .skip(let label):
                action = .skip(Int32(label))
                identity.kind = 1
            case .assign(let assigned):
                let number = number(of: assigned)
                action = .assign(number)
                (identity.kind, identity.payload) = (2, number)
            case .label(let label):
                action = .label(Int32(label))
                (identity.kind, identity.payload) = (3, number(ofLabel: list.labels[label]))
            }
            let count = Int32(identities.count)
            let known = identities[identity]
            if known == nil { identities[identity] = count }
            return Compact(limits: limits, tests: tests, action: action, rule: Int32(step.rule ?? -1), identity: known ?? count)
        }
    }
}

/// Which steps of two lists are the same steps, in the same order.
enum StepAlignment {
    typealias Compact = StepInterner.Compact

    /// Steps of either list that have no counterpart in the other. A frame that has none of their conditions is judged alike by both:
    /// all steps that it takes have a counterpart, and come in the same order.
    static func differing(_ old: [Compact], _ new: [Compact]) -> (old: [Int], new: [Int]) {
        var pairs: [Int32: Int32] = [:]
        align(old.map(\.identity), 0..<old.count, new.map(\.identity), 0..<new.count, &pairs)
        let oldLabels = labels(of: old)
        let newLabels = labels(of: new)
        // Skips are the same only if they lead to labels that are.
        for (left, right) in pairs {
            guard case .skip(let from) = old[Int(left)].action, case .skip(let to) = new[Int(right)].action else { continue }
            guard let mine = oldLabels[from], let its = newLabels[to], pairs[mine] == its else {
                pairs[left] = nil
                continue
            }
        }
        let counterparts = Set(pairs.values)
        return (
            old.indices.filter { pairs[Int32($0)] == nil && !old[$0].isLabel },
            new.indices.filter { !counterparts.contains(Int32($0)) && !new[$0].isLabel }
        )
    }

    private static func labels(of steps: [Compact]) -> [Int32: Int32] {
        var places: [Int32: Int32] = [:]
        for (index, step) in steps.enumerated() { if case .label(let label) = step.action { places[label] = Int32(index) } }
        return places
    }

    /// Patience: what both have once is matched by its longest common sequence, and so on between those.
    private static func align(
        _ old: [Int32], _ left: Range<Int>, _ new: [Int32], _ right: Range<Int>, _ pairs: inout [Int32: Int32]
    ) {
        var (left, right) = (left, right)
        while let first = left.first, let other = right.first, old[first] == new[other] {
            pairs[Int32(first)] = Int32(other)
            left = first + 1..<left.upperBound
            right = other + 1..<right.upperBound
        }
        while let last = left.last, let other = right.last, old[last] == new[other] {
            pairs[Int32(last)] = Int32(other)
            left = left.lowerBound..<last
            right = right.lowerBound..<other
        }
        guard !left.isEmpty, !right.isEmpty else { return }
        var counts: [Int32: (old: Int, new: Int, place: Int)] = [:]
        for index in left { counts[old[index], default: (0, 0, 0)].old += 1 }
        for index in right {
            counts[new[index], default: (0, 0, 0)].new += 1
            counts[new[index]]?.place = index
        }
        let unique = left.compactMap { index -> (Int, Int)? in
            guard let found = counts[old[index]], found.old == 1, found.new == 1 else { return nil }
            return (index, found.place)
        }
        let anchors = longestAscending(unique)
        var (start, other) = (left.lowerBound, right.lowerBound)
        for (index, place) in anchors {
            pairs[Int32(index)] = Int32(place)
            align(old, start..<index, new, other..<place, &pairs)
            (start, other) = (index + 1, place + 1)
        }
        if !anchors.isEmpty { align(old, start..<left.upperBound, new, other..<right.upperBound, &pairs) }
    }

    /// The longest sequence whose second numbers ascend, as the first ones do.
    private static func longestAscending(_ pairs: [(Int, Int)]) -> [(Int, Int)] {
        var tails: [Int] = []
        var before = [Int](repeating: -1, count: pairs.count)
        for (index, pair) in pairs.enumerated() {
            var (low, high) = (0, tails.count)
            while low < high {
                let middle = (low + high) / 2
                if pairs[tails[middle]].1 < pair.1 { low = middle + 1 } else { high = middle }
            }
            if low > 0 { before[index] = tails[low - 1] }
            if low == tails.count { tails.append(index) } else { tails[low] = index }
        }
        var found: [(Int, Int)] = []
        var index = tails.last ?? -1
        while index >= 0 {
            found.append(pairs[index])
            index = before[index]
        }
        return found.reversed()
    }
}

extension StepInterner.Compact {
    fileprivate var isLabel: Bool { if case .label = action { true } else { false } }
}
