import Classifier
import Foundation
import Offline
import Ruleset
import Testing

/// Rejected frames on paper: what is expected of them, and what is told of their senders.
@Suite("Rejected frames") struct RejectTests {
    private static let rules = """
        table bridge t {
        	chain forward {
        		type filter hook forward priority 0; policy accept;
        		tcp dport 22 reject with tcp reset comment "no ssh"
        		udp dport 53 reject
        		udp dport 54 reject with icmpx admin-prohibited
        	}
        }

        """

    static let expectations: [(String, Bool)] = [
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => reject", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => drop", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => accept", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 23 => reject", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => reject with tcp reset", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => reject with icmp port-unreachable", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 rst => reject", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 rst => reject with tcp reset", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => reject with tcp reset by \"no ssh\" reason reject", true),
        (
            "A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => reject with tcp reset by rule dir/rules.nft:4 \"no ssh\" (chain forward) reason=reject",
            true
        ),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 => reject with icmp port-unreachable", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 => reject with icmp type port-unreachable", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 => reject with icmp 3", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 => reject with icmp 1", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 => reject with icmpx port-unreachable", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 54 => reject with icmpx type 3", true),
        ("A: ip6 2001:db8::1 > 2001:db8::2 udp 1 > 53 => reject with icmpv6 port-unreachable", true),
        ("A: ip6 2001:db8::1 > 2001:db8::2 udp 1 > 54 => reject with icmpv6 admin-prohibited", true),
        ("A: ip6 2001:db8::1 > 2001:db8::2 udp 1 > 54 => reject with icmpx admin-prohibited", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragments 3 => reject with icmp port-unreachable", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragment 1 of 2 => held", true),
    ]

    @Test("an expectation is met or not", arguments: expectations)
    func expectation(_ text: String, _ isMet: Bool) throws {
        let ruleset = try Ruleset.read(SourceFile(name: "dir/rules.nft", text: Self.rules)).ruleset
        var run = try CaseRun(ruleset)
        try run.run(CaseFile(SourceFile(name: "cases.test", text: "ports A,B\n" + text), ports: nil))
        #expect(!run.results.isEmpty)
        #expect(run.failures.isEmpty == isMet, "\(run.text())")
    }

    @Test func `a failure says what was answered`() throws {
        let ruleset = try Ruleset.read(SourceFile(name: "rules.nft", text: Self.rules)).ruleset
        var run = try CaseRun(ruleset)
        let text = "ports A,B\nA: ip 10.0.0.1 > 10.0.0.2 udp 1 > 54 => accept\nA: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 rst => accept\n"
        try run.run(CaseFile(SourceFile(name: "cases.test", text: text), ports: nil))
        #expect(
            run.results.map(\.found) == [
                "reject with icmpx admin-prohibited by rule rules.nft:6 (chain forward) reason=reject, answered icmp admin-prohibited",
                "reject with tcp reset by rule rules.nft:4 \"no ssh\" (chain forward) reason=reject, not answered",
            ])
        #expect(run.results[0].explanation.contains("answered: icmp admin-prohibited"))
        #expect(run.results[1].explanation.contains("not answered"))
    }
}
