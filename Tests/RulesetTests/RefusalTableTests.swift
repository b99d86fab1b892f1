import Foundation
import Ruleset
import Testing

/// The tables of what Weir refuses in "Differences from nftables": each example is refused or set aside, for the reason that its row says.
struct RefusalTableTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var example: String
        var reason: String
        var testDescription: String { example }
    }

    /// The rows of the table with this head, an example each.
    private static func rows(_ head: String) -> [Row] {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/weir/Weir.docc/Differences.md")
        guard let text = try? String(contentsOf: page.standardized, encoding: .utf8) else { return [] }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let first = lines.firstIndex(of: "| \(head) | because |") else { return [] }
        return lines[(first + 2)...].prefix { $0.hasPrefix("| ") }.flatMap { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            return cells[0].matches(of: /`([^`]+)`/).map { Row(example: String($0.1), reason: cells.count == 2 ? cells[1] : "?") }
        }
    }

    private static let rules = rows("in a rule")
    private static let parts = rows("in a table")
    private static let errors = rows("in a table or a file")

    private static func table(_ parts: String = "", rule: String, hook: String = "forward") -> String {
        """
        table inet t {
        set s { type ipv4_addr; flags dynamic; size 5; }
        map v { type ipv4_addr : verdict; }
        map m { type ipv4_addr : ipv4_addr . inet_service; }
        \(parts)
        chain c { type filter hook \(hook) priority 0; policy accept;
        \(rule)
        }
        }

        """
    }

    /// What stops a text, and what is said of it beside that.
    private func read(_ text: String) -> (errors: [Diagnostic], notices: [Diagnostic]) {
        do throws(RejectedRuleset) {
            return ([], try Ruleset.read(SourceFile(name: "f", text: text)).warnings)
        } catch {
            return (error.diagnostics.filter { $0.severity == .error }, [])
        }
    }

    private func says(_ diagnostic: Diagnostic, _ reason: String) -> Bool {
        diagnostic.message.contains(reason) || diagnostic.note?.contains(reason) == true
    }

    @Test("the tables are there")
    func tables() {
        #expect(Self.rules.count > 60 && Self.parts.count > 12 && Self.errors.count > 10)
        #expect(!(Self.rules + Self.parts + Self.errors).contains { $0.reason.count < 12 })
    }

    @Test("a rule is refused where frames come, and its chain is set aside where none does", arguments: rules)
    func rule(_ row: Row) {
        let met = read(Self.table(rule: row.example)).errors
        #expect(met.first.map { says($0, row.reason) } == true, "\(met.first?.message ?? "accepted"): \(met.first?.note ?? "")")
        let unmet = read(Self.table(rule: row.example, hook: "output"))
        #expect(unmet.errors.isEmpty, "\(unmet.errors.first?.message ?? "")")
        #expect(unmet.notices.contains { $0.severity == .setAside && $0.message.hasPrefix("chain c") })
    }

    @Test("a part of a table is set aside, and refused where a rule names it", arguments: parts)
    func part(_ row: Row) {
        let unmet = read(Self.table(row.example, rule: "accept"))
        #expect(unmet.errors.isEmpty, "\(unmet.errors.first?.message ?? "")")
        let notice = unmet.notices.first { $0.severity == .setAside && !$0.message.hasPrefix("map m") }
        if notice.map({ says($0, row.reason) }) == true { return }
        // What a set is refused for is told where a rule names it.
        #expect(notice != nil)
        let met = read(Self.table(row.example, rule: "ip saddr @x drop")).errors
        #expect(met.first.map { says($0, row.reason) } == true, "\(met.first?.message ?? "accepted"): \(met.first?.note ?? "")")
    }

    @Test("what is refused everywhere", arguments: errors)
    func everywhere(_ row: Row) {
        let isPart = row.example.hasPrefix("set ")
        let text = isPart ? Self.table(row.example, rule: "accept") : Self.table(rule: "accept") + row.example + "\n"
        let errors = read(text).errors
        #expect(errors.first.map { says($0, row.reason) } == true, "\(errors.first?.message ?? "accepted"): \(errors.first?.note ?? "")")
    }
}
