import Flows
import Foundation
import FoundationXML
import Offline
import Ruleset
import Testing

@Suite("Case files") struct CaseTests {
    static let rules = """
        table bridge t {
        	set seen {
        		type ipv4_addr
        		size 100
        		flags dynamic,timeout
        		timeout 10s
        	}
        	chain forward {
        		type filter hook forward priority 0; policy drop;
        		tcp dport 22 drop comment "no <ssh> & co"
        		ip saddr @seen accept comment "again"
        		udp dport 7 add @seen { ip saddr } drop
        		udp dport 53 accept
        		meta hour "09:00"-"17:00" tcp dport 80 accept comment "office hours"
        	}
        }

        """

    private func run(_ text: String, ports: [String]? = nil) throws -> CaseRun {
        let ruleset = try Ruleset.read(SourceFile(name: "dir/rules.nft", text: Self.rules)).ruleset
        var run = try CaseRun(ruleset)
        try run.run(CaseFile(SourceFile(name: "cases.test", text: text), ports: ports))
        return run
    }

    static let expectations: [(String, Bool)] = [
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => drop", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => accept", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => drop by rules.nft:10", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => drop by dir/rules.nft:10", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => drop by les.nft:10", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => drop by rules.nft:11", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => drop by \"no <ssh> & co\" reason rule", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => drop by rule dir/rules.nft:10 \"no <ssh> & co\" (chain forward) reason=rule", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => drop by policy", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 23 => drop by policy", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 23 => drop by policy of chain forward (table bridge t) reason=policy", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 length 9 => drop reason ipv4-total-length", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 length 9 => drop reason policy", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragments 3 => accept by rules.nft:13", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragments 3 => held", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragment 1 of 2 => held", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragment 1 of 2 => accept", false),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragment 1 of 2 => held then drop reason fragment-timeout\n+31s", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragment 1 of 2 => held then drop\n+29s", false),
        (
            "A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragment 1 of 2 => held then accept\n"
                + "A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragment 2 of 2", true
        ),
        ("fragments drop\nA: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 payload 100 fragment 1 of 2 => drop reason fragment-mode", true),
        ("A: ip 10.0.0.9 > 10.0.0.2 udp 1 > 7 => drop\nA: +9s ip 10.0.0.9 > 10.0.0.2 udp 1 > 8 => accept by \"again\"", true),
        ("A: ip 10.0.0.9 > 10.0.0.2 udp 1 > 7\nA: +11s ip 10.0.0.9 > 10.0.0.2 udp 1 > 8 => drop by policy", true),
        ("test one\nA: ip 10.0.0.9 > 10.0.0.2 udp 1 > 7\ntest two\nA: ip 10.0.0.9 > 10.0.0.2 udp 1 > 8 => drop by policy", true),
        ("A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 80 => accept by \"office hours\"", true),
        ("clock 2026-01-31 18:00\nA: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 80 => drop", true),
        (
            "test x\nclock 2026-01-31 16:59:59\nA: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 80 => accept\nA: +2s ip 10.0.0.1 > 10.0.0.2 tcp 1 > 80 => drop",
            true
        ),
    ]

    @Test("an expectation is met or not", arguments: expectations)
    func expectation(_ text: String, _ isMet: Bool) throws {
        let run = try run("ports A,B\n" + text)
        #expect(!run.results.isEmpty)
        #expect(run.failures.isEmpty == isMet, "\(run.text())")
    }

    private static let connections = """
        table inet t {
        	chain forward {
        		type filter hook forward priority 0; policy drop;
        		ct state established,related accept comment "known"
        		ct state invalid drop comment "invalid"
        		iifname "A" tcp dport 22 ct state new ct count over 1 drop comment "one at a time"
        		iifname "A" ct state new accept comment "new"
        	}
        }

        """

