package import Classifier
package import Firewall
import Ruleset
package import Storage

/// What rules have remembered under names.
package struct StateReport: Encodable {
    package struct CounterReport: Encodable {
        package var table: String
        package var name: String
        package var frames: UInt64
        package var bytes: UInt64
    }

    package struct QuotaReport: Encodable {
        package var table: String
        package var name: String
        /// Bytes, with those that it began with.
        package var used: UInt64
        package var bytes: UInt64
    }

    /// An element of a set that counts.
    package struct ElementReport: Encodable {
        package var table: String
        package var set: String
        package var element: String
        package var frames: UInt64
        package var bytes: UInt64
    }

    /// A `last` statement.
    struct LastUseReport: Encodable {
        var rule: String
        /// Milliseconds since a frame came to it; absent if none has.
        var used: UInt64?
        /// For people.
        private(set) var listing: String

        private enum CodingKeys: CodingKey { case rule, used }

        init(_ rule: RuleReference, _ last: LastUse) {
            self.rule = "\(rule.source):\(rule.line): \(rule.rule.text)"
            used = last.used
            listing = last.listing
        }
    }

    /// A set or map that changes.
    package struct SetReport: Encodable {
        package var table: String
        package var set: String
        package var elements: Int
        /// Elements that it has room for.
        package var capacity: Int
    }

    /// With what the file gives them to begin with.
    package private(set) var counters: [CounterReport]
    package private(set) var quotas: [QuotaReport]
    package private(set) var elements: [ElementReport]
    package private(set) var sets: [SetReport]
    var lastUses: [LastUseReport]

    package init(_ program: Program, _ counted: FirewallCounters.Snapshot, at instant: Instant) {
        counters = zip(program.namedCounters, counted.namedCounters).map { counter, hits in
            CounterReport(
                table: counter.tableTitle, name: counter.name, frames: counter.packets &+ hits.frames,
                bytes: counter.bytes &+ hits.bytes)
        }
        quotas = program.namedQuotas.indices.map { index in
            let quota = program.namedQuotas[index]
            return QuotaReport(
                table: quota.tableTitle, name: quota.name, used: program.bytesUsed(ofQuota: index),
                bytes: quota.quota.bytes)
        }
        elements = zip(program.elementCounters, counted.elements).map { element, hits in
            let start = element.element.counter
            return ElementReport(
                table: element.tableTitle, set: element.set, element: element.text,
                frames: (start?.packets ?? 0) &+ hits.frames, bytes: (start?.bytes ?? 0) &+ hits.bytes)
        }
        lastUses = program.lastUses(at: instant).map { LastUseReport(program.rules[$0.rule], $0.last) }
        sets = program.changingSets.indices.map { index in
            let set = program.changingSets[index]
            return SetReport(
                table: set.tableTitle, set: set.name,
                elements: program.elementCount(ofSet: index, at: instant), capacity: set.capacity)
        }
    }

    /// A table for each kind of which there is something, with an empty line before it.
    package func tables() -> String {
        var result = ""
        func add(_ head: [String], _ rows: [[String]]) {
            guard !rows.isEmpty else { return }
            var table = TextTable(head)
            for row in rows { table.add(row) }
            result += "\n" + table.rendered()
        }
        add(["frames", "bytes", "counter"], counters.map { ["\($0.frames)", "\($0.bytes)", "\($0.table) \($0.name)"] })
        add(["used", "of bytes", "quota"], quotas.map { ["\($0.used)", "\($0.bytes)", "\($0.table) \($0.name)"] })
        add(["frames", "bytes", "element"], elements.map { ["\($0.frames)", "\($0.bytes)", "\($0.table) \($0.set): \($0.element)"] })
        add(["elements", "room for", "set"], sets.map { ["\($0.elements)", "\($0.capacity)", "\($0.table) \($0.set)"] })
        add(["last", "rule"], lastUses.map { [String($0.listing.dropFirst("last ".count)), $0.rule] })
        return result
    }
}
