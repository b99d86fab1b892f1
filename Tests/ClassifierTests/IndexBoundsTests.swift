import Classifier
import Decisions
import FrameBuilder
import Ruleset
import Testing
import Wire

/// Rules that trees cut badly: memory stays in proportion, steps never go beyond the scan's, and answers stay right.
@Suite struct IndexBoundsTests {
    private static let count = 1_000

    static let shapes: [(description: String, rule: @Sendable (Int) -> Rule)] = [
        ("intervals within one another", { rule([(.ipSaddr, $0, 4 * count - $0)]) }),
        ("intervals within one another, of two fields", { rule([(.ipSaddr, $0, 4 * count - $0), (.ipDaddr, $0, 4 * count - $0)]) }),
        ("intervals that cross", { rule([(.ipSaddr, $0, $0 + 2 * count), (.ipDaddr, 2 * count - $0, 4 * count - $0)]) }),
        ("a grid of lines", { $0 % 2 == 0 ? rule([(.ipSaddr, $0, $0)]) : rule([(.ipDaddr, $0, $0)]) }),
        (
            "all but one",
            { number in
                Build.rule(
                    Build.match(.ipSaddr, .number(UInt128(number)), not: true), Build.match(.ipDaddr, .number(UInt128(number))),
                    Build.counter)
            }
        ),
        (
            "boxes in five fields that cross",
            { number in
                let fields: [Field] = [.ipSaddr, .ipDaddr, .thSport, .thDport, .ipTtl]
                return rule(
                    (0..<5).map { place in
                        let width = fields[place] == .ipTtl ? 255 : 4 * count
                        let low = (number * (2 * place + 3) * 7919) % (width / 2)
                        return (fields[place], low, low + width / 2)
                    })
            }
        ),
        ("the same box again and again", { _ in rule([(.ipSaddr, 7, 99)]) }),
        (
            "prefixes of all lengths",
            { number in
                let length = number % 33
                let host = UInt128(32 - length)
                let bits = ((UInt128(number) &* 0x9e37_79b9 & 0xffff_ffff) >> host) << host
                return Build.rule(Build.match(.ipSaddr, .prefix(bits, length: length)), Build.counter)
            }
        ),
    ]

    @Sendable private static func rule(_ ranges: [(field: Field, low: Int, high: Int)]) -> Rule {
        Build.rule(ranges.map { Build.match($0.field, .range(UInt128($0.low), UInt128($0.high))) } + [Build.counter])
    }

    @Test("bounded in memory and steps, whatever the rules", arguments: shapes)
    func bounds(description: String, rule: @Sendable (Int) -> Rule) throws {
        let ruleset = Build.ruleset(Build.base((0..<Self.count).map(rule)))
        let program = try Program(compiling: ruleset, ports: ports, indexing: .always)
        let scan = try Program(compiling: ruleset, ports: ports, indexing: .never)
        let index = try #require(program.statistics.chains[0].index)
        #expect(scan.statistics.chains[0].index == nil)
        #expect(index.boxes <= 2 * Self.count)
        // For each box at the most 16 places in leaves, of which each has two numbers a field and a fifth for itself, and an eighth of a
        // node of 128.
        let fields = ruleset.tables[0].chains[0].rules.map(\.statements.matchedFields).max() ?? 0
        #expect(index.bytes <= index.boxes * (4 + 16 * (8 * fields + 5) + 16) + 4096, "\(index)")
        // As many as the scan would look at, and the ways down the trees.
        #expect(index.worstSteps <= index.boxes + 4 * 17, "\(index)")

        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            func number() -> UInt32 { UInt32.random(in: 0..<UInt32(4 * Self.count), using: &random) }
            func address(_ number: UInt32) -> String {
                (0..<4).map { String(number >> (24 - 8 * UInt32($0)) & 0xff) }.joined(separator: ".")
            }
            let bytes = Frame.ethernet().ipv4(address(number()), address(number())).udp(
                UInt16(truncatingIfNeeded: number()), UInt16(truncatingIfNeeded: number())
            ).bytes
            let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
            let (hits, others) = (HitCounters(for: program), HitCounters(for: scan))
            let found = program.classify(bytes, frame, ingress: 0, at: noon, hits: hits)
            #expect(found == scan.classify(bytes, frame, ingress: 0, at: noon, hits: others))
            for rule in 0..<Self.count { try #require(hits.rule(rule) == others.rule(rule)) }
        }
    }

    @Test func `three rules are scanned, and what no index tells apart`() throws {
        let three = try Program(compiling: Build.ruleset(Build.base((0..<3).map { Self.rule([(.ipSaddr, $0, $0)]) })), ports: ports)
        #expect(three.statistics.chains[0].index == nil)
        let marks = (0..<500).map { Build.rule(Build.match(.metaMark, .number(UInt128($0))), Build.counter) }
        #expect(try Program(compiling: Build.ruleset(Build.base(marks)), ports: ports).statistics.chains[0].index == nil)
        let many = try Program(compiling: Build.ruleset(Build.base((0..<500).map { Self.rule([(.ipSaddr, $0, $0)]) })), ports: ports)
        #expect(many.statistics.chains[0].index != nil)
    }
}

extension [Statement] {
    /// How many fields a rule asks for.
    fileprivate var matchedFields: Int {
        count { if case .match = $0 { true } else { false } }
    }
}
