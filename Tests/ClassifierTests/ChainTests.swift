import Classifier
import Decisions
import DescribedFrames
import Interpreter
import Ruleset
import Testing
import Wire

struct ChainCase: Sendable, CustomTestStringConvertible {
    var description: String
    var ruleset: Ruleset
    /// Verdict, deciding rule, deciding base chain.
    var expected: (FrameVerdict, RuleIndex, BaseChainIndex)
    /// Frames that matched each rule.
    var rules: [UInt64]
    /// Frames that each `counter` counted.
    var counters: [UInt64]

    init(
        _ description: String, _ ruleset: Ruleset, _ expected: (FrameVerdict, RuleIndex, BaseChainIndex), rules: [UInt64],
        counters: [UInt64] = []
    ) {
        self.description = description
        self.ruleset = ruleset
        self.expected = expected
        self.rules = rules
        self.counters = counters
    }

    var testDescription: String { description }
}

private let yes = Build.match(.tcpDport, .number(443))
private let no = Build.match(.tcpDport, .number(80))
private let accept = Build.verdict(.accept)
private let drop = Build.verdict(.drop)
private let count = Build.counter

private func base(_ rules: Rule..., policy: Policy = .accept) -> Chain { Build.base(rules, policy: policy) }
private func chain(_ name: String, _ rules: Rule...) -> Chain { Build.chain(name, rules) }
private func rule(_ statements: Statement...) -> Rule { Build.rule(statements) }
private func verdict(_ verdict: Verdict) -> Statement { Build.verdict(verdict) }

private let cases: [ChainCase] = [
    ChainCase("no tables", Build.ruleset([]), (.accept, .none, .none), rules: []),
    ChainCase("no base chain", Build.ruleset(chain("a", rule(drop))), (.accept, .none, .none), rules: [0]),
    ChainCase("policy accept", Build.ruleset(base()), (.accept, .none, 0), rules: []),
    ChainCase("policy drop", Build.ruleset(base(policy: .drop)), (.drop, .none, 0), rules: []),
    ChainCase("a rule without statements", Build.ruleset(base(rule(), policy: .drop)), (.drop, .none, 0), rules: [1]),
    ChainCase("the first match decides", Build.ruleset(base(rule(yes, accept), rule(yes, drop))), (.accept, 0, 0), rules: [1, 0]),
    ChainCase("what does not match is passed over", Build.ruleset(base(rule(no, accept), rule(drop))), (.drop, 1, 0), rules: [0, 1]),
    ChainCase("all matches of a rule have to hold", Build.ruleset(base(rule(yes, no, drop))), (.accept, .none, 0), rules: [0]),
    ChainCase(
        "a counter counts where it stands", Build.ruleset(base(rule(count, yes, count, no, count, drop))), (.accept, .none, 0), rules: [0],
        counters: [1, 1, 0]),
    ChainCase(
        "a rule without a verdict counts and goes on", Build.ruleset(base(rule(yes, count), rule(drop))), (.drop, 1, 0), rules: [1, 1],
        counters: [1]),
    ChainCase(
        "continue goes on, within its rule too", Build.ruleset(base(rule(verdict(.continue), count, drop))), (.drop, 0, 0), rules: [1],
        counters: [1]),
    ChainCase(
        "nothing is done behind a verdict", Build.ruleset(base(rule(accept, count, drop))), (.accept, 0, 0), rules: [1]),
    ChainCase(
        "a jump comes back", Build.ruleset(base(rule(verdict(.jump("a"))), rule(drop)), chain("a", rule(no, accept))), (.drop, 1, 0),
        rules: [1, 1, 0]),
    ChainCase(
        "a verdict in a jumped-to chain is the last word",
        Build.ruleset(base(rule(verdict(.jump("a"))), rule(drop)), chain("a", rule(yes, accept))), (.accept, 2, 0), rules: [1, 0, 1]),
    ChainCase(
        "return comes back early",
        Build.ruleset(base(rule(verdict(.jump("a"))), rule(drop)), chain("a", rule(verdict(.return)), rule(accept))), (.drop, 1, 0),
        rules: [1, 1, 1, 0]),
    ChainCase(
        "return in a base chain is its policy", Build.ruleset(base(rule(verdict(.return)), rule(accept), policy: .drop)), (.drop, .none, 0),
        rules: [1, 0]),
    ChainCase(
        "a goto does not come back", Build.ruleset(base(rule(verdict(.goto("a"))), rule(drop)), chain("a", rule(no, drop))),
        (.accept, .none, 0), rules: [1, 0, 0]),
    ChainCase(
        "a goto from a jumped-to chain comes back to the jump",
        Build.ruleset(
            base(rule(verdict(.jump("a"))), rule(drop)), chain("a", rule(verdict(.goto("b"))), rule(accept)), chain("b", rule(no, accept))),
        (.drop, 1, 0), rules: [1, 1, 1, 0, 0]),
    ChainCase(
        "a chain jumped to twice",
        Build.ruleset(base(rule(verdict(.jump("a"))), rule(verdict(.jump("a")))), chain("a", rule(count))), (.accept, .none, 0),
        rules: [1, 1, 2], counters: [2]),
    ChainCase(
        "chains emitted before the one that jumps", Build.ruleset(chain("a", rule(drop)), base(rule(verdict(.jump("a"))))), (.drop, 0, 0),
        rules: [1, 1]),
    ChainCase(
        "lower priority first, and drop ends",
        Build.ruleset([
            Build.table([Build.base([rule(accept)], priority: 10)], name: "late"),
            Build.table([Build.base([rule(drop)], priority: -10)], name: "early"),
        ]), (.drop, 1, 0), rules: [0, 1]),
    ChainCase(
        "accept goes on to the next base chain",
        Build.ruleset([
            Build.table([Build.base([rule(accept)], priority: 0)]), Build.table([Build.base([rule(drop)], priority: 1)], name: "late"),
        ]), (.drop, 1, 1), rules: [1, 1]),
    ChainCase(
        "equal priorities from the last to the first",
        Build.ruleset([
            Build.table([Build.base([rule(accept)]), Build.base([], name: "second"), Build.base([rule(drop)], name: "third")])
        ]), (.drop, 1, 0), rules: [0, 1]),
    ChainCase(
        "a chain's name is its table's own",
        Build.ruleset([
            Build.table([base(rule(verdict(.jump("a")))), chain("a", rule(drop))]),
            Build.table([base(rule(verdict(.jump("a")))), chain("a", rule(accept))], name: "other"),
        ]), (.drop, 1, 1), rules: [1, 1, 1, 1]),
    ChainCase(
        "the deepest nest of chains, and back through all of them",
        Build.ruleset([
            Build.table(
                [base(rule(verdict(.jump("1"))), rule(count))]
                    + (1...14).map { chain("\($0)", rule(verdict(.jump(.named("\($0 + 1)")))), rule(count)) } + [chain("15", rule(count))])
        ]), (.accept, .none, 0), rules: Array(repeating: 1, count: 31), counters: Array(repeating: 1, count: 16)),
]

