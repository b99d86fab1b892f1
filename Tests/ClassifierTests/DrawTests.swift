import Classifier
import FrameBuilder
import Interpreter
import Ruleset
import Testing

/// `numgen` and `meta random`: numbers that rules draw.
@Suite struct DrawTests {
    private static func ruleset(_ rules: String) throws -> Ruleset {
        let text = "table bridge t {\nchain c {\ntype filter hook forward priority 0;\n\(rules)\n}\n}\n"
        return try Ruleset.read(SourceFile(name: "draws.nft", text: text)).ruleset
    }

    private static let web = Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 80).bytes
    private static let other = Frame.ethernet().arp().bytes

    /// The marks that frames leave with, one after the other.
    private static func marks(_ rules: String, _ frames: [[UInt8]], seed: UInt64 = 0, indexing: Indexing = .automatic) throws -> [UInt32] {
        let ruleset = try ruleset(rules)
        let program = try Program(compiling: ruleset, ports: ports, seed: seed, indexing: indexing)
        let interpreter = Interpreter(ruleset, ports: ports, seed: seed)
        return try frames.map { bytes in
            let found = classifyBothWays(program, interpreter, bytes, ingress: 0)
            try #require(found.program == found.interpreter, "\(rules)")
            return found.program.classification.mark
        }
    }

    static let turns: [(description: String, rules: String, frames: [[UInt8]], marks: [UInt32])] = [
        ("from 0 to the last", "meta mark set numgen inc mod 3", Array(repeating: web, count: 7), [0, 1, 2, 0, 1, 2, 0]),
        ("from an offset", "meta mark set numgen inc mod 3 offset 5", Array(repeating: web, count: 4), [5, 6, 7, 5]),
        ("of one number", "meta mark set numgen inc mod 1 offset 5", Array(repeating: web, count: 3), [5, 5, 5]),
        ("with bits", "meta mark set numgen inc mod 16 & 1 | 8", Array(repeating: web, count: 4), [8, 9, 8, 9]),
        (
            "each place counts for itself", "numgen inc mod 2 0 meta mark set numgen inc mod 8", Array(repeating: web, count: 5),
            [0, 0, 1, 0, 2]
        ),
        (
            "for frames that come to it", "tcp dport 80 meta mark set numgen inc mod 9 offset 1", [web, other, web, other, web],
            [1, 0, 2, 0, 3]
        ),
        (
            "whatever is matched behind it", "numgen inc mod 2 0 tcp dport 80 meta mark set 7", [web, other, web, other, other, web],
            [7, 0, 7, 0, 0, 0]
        ),
        (
            "not behind what can't be read", "ether type arp accept\nip saddr . numgen inc mod 3 { 10.0.0.1 . 1 } meta mark set 7",
            [web, other, web, other, web, web], [0, 0, 7, 0, 0, 0]
        ),
        (
            "by maps", "meta mark set numgen inc mod 3 map { 0 : 4, 1-2 : 5 }", Array(repeating: web, count: 4), [4, 5, 5, 4]
        ),
        (
            "two in one key", "numgen inc mod 2 . numgen inc mod 3 { 1 . 2 } meta mark set 7", Array(repeating: web, count: 7),
            [0, 0, 0, 0, 0, 7, 0]
        ),
    ]

    @Test("in turn", arguments: turns, [Indexing.never, .always])
    func inTurn(_ turn: (description: String, rules: String, frames: [[UInt8]], marks: [UInt32]), indexing: Indexing) throws {
        #expect(try Self.marks(turn.rules, turn.frames, indexing: indexing) == turn.marks)
    }

    @Test("by lot: every number as often as the others", arguments: ["numgen random mod 5 offset 3", "numgen random mod 5"])
    func byLot(_ generator: String) throws {
        let marks = try Self.marks("meta mark set \(generator)", Array(repeating: Self.web, count: 20_000), seed: 42)
        let lowest: UInt32 = generator.hasSuffix("3") ? 3 : 0
        for number in lowest..<lowest + 5 {
            // 4,000 each; the standard deviation is 57.
            #expect(abs(marks.count { $0 == number } - 4_000) < 285)
        }
        // No turns: what follows on a number is any of them.
        let pairs = zip(marks, marks.dropFirst()).count { $0 == $1 }
        #expect(abs(pairs - 4_000) < 285)
    }

    @Test func `of all numbers`() throws {
        let marks = try Self.marks("meta mark set meta random", Array(repeating: Self.web, count: 4_000), seed: 1)
        #expect(Set(marks).count > 3_990)
        for bit in 0..<UInt32(32) { #expect(abs(marks.count { $0 >> bit & 1 == 1 } - 2_000) < 160, "bit \(bit)") }
    }

    @Test func `the same seed draws the same, another others, and each place for itself`() throws {
        let frames = Array(repeating: Self.web, count: 50)
        let rules = "meta mark set numgen random mod 1000"
        let first = try Self.marks(rules, frames, seed: 1)
        #expect(try Self.marks(rules, frames, seed: 1) == first)
        #expect(try Self.marks(rules, frames, seed: 2) != first)
        let both = try Self.marks(
            "meta mark set numgen random mod 2\nmeta mark 1 meta mark set numgen random mod 2 offset 2",
            Array(repeating: Self.web, count: 400))
        #expect(Set(both) == [0, 2, 3])
    }

    @Test func `a map remembers who has drawn what`() throws {
        let ruleset = try Ruleset.read(
            SourceFile(
                name: "f",
                text: """
                    table bridge t {
                    map m { type ipv4_addr : mark; flags dynamic; }
                    chain c { type filter hook forward priority 0;
                    add @m { ip saddr : numgen inc mod 3 offset 1 }
                    meta mark set ip saddr map @m
                    }
                    }

                    """)
        ).ruleset
        let program = try Program(compiling: ruleset, ports: ports)
        let interpreter = Interpreter(ruleset, ports: ports)
        var marks: [UInt32] = []
        for address in ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3", "10.0.0.2", "10.0.0.4"] {
            let found = classifyBothWays(program, interpreter, Frame.ethernet().ipv4(address).udp(1, 2).bytes, ingress: 0)
            try #require(found.program == found.interpreter)
            marks.append(found.program.classification.mark)
        }
        // Every frame draws, and the first number of an address stays.
        #expect(marks == [1, 2, 1, 1, 2, 3])
    }
}
