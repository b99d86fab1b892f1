import Classifier
import Control
import Ruleset

/// Rules on trial, and those that come back unless somebody confirms them.
struct RulesTrial {
    /// In the history.
    let change: Int
    /// The generation before. Its program is kept as it is: to go back to it needs no file and no memory, and can't fail.
    let previous: RulesetGeneration
    let previousContent: RulesContent
    let previousChange: Int
    let handover: StateHandover
    /// What a start goes by when the trial is confirmed, and when it has ended.
    let ownFile: String
    /// On the monotonic clock, in nanoseconds.
    let end: UInt64
    let conditions: [AbortCondition]

    /// Milliseconds between two looks at what is counted.
    static let watchInterval: Int32 = 50

    func decision(_ change: Int) -> StandingDecision { StandingDecision(file: ownFile, change: change) }

    /// Why it ends now; nil while it goes on.
    func reasonToEnd(_ pool: WorkerPool, at monotonic: UInt64) -> String? {
        if monotonic >= end { return "nobody confirmed it in time" }
        for condition in conditions {
            let count = pool.count(of: condition.count)
            if count > condition.limit { return "\(condition.text): \(count) so far" }
        }
        return nil
    }

    /// Milliseconds until it must be looked at again.
    func wait(at monotonic: UInt64) -> Int32 {
        let left = Int32(clamping: (end - min(end, monotonic)) / 1_000_000 + 1)
        return conditions.isEmpty ? left : min(left, Self.watchInterval)
    }
}

/// A trial as others are told of it.
struct TrialNote: Sendable {
    var change: Int
    /// On the monotonic clock, in nanoseconds.
    var end: UInt64
    var conditions: [String]
}

extension ChangeTerms {
    /// What ends the trial, or why these terms can't be.
    func conditions(for program: Program, followsConnections: Bool) throws(TermsFault) -> [AbortCondition] {
        if let comment, comment.utf8.count > Self.longestComment {
            throw TermsFault("a comment has at most \(Self.longestComment) bytes")
        }
        if let confirm, !Self.trialTime.contains(confirm) { throw TermsFault("a trial lasts between a second and a day") }
        let wanted = abortOn ?? []
        guard confirm != nil || wanted.isEmpty else { throw TermsFault("what ends a trial needs one: say how long it may last") }
        guard wanted.count <= AbortCondition.most else { throw TermsFault("at most \(AbortCondition.most) conditions end a trial") }
        var conditions: [AbortCondition] = []
        for text in wanted {
            guard let condition = AbortCondition(text) else {
                throw TermsFault("\"\(PrintableText.lines(text))\" is no condition; write \(AbortCondition.grammar)")
            }
            if case .counter(let name) = condition.count, program.namedCounter(named: name) == nil {
                throw TermsFault(
                    "the new rules have no counter \(PrintableText.lines(name)), or several: then say the table's family and name too")
            }
            if condition.count == .establishedDrops, !followsConnections, program.connectionNeeds.isEmpty {
                throw TermsFault("no rule asks for connections, so that none is known to be established")
            }
            conditions.append(condition)
        }
        return conditions
    }
}

/// Why terms of a change can't be.
struct TermsFault: Error {
    var reason: String

    init(_ reason: String) { self.reason = reason }
}

extension Program {
    /// The named counter of that name; nil if there is none, or more than one.
    func namedCounter(named name: String) -> Int? {
        let found = namedCounters.indices.filter {
            namedCounters[$0].name == name || "\(namedCounters[$0].tableTitle) \(namedCounters[$0].name)" == name
        }
        return found.count == 1 ? found[0] : nil
    }
}