@Suite struct ChainTests {
    @Test("verdicts, jumps and policies", arguments: cases)
    func verdicts(_ test: ChainCase) throws {
        let program = try Program(compiling: test.ruleset, ports: ports)
        let bytes = try described("\(ip) tcp 1024 > 443")
        let found = classifyBothWays(program, Interpreter(test.ruleset, ports: ports), bytes, ingress: 0)
        let expected = Classification(verdict: test.expected.0, rule: test.expected.1, baseChain: test.expected.2)
        #expect(found.program.classification == expected)
        #expect(found.program.rules.map(\.frames) == test.rules)
        // Statements behind a verdict are no part of the program.
        #expect(found.program.counters.map(\.frames) == test.counters)
        #expect(found.interpreter == found.program)
    }

    @Test(
        "bytes are a bridge's: without the Ethernet header and the outermost tag",
        arguments: [
            ("\(ip) tcp 1 > 443 pad 60", 46), ("vlan 5 \(ip) tcp 1 > 443", 40), ("vlan 5 vlan 6 \(ip) tcp 1 > 443", 44),
        ] as [(String, UInt64)])
    func bytes(_ frame: String, _ expected: UInt64) throws {
        let ruleset = Build.ruleset(base(rule(count)))
        let program = try Program(compiling: ruleset, ports: ports)
        let found = try classifyBothWays(program, Interpreter(ruleset, ports: ports), described(frame), ingress: 0)
        #expect(found.program.rules == [Hits(frames: 1, bytes: expected)])
        #expect(found.program.counters == [Hits(frames: 1, bytes: expected)])
        #expect(found.interpreter == found.program)
    }

