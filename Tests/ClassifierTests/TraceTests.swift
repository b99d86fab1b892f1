import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Testing
import Wire

/// The way that the interpreter tells is the way that the frame went.
@Suite struct TraceTests {
    @Test("a trace says what the program says: the rules that matched, in order, and who decided", arguments: 1...3 as ClosedRange<UInt64>)
    func truth(_ seed: UInt64) throws {
        var source = RandomRulesets(random: SeededGenerator(seed: seed))
        var (matched, failed, policies) = (0, 0, 0)
        for _ in 0..<200 {
            let ruleset = source.ruleset()
            let program = try Program(compiling: ruleset, ports: ports)
            let interpreter = Interpreter(ruleset, ports: ports)
            for _ in 0..<20 {
                let bytes = source.frame()
                let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
                let ingress = UInt8(source.random.pick([0, 1]))
                let hits = HitCounters(for: program)
                let found = program.classify(bytes, frame, ingress: ingress, at: noon, hits: hits)
                let result = interpreter.classify(bytes.span.bytes, frame, ingress: ingress, at: noon, isTraced: true)
                try #require(found == result.classification)

                var matchedRules: [Int] = []
                var chains: [Int] = []
                for step in result.trace.steps {
                    switch step {
                    case .baseChain(let index): chains.append(index)
                    case .rule(let rule):
                        if rule.isMatched { matchedRules.append(rule.rule) }
                        matched += rule.isMatched ? 1 : 0
                        failed += rule.isMatched ? 0 : 1
                        // Every statement but the last one of a rule that did not match has held.
                        let held = rule.statements.map(\.hasHeld)
                        try #require(held == held.indices.map { rule.isMatched || $0 < held.count - 1 })
                    case .policy(let index, let policy):
                        policies += 1
                        try #require(index == chains.last)
                        try #require(policy == program.baseChains[index].base.policy)
                    case .unseen, .chainEnd, .connection: break
                    }
                }
                try #require(matchedRules == result.matchedRules, "\(ruleset)")
                try #require(
                    program.rules.indices.allSatisfy { rule in
                        hits.rule(rule).frames == UInt64(matchedRules.count { $0 == rule })
                    })
                try #require(found.baseChain.row == chains.last)
                if case .rule(let last) = result.trace.steps.last { try #require(found.rule.row == last.rule) }
            }
        }
        #expect(matched > 1_000 && failed > 1_000 && policies > 300)
    }

    @Test func `nobody who does not ask gets a trace`() {
        let ruleset = Build.ruleset(Build.base([Build.rule(Build.verdict(.drop))]))
        let bytes = Frame.ethernet().ipv4().udp(1, 2).bytes
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        #expect(Interpreter(ruleset, ports: ports).classify(bytes.span.bytes, frame, ingress: 0, at: noon).trace.steps.isEmpty)
    }

    @Test func `a field that the packet does not have is seen as nothing`() {
        let rule = Build.rule(Build.match(.ipTtl, .number(64)), Build.match(.tcpDport, .number(80)), Build.verdict(.drop))
        let ruleset = Build.ruleset(Build.base([rule]))
        let bytes = Frame.ethernet().ipv4().bytes
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        let trace = Interpreter(ruleset, ports: ports).classify(bytes.span.bytes, frame, ingress: 0, at: noon, isTraced: true).trace
        guard case .rule(let way) = trace.steps.dropFirst().first else {
            Issue.record("no rule in the trace")
            return
        }
        #expect(!way.isMatched)
        #expect(way.statements.map { $0.seen?.values } == [[.number(64)], [nil]])
    }
}
