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
        var named = NamedCounters()
        for (reason, count) in content.reasons { named.add(reason, frames: count.frames, bytes: count.bytes) }
        for rule in content.rules {
            named.add(table: rule.table, chain: rule.chain, text: rule.text, frames: rule.frames, bytes: rule.bytes)
        }
        named.add(events: content.flows?.events, invalid: content.flows?.invalid)
        counters = named.values
    }
}

/// Counters by what they count, in words. Rules go by what they say, wherever their file lies; of the same words in the same chain, by
/// their order.
private struct NamedCounters {
    private(set) var values: [String: UInt64] = [:]
    private var seen: [String: Int] = [:]

    mutating func add(_ name: String, frames: UInt64, bytes: UInt64) {
        values["\(name), frames"] = frames
        values["\(name), bytes"] = bytes
    }

    mutating func add(table: String, chain: String, text: String, frames: UInt64, bytes: UInt64) {
        let name = "\(table) \(chain): \(text)"
        let count = seen[name, default: 0] + 1
        seen[name] = count
        add(count == 1 ? name : "\(name) (\(count))", frames: frames, bytes: bytes)
    }

    mutating func add(events: [String: UInt64]?, invalid: [String: UInt64]?) {
        for (event, count) in events ?? [:] { values["connections \(event)"] = count }
        for (cause, count) in invalid ?? [:] { values["invalid: \(cause)"] = count }
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
        var named = NamedCounters()
        for (reason, amount) in report.reasons { named.add(reason, frames: amount.frames, bytes: amount.bytes) }
        for rule in report.rules {
            named.add(table: rule.table, chain: rule.chain, text: rule.text, frames: rule.frames, bytes: rule.bytes)
        }
        named.add(events: report.flows?.events, invalid: report.flows?.invalid)
        let here = named.values
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
