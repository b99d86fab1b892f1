import FrameBuilder
import Offline
import Regions
import Reporting
import Ruleset
import Testing

/// Pairs of rule sets with the regions in which they differ.
@Suite("semantic differences") struct DiffTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var old: String
        var new: String
        var family = "bridge"
        /// For each region its text, both verdicts, and what decides.
        var expected: [String]

        var testDescription: String { "\(old) / \(new)" }
    }

    static func lines(_ difference: RulesetDifference) -> [String] {
        difference.entries.map { entry in
            let region = entry.region
            func text(_ deciders: [Decider]) -> String {
                deciders.map { $0.number == nil ? "policy" : "\($0.line)" }.joined(separator: ",")
            }
            return "\(RegionText(ports: ports).text(of: region)): \(region.old.text) → \(region.new.text)"
                + " (\(text(region.oldDeciders)) → \(text(region.newDeciders)))"
        }
    }

    static let cases: [Case] = [
        // The rules begin in line 5.
        Case(old: "tcp dport 22 drop", new: "", expected: ["tcp dport 22: drop → accept (5 → policy)"]),
        Case(
            old: "ip saddr 10.0.0.0/8 tcp dport 22 accept\ntcp dport 22 drop",
            new: "ip saddr 10.0.0.0/9 tcp dport 22 accept\ntcp dport 22 drop",
            expected: ["ip saddr 10.128.0.0/9 tcp dport 22: accept → drop (5 → 6)"]),
        Case(old: "tcp dport { 22, 80 } drop", new: "tcp dport 80 drop\ntcp dport 22 drop", expected: []),
        Case(old: "ip saddr 10.0.0.0/8 drop\nip saddr 10.1.0.0/16 drop", new: "ip saddr 10.0.0.0/8 drop", expected: []),
        Case(
            old: "iifname \"eth1\" ip protocol icmp drop", new: "iifname \"eth2\" ip protocol icmp drop",
            expected: [
                "iifname \"eth1\" meta protocol ip meta l4proto icmp: drop → accept (5 → policy)",
                "iifname \"eth2\" meta protocol ip meta l4proto icmp: accept → drop (policy → 5)",
            ]),
        Case(
            old: "ct state established,related accept\ndrop", new: "ct state established accept\ndrop",
            expected: ["meta protocol { ip, ip6 } ct state related: accept → drop (5 → 6)"]),
        Case(
            old: "tcp flags & (syn | ack) == syn drop", new: "tcp flags & (fin | syn | rst | ack) == syn drop", family: "ip",
            expected: [
                "meta protocol ip tcp flags { fin,syn, 0x6-0x7, fin,syn,psh, 0xe-0xf, fin,syn,urg, 0x26-0x27, fin,syn,psh,urg, 0x2e-0x2f, "
                    + "… 24 more }: drop → accept (5 → policy)"
            ]),
        Case(old: "ip frag-off & 0x1fff != 0 drop", new: "", expected: []),
        Case(
            old: "udp dport 53 reject", new: "udp dport 53 drop", family: "ip",
            expected: ["meta protocol ip udp dport 53: reject with icmp port-unreachable → drop (5 → 5)"]),
        Case(
            old: "meta mark set 1\nmeta mark 1 tcp dport 22 drop", new: "meta mark set 2\nmeta mark 1 tcp dport 22 drop", family: "inet",
            expected: ["tcp dport 22: drop → accept (6 → policy)"]),
        Case(
            old: "tcp dport vmap { 22 : drop, 80 : accept }", new: "tcp dport vmap { 22 : accept, 80 : accept }", family: "ip6",
            expected: ["meta protocol ip6 tcp dport 22: drop → accept (5 → 5)"]),
        Case(
            old: "ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 80 } drop", new: "ip saddr . tcp dport { 10.0.0.1 . 22 } drop",
            family: "ip",
            expected: ["ip saddr 10.0.0.2 tcp dport 80: drop → accept (5 → policy)"]),
        // The type that nft implies is the tag's in a tagged frame.
        Case(
            old: "arp operation request drop", new: "",
            expected: [
                "untagged meta protocol arp at least 8 bytes after the Ethernet header arp operation request: drop → accept (5 → policy)"
            ]),
        Case(
            old: "tcp dport 22 limit rate 1/second drop", new: "tcp dport 22 limit rate 2/second drop", family: "ip",
            expected: [
                "meta protocol ip tcp dport 22 [limit rate 1/second: not] [limit rate 2/second]: accept → drop (policy → 5)",
                "meta protocol ip tcp dport 22 [limit rate 1/second] [limit rate 2/second: not]: drop → accept (5 → policy)",
            ]),
        Case(
            old: "tcp dport 22 limit rate 1/second drop", new: "counter\ntcp dport 22 limit rate 1/second drop", family: "ip", expected: []),
        Case(
            old: "meta mark & 0x1 == 0x1 drop", new: "ct mark & 0x100 == 0x100 drop", family: "ip",
            expected: ["meta protocol ip ct state != { invalid, untracked } ct mark & 0x100 == 0x100: accept → drop (policy → 5)"]),
    ]

    @Test("regions", arguments: cases) func regions(_ example: Case) throws {
        let difference = try RulesetDifference(
            ruleset(example.old, family: example.family), ruleset(example.new, family: example.family), ports: ports)
        #expect(Set(Self.lines(difference)) == Set(example.expected), "\(Self.lines(difference).joined(separator: "\n"))")
        #expect(difference.isEmpty == example.expected.isEmpty)
        for entry in difference.entries where entry.region.opaque.isEmpty { #expect(entry.example != nil) }
    }

    @Test func `hooks, tables and priorities are one path`() throws {
        let one = try rulesetText(
            """
            table inet a {
            chain f { type filter hook forward priority 0; tcp dport 22 drop; }
            }
            table bridge b {
            chain p { type filter hook postrouting priority 0; tcp dport 23 drop; }
            }
            """)
        let other = try rulesetText(
            """
            table bridge b {
            chain f { type filter hook prerouting priority -300; tcp dport { 22, 23 } drop; }
            }
            """)
        let difference = try RulesetDifference(one, other, ports: ports)
        #expect(difference.isEmpty, "\(Self.lines(difference))")
    }

    @Test func `what changes where headers are found is refused`() throws {
        let failure = #expect(throws: RegionFailure.self) {
            try RulesetDifference(ruleset("ip protocol set 6"), ruleset(""), ports: ports)
        }
        #expect(failure?.description.contains("r.nft:5: 'ip protocol set 6'") == true, "\(failure?.description ?? "")")
    }

    @Test func `texts and JSON have verdicts, rules and an example`() throws {
        let (old, new) = (
            try ruleset("tcp dport 22 drop comment \"no ssh\"", name: "old.nft"), try ruleset("", name: "new.nft")
        )
        let difference = try RulesetDifference(old, new, ports: ports)
        #expect(
            difference.text(limit: 10) == """
                tcp dport 22
                    drop → accept    (old.nft:5 → policy of chain c (table bridge t))
                    example: eth1: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 22 syn

                """)
        let json = difference.report(old, new)
        #expect(json.jsonText.contains("\"rule\" : \"tcp dport 22 drop comment \\\"no ssh\\\"\""), "\(json.jsonText)")
        #expect(json.jsonText.contains("\"packet\" : \"eth1: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 22 syn\""))
    }

    @Test func `bits of a field of a connection are in the example`() throws {
        let difference = try RulesetDifference(
            ruleset("", family: "ip"), ruleset("ct mark & 0x101 == 0x100 drop", family: "ip"), ports: ports)
        #expect(difference.entries.map { $0.example?.connection.map(\.value) } == [[0x100]])
        #expect(difference.text(limit: 1).contains("example (with such a connection): eth1: ip "))
    }

    @Test func `beyond what examples may cost the text says that none was looked for`() throws {
        // 1,200 regions, and 1,200 rules that each example may come to.
        let rules = (1...1_200).map { "ip saddr 10.0.\($0 / 100).\($0 % 100 * 2) tcp dport \($0) drop" }
        let difference = try RulesetDifference(ruleset(rules.joined(separator: "\n")), ruleset(""), ports: ports)
        let found = difference.entries.count { $0.example != nil }
        #expect(found > 0 && found < 1_200, "\(found)")
        #expect(difference.text(limit: 2_000).contains("no example: the files are too large to look for more"))
    }

    @Test func `rules that overlap in too many ways are refused, and not gone through for ever`() throws {
        var random = SeededGenerator(seed: 1)
        func number(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }
        func rule() -> String {
            let (first, second) = (number(60_000), number(60_000))
            return "ip saddr \(number(200)).0.0.0-\(200 + number(50)).0.0.0 ip daddr \(number(200)).0.0.0-\(200 + number(50)).0.0.0 "
                + "th sport \(first)-\(first + number(5_000)) th dport \(second)-\(second + number(5_000)) "
                + (number(2) == 0 ? "accept" : "drop")
        }
        func rules() -> String { (0..<200).map { _ in "meta l4proto { tcp, udp } " + rule() }.joined(separator: "\n") }
        let failure = #expect(throws: RegionFailure.self) {
            try RulesetDifference(ruleset(rules()), ruleset(rules()), ports: ports, work: 200_000)
        }
        #expect(failure?.description.hasPrefix("the rules are too large to compare: ") == true, "\(failure?.description ?? "")")
    }
}