    @Test func `references say where each rule stands`() throws {
        let ruleset = Build.ruleset([
            Build.table([Build.base([rule(yes, count)], priority: 5, name: "late")], name: "one"),
            Build.table(
                [
                    Build.base([rule(drop)], priority: -5, name: "early"),
                    chain("a", rule(.counter(packets: 3, bytes: 9, location: Build.nowhere))),
                ],
                name: "two"),
        ])
        let program = try Program(compiling: ruleset, ports: ports)
        #expect(
            program.rules.map { "\($0.family) \($0.table) \($0.chain) \($0.source):\($0.line)" } == [
                "bridge one late rules.nft:1", "bridge two early rules.nft:1", "bridge two a rules.nft:1",
            ])
        #expect(program.baseChains.map(\.chain) == ["early", "late"])
        #expect(
            program.counters == [
                CounterReference(rule: 0, packets: 0, bytes: 0), CounterReference(rule: 2, packets: 3, bytes: 9),
            ])
    }
}

struct RefusedCase: Sendable, CustomTestStringConvertible {
    var description: String
    var ruleset: Ruleset
    var reason: ProgramError.Reason
    init(_ description: String, _ ruleset: Ruleset, _ reason: ProgramError.Reason) {
        self.description = description
        self.ruleset = ruleset
        self.reason = reason
    }
    var testDescription: String { description }
}

private func one(_ statement: Statement) -> Ruleset { Build.ruleset(base(rule(statement))) }

private let refused: [RefusedCase] = [
    RefusedCase("a jump to nowhere", one(verdict(.jump("a"))), .unknownChain("a")),
    RefusedCase("a goto to nowhere in a chain that is never run", Build.ruleset(chain("a", rule(verdict(.goto("b"))))), .unknownChain("b")),
    RefusedCase("a jump to a base chain", one(verdict(.jump("forward"))), .baseChain("forward")),
    RefusedCase(
        "a cycle of one", Build.ruleset(base(rule(verdict(.jump("a")))), chain("a", rule(verdict(.jump("a"))))), .jumpsTooDeep("a")),
    RefusedCase(
        "a cycle of two, by goto",
        Build.ruleset(base(rule(verdict(.goto("a")))), chain("a", rule(verdict(.goto("b")))), chain("b", rule(verdict(.jump("a"))))),
        .jumpsTooDeep("b")),
    RefusedCase(
        "sixteen chains deep",
        Build.ruleset([
            Build.table(
                [base(rule(verdict(.jump("1"))))] + (1...15).map { chain("\($0)", rule(verdict(.jump(.named("\($0 + 1)"))))) } + [
                    chain("16")
                ])
        ]), .jumpsTooDeep("16")),
    RefusedCase(
        "sixteen chains deep, the lower eight seen before",
        Build.ruleset([
            Build.table(
                [base(rule(verdict(.jump("9"))), rule(verdict(.jump("1"))))]
                    + (1...15).map { chain("\($0)", rule(verdict(.jump(.named("\($0 + 1)"))))) } + [chain("16")])
        ]), .jumpsTooDeep("9")),
    RefusedCase("a number for a name", one(Build.match(.metaIifname, .number(1))), .value(.metaIifname)),
    RefusedCase("a name for a number", one(Build.match(.tcpDport, .interface("near0", isPrefix: false))), .value(.tcpDport)),
    RefusedCase("a range that ends before it begins", one(Build.match(.tcpDport, .range(2, 1))), .value(.tcpDport)),
    RefusedCase("a prefix longer than its field", one(Build.match(.ipSaddr, .prefix(0, length: 33))), .value(.ipSaddr)),
    RefusedCase("a prefix of less than nothing", one(Build.match(.ipSaddr, .prefix(0, length: -1))), .value(.ipSaddr)),
]

@Suite struct RefusedProgramTests {
    @Test("what no checked tree has is refused", arguments: refused)
    func refusal(_ test: RefusedCase) {
        let error = #expect(throws: ProgramError.self) { try Program(compiling: test.ruleset, ports: ports) }
        #expect(error?.reason == test.reason)
        #expect(error?.description.isEmpty == false)
    }

    @Test("two ports, no more and no less", arguments: [0, 1, 3])
    func portCount(_ count: Int) {
        let error = #expect(throws: ProgramError.self) {
            try Program(compiling: Build.ruleset([]), ports: Array(repeating: "p", count: count))
        }
        #expect(error?.reason == .portCount(count))
    }
}
