import Ruleset
import Testing

/// `include`, with texts in place of files.
struct IncludeTests {
    private static let texts = [
        "ports": "define web = { 80, 443 }\n",
        "rule": "tcp dport $web accept\n",
        "chain": "chain z {\ninclude \"rule\"\n}\n",
        "loop": "include \"loop2\"\n", "loop2": "include \"loop\"\n",
        "open": "table bridge t {\n",
        "no end": "define x = 5",
        "wrong": "table bridge t {\nchain c { tcp dport htp drop; }\n}\n",
        "deep": "include \"deeper\"\n",
    ]

    /// A pattern stands for two texts, or for none; `deeper` for a new one each time.
    private func load() -> RuleLoader {
        var count = 0
        return { (path, includer) throws(InclusionFailure) in
            if path == "two*" {
                return [SourceFile(name: "two1", text: "define a = 1\n"), SourceFile(name: "two2", text: "define b = $a\n")]
            }
            if path == "none*" { return [] }
            if path == "deeper" {
                count += 1
                return [SourceFile(name: "deeper\(count)", text: "include \"deeper\"\n")]
            }
            guard let text = Self.texts[path] else { throw InclusionFailure(message: "no file '\(path)'", note: "asked by \(includer)") }
            return [SourceFile(name: path, text: text)]
        }
    }

    static let cases: [(description: String, text: String, expected: [String])] = [
        ("a definition", "include \"ports\"\ntable bridge t { chain c { tcp dport $web accept\n}\n}\n", []),
        ("rules and chains", "include \"ports\"\ntable bridge t { chain c {\ninclude \"rule\"\n}\ninclude \"chain\"\n}\n", []),
        ("a pattern, in order", "include \"two*\"\ntable bridge t { chain c { tcp dport { $a, $b }\n}\n}\n", []),
        ("a pattern for nothing", "include \"none*\"\n", []),
        ("a missing file", "\ninclude \"nowhere\"\n", ["main:2:1 no file 'nowhere'"]),
        ("a cycle", "include \"loop\"\n", ["loop2:1:1 'loop' includes itself"]),
        ("too deep", "include \"deep\"\n", ["deeper14:1:1 more than 16 files within each other"]),
        ("an open block", "include \"open\"\n", ["open:2:1 the block of table 't' is not closed"]),
        ("no newline at the end", "include \"no end\"\n", ["no end:1:13 unexpected end of file"]),
        ("a mistake in the other file", "include \"wrong\"\n", ["wrong:2:21 'htp' is not a port"]),
        ("no quotes", "include ports\n", ["main:1:9 unexpected 'ports'"]),
        ("no separator", "include \"ports\" accept\n", ["main:1:17 unexpected 'accept'"]),
    ]

    @Test("texts are read where they are included", arguments: cases)
    func include(description: String, text: String, expected: [String]) {
        var found: [String] = []
        do throws(RejectedRuleset) {
            _ = try Ruleset.read(SourceFile(name: "main", text: text), loader: load())
        } catch {
            found = error.diagnostics.map {
                "\(error.sources[$0.location.file].name):\($0.location.line):\($0.location.column) \($0.message)"
            }
        }
        #expect(found == expected)
    }

    @Test func rulesKnowTheirFile() throws {
        let text = "include \"ports\"\ntable bridge t {\ninclude \"chain\"\n}\n"
        let ruleset = try Ruleset.read(SourceFile(name: "main", text: text), loader: load()).ruleset
        let rule = try #require(ruleset.tables.first?.chains.first?.rules.first)
        #expect(ruleset.sources[rule.location.file].name == "rule")
        #expect(ruleset.sources.map(\.name) == ["main", "ports", "chain", "rule"])
    }

    @Test func withoutALoaderNothingIsIncluded() {
        #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "main", text: "include \"ports\"\n")) }
    }
}
