import Classifier
package import Control
import Ruleset
import Storage

/// Rules on trial, and those that come back unless somebody confirms them.
struct RulesTrial {
    /// In the history.
    let change: Int
    /// The generation before. Its program is kept as it is: to go back to it needs no file and no memory, and can't fail.
    let previous: RulesetGeneration
    let previousContent: RulesContent
    let previousChange: Int
    let handover: StateHandover
    /// By which sets that both have get back the elements of the file before.
    let inheritance: StateInheritance
    /// What a start goes by when the trial is confirmed, and when it has ended.
    let ownFile: String
    /// On the monotonic clock, in nanoseconds.
    let end: UInt64
    var conditions: [WatchedCondition]

    /// Milliseconds between two looks at what is counted.
    static let watchInterval: Int32 = 50

    func decision(_ change: Int) -> StandingDecision { StandingDecision(file: ownFile, change: change) }

    /// Why it ends now; nil while it goes on.
    mutating func reasonToEnd(_ pool: WorkerPool, at monotonic: UInt64) -> String? {
        if monotonic >= end { return "nobody confirmed it in time" }
        for index in conditions.indices {
            let count = pool.count(of: conditions[index])
            if let reason = conditions[index].reason(count, at: monotonic) { return reason }
        }
        return nil
    }

    /// Milliseconds until it must be looked at again.
    func wait(at monotonic: UInt64) -> Int32 {
        let left = Int32(clamping: (end - min(end, monotonic)) / 1_000_000 + 1)
        return conditions.isEmpty ? left : min(left, Self.watchInterval)
    }
}

/// What ends a trial, with what is counted for it.
package struct WatchedCondition: Sendable {
    package let condition: AbortCondition
    /// Index of the named counter in the program on trial.
    let counter: Int?
    /// What was counted at the looks of the last second, the oldest first.
    private var looks: [(time: UInt64, count: UInt64)]

    /// - Parameter begin: When counting began, at 0, in nanoseconds of the monotonic clock.
    package init(_ condition: AbortCondition, counter: Int? = nil, begin: UInt64) {
        self.condition = condition
        self.counter = counter
        looks = [(begin, 0)]
    }

    /// Why the trial ends with so much counted; nil if it goes on.
    package mutating func reason(_ count: UInt64, at monotonic: UInt64) -> String? {
        guard condition.isPerSecond else { return count > condition.limit ? "\(condition.text): \(count) so far" : nil }
        while looks.count > 1, looks[0].time + 1_000_000_000 < monotonic { looks.removeFirst() }
        let recent = count - looks[0].count
        looks.append((monotonic, count))
        return recent > condition.limit ? "\(condition.text): \(recent)" : nil
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
    func conditions(for program: Program, followsConnections: Bool) throws(TermsFault) -> [WatchedCondition] {
        if let comment, comment.utf8.count > Self.longestComment {
            throw TermsFault("a comment has at most \(Self.longestComment) bytes")
        }
        if let confirm, !Self.trialTime.contains(confirm) { throw TermsFault("a trial lasts between a second and a day") }
        let wanted = abortOn ?? []
        guard confirm != nil || wanted.isEmpty else { throw TermsFault("conditions end a trial: say how long it may last") }
        guard wanted.count <= AbortCondition.most else { throw TermsFault("at most \(AbortCondition.most) conditions end a trial") }
        var conditions: [WatchedCondition] = []
        for text in wanted {
            guard let condition = AbortCondition(text) else {
                throw TermsFault("\"\(PrintableText.line(text))\" is no condition; write \(AbortCondition.grammar)")
            }
            var counter: Int?
            if case .counter(let name) = condition.count {
                counter = program.namedCounter(named: name)
                if counter == nil {
                    throw TermsFault(
                        "the new rules have no counter \(PrintableText.line(name)), or several: then say the table's family and name too")
                }
            }
            if condition.count == .establishedDrops, !followsConnections, program.connectionNeeds.isEmpty {
                throw TermsFault("no rule asks for connections, so that none is known to be established")
            }
            conditions.append(WatchedCondition(condition, counter: counter, begin: Clock.now().monotonic))
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