    /// A handshake, what does not belong to it, and its end.
    private static let handshake = """
        ports A,B
        test a connection is followed
        A: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 22 syn seq 100 => accept by "new"
        B: ip 10.0.0.2 > 10.0.0.1 tcp 22 > 4000 syn,ack seq 500 ack 101 => accept by "known"
        A: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 22 ack seq 101 ack 501 => accept by "known"
        A: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 22 rst seq 90 => drop by "invalid"
        B: ip 10.0.0.2 > 10.0.0.1 tcp 22 > 4001 syn,ack seq 500 ack 101 => drop by "invalid"
        B: ip 10.0.0.2 > 10.0.0.1 tcp 9 > 4001 syn => drop by policy
        # A second is one too many, until the first is over.
        A: ip 10.0.0.1 > 10.0.0.2 tcp 4001 > 22 syn seq 100 => drop by "one at a time"
        B: ip 10.0.0.2 > 10.0.0.1 tcp 22 > 4000 fin,ack seq 501 ack 101 => accept by "known"
        A: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 22 fin,ack seq 101 ack 502 => accept by "known"
        B: ip 10.0.0.2 > 10.0.0.1 tcp 22 > 4000 ack seq 502 ack 102 => accept by "known"
        A: ip 10.0.0.1 > 10.0.0.2 tcp 4001 > 22 syn seq 100 => accept by "new"
        test a connection that is refused is none
        A: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 22 syn seq 100 => accept by "new"
        A: ip 10.0.0.1 > 10.0.0.2 tcp 4001 > 22 syn seq 100 => drop by "one at a time"
        B: ip 10.0.0.2 > 10.0.0.1 tcp 22 > 4000 rst,ack seq 0 ack 101 => accept by "known"
        A: ip 10.0.0.1 > 10.0.0.2 tcp 4001 > 22 syn seq 100 => accept by "new"
        test without an answer it is over after its timeout
        A: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 22 syn => accept by "new"
        A: +119s ip 10.0.0.1 > 10.0.0.2 tcp 4001 > 22 syn => drop by "one at a time"
        A: +2s ip 10.0.0.1 > 10.0.0.2 tcp 4002 > 22 syn => accept by "new"
        """

    private func runConnections(_ text: String, _ flows: FlowSettings = FlowSettings()) throws -> CaseRun {
        var run = try CaseRun(Ruleset.read(SourceFile(name: "rules.nft", text: Self.connections)).ruleset, flows: flows)
        try run.run(CaseFile(SourceFile(name: "cases.test", text: text), ports: nil))
        return run
    }

    @Test func `connections go from packet to packet, and are counted`() throws {
        let run = try runConnections(Self.handshake)
        #expect(run.results.count == 18)
        #expect(run.failures.isEmpty, "\(run.text())")
        #expect(run.unmatchedRules.isEmpty)
    }

    @Test func `a packet in the middle of a connection is picked up or not, as the options say`() throws {
        let packet = "ports A,B\nA: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 80 ack => "
        #expect(try runConnections(packet + "accept by \"new\"").failures.isEmpty)
        let strict = try runConnections(packet + "accept", FlowSettings(tcp: .strict, graceTime: 0))
        #expect(strict.failures.count == 1)
        #expect(strict.failures.first?.explanation.contains("connection: invalid\n") == true)
    }

    static let mistakes: [(String, String)] = [
        ("A: hex 00 => accept", "1:1: error: the ports are not known"),
        ("ports A", "1:1: error: not two ports"),
        ("ports A,A", "1:1: error: not two ports"),
        ("ports A,B\nports A,B", "2:1: error: the ports are given twice"),
        ("ports A,B\ntest x\nports A,B", "3:1: error: 'ports' must come before all tests"),
        ("ports A,B\nA: hex 00 => pass", "2:14: error: expected a verdict, not 'pass'"),
        ("ports A,B\nA: hex 00 => drop by", "2:21: error: expected who says so"),
        ("ports A,B\nA: hex 00 => drop by :5", "2:22: error: expected who says so"),
        ("ports A,B\nA: hex 00 => reject with icmp prot-unreachabel", "2:31: error: unknown icmp code 'prot-unreachabel'"),
        ("ports A,B\nA: hex 00 => reject with icmpx 4", "2:32: error: unknown icmpx code '4'"),
        ("ports A,B\nA: hex 00 => drop reason polcy", "2:26: error: unknown reason 'polcy'"),
        ("ports A,B\nA: hex 00 => held now", "2:19: error: expected 'then' or the end of the line"),
        ("ports A,B\nA: hex 00 => accept drop", "2:21: error: expected 'by', 'reason' or the end of the line"),
        ("ports A,B\nA: hex 00\nclock 2026-01-31", "3:1: error: 'clock' must come before a test's first packet"),
        ("ports A,B\nclock 2026-02-30", "2:7: error: expected a day and a time in UTC"),
        ("ports A,B\nfragments maybe", "2:11: error: expected what is done with fragments"),
        ("ports A,B\n@5s\n@4s", "3:1: error: the packet would come before"),
        ("ports A,B\nC: hex 00\nA: hxe 00", "2:1: error: unknown port 'C:'"),
        ("ports A,B\nC: hex 00\nA: hxe 00", "3:4: error: expected a packet, not 'hxe'"),
    ]

