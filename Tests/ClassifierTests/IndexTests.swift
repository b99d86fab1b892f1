import ClassBench
import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Storage
import Testing
import Wire

/// Chains with an index say what the interpreter says.
@Suite struct IndexTests {
    @Test(
        "random rules of every field, each chain with an index",
        arguments: [
            ("short chains", 5, false, 1), ("short chains", 5, false, 2), ("long chains", 60, false, 3), ("long chains", 60, false, 4),
            ("with state", 5, true, 5), ("long, with state", 40, true, 6),
        ])
    func equivalence(description: String, length: Int, remembers: Bool, seed: UInt64) throws {
        var source = RandomRulesets(random: SeededGenerator(seed: 1000 + seed), remembers: remembers, length: length)
        var verdicts: [String: Int] = [:]
        for _ in 0..<(length > 5 ? 40 : 200) {
            let ruleset = source.ruleset()
            let program = try Program(compiling: ruleset, ports: ports, start: noon, indexing: .always)
            let interpreter = Interpreter(ruleset, ports: ports, start: noon)
            for number in 0..<30 {
                let bytes = source.frame()
                let ingress = UInt8(source.random.pick([0, 1]))
                var now = noon
                now.monotonic &+= UInt64(number) &* 100_000_000
                let found = classifyBothWays(program, interpreter, bytes, ingress: ingress, at: now)
                try #require(found.program == found.interpreter, "frame \(bytes), ingress \(ingress), \(ruleset)")
                verdicts["\(found.program.classification.verdict)", default: 0] += 1
            }
        }
        #expect(verdicts.count == 3 && verdicts.values.allSatisfy { $0 > 50 }, "\(verdicts)")
    }

    @Test("a filter set of ClassBench's: the rule that matches first", arguments: ["acl1_1k", "fw1_1k", "ipc1_1k"])
    func classBench(_ name: String) throws {
        let rules = ClassBenchRule.set(name)
        try #require(rules.count > 700)
        let ruleset = try read(ClassBenchRule.table(of: rules))
        let program = try Program(compiling: ruleset, ports: ports)
        #expect(program.statistics.chains.allSatisfy { $0.index != nil })
        let interpreter = Interpreter(ruleset, ports: ports)
        var random = SeededGenerator(seed: 7)
        var seen: Set<RuleIndex> = []
        for number in 0..<3_000 {
            let header =
                number % 4 == 0
                ? ClassBenchHeader(using: &random) : ClassBenchHeader(atCornerOf: random.pick(rules), using: &random)
            let bytes = header.frame
            let hits = HitCounters(for: program)
            let found = program.classify(bytes, ParsedFrame.parse(bytes.span.bytes, tag: nil), ingress: 0, at: noon, hits: hits)
            let expected = rules.firstIndex { $0.holds(header) }
            try #require(found.rule.row == expected, "\(header)")
            seen.insert(found.rule)
            for rule in [0, max(0, (expected ?? 0) - 1), expected ?? 0] {
                #expect(hits.counter(rule).frames == (rule == expected ? 1 : 0))
            }
            if number % 30 == 0 {
                let both = classifyBothWays(program, interpreter, bytes, ingress: 1)
                try #require(both.program == both.interpreter, "\(header)")
            }
        }
        #expect(seen.count > 300)
    }

    @Test("what an index sees to, and what it leaves to the rules", arguments: chains)
    func chain(_ chain: IndexCase) throws {
        let ruleset = try read("table bridge t {\n\(chain.rules)\n}\n")
        let program = try Program(compiling: ruleset, ports: ports, indexing: .always)
        let interpreter = Interpreter(ruleset, ports: ports)
        for bytes in frames {
            for ingress in [0, 1] as [UInt8] {
                let found = classifyBothWays(program, interpreter, bytes, ingress: ingress)
                #expect(found.program == found.interpreter, "\(bytes)")
            }
        }
    }

    private let frames: [[UInt8]] = [
        Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(53, 80).bytes, Frame.ethernet().ipv4("10.0.0.2", "10.0.0.1").tcp(80, 22).bytes,
        Frame.ethernet().ipv4("255.255.255.255", "255.255.255.254").icmp(8).bytes, Frame.ethernet().arp().bytes,
        Frame.ethernet().vlan(5).ipv4("0.0.0.0", "0.0.0.1").udp(0, 65535).bytes, Frame.ethernet().llc().bytes,
        Frame.ethernet().ipv6("2001:db8::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").udp(53, 80).bytes,
        Frame.ethernet().ipv6("::", "2001:db8::1").icmpv6(128).bytes,
    ]
}

