import FoundationEssentials

/// The counters of a run or of a replay, read back from the JSON that it printed.
public struct RecordedReport: Sendable {
    /// Why a file is no such report, in words.
    public struct Failure: Error, CustomStringConvertible {
        public var description: String
    }

    private struct Content: Decodable {
        struct Count: Decodable {
            var frames: UInt64
            var bytes: UInt64
        }

        struct Rule: Decodable {
            var table: String
            var chain: String
            var text: String
            var frames: UInt64
            var bytes: UInt64
        }

        struct Flows: Decodable {
            var events: [String: UInt64]
            var invalid: [String: UInt64]?
        }

        var reasons: [String: Count]
        var rules: [Rule]
        var flows: Flows?
    }

    /// As it was given.
    public let name: String
    /// Values by what they count, in words.
    let counters: [String: UInt64]

    /// Reads the last report of a text: a run prints one for each time that it is asked.
    public init(_ text: String, name: String) throws(Failure) {
        let line = text.split(whereSeparator: \.isNewline).last { $0.contains("\"reasons\":") }
        guard let line, let content = try? JSONDecoder().decode(Content.self, from: Data(line.utf8)) else {
            throw Failure(description: "\(name) has no report as \"weir run --json\" and \"weir replay --json\" print it")
        }
        self.name = name
        var counters: [String: UInt64] = [:]
        for (reason, count) in content.reasons {
            counters["\(reason), frames"] = count.frames
            counters["\(reason), bytes"] = count.bytes
        }
        var names = RuleNames()
        for rule in content.rules {
            let title = names.name(table: rule.table, chain: rule.chain, text: rule.text)
            counters["\(title), frames"] = rule.frames
            counters["\(title), bytes"] = rule.bytes
        }
        for (event, count) in content.flows?.events ?? [:] { counters["connections \(event)"] = count }
        for (cause, count) in content.flows?.invalid ?? [:] { counters["invalid: \(cause)"] = count }
        self.counters = counters
    }
}

/// Rules by what they say, wherever their file lies; of the same words in the same chain, by their order.
private struct RuleNames {
    private var seen: [String: Int] = [:]

    mutating func name(table: String, chain: String, text: String) -> String {
        let name = "\(table) \(chain): \(text)"
        let count = seen[name, default: 0] + 1
        seen[name] = count
        return count == 1 ? name : "\(name) (\(count))"
    }
}

/// Counters that two reports don't agree on.
package struct CounterComparison: Encodable {
    package struct Difference: Encodable {
        package var counter: String
        /// In this report, and in the other one.
        package var here: UInt64
        package var there: UInt64
    }

    package var with: String
    package var counters: Int
    package var differences: [Difference]

    /// Holds a report to another. A counter that one of them doesn't have is 0 there.
    package init(_ report: FirewallReport, with other: RecordedReport) {
        var here: [String: UInt64] = [:]
        for (reason, amount) in report.reasons {
            here["\(reason), frames"] = amount.frames
            here["\(reason), bytes"] = amount.bytes
        }
        var names = RuleNames()
        for rule in report.rules {
            let title = names.name(table: rule.table, chain: rule.chain, text: rule.text)
            here["\(title), frames"] = rule.frames
            here["\(title), bytes"] = rule.bytes
        }
        for (event, count) in report.flows?.events ?? [:] { here["connections \(event)"] = count }
        for (cause, count) in report.flows?.invalid ?? [:] { here["invalid: \(cause)"] = count }
        let all = Set(here.keys).union(other.counters.keys)
        with = other.name
        counters = all.count
        differences = all.sorted().compactMap { counter in
            let (one, two) = (here[counter] ?? 0, other.counters[counter] ?? 0)
            return one == two ? nil : Difference(counter: counter, here: one, there: two)
        }
    }

    /// For people.
    package func table() -> String {
        guard !differences.isEmpty else { return "compared with \(with): all \(counters) counters agree\n" }
        var table = TextTable(["here", "there", "counter"])
        for difference in differences { table.add(["\(difference.here)", "\(difference.there)", difference.counter]) }
        return "compared with \(with): \(differences.count) of \(counters) counters differ\n" + table.rendered()
    }
}
