import FrameBuilder
import Offline
import Regions
import Ruleset
import Testing

/// Rules that make no difference, and proofs of that.
@Suite("lint") struct LintTests {
    struct Case: Sendable {
        var rules: String
        var policy = "accept"
        /// Lines of rules, from 1, with what is wrong with them.
        var expected: [String]
    }

    static let cases: [Case] = [
        Case(rules: "ip saddr 10.0.0.0/8 drop\nip saddr 10.1.0.0/16 tcp dport 22 accept", expected: ["2 shadowed by 1"]),
        Case(
            rules: "tcp dport 1-1023 drop\ntcp dport 1024-65535 drop\ntcp dport 0 drop\ntcp dport 80 accept", expected: ["4 shadowed by 1"]),
        Case(rules: "ip saddr 10.1.0.0/16 drop\nip saddr 10.0.0.0/8 drop", expected: ["1 redundant by 2"]),
        Case(rules: "tcp dport 22 accept", expected: ["1 redundant by policy"]),
        Case(rules: "tcp dport 22 accept", policy: "drop", expected: []),
        Case(rules: "tcp dport 22 accept\nip saddr 10.0.0.1 drop", expected: []),
        Case(rules: "tcp dport 22 limit rate 1/second drop\ntcp dport 22 drop", expected: ["1 redundant by 2"]),
        Case(rules: "tcp dport 22 limit rate 1/second accept\ntcp dport 22 drop", expected: []),
        // Others of the named limit would find less of it, and so would later rules' frames.
        Case(rules: "tcp dport 22 limit name \"l\" accept\nudp dport 53 limit name \"l\" accept\nudp dport 53 drop", expected: []),
        Case(
            rules: "ip saddr 10.0.0.1 accept\ntcp dport 22 limit rate 1/second accept\nip saddr != 10.0.0.1 tcp dport 22 drop", expected: []
        ),
        Case(
            rules: "ip saddr 10.0.0.1 accept\ntcp dport 22 add @seen { ip daddr }\nip saddr != 10.0.0.1 ip daddr @seen drop", expected: []),
        Case(
            rules: "udp dport 53 accept\ntcp dport 22 limit rate 1/second drop\ntcp dport 22 counter", expected: ["1 redundant by policy"]),
        Case(rules: "tcp dport 22 log accept", expected: []),
        Case(rules: "tcp dport 22 drop\ntcp dport 22 log accept", expected: ["2 shadowed by 1"]),
        Case(rules: "meta mark set 1\nmeta mark 0 tcp dport 22 drop", expected: ["2 shadowed by policy"]),
    ]

    private static let declared = "limit l { rate 1/second; }\nset seen { type ipv4_addr; flags dynamic; size 10; }"

    private static func number(_ decider: Decider) -> String { decider.number.map { "\($0 + 1)" } ?? "policy" }

    @Test("findings", arguments: cases) func findings(_ example: Case) throws {
        let found = try RuleLint(ruleset(example.rules, policy: example.policy, before: Self.declared), ports: ports).findings().map {
            finding in
            "\(finding.rule + 1) \(finding.kind) by \(finding.others.map(Self.number).joined(separator: ","))"
        }
        #expect(found == example.expected)
    }

    @Test("each finding is confirmed by comparing without the rule", arguments: 0..<40) func areProofs(seed: Int) throws {
        var random = RandomRules(random: SeededGenerator(seed: UInt64(seed)))
        let file = random.file()
        let whole = try rulesetText(file.text)
        for finding in try RuleLint(whole, ports: ports).findings() {
            let difference = try RulesetDifference(whole, Self.without(whole, finding.rule), ports: ports)
            #expect(difference.isEmpty, "rule \(finding.rule) of\n\(file.text)\(difference.text(limit: 5))")
        }
    }

    private static func without(_ whole: Ruleset, _ number: Int) -> Ruleset {
        var without = whole
        var left = number
        for table in without.tables.indices {
            for chain in without.tables[table].chains.indices {
                let count = without.tables[table].chains[chain].rules.count
                if left >= 0, left < count { without.tables[table].chains[chain].rules.remove(at: left) }
                left -= count
            }
        }
        return without
    }

    struct Order: Sendable {
        var rules: String
        var policy = "accept"
        /// Lines of both rules, from 1, with what the first one is to the second.
        var expected: [String]
    }

    static let orders: [Order] = [
        Order(rules: "ip saddr 10.0.0.1 accept\nip saddr 10.0.0.0/8 drop", expected: ["1 exception to 2"]),
        Order(rules: "ip saddr 10.0.0.0/8 accept\ntcp dport 22 drop", expected: ["1 overlaps 2"]),
        Order(rules: "ip saddr 10.0.0.0/8 accept\ntcp dport 22 accept", policy: "drop", expected: []),
        Order(rules: "tcp dport 22 accept\ntcp dport 23 drop", expected: []),
        Order(
            rules: "ip saddr 10.0.0.0/8 drop\ntcp dport 22 accept\ntcp dport { 22, 23 } drop",
            expected: ["1 overlaps 2", "2 exception to 3"]),
        // The alternatives of a mask are more than its verdict asks.
        Order(rules: "tcp dport 22 accept\nip saddr & 255.0.0.255 == { 10.0.0.1, 10.0.0.2 } drop", expected: ["1 overlaps 2"]),
        Order(rules: "tcp dport 22 accept\ntcp dport 22 limit rate 1/second drop", expected: ["1 overlaps 2"]),
        Order(rules: "ip saddr 10.0.0.1 accept\nip saddr 10.0.0.0/24 accept\nip saddr 10.0.0.0/8 drop", expected: ["2 exception to 3"]),
    ]

    @Test("pairs of rules whose order matters", arguments: orders) func pairs(_ example: Order) throws {
        let rules = try ruleset(example.rules, policy: example.policy)
        let pairs = try RuleOrder(rules, ports: ports).pairs().map { pair in
            "\(pair.first + 1) \(pair.isException ? "exception to" : "overlaps") \((pair.second.number ?? -1) + 1)"
        }
        #expect(pairs == example.expected)
        for diagnostic in try RulesetLint(rules, ports: ports).orderDiagnostics() where !example.rules.contains("limit") {
            #expect(diagnostic.note?.contains(", for example eth1: ip ") == true, "\(diagnostic)")
        }
    }

    @Test("in random files a packet shows each pair, and exceptions match no frame that the other rule doesn't", arguments: 600..<640)
    func pairsAreShown(seed: Int) throws {
        var random = RandomRules(random: SeededGenerator(seed: UInt64(seed)))
        let file = random.file()
        let whole = try rulesetText(file.text)
        for pair in try RuleOrder(whole, ports: ports).pairs() {
            let judge = RegionJudge([whole, Self.without(whole, pair.first)], ports: ports)
            guard pair.region.opaque.isEmpty else { continue }
            #expect(judge.example(of: pair.region) != nil, "\(pair)\n\(file.text)")
        }
    }

    @Test func `a rule is spoken of once, and with an example`() throws {
        let rules = try ruleset("tcp dport 22 accept comment \"x\"")
        let found = try RulesetLint(rules, ports: ports).diagnostics(besides: [])
        #expect(found.map(\.message) == ["without this rule every frame gets the same verdict"])
        #expect(found.first?.note?.hasSuffix("for example of eth1: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 22 syn") == true, "\(found)")
        #expect(try RulesetLint(rules, ports: ports).diagnostics(besides: found).isEmpty)
    }
}
