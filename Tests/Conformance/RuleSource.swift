import FrameBuilder
import Ruleset
import Wire

/// Random rule files whose values are found in frames, or stand beside those.
///
/// Each feature of the language is an entry of a table, so that a new one is a new line. All rules count what they match.
struct RuleSource {
    var random: SeededGenerator
    private var frames: FrameSource
    /// The names of the sets and maps of the table that is being made, with the selectors that may use them.
    private var sets: [(name: String, words: String)] = []
    private var maps: [(name: String, words: String)] = []
    /// Chains that a rule may jump to: those that stand behind its own.
    private var targets: [String] = []

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        frames = FrameSource(random: SeededGenerator(seed: ~seed))
    }

    private typealias Feature = @Sendable (inout RuleSource) -> String?

    /// Forms of a match.
    private static let matches: [Feature] = [
        { source in
            let field = source.field()
            return "\(field.words) \(source.random.pick(["", "!= "]))\(source.value(of: field))"
        },
        { source in
            let field = source.numberField()
            return "\(field.words) \(source.random.pick(["<", "<=", ">", ">="])) \(source.value(of: field))"
        },
        { source in
            let field = source.numberField()
            return "\(field.words) \(source.random.pick(["", "!= "]))\(source.range(of: field))"
        },
        { source in
            let field = source.field()
            let count = Int.random(in: 1...5, using: &source.random)
            let values = (0..<count).map { _ in source.element(of: field) }
            return "\(field.words) \(source.random.pick(["", "!= "])){ \(values.joined(separator: ", ")) }"
        },
        { source in
            let field = source.numberField()
            let (mask, number) = (source.number(of: field), source.number(of: field))
            return "\(field.words) & \(text(mask, of: field)) \(source.random.pick(["==", "!="])) \(text(mask & number, of: field))"
        },
        { source in
            let field = source.numberField()
            return "\(field.words) \(source.value(of: field))/\(Int.random(in: 1...field.bitWidth, using: &source.random))"
        },
        { source in
            source.random.pick([
                "tcp flags syn", "tcp flags syn,ack", "tcp flags ! fin,rst", "tcp flags syn / syn,ack", "tcp flags != 0x12",
                "tcp flags & (fin | syn | rst | ack) == syn", "tcp flags { syn, ack, fin | psh }",
            ])
        },
        { source in
            let header = source.random.pick(["ll", "nh", "th"])
            let field = Field.raw(
                header == "ll" ? .link : header == "nh" ? .network : .transport, bitOffset: Int.random(in: 0...200, using: &source.random),
                bitWidth: source.random.pick([1, 3, 8, 12, 16, 32, 48]))
            return field.map { "\($0.words) \(source.random.pick(["", "!= "]))\(source.value(of: $0))" }
        },
        { source in
            guard !source.sets.isEmpty else { return nil }
            let set = source.random.pick(source.sets)
            return "\(set.words) \(source.random.pick(["", "!= "]))@\(set.name)"
        },
        { source in "iifname \(source.random.pick(["eth1", "eth2", "\"eth*\"", "{ eth1, lo }", "!= eth1"]))" },
        { source in "oifname \(source.random.pick(["eth1", "eth2", "\"e*\"", "!= { eth2, lo }"]))" },
        { source in "\(source.random.pick(["iif", "oif"])) \(source.random.pick(["eth1", "!= eth2", "{ eth1, lo }"]))" },
        { source in "meta pkttype \(source.random.pick(["broadcast", "multicast", "other", "!= other"]))" },
    ]

    /// What ends a rule, behind its counter.
    private static let endings: [Feature] = [
        { _ in "" },
        { _ in "" },
        { _ in "accept" },
        { _ in "drop" },
        { _ in "return" },
        { _ in "continue" },
        { source in source.targets.isEmpty ? nil : "jump \(source.random.pick(source.targets))" },
        { source in source.targets.isEmpty ? nil : "goto \(source.random.pick(source.targets))" },
        { source in
            guard !source.maps.isEmpty else { return nil }
            let map = source.random.pick(source.maps)
            return "\(map.words) vmap @\(map.name)"
        },
        { source in
            let field = source.numberField()
            return source.map(of: field).map { "\(field.words) vmap \($0)" }
        },
    ]

    private mutating func pick(_ features: [Feature]) -> String {
        while true {
            if let text = features[Int.random(in: 0..<features.count, using: &random)](&self) { return text }
        }
    }

    /// Without what has forms of its own, and without the time of day, which goes on while frames are on their way.
    private static let named = Field.allCases.filter { field in
        !field.isInterface && !["meta pkttype", "meta time", "meta hour"].contains { field.words == $0 }
    }
    private static let usual = named.filter { field in
        let words = ["ether", "ip saddr", "ip daddr", "ip protocol", "ip6 saddr", "ip6 daddr", "ip6 nexthdr", "tcp", "udp", "vlan", "meta"]
        return words.contains { field.words.hasPrefix($0) }
    }

    private mutating func field() -> Field { random.pick(random.oneIn(2) ? Self.usual : Self.named) }
    private mutating func numberField() -> Field { field() }

    private static func text(_ number: UInt128, of field: Field) -> String {
        let words = field.words
        if words.hasPrefix("ip saddr") || words.hasPrefix("ip daddr") || words == "arp saddr ip" || words == "arp daddr ip" {
            return (0..<4).map { String(number >> UInt128(24 - $0 * 8) & 0xff) }.joined(separator: ".")
        }
        if words == "ip6 saddr" || words == "ip6 daddr" {
            return (0..<8).map { String(number >> UInt128(112 - $0 * 16) & 0xffff, radix: 16) }.joined(separator: ":")
        }
        if field.bitWidth == 48, words.hasPrefix("ether") || words.hasPrefix("arp") {
            return (0..<6).map { String(number >> UInt128(40 - $0 * 8) & 0xff, radix: 16) }.joined(separator: ":")
        }
        return String(number)
    }

    /// The bits that stand in the field's place in some frame, or a number beside them, or an end.
    private mutating func number(of field: Field) -> UInt128 {
        let bytes = frames.frame(from: Conformance.source(UInt64.random(in: 0..<1000, using: &random)))
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        let found: UInt128
        switch field.source {
        case .meta(.protocol): found = UInt128(frame.outerEtherType)
        case .meta(.l4proto): found = UInt128(frame.transportProtocol ?? 6)
        case .meta(.length): found = UInt128(frame.linkPayloadLength)
        case .meta, .searched: found = 0
        case .presence: found = 1
        case .payload(let header, let offset):
            let start =
                switch header {
                case .link: 0
                case .network: frame.linkPayloadOffset
                case .transport: frame.transportOffset
                }
            found = (offset..<offset + field.bitWidth).reduce(0) { number, bit in
                let index = start + bit / 8
                return number << 1 | (index < bytes.count ? UInt128(bytes[index] >> UInt8(7 - bit % 8) & 1) : 0)
            }
        }
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return found == 0 ? 0 : found - 1
        case 1: return min(field.allOnes, found + 1)
        case 2: return random.pick([0, field.allOnes])
        default: return found
        }
    }

    private mutating func value(of field: Field) -> String {
        field.isInterface ? "eth1" : Self.text(number(of: field), of: field)
    }

    private mutating func range(of field: Field) -> String {
        let (first, second) = (number(of: field), number(of: field))
        return "\(Self.text(min(first, second), of: field))-\(Self.text(max(first, second), of: field))"
    }

    private mutating func element(of field: Field) -> String {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: range(of: field)
        default: value(of: field)
        }
    }

    /// Elements of a verdict map; none overlaps another.
    private mutating func map(of field: Field) -> String? {
        let numbers = Set((0..<Int.random(in: 1...5, using: &random)).map { _ in number(of: field) }).sorted()
        var verdicts = ["accept", "drop", "return", "continue"]
        verdicts += targets.flatMap { ["jump \($0)", "goto \($0)"] }
        return "{ " + numbers.map { "\(Self.text($0, of: field)) : \(random.pick(verdicts))" }.joined(separator: ", ") + " }"
    }

    private mutating func namedSet(_ index: Int) -> String {
        let field = random.pick(Self.usual)
        if random.oneIn(3) {
            guard let map = map(of: field) else { return "" }
            maps.append((name: "m\(index)", words: field.words))
            return "map m\(index) {\ntypeof \(field.words) : verdict\nelements = \(map)\n}\n"
        }
        let elements = (0..<Int.random(in: 1...6, using: &random)).map { _ in element(of: field) }
        sets.append((name: "s\(index)", words: field.words))
        return "set s\(index) {\ntypeof \(field.words)\nflags interval\nauto-merge\nelements = { \(elements.joined(separator: ", ")) }\n}\n"
    }

    private mutating func rule() -> String {
        let count = random.pick([0, 1, 1, 1, 2, 2, 3])
        var conditions = (0..<count).map { _ in pick(Self.matches) }
        // nft 1.0.6 makes one comparison of two that stand beside each other and fails only where both are equal.
        if let first = conditions.firstIndex(where: { $0.contains("!=") }) {
            conditions = conditions.enumerated().filter { $0 <= first || !$1.contains("!=") }.map(\.element)
        }
        return (conditions + ["counter", pick(Self.endings)]).joined(separator: " ")
    }

    /// Rules that this project accepts in their place; the number of those that it did not is counted.
    private mutating func rules(_ count: Int, in head: String, _ refused: inout Int) -> String {
        var accepted = ""
        for _ in 0..<count {
            let rule = rule()
            let file = "\(head)chain test {\n\(rule)\n}\n}\n"
            if (try? Ruleset.read(SourceFile(name: "f", text: file))) != nil { accepted += rule + "\n" } else { refused += 1 }
        }
        return accepted
    }

    /// A file of one or two tables, and how many rules were left out of it because they were refused.
    mutating func file(rules count: Int) -> (text: String, refused: Int) {
        var text = ""
        var refused = 0
        for table in 0..<random.pick([1, 1, 2]) {
            (sets, maps, targets) = ([], [], [])
            var head = "table bridge t\(table) {\n"
            for index in 0..<Int.random(in: 0...4, using: &random) {
                let before = (sets, maps)
                let declaration = namedSet(index)
                if (try? Ruleset.read(SourceFile(name: "f", text: head + declaration + "}\n"))) != nil {
                    head += declaration
                } else {
                    (sets, maps) = before
                }
            }
            for depth in (0..<Int.random(in: 0...3, using: &random)).reversed() {
                head += "chain c\(depth) {\n\(rules(count / 4, in: head, &refused))}\n"
                targets.append("c\(depth)")
            }
            for base in 0..<random.pick([1, 1, 2]) {
                let policy = random.pick(["accept", "accept", "drop"])
                let rules = rules(count, in: head, &refused)
                head +=
                    "chain b\(base) {\ntype filter hook forward priority \(random.pick(["-10", "0", "7"])); policy \(policy);\n\(rules)}\n"
            }
            text += head + "}\n"
        }
        return (text, refused)
    }
}
