import Classifier
import Ruleset
import Testing

/// What is told of a program's sets.
struct LookupStatisticsTests {
    static let sets: [(description: String, declaration: String, key: String, structure: LookupStatistics.Structure, elements: Int)] = [
        ("few addresses", "type ipv4_addr; elements = { 10.0.0.1, 10.0.0.9 }", "ip saddr", .intervals, 2),
        ("many ports", "type inet_service; elements = { \(list(16) { "\(3 * $0)" }) }", "tcp dport", .trie, 16),
        ("neighbours are one", "type inet_service; elements = { \(list(16) { "\($0)" }) }", "tcp dport", .intervals, 1),
        ("pairs", "type ipv4_addr . inet_service; elements = { 10.0.0.1 . 5, 10.0.0.2 . 5 }", "ip saddr . tcp dport", .hash, 2),
        (
            "few boxes", "type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.1 . 5-6, 10.0.0.2 . 5 }",
            "ip saddr . tcp dport", .boxes, 2
        ),
        (
            "many boxes", "type ipv4_addr . inet_service; flags interval; elements = { \(list(8) { "10.0.0.\($0) . 5-6" }) }",
            "ip saddr . tcp dport", .boxIndex, 8
        ),
        ("one that changes", "type ipv4_addr; size 1000; flags dynamic", "ip saddr", .changing, 1000),
    ]

    /// Sets of 2,000 intervals, and guards that they need beside what plain intervals take.
    private static let guarded: [(description: String, declaration: String, tail: String, guards: ClosedRange<Int>)] = [
        ("one timeout for all", "flags interval,timeout; timeout 1h;", "", 1...1),
        ("two timeouts", "flags interval,timeout; timeout 1h;", " timeout 2h", 2...2),
        ("none that expires", "flags interval,timeout;", "", 0...0),
        ("statements", "flags interval,timeout; timeout 1h; limit rate 5/second;", "", 2000...2000),
    ]

    @Test("elements that only expire share what knows when", arguments: guarded)
    func guards(_ description: String, _ declaration: String, _ tail: String, _ guards: ClosedRange<Int>) throws {
        func bytes(_ declaration: String, _ tail: String = "") throws -> Int {
            let elements = Self.list(2000) { "10.\($0 >> 7).\($0 << 1 & 255).0/24\($0 == 0 ? tail : "")" }
            let text =
                "table bridge t {\nset s { type ipv4_addr; \(declaration) elements = { \(elements) }\n}\n"
                + "chain c { type filter hook forward priority 0; ip saddr @s drop; }\n}\n"
            let ruleset = try Ruleset.read(SourceFile(name: "f", text: text)).ruleset
            return try Program(compiling: ruleset, ports: ["a", "b"]).statistics.setBytes
        }
        // 16 bytes a guard, and 8 for each of its statements.
        let more = try bytes(declaration, tail) - bytes("flags interval; counter;")
        #expect((guards.lowerBound * 16...guards.upperBound * 32).contains(more), "\(more)")
    }

    private static func list(_ count: Int, _ element: (Int) -> String) -> String {
        (0..<count).map(element).joined(separator: ", ")
    }

    @Test("the structure, its elements, memory and worst case", arguments: sets)
    func told(description: String, declaration: String, key: String, structure: LookupStatistics.Structure, elements: Int) throws {
        let text = """
            table bridge t {
            set s { \(declaration)
            }
            chain c { type filter hook forward priority 0
            \(key) @s drop
            \(key) @s accept
            }
            }

            """
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: text)).ruleset
        let statistics = try Program(compiling: ruleset, ports: ["a", "b"]).lookupStatistics
        // Two rules share it.
        #expect(statistics.count == 1)
        let first = try #require(statistics.first)
        #expect(first.set == LookupStatistics.SetName(family: .bridge, table: "t", name: "s"))
        #expect(first.structure == structure && first.elements == elements, "\(first)")
        #expect(first.bytes > 0)
        #expect((first.steps == nil) == (structure == .changing) && first.steps != 0)
    }

    @Test("a set for a million addresses takes 36 MB")
    func memory() throws {
        let text = "table bridge t {\nset s { type ipv4_addr; size 1000000; flags dynamic\n}\n}\n"
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: text)).ruleset
        let program = try Program(compiling: ruleset, ports: ["a", "b"])
        #expect(program.lookupStatistics.map(\.bytes) == [32 * 1_000_000 + 4 * 1 << 20])
    }
}