/// Rules that an index could get wrong.
struct IndexCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var rules: String
}

private func base(_ rules: String) -> String { "chain c { type filter hook forward priority 0; policy drop;\n\(rules)\n}" }

private let chains: [IndexCase] = [
    IndexCase(testDescription: "no rule", rules: base("")),
    IndexCase(testDescription: "a negation of what can't be read", rules: base("th dport != 80 counter\ntcp dport != 80 accept")),
    IndexCase(
        testDescription: "all addresses are still no absent address", rules: base("ip saddr 0.0.0.0-255.255.255.255 counter\ncounter")),
    IndexCase(
        testDescription: "every address between two bounds is used",
        rules: base("ip saddr 255.255.255.255 counter\nip saddr 255.255.255.254 counter\nip saddr != 255.255.255.254 counter")),
    IndexCase(
        testDescription: "sets", rules: base("udp dport { 0, 53, 80-90 } counter\nip saddr != { 10.0.0.1, 10.0.0.3 } counter\naccept")),
    IndexCase(
        testDescription: "a set with too many intervals",
        rules: base("th dport { \((0..<100).map { String(2 * $0) }.joined(separator: ", ")) } counter\nth dport 80 counter")),
    IndexCase(
        testDescription: "ranges that meet in one value",
        rules: base(
            ((60..<80).map { "th dport \($0)-80 counter" } + (100..<120).map { "th dport 80-\($0) counter" }).joined(separator: "\n"))),
    IndexCase(testDescription: "two matches of one field", rules: base("th dport 0-80 th dport 80-90 counter\nth dport 1 th dport 2 drop")),
    IndexCase(
        testDescription: "both ports",
        rules: base("iifname near0 counter\noifname near0 counter\niifname != far0 counter\noifname eth9 drop")),
    IndexCase(
        testDescription: "a port unknown to the hook",
        rules: "chain c { type filter hook prerouting priority 0;\noifname near0 counter\noifname != near0 counter\n}"),
    IndexCase(
        testDescription: "an effect in front of a match", rules: base("counter ip saddr 10.0.0.1 counter\nlog th dport 80 counter accept")),
    IndexCase(
        testDescription: "a limit in front of a match",
        rules: base("limit rate 1/hour burst 2 packets th dport 80 counter\nth dport 80 accept")),
    IndexCase(
        testDescription: "a mark between", rules: base("meta mark set 1\nmeta mark 1 th dport 80 counter\nmeta mark 2 drop\ncounter")),
    IndexCase(
        testDescription: "a header that a rule changes, and what a rule in front of it ends",
        rules: base("ip ttl 1 drop\nth dport 80 counter udp dport set 81\nth dport 81 counter\nth dport 80 accept\nth dport 81 accept")),
    IndexCase(
        testDescription: "a chain that changes headers, and comes back",
        rules: "chain d { udp dport 80 udp dport set 9; }\n" + base("udp dport 9 accept\njump d\nudp dport 80 drop\nudp dport 9 counter")),
    IndexCase(
        testDescription: "jumps, returns and gotos",
        rules: "chain e { th dport 80 return; counter; }\nchain d { th sport 53 goto e; counter; }\n"
            + base("th dport 22 jump d\nth dport 80 jump d\nth sport 53 counter\nth dport 22 goto e\ncounter")),
    IndexCase(
        testDescription: "a jump of a map comes back to the next rule",
        rules: "chain d { ip ttl 64 counter; }\n" + base("udp dport vmap { 80 : jump d, 81 : continue } counter drop\ncounter")),
    IndexCase(
        testDescription: "wide addresses",
        rules: base(
            "ip6 saddr 2001:db8::/32 counter\nip6 daddr ffff:: - ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff counter\nip6 saddr :: drop")),
    IndexCase(
        testDescription: "more fields than dimensions",
        rules: base(
            "ether saddr != 02:00:00:00:00:01 ether type ip ip saddr 10.0.0.1 ip daddr 10.0.0.2 ip ttl 64 ip dscp 0 ip ecn 0 ip protocol udp udp sport 53 udp dport 80 counter\nvlan id 5 counter\naccept"
        )),
    IndexCase(
        testDescription: "candidates that follow one another and fail",
        rules: base((0..<100).map { "ip ttl \($0) meta mark \($0) counter" }.joined(separator: "\n") + "\nth dport 80 accept")),
]

func read(_ text: String) throws -> Ruleset { try Ruleset.read(SourceFile(name: "rules.nft", text: text)).ruleset }
