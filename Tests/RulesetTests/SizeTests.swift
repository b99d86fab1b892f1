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
        ("a set that doubles", doubling("{ 1, 2 }") { "{ $d\($0), $d\($0) }" }, "definitions stand for more than 1048576 values"),
        ("an expression that doubles", doubling("1") { "$d\($0) | $d\($0)" }, "more than 256 values in one definition"),
        ("a list that doubles", doubling("1,2") { "$d\($0), $d\($0)" }, "'$d0' is not a single value"),
    ]

    @Test("a text that is too much is refused", arguments: refused)
    func refusal(description: String, text: String, message: String) {
        var first = ""
        let time = ContinuousClock().measure {
            do throws(RejectedRuleset) {
                _ = try Ruleset.read(SourceFile(name: "f", text: text))
            } catch {
                first = error.diagnostics.first?.message ?? ""
            }
        }
        #expect(first.hasPrefix(message), "\(first)")
        #expect(time < .seconds(30), "\(time)")
    }

    static func rules(_ count: Int) -> String {
        let rules = (0..<count).map { "ip saddr 10.\($0 / 65536).\($0 / 256 % 256).\($0 % 256) tcp dport \($0 % 65536) counter drop\n" }
        return "table bridge t {\nchain c { type filter hook forward priority 0; policy accept;\n\(rules.joined())}\n}\n"
    }

    static func elements(_ count: Int) -> String {
        let elements = (0..<count).map { "10.\($0 / 65536).\($0 / 256 % 256).\($0 % 256)" }
        return "table bridge t {\nset s { type ipv4_addr; flags interval; elements = { \(elements.joined(separator: ",\n")) }\n}\n}\n"
    }

    @Test(
        "10,000 rules, 100,000 elements",
        arguments: [("rules", rules(10_000)), ("elements", elements(100_000))])
    func large(description: String, text: String) throws {
        var ruleset: Ruleset?
        let time = try ContinuousClock().measure { ruleset = try Ruleset.read(SourceFile(name: "f", text: text)).ruleset }
        let table = try #require(ruleset?.tables.first)
        #expect(table.sets.first?.elements.count == (description == "elements" ? 100_000 : nil))
        #expect(table.chains.first?.rules.count == (description == "rules" ? 10_000 : nil))
        #expect(time < .seconds(20), "\(time)")
    }
}
