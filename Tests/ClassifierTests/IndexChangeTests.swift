import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Testing
import Wire

/// What an index over a chain's rules must not forget, or must.
@Suite struct IndexChangeTests {
    private static func verdict(_ rules: [String], _ frame: Frame) throws -> FrameVerdict {
        let text =
            "table bridge t {\nchain c { type filter hook forward priority 0; policy accept;\n"
            + rules.joined(separator: "\n") + "\n}\n}\n"
        let ruleset = try Ruleset.read(SourceFile(name: "rules", text: text)).ruleset
        let interpreter = Interpreter(ruleset, ports: ports)
        var verdicts: Set<FrameVerdict> = []
        for indexing in [Indexing.always, .never] {
            let program = try Program(compiling: ruleset, ports: ports, indexing: indexing)
            #expect((program.statistics.chains[0].index != nil) == (indexing == .always))
            let found = classifyBothWays(program, interpreter, frame.bytes, ingress: 0)
            #expect(found.program == found.interpreter)
            verdicts.insert(found.program.classification.verdict)
        }
        #expect(verdicts.count == 1, "the index makes a difference")
        return verdicts.first ?? .drop
    }

    private static let fillers = (0..<20).map { "udp dport \(1000 + $0) counter" }

    @Test(
        "rules after one that changes what the index asks for see the new value",
        arguments: [
            ("udp dport set 53", "udp dport 53 drop", FrameVerdict.drop), ("udp dport set 53", "udp dport 99 drop", .accept),
            ("ip dscp set cs1", "ip dscp cs1 drop", .drop), ("ip dscp set cs1", "ip dscp cs0 drop", .accept),
            ("ether saddr set 02:00:00:00:00:99", "ether saddr 02:00:00:00:00:99 drop", .drop),
        ])
    func changed(_ change: String, _ rule: String, _ expected: FrameVerdict) throws {
        let more = (0..<20).map { "udp dport \(2000 + $0) ip dscp ef ether saddr 02:00:00:00:00:0\($0 % 10) counter" }
        for place in [0, 10, 20] {
            var rules = Self.fillers
            rules.insert(change, at: place)
            rules += more
            rules.append(rule)
            #expect(try Self.verdict(rules, Frame.ethernet().ipv4().udp(1, 99)) == expected)
        }
    }

    @Test(
        "the last address of a /31 and those around it",
        arguments: [
            ("10.0.0.5", FrameVerdict.accept), ("10.0.0.6", .drop), ("10.0.0.7", .drop), ("10.0.0.8", .accept),
            ("0.0.0.0", .drop), ("0.0.0.1", .drop), ("0.0.0.2", .accept),
            ("255.255.255.253", .accept), ("255.255.255.254", .drop), ("255.255.255.255", .drop),
        ])
    func prefix(_ source: String, _ expected: FrameVerdict) throws {
        var rules = (0..<20).map { "ip saddr 192.0.2.\(2 * $0)/31 counter" }
        for network in ["0.0.0.0", "10.0.0.6", "255.255.255.254"] { rules.append("ip saddr \(network)/31 drop") }
        #expect(try Self.verdict(rules, Frame.ethernet().ipv4(source).udp(1, 2)) == expected)
    }

    @Test(
        "a map is asked with what ^ makes of a value",
        arguments: [
            (UInt16(80), FrameVerdict.accept), (81, .drop), (82, .accept),
        ])
    func exclusiveOr(_ port: UInt16, _ expected: FrameVerdict) throws {
        for rule in ["tcp dport ^ 1 vmap { 80 : drop, 81 : accept }", "tcp dport & 0xffff ^ 1 vmap { 80 : drop, 81 : accept }"] {
            #expect(try Self.verdict(Self.fillers + [rule], Frame.ethernet().ipv4().tcp(1, port)) == expected)
        }
    }
    @Test("the element * of a map has what no other holds", arguments: [(UInt16(80), FrameVerdict.accept), (81, .drop)])
    func catchAll(_ port: UInt16, _ expected: FrameVerdict) throws {
        let rule = "tcp dport vmap { 80 : accept, * : drop }"
        #expect(try Self.verdict(Self.fillers + [rule], Frame.ethernet().ipv4().tcp(1, port)) == expected)
    }
}
