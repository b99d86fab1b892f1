import Foundation
import Ruleset
import Testing

/// Large rule sets are read soon, and texts that would grow without end are refused soon.
struct SizeTests {
    private static func doubling(_ first: String, _ next: (Int) -> String) -> String {
        "define d0 = \(first)\n" + (1...64).map { "define d\($0) = \(next($0 - 1))\n" }.joined()
    }

    static let refused: [(description: String, text: String, message: String)] = [
        ("10 MB of braces", String(repeating: "{", count: 10_000_000), "unexpected '{'"),
        ("10 MB of nonsense", String(repeating: "}x=;", count: 2_500_000), "unexpected '}'"),
        ("a set that doubles", doubling("{ 1, 2 }") { "{ $d\($0), $d\($0) }" }, "definitions expand to more than 1048576 values"),
        ("an expression that doubles", doubling("1") { "$d\($0) | $d\($0)" }, "more than 256 values in one definition"),
        ("a list that doubles", doubling("1,2") { "$d\($0), $d\($0)" }, "'$d0' is not a single value"),
        ("parentheses in parentheses", rule("tcp dport " + String(repeating: "(", count: 1_000_000)), "more than"),
        ("masks in masks", rule("tcp dport " + String(repeating: "1 & ", count: 1_000_000) + "1"), "more than"),
    ]

    private static func rule(_ text: String) -> String { "table bridge t {\nchain c {\n\(text)\n}\n}\n" }

    /// Of the thread that runs the test: other tests run at the same time.
    private static func processorTime(of body: () throws -> Void) rethrows -> Duration {
        func now() -> Duration {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
        }
        let start = now()
        try body()
        return now() - start
    }

    @Test("a text that is too much is refused", arguments: refused)
    func refusal(description: String, text: String, message: String) {
        var first = ""
        let time = Self.processorTime {
            do throws(RejectedRuleset) {
                _ = try Ruleset.read(SourceFile(name: "f", text: text))
            } catch {
                first = error.diagnostics.first?.message ?? ""
            }
        }
        #expect(first.hasPrefix(message), "\(first)")
        #expect(time < .seconds(6), "\(time)")
    }

    static func rules(_ count: Int) -> String {
        let rules = (0..<count).map { "ip saddr 10.\($0 / 65536).\($0 / 256 % 256).\($0 % 256) tcp dport \($0 % 65536) counter drop\n" }
        return "table bridge t {\nchain c { type filter hook forward priority 0; policy accept;\n\(rules.joined())}\n}\n"
    }

    static func elements(_ count: Int) -> String {
        let elements = (0..<count).map { "10.\($0 / 65536).\($0 / 256 % 256).\($0 % 256)" }
        return "table bridge t {\nset s { type ipv4_addr; flags interval; elements = { \(elements.joined(separator: ",\n")) }\n}\n}\n"
    }

    /// Of an address and a range of ports, which overlap in the ports alone.
    static func boxes(_ count: Int) -> String {
        let elements = (0..<count).map { "10.\($0 / 65536).\($0 / 256 % 256).\($0 % 256) . 1-\($0 % 65535 + 1)" }
        let head = "table bridge t {\nset s { type ipv4_addr . inet_service; flags interval; "
        return head + "elements = { \(elements.joined(separator: ",\n")) }\n}\n}\n"
    }

    /// Of a prefix and a range of ports: no part tells most of them from others.
    static func lattice(_ count: Int) -> String {
        let elements = (0..<count).map { "10.\($0 / 500).0.0/16 . \($0 % 500 * 100 + 1)-\($0 % 500 * 100 + 100)" }
        let head = "table bridge t {\nset s { type ipv4_addr . inet_service; flags interval; "
        return head + "elements = { \(elements.joined(separator: ",\n")) }\n}\n}\n"
    }

    /// A command for each element and each rule, as programs write them.
    static func commands(_ count: Int) -> String {
        let head = String(elements(count).dropLast(2)) + "chain c { }\n}\n"
        let address = { (number: Int) in "10.\(number / 65536).\(number / 256 % 256).\(number % 256)" }
        return head + (0..<count).map { "insert rule bridge t c ip saddr \(address($0)) drop\n" }.joined()
            + (0..<count).map { "delete element bridge t s { \(address($0)) }\n" }.joined()
            + (0..<count).map { "add element bridge t s { \(address($0)) }\n" }.joined()
    }

    /// As many chains as may go one by one, beside rules which each of them has to ask.
    static func deletions(_ count: Int) -> String {
        let chains = (0..<64).map { "chain d\($0) { }\n" }.joined()
        let commands = (0..<64).map { "delete chain bridge t d\($0)\n" }.joined()
        return rules(count).dropLast(2) + chains + "}\n" + commands
    }

    static let largeFiles: [(description: String, text: String, rules: Int?, elements: Int?, seconds: Double)] = [
        ("10,000 rules", rules(10_000), 10_000, nil, 1),
        ("100,000 elements", elements(100_000), nil, 100_000, 1),
        ("100,000 elements of two parts", boxes(100_000), nil, 100_000, 2),
        ("100,000 elements that lie close", lattice(100_000), nil, 100_000, 4),
        ("60,000 commands of each kind", commands(60_000), 60_000, 60_000, 6),
        ("60,000 rules with deletions", deletions(60_000), 60_000, nil, 6),
    ]

    /// Bounds that a busy machine keeps: processor time slows down too where several share one.
    @Test("what is large is read soon", arguments: largeFiles)
    func large(description: String, text: String, rules: Int?, elements: Int?, seconds: Double) throws {
        var ruleset: Ruleset?
        let time = try Self.processorTime { ruleset = try Ruleset.read(SourceFile(name: "f", text: text)).ruleset }
        let table = try #require(ruleset?.tables.first)
        #expect(table.sets.first?.elements.count == elements)
        #expect(table.chains.first?.rules.count == rules)
        #expect(time < .seconds(seconds), "\(time)")
    }
}
