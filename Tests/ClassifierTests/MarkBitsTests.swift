import Classifier
import FrameBuilder
import Interpreter
import Ruleset
import Testing

/// Marks whose bits are moved, and what is known of devices.
@Suite struct MarkBitsTests {
    private static let web = Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 80).bytes

    /// What the program and the interpreter mark a frame with.
    private static func mark(_ rules: String, table: String = "bridge", hook: String = "forward") throws -> UInt32 {
        let text = "table \(table) t {\nchain c {\ntype filter hook \(hook) priority 0;\n\(rules)\n}\n}\n"
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: text)).ruleset
        let found = classifyBothWays(
            try Program(compiling: ruleset, ports: ports), Interpreter(ruleset, ports: ports), web, ingress: 0)
        try #require(found.program == found.interpreter)
        return found.program.classification.mark
    }

    @Test(
        "steps are carried out one after the other, in 32 bits",
        arguments: [
            ("meta mark << 4", 0x2345_6780), ("meta mark >> 4", 0x0123_4567), ("meta mark << 31", 0), ("meta mark >> 28", 1),
            ("meta mark << 4 >> 4", 0x0234_5678), ("meta mark >> 4 << 4", 0x1234_5670), ("meta mark << 31 << 31", 0),
            ("(meta mark & 0xff) << 8 | 0x3", 0x7803), ("(meta mark ^ 0xf) << 28", 0x7000_0000),
            ("((meta mark << 4) & 0xf00) >> 8", 7), ("meta mark >> 31 ^ 1", 1), ("(meta mark | 0x80000000) >> 31", 1),
            ("(meta mark)", 0x1234_5678), ("(meta mark & 0xff) | 1", 0x79),
        ] as [(String, UInt32)])
    func steps(_ value: String, expected: UInt32) throws {
        #expect(try Self.mark("meta mark set 0x12345678\nmeta mark set \(value)") == expected)
    }

    @Test(
        "both ports are Ethernet, as far as a chain knows them",
        arguments: [
            ("forward", "meta iiftype ether", true), ("forward", "meta oiftype ether", true), ("forward", "meta iiftype ppp", false),
            ("forward", "meta iiftype != ppp", true), ("forward", "meta iiftype 0-5", true),
            ("forward", "meta oiftype . tcp dport { ether . 80 }", true), ("forward", "meta oiftype vmap { ether : continue }", true),
            ("prerouting", "meta iiftype ether", true), ("prerouting", "meta oiftype ether", false),
            ("prerouting", "meta oiftype != ppp", false), ("prerouting", "meta oiftype . tcp dport != { ppp . 80 }", false),
            ("postrouting", "meta iiftype != ppp", true), ("postrouting", "meta iiftype ppp", false),
            ("postrouting", "meta oiftype != ppp", true),
        ])
    func devices(hook: String, match: String, isMatched: Bool) throws {
        for table in ["bridge", "inet"] {
            #expect(try Self.mark("\(match) meta mark set 1", table: table, hook: hook) == (isMatched ? 1 : 0))
        }
    }

    @Test(
        "ports are parts of keys by their index as by their name",
        arguments: [
            ("iif . tcp dport { near0 . 80 }", true), ("iif . tcp dport { far0 . 80 }", false), ("iif . oif { near0 . far0 }", true),
            ("oif . tcp dport != { near0 . 70-90 }", true), ("iif . tcp dport { near0 . 70-90 }", true),
        ])
    func parts(match: String, isMatched: Bool) throws {
        #expect(try Self.mark("\(match) meta mark set 1") == (isMatched ? 1 : 0))
    }
}
