import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Testing

/// Chains that stand in rules do what chains do that are jumped to by name.
@Suite struct ChainBlockTests {
    private static func ruleset(_ chains: String) throws -> Ruleset {
        try Ruleset.read(SourceFile(name: "blocks.nft", text: "table bridge t {\n\(chains)\n}\n")).ruleset
    }

    private static let blocks = """
        chain c {
            type filter hook forward priority 0; policy drop;
            ip saddr 10.0.0.1 jump { tcp dport 22 meta mark set 1 accept; udp dport 53 return; meta mark set 2; }
            ip saddr 10.0.0.2 goto { tcp dport 22 meta mark set 3 accept; meta mark set 4; }
            meta mark 2 accept
            ip daddr 10.0.0.9 jump d
        }
        chain d { udp dport 53 goto { meta mark set 5 accept; }; }
        """

    private static let named = """
        chain a { tcp dport 22 meta mark set 1 accept; udp dport 53 return; meta mark set 2; }
        chain b { tcp dport 22 meta mark set 3 accept; meta mark set 4; }
        chain e { meta mark set 5 accept; }
        chain d { udp dport 53 goto e; }
        chain c {
            type filter hook forward priority 0; policy drop;
            ip saddr 10.0.0.1 jump a
            ip saddr 10.0.0.2 goto b
            meta mark 2 accept
            ip daddr 10.0.0.9 jump d
        }
        """

    @Test(
        "a frame finds the same",
        arguments: [
            ("10.0.0.1", 22, 1, true), ("10.0.0.1", 53, 5, true), ("10.0.0.1", 80, 2, true), ("10.0.0.2", 22, 3, true),
            ("10.0.0.2", 53, 4, false), ("10.0.0.3", 53, 5, true), ("10.0.0.3", 22, 0, false),
        ] as [(String, UInt16, UInt32, Bool)])
    func frames(source: String, port: UInt16, mark: UInt32, isAccepted: Bool) throws {
        let packet = Frame.ethernet().ipv4(source, "10.0.0.9")
        let bytes = (port == 53 ? packet.udp(1000, port) : packet.tcp(1000, port)).bytes
        for text in [Self.blocks, Self.named] {
            let ruleset = try Self.ruleset(text)
            let found = classifyBothWays(
                try Program(compiling: ruleset, ports: ports), Interpreter(ruleset, ports: ports), bytes, ingress: 0)
            try #require(found.program == found.interpreter)
            #expect(found.program.classification.mark == mark)
            #expect((found.program.classification.verdict == .accept) == isAccepted)
        }
    }

    @Test func `its rules are said to be of the chain that has the rule`() throws {
        let program = try Program(compiling: try Self.ruleset(Self.blocks), ports: ports)
        #expect(program.rules.filter { $0.line == 4 }.map(\.chain) == ["c", "c", "c", "c"])
        #expect(program.rules.first { $0.line == 4 }?.rule.text == "ip saddr 10.0.0.1 jump { … }")
    }
}