    @Test("a mistake is told with its place", arguments: mistakes)
    func mistake(_ text: String, _ message: String) throws {
        let rejection = #expect(throws: RejectedCases.self) { try CaseFile(SourceFile(name: "cases", text: text), ports: nil) }
        #expect(rejection?.render().contains("cases:" + message) == true, "\(rejection?.render() ?? "")")
    }

    @Test func `what failed is told with the way, and rules that never matched`() throws {
        let run = try run(
            "A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => accept\nA: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 => accept", ports: ["A", "B"])
        #expect(run.text() == (try golden("failed.txt")))
        #expect(run.hits == [1, 0, 0, 1, 0])
    }

    /// An XML document that a parser takes, by the names of its elements.
    private final class Elements: NSObject, XMLParserDelegate {
        var names: [String: Int] = [:]
        var attributes: [[String: String]] = []

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?, attributes: [String: String]
        ) {
            names[name, default: 0] += 1
            if name == "testcase" || name == "testsuites" { self.attributes.append(attributes) }
        }
    }

    static let mixed = """
        ports A,B
        test <one> & "two" # three
        A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 payload "\u{1b}[31m" => accept by "<&>\\""
        A: ip 10.0.0.1 > 10.0.0.2 tcp 1 > 22 => drop
        test second
        A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 53 => drop
        """

    @Test func `JUnit's file is well-formed, and says what failed`() throws {
        let text = try run(Self.mixed).junit()
        let elements = Elements()
        let parser = XMLParser(data: Data(text.utf8))
        parser.delegate = elements
        #expect(parser.parse(), "\(text)")
        #expect(elements.names == ["testsuites": 1, "testsuite": 1, "testcase": 3, "failure": 2])
        #expect(elements.attributes.first?["failures"] == "2")
        #expect(elements.attributes[1]["classname"] == "<one> & \"two\"")
    }

    @Test func `TAP has a plan and a point for each expectation`() throws {
        let lines = try run(Self.mixed).tap().split(separator: "\n").map(String.init)
        #expect(lines.prefix(2) == ["TAP version 14", "1..3"])
        #expect(lines.filter { $0.hasPrefix("ok ") || $0.hasPrefix("not ok ") }.map { $0.hasPrefix("ok") } == [false, true, false])
        #expect(lines.count { $0 == "  ---" } == 2 && lines.count { $0 == "  ..." } == 2)
        #expect(!lines.contains { $0.contains("\u{1b}") })
        #expect(
            lines.allSatisfy { line in
                ["TAP ", "1..", "ok ", "not ok ", "  ", "# "].contains { line.hasPrefix($0) }
            })
    }

    /// Every example of a rule file has its tests, which come by all of its rules.
    @Test func `the examples' tests pass`() throws {
        let folder = packageRoot.appending(path: "rules")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".nft") }.sorted()
        #expect(names.count >= 6)
        for name in names {
            let text = String(decoding: try Data(contentsOf: folder.appending(path: name)), as: UTF8.self)
            let cases = folder.appending(path: "tests/\(name.dropLast(4)).test")
            var run = try CaseRun(Ruleset.read(SourceFile(name: name, text: text)).ruleset)
            try run.run(
                CaseFile(
                    SourceFile(name: cases.lastPathComponent, text: String(decoding: try Data(contentsOf: cases), as: UTF8.self)),
                    ports: nil))
            #expect(run.failures.isEmpty && run.unmatchedRules.isEmpty && !run.results.isEmpty, "\(name): \(run.text())")
        }
    }
}
