import Ruleset
import Testing

/// How a diagnostic looks.
struct DiagnosticTests {
    private func render(_ line: String, column: Int, length: Int, note: String? = nil) -> String {
        let location = SourceLocation(file: 0, line: 2, column: column, length: length)
        let diagnostic = Diagnostic(severity: .error, location: location, message: "message", note: note)
        return diagnostic.render(in: [SourceFile(name: "edge.nft", text: "first\n\(line)\nlast")])
    }

    @Test func placeLineCaretAndNote() {
        #expect(
            render("tcp dport htp drop", column: 11, length: 3, note: "expected a port")
                == "edge.nft:2:11: error: message\n    tcp dport htp drop\n              ^~~\n  note: expected a port\n")
    }

    @Test func tabsStandAboveTabs() {
        #expect(render("\ta\tb", column: 4, length: 1) == "edge.nft:2:4: error: message\n    \ta\tb\n    \t \t^\n")
    }

    @Test func aPlaceBehindTheLineIsAtItsEnd() {
        #expect(render("ab", column: 9, length: 5) == "edge.nft:2:9: error: message\n    ab\n      ^\n")
    }

    @Test func controlCharactersAreNotSent() {
        #expect(render("a\u{1b}[2Jb\u{202e}c", column: 6, length: 1).contains("\n    a?[2Jb?c\n         ^\n"))
    }

    @Test func ofALongLineAPartIsShown() throws {
        let text = render(String(repeating: "x", count: 5000) + "!" + String(repeating: "y", count: 5000), column: 5001, length: 1)
        let lines = text.split(separator: "\n")
        try #require(lines.count == 3)
        #expect(lines[1].count < 200)
        let caret = try #require(lines[2].firstIndex(of: "^"))
        #expect(lines[1][lines[1].index(lines[1].startIndex, offsetBy: lines[2].distance(from: lines[2].startIndex, to: caret))] == "!")
    }

    @Test func aPlaceInNoSourceHasNoLine() {
        let diagnostic = Diagnostic(severity: .warning, location: SourceLocation(file: 3, line: 1, column: 1, length: 1), message: "m")
        #expect(diagnostic.render(in: []) == "?:1:1: warning: m\n")
    }

    /// More mistakes than are told of unless more are asked for, each in a part of the file that is read by itself.
    private static let many: [(description: String, text: String)] = [
        ("in one set", "table bridge t { set s { \(repeating("foo; ")) }\n}\n"),
        ("in one rule's block", "table bridge t { chain c { jump { \(repeating("foo; ")) }\n}\n}\n"),
        ("in many sets", "table bridge t { \(repeating("set s { foo; }; ")) }\n"),
        (
            "in many rules, beside a chain of NAT",
            "table inet t { chain n { type nat hook output priority 0; }\nchain c { \(repeating("mark a; ")) }\n}\n"
        ),
    ]

    private static func repeating(_ piece: String) -> String { String(repeating: piece, count: 50) }

    @Test(
        "a limit of errors counts over all parts of a file, and no other does", arguments: many,
        [RejectedRuleset.diagnosticLimit, 30, .max])
    func limits(_ sample: (description: String, text: String), limit: Int) {
        let rejection = #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "f", text: sample.text), limit: limit) }
        let errors = rejection?.diagnostics.filter { $0.severity == .error } ?? []
        #expect(limit == .max ? errors.count >= 50 : errors.count == limit, "\(sample.description): \(errors.count)")
    }

    @Test("a set that is missing is told once for each table")
    func missingSets() {
        let tables = ["bridge t", "bridge u", "inet t"].map { "table \($0) { chain c { ip saddr @s drop; ip daddr @s drop; }\n}\n" }
        let rejection = #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "f", text: tables.joined())) }
        #expect(rejection?.diagnostics.filter { $0.severity == .error }.count == 3)
    }

    /// What is asked about, and the place and the kind of mistake that is reported.
    static let places: [(text: String, expected: [String])] = [
        ("", []),
        ("table bridge t {", ["1:17 the block of table 't' is not closed"]),
        ("table bridge t { chain c {", ["1:27 the block of chain 'c' is not closed"]),
        ("}\n", ["1:1 unexpected '}'"]),
        ("table bridge t { } table bridge u { }\n", ["1:20 unexpected 'table'"]),
        ("table bridge t { }\n# end", ["2:1 a comment without a newline at its end"]),
        ("table bridge é { }\n", ["1:14 a character outside ASCII"]),
        ("table bridge t { comment \"a\"; comment \"b\"; }\n", ["1:31 the comment is given twice"]),
        ("table bridge t { chain c { foo; bar; baz; }\n}\n", ["1:28", "1:33", "1:38"].map { "\($0) unknown word" }),
        ("table bridge t { chain c { tcp dport { 1, 2; accept; }\n}\n", ["1:44 unexpected ';'", "3:1 the block of"]),
        ("table bridge t { chain c { ip6 saddr 1:2:3:4::5:6:7:8; }\n}\n", ["1:38 '1:2:3:4::5:6:7:8' is not an address"]),
        // More milliseconds than 64 bits count.
        ("table bridge t { set s { type ipv4_addr; timeout 999999999999999999d; }\n}\n", ["1:50 unexpected '999999999999999999d'"]),
        ("table bridge t { chain c { tcp flags syn tcp window 5; }\n}\n", ["1:42 flags without an operator"]),
        ("table bridge t { chain c { tcp window 5 tcp flags syn; }\n}\n", ["1:41 flags without an operator"]),
        ("table bridge t { chain c { \"é\" ; accept accept; }\n}\n", ["1:28 unexpected \"é\"", "1:41 statement after a verdict"]),
    ]

    @Test("mistakes are found where they are", arguments: places)
    func mistakes(text: String, expected: [String]) {
        var found: [String] = []
        do throws(RejectedRuleset) {
            _ = try Ruleset.read(SourceFile(name: "f", text: text))
        } catch {
            found = error.diagnostics.map { "\($0.location.line):\($0.location.column) \($0.message)" }
        }
        #expect(found.count == expected.count, "\(found)")
        for (found, expected) in zip(found, expected) { #expect(found.hasPrefix(expected)) }
    }

    @Test func noMoreThanTheLimitIsReported() {
        let rules = String(repeating: "wrong\n", count: 100)
        let rejection = #expect(throws: RejectedRuleset.self) {
            try Ruleset.read(SourceFile(name: "f", text: "table bridge t { chain c {\n\(rules)}\n}\n"))
        }
        #expect(rejection?.diagnostics.count == RejectedRuleset.diagnosticLimit)
    }

    @Test func icmpWithoutNetworkProtocolIsWarnedOf() throws {
        for (rule, count) in [
            ("icmp type 8", 1), ("icmpv6 type 128", 1), ("meta protocol ip icmp type 8", 0), ("vlan id 5 icmp type 8", 0),
        ] {
            let warnings = try Ruleset.read(SourceFile(name: "f", text: fileWith(rule: rule))).warnings
            #expect(warnings.map(\.severity) == Array(repeating: .warning, count: count), "\(rule)")
        }
    }
}
