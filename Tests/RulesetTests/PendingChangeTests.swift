import Ruleset
import Testing

/// Runs of commands that are done together come to the same as one after the other.
struct PendingChangeTests {
    private static let head = """
        table bridge t {
        set s { type inet_service; elements = { 1, 2, 3, 4 }
        }
        set u { type inet_service; elements = { 1, 2 }
        }
        chain c { tcp dport 1 accept
        }
        chain d { }
        }

        """

    static let files: [(description: String, commands: String, elements: [UInt128], rules: [UInt128])] = [
        ("one deletion", "delete element bridge t s { 2 }", [1, 3, 4], [1]),
        ("two behind each other", "delete element bridge t s { 2 }\ndelete element bridge t s { 1, 4 }", [3], [1]),
        (
            "another set's between", "delete element bridge t s { 2 }\ndelete element bridge t u { 2 }\ndelete element bridge t s { 3 }",
            [1, 4], [1]
        ),
        (
            "put in again", "delete element bridge t s { 2 }\nadd element bridge t s { 2, 9 }\ndelete element bridge t s { 3 }",
            [1, 2, 4, 9], [1]
        ),
        ("flushed", "delete element bridge t s { 2 }\nflush set bridge t s\nadd element bridge t s { 5 }", [5], [1]),
        ("the table anew", "delete element bridge t s { 2 }\ndelete table bridge t\n\(head)", [1, 2, 3, 4], [1]),
        ("one rule in front", "insert rule bridge t c tcp dport 2 accept", [1, 2, 3, 4], [2, 1]),
        ("two in front", "insert rule bridge t c tcp dport 2 accept\ninsert rule bridge t c tcp dport 3 accept", [1, 2, 3, 4], [3, 2, 1]),
        (
            "one behind between",
            "insert rule bridge t c tcp dport 2 accept\nadd rule bridge t c tcp dport 3 accept\ninsert rule bridge t c tcp dport 4 accept",
            [1, 2, 3, 4], [4, 2, 1, 3]
        ),
        (
            "another chain's between",
            "insert rule bridge t c tcp dport 2 accept\ninsert rule bridge t d tcp dport 3 accept\ninsert rule bridge t c tcp dport 4 accept",
            [1, 2, 3, 4], [4, 2, 1]
        ),
        (
            "a flushed chain",
            "insert rule bridge t c tcp dport 2 accept\nflush chain bridge t c\ninsert rule bridge t c tcp dport 4 accept", [1, 2, 3, 4],
            [4]
        ),
    ]

    @Test("what is left", arguments: files)
    func left(description: String, commands: String, elements: [UInt128], rules: [UInt128]) throws {
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: Self.head + commands + "\n")).ruleset
        let table = try #require(ruleset.tables.first)
        #expect(table.sets.first?.elements.map(\.value) == elements.map { .number($0) })
        let ports = table.chains.first?.rules.compactMap { rule -> UInt128? in
            let numbers = rule.statements.compactMap { statement -> UInt128? in
                guard case .match(let match) = statement, case .single(.number(let number)) = match.operand else { return nil }
                return number
            }
            return numbers.last
        }
        #expect(ports == rules)
    }

    static let refused: [(description: String, commands: String, message: String, line: Int)] = [
        ("twice in one command", "delete element bridge t s { 2, 2 }", "the element is not in 's'", 10),
        ("twice in two", "delete element bridge t s { 2 }\ndelete element bridge t s { 3, 2 }", "the element is not in 's'", 11),
        (
            "what was put in again and taken out",
            "delete element bridge t s { 2 }\nadd element bridge t s { 2 }\n"
                + "delete element bridge t s { 2 }\ndelete element bridge t s { 2 }", "the element is not in 's'", 13
        ),
    ]

    @Test("what is not there can't be deleted", arguments: refused)
    func missing(description: String, commands: String, message: String, line: Int) {
        #expect {
            _ = try Ruleset.read(SourceFile(name: "f", text: Self.head + commands + "\n"))
        } throws: { error in
            guard let first = (error as? RejectedRuleset)?.diagnostics.first else { return false }
            return first.message == message && first.location.line == line
        }
    }

    @Test("deleting from a large set among other commands ends with a word of advice")
    func tooOften() {
        let elements = (0..<20_000).map(String.init).joined(separator: ", ")
        let turns = (0..<300).map { "delete element bridge t s { \($0) }\nadd element bridge t s { \($0) }\n" }.joined()
        let text = "table bridge t {\nset s { type inet_service; elements = { \(elements) }\n}\n}\n" + turns
        #expect {
            _ = try Ruleset.read(SourceFile(name: "f", text: text))
        } throws: { error in
            (error as? RejectedRuleset)?.diagnostics.first?.message
                == "elements are deleted from large sets, among other commands, too often"
        }
    }
}
