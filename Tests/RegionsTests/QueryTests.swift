import Decisions
import FrameBuilder
import Offline
import Regions
import Reporting
import Ruleset
import Testing

/// What rule sets make of frames that are asked about.
@Suite("queries") struct QueryTests {
    struct Case: Sendable {
        var rules: String
        var policy = "accept"
        var query: String
        var only: RulesetQuery.Verdict?
        /// Lines of the text, without examples.
        var expected: [String]
    }

    static let cases: [Case] = [
        // The rules begin in line 5.
        Case(
            rules: "ip saddr 10.0.0.0/8 tcp dport 22 accept\ntcp dport { 22, 23 } drop", query: "ip daddr 10.0.0.5 tcp dport 22",
            expected: [
                "ip saddr 10.0.0.0/8 ip daddr 10.0.0.5 tcp dport 22", "    accept    (r.nft:5)",
                "ip saddr != 10.0.0.0/8 ip daddr 10.0.0.5 tcp dport 22", "    drop    (r.nft:6)",
            ]),
        Case(
            rules: "ip saddr 10.0.0.0/8 tcp dport 22 accept", policy: "drop", query: "ip daddr 10.0.0.5 tcp dport 22", only: .accept,
            expected: ["ip saddr 10.0.0.0/8 ip daddr 10.0.0.5 tcp dport 22", "    accept    (r.nft:5)"]),
        Case(
            rules: "tcp dport 22 drop", query: "udp dport 53",
            expected: ["udp dport 53", "    accept    (policy of chain c (table bridge t))"]),
        Case(rules: "tcp dport 22 drop", query: "tcp dport 22", only: .accept, expected: []),
        Case(rules: "tcp dport 22 drop", query: "tcp dport 23 tcp dport 22", expected: []),
        Case(rules: "udp dport 53 reject", query: "ip protocol udp th dport != 53", only: .reject, expected: []),
        Case(
            rules: "iifname \"eth1\" drop", query: "iifname { \"eth1\", \"eth2\" } vlan id 5 ip protocol icmp",
            expected: [
                "iifname \"eth2\" ether type 8021q vlan id 5 meta protocol ip meta l4proto icmp",
                "    accept    (policy of chain c (table bridge t))",
                "iifname \"eth1\" ether type 8021q vlan id 5 meta protocol ip meta l4proto icmp", "    drop    (r.nft:5)",
            ]),
        Case(
            rules: "ct state established,related accept", policy: "drop", query: "ip6 daddr 2001:db8::5 ct state != new", only: .accept,
            expected: ["ip6 daddr 2001:db8::5 ct state { established, related }", "    accept    (r.nft:5)"]),
        Case(
            rules: "ip ttl set 9\nip ttl 9 tcp dport 22 drop", query: "ip ttl 5 tcp dport 22",
            expected: ["ip ttl 5 tcp dport 22", "    drop    (r.nft:6)"]),
        Case(
            rules: "tcp dport 22 limit rate 1/second accept", policy: "drop", query: "ip daddr 10.0.0.5 tcp dport 22", only: .accept,
            expected: [
                "ip daddr 10.0.0.5 tcp dport 22 [limit rate 1/second]", "    accept    (r.nft:5)",
                "    depends on frames before it, or on a draw",
            ]),
    ]

    @Test("regions", arguments: cases) func regions(_ example: Case) throws {
        let query = try RulesetQuery(
            ruleset(example.rules, policy: example.policy), QueryExpression(example.query), verdict: example.only, ports: ports)
        let lines = query.text(limit: 100).split(separator: "\n").map(String.init).filter { !$0.hasPrefix("    example") }
        #expect(query.isEmpty == example.expected.isEmpty)
        #expect(query.isEmpty ? lines.count == 1 : lines == example.expected, "\(lines.joined(separator: "\n"))")
    }

    @Test(
        "what is no match of one rule is refused",
        arguments: [
            "tcp dport", "udp dport 22 tcp dport 22", "tcp dport 22 drop", "tcp dport 22 counter", "policy accept; tcp dport 22",
            "tcp dport 22 accept; tcp dport 23",
            "tcp dport 22 accept\ntcp dport 23", "accept } chain d { tcp dport 22", "tcp dport 22 # all", "ip saddr @s",
            "tcp dport vmap { 22 : accept }",
            "tcp dport 22 jump d", "limit rate 1/second",
        ])
    func refused(_ text: String) {
        let failure = #expect(throws: RejectedRuleset.self) { try QueryExpression(text) }
        let place = failure?.diagnostics.first?.location
        #expect(failure?.sources.map(\.text) == [text] && place?.file == 0 && place?.line ?? 0 <= 2, "\(failure?.render() ?? "")")
    }

    private static let questions = [
        "tcp dport 22", "ip daddr 10.0.0.1", "ip saddr != 10.0.0.1 ip saddr & 255.0.0.255 == 10.0.0.2", "iifname \"eth1\" ct state new",
        "meta l4proto { tcp, udp } th dport 1-1023", "ip6 daddr 2001:db8::/64", "vlan id 5", "ether type arp",
        "tcp flags & (syn | ack) != syn",
        "ip dscp 8", "meta mark 0 ip protocol != tcp",
    ]

    @Test("each packet that is asked about is in the region of its verdict, and no other", arguments: 500..<580)
    func holds(seed: Int) throws {
        var rules = RandomRules(random: SeededGenerator(seed: UInt64(seed)))
        let file = rules.file()
        let expression = try QueryExpression(rules.random.pick(Self.questions))
        let ruleset = try rulesetText(file.text)
        let query = try RulesetQuery(ruleset, expression, ports: ports)
        let judge = RegionJudge([ruleset, expression.ruleset], ports: ports)
        for _ in 0..<150 {
            let packet = ReadPacket(rules.packet(), state: rules.random.pick([1, 2, 4, 8]))
            guard let verdicts = judge.verdicts(of: packet.example) else { continue }
            let regions = query.regions.filter(packet.isIn)
            let comment = "\(packet.example.text), \(packet.state), '\(expression.text)': \(query.text(limit: 100))\n\(file.text)"
            guard verdicts[1] == .accept else {
                #expect(regions.isEmpty, "\(comment)")
                continue
            }
            #expect(regions.contains { FrameVerdict($0.old) == verdicts[0] }, "\(comment)")
            if regions.allSatisfy(\.opaque.isEmpty) { #expect(regions.count == 1, "\(comment)") }
        }
    }

    @Test func `JSON has the verdict, its rule and an example`() throws {
        let rules = try ruleset("tcp dport 22 drop comment \"no ssh\"", name: "edge.nft")
        let json = try RulesetQuery(rules, QueryExpression("tcp dport 22"), ports: ports).report.jsonText
        for text in [
            "\"expression\" : \"tcp dport 22\"", "\"file\" : \"edge.nft\"", "\"verdict\" : \"drop\"", "\"line\" : 5",
            "\"packet\" : \"eth1: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 22 syn\"",
        ] { #expect(json.contains(text), "\(json)") }
    }
}
