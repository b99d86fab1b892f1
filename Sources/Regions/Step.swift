package import Ruleset

/// What rules make of a frame, as far as regions tell it.
package enum RegionVerdict: Hashable, Sendable {
    case accept
    case drop
    case reject(Rejection)

    /// `accept`, `drop`, `reject with tcp reset`.
    package var text: String { Verdict(self).described }
}

extension Verdict {
    fileprivate init(_ outcome: RegionVerdict) {
        switch outcome {
        case .accept: self = .accept
        case .drop: self = .drop
        case .reject(let rejection): self = .reject(rejection)
        }
    }
}

/// What decides: a rule, the policy of a base chain, or that no chain sees such frames.
package struct Decider: Hashable, Sendable {
    /// The name of the text that it stands in, and the line there.
    package var source: String
    package var line: Int
    /// A chain's name; for a policy with its table, and empty where no chain sees such frames.
    package var chain: String
    /// The rule by its place in the tree, as `Program.rules` counts; nil for a policy.
    package var number: Int?

    /// `edge.nft:14`, `policy of chain forward (edge.nft:3)`.
    package var text: String {
        if number != nil { return "\(source):\(line)" }
        return chain.isEmpty ? "no chain sees such frames" : "policy of chain \(chain)"
    }
}

/// A rule set for a kind of frames, as a list: steps are tried one after the other, and those whose condition a frame has are taken.
///
/// Jumps have been replaced by the rules of their chains, and a way out of a chain by a skip: it only ever leads down the list.
struct Step {
    enum Action {
        /// Index into `StepList.deciders`.
        case verdict(RegionVerdict, by: Int)
        /// Goes on at the label of that number.
        case skip(Int)
        case assign([Assigned])
        case label(Int)
    }

    struct Assigned: Hashable {
        var variable: Variable
        var value: Value
    }

    enum Value: Hashable {
        case number(UInt128)
        /// What a statement makes of other fields: known by the statement only.
        case unknown(String)
    }

    var condition: Condition
    /// About what steps assign.
    var tests: [StateTest]
    var action: Action
    /// Index into `StepList.deciders` of the rule that it belongs to; nil for a policy's.
    var rule: Int?
}

/// A condition on something that a step before may have changed.
struct StateTest: Hashable {
    var variable: Variable
    var mask: UInt128?
    var xor: UInt128 = 0
    var set: ValueSet
    /// For each unknown value that the variable may have been given, what decides the test then.
    var unknowns: [String: Variable] = [:]

    func holds(_ number: UInt128) -> Bool { set.contains((number & (mask ?? .max)) ^ xor) }
}

/// The steps of a rule set for a kind of frames.
struct StepList {
    var steps: [Step] = []
    var deciders: [Decider] = []
    /// What labels are called: the same in another rule set where they are the same.
    var labels: [String] = []
    /// In the order of the steps.
    var memories: [Memory] = []
}

/// Why rule sets can't be compared.
package struct RegionFailure: Error, CustomStringConvertible {
    package var description: String

    static func tooLarge(_ what: String) -> RegionFailure {
        RegionFailure(description: "the rules are too large to compare: \(what)")
    }

    static let tooManyRegions = tooLarge("they differ in more than \(RegionSolver.mostPieces) regions")
}
