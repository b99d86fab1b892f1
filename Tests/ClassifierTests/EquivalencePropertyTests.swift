import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Testing
import Wire

@Suite struct EquivalencePropertyTests {
    @Test("a program says what the interpreter says: verdict, deciding rule, every counter", arguments: 1...8 as ClosedRange<UInt64>)
    func equivalence(_ seed: UInt64) throws {
        var source = RandomRulesets(random: SeededGenerator(seed: seed))
        var verdicts: [String: Int] = [:]
        for _ in 0..<200 {
            let ruleset = source.ruleset()
            let program = try Program(compiling: ruleset, ports: ports)
            let interpreter = Interpreter(ruleset, ports: ports)
            for _ in 0..<30 {
                let bytes = source.frame()
                let ingress = UInt8(source.random.pick([0, 1]))
                let isPartial = source.random.oneIn(4)
                let found = classifyBothWays(program, interpreter, bytes, isChecksumPartial: isPartial, ingress: ingress)
                try #require(found.program == found.interpreter, "frame \(bytes), ingress \(ingress), \(ruleset)")
                if let (rest, tag) = takeOutTag(of: bytes) {
                    let apart = classifyBothWays(
                        program, interpreter, rest, tag: tag, isChecksumPartial: isPartial, ingress: ingress)
                    try #require(apart.program == apart.interpreter, "frame \(rest), tag \(tag), ingress \(ingress), \(ruleset)")
                    try #require(apart.program == found.program, "frame \(bytes), ingress \(ingress), \(ruleset)")
                }
                if found.program.bytes != bytes { verdicts["changed", default: 0] += 1 }
                let classification = found.program.classification
                verdicts["\(classification.verdict) by \(classification.rule == .none ? "policy" : "rule")", default: 0] += 1
            }
        }
        // The random rules have to be worth their while.
        #expect(verdicts.count == 6)
        #expect(verdicts.values.allSatisfy { $0 > 50 }, "\(verdicts)")
    }

    @Test func `large sets, every corner of every interval`() throws {
        var random = SeededGenerator(seed: 1)
        var values: [Value] = []
        for _ in 0..<300 {
            let low = UInt128.random(in: 0...65000, using: &random)
            values.append(random.oneIn(2) ? .number(low) : .range(low, low + UInt128.random(in: 0...40, using: &random)))
        }
        let rules = [Build.rule(Build.match(.udpDport, in: values), Build.verdict(.drop))]
        let ruleset = Build.ruleset(Build.base(rules))
        let program = try Program(compiling: ruleset, ports: ports)
        let interpreter = Interpreter(ruleset, ports: ports)
        let corners: [UInt128] = values.flatMap { value -> [UInt128] in
            switch value {
            case .number(let number): [number &- 1, number, number + 1]
            case .range(let low, let high): [low &- 1, low, high, high + 1]
            case .prefix, .interface, .concatenation, .any: []
            }
        }
        var dropped = 0
        for corner in corners where corner <= 65535 {
            let bytes = Frame.ethernet().ipv4().udp(1, UInt16(corner)).bytes
            let found = classifyBothWays(program, interpreter, bytes, ingress: 0)
            try #require(found.program == found.interpreter, "port \(corner)")
            if found.program.classification.verdict == .drop { dropped += 1 }
        }
        #expect(dropped >= 300 && dropped < corners.count)
    }
}
