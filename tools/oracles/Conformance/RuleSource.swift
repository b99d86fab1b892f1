import FrameBuilder
import Ruleset
import Wire

/// Random rule files whose values are found in frames, or stand beside those.
///
/// Each feature of the language is an entry of a table, so that a new one is a new line. All rules count what they match.
struct RuleSource {
    var random: SeededGenerator
    var frames: FrameSource
    /// Of the table that is being made, and what it has declared.
    var family = Family.bridge
    var declared: [Declared] = []
    /// Chains that a rule may jump to: those that stand behind its own.
    var targets: [String] = []
    /// The frame that the rule which is being made is about: now and then all of it holds of one frame.
    var subject: [UInt8] = []
    /// Whether nft is of version 1.1 or later, which has statements and expressions that 1.0.6 does not have.
    let isRecent: Bool

    init(seed: UInt64, isRecent: Bool) {
        self.isRecent = isRecent
        random = SeededGenerator(seed: seed)
        frames = FrameSource(random: SeededGenerator(seed: ~seed))
        subject = frames.frame(from: Conformance.source(0))
    }

    /// What a table has under a name.
    struct Declared {
        enum Kind: Equatable {
            case set, verdictMap, markMap, changingMap, counter, quota, limit
            /// Changed by rules, which may take elements out if there is always room.
            case changingSet(isRoomy: Bool)
        }

        var name: String
        var kind: Kind
        /// The selectors that it is asked with.
        var words = ""
    }

    func declared(_ kind: Declared.Kind) -> [Declared] { declared.filter { $0.kind == kind } }

    typealias Feature = @Sendable (inout RuleSource) -> String?

    mutating func pick(_ features: [Feature]) -> String {
        while true {
            if let text = features[Int.random(in: 0..<features.count, using: &random)](&self) { return text }
        }
    }

    private mutating func rule() -> String {
        subject = frames.frame(from: Conformance.source(UInt64.random(in: 0..<1000, using: &random)))
        let count = random.pick([0, 1, 1, 1, 2, 2, 3])
        var conditions = (0..<count).map { _ in pick(Self.matches) }
        // nft 1.0.6 makes one comparison of two that stand beside each other and fails only where both are equal.
        if let first = conditions.firstIndex(where: { $0.contains("!=") }) {
            conditions = conditions.enumerated().filter { $0 <= first || !$1.contains("!=") }.map(\.element)
        }
        if isRecent, random.oneIn(4) { conditions.append(pick(Self.recentMatches)) }
        if random.oneIn(5) { conditions.append(pick(Self.statements)) }
        if isRecent, random.oneIn(4) { conditions.append(pick(Self.recentStatements)) }
        return (conditions + ["counter", pick(Self.endings)]).joined(separator: " ")
    }

    /// Rules that this project accepts in their place; the number of those that it did not is counted.
    private mutating func rules(_ count: Int, in head: String, _ refused: inout Int) -> String {
        var accepted = ""
        for _ in 0..<count {
            let rule = rule()
            if Self.isAccepted("\(head)chain test {\n\(accepted)\(rule)\n}\n}\n") { accepted += rule + "\n" } else { refused += 1 }
        }
        return accepted
    }

    static func isAccepted(_ file: String) -> Bool {
        // What Weir sets aside it only skims: nft may refuse it.
        (try? Ruleset.read(SourceFile(name: "f", text: file)).ruleset)?.tables.allSatisfy(\.setAside.isEmpty) ?? false
    }

    private mutating func table(_ index: Int, rules count: Int, _ refused: inout Int) -> String {
        (declared, targets) = ([], [])
        var head = "table \(family) t\(index) {\n"
        for index in 0..<Int.random(in: 0...6, using: &random) {
            let before = declared
            let declarations = Self.declarations + (isRecent ? Self.recentDeclarations : [])
            let declaration = pick(declarations)(&self, "n\(index)")
            if Self.isAccepted(head + declaration + "}\n") { head += declaration } else { declared = before }
        }
        for depth in (0..<Int.random(in: 0...3, using: &random)).reversed() {
            head += "chain c\(depth) {\n\(rules(count / 4, in: head, &refused))}\n"
            targets.append("c\(depth)")
        }
        for base in 0..<random.pick([1, 1, 2, 3]) {
            let hook = random.pick(["forward", "forward", "prerouting", "postrouting"])
            let priority = random.pick(["-300", "-10", "0", "0", "1", "7", "filter", "2147483647", "-2147483648"])
            let policy = random.pick(["accept", "accept", "accept", "drop"])
            let rules = rules(count, in: head, &refused)
            head += "chain b\(base) {\ntype filter hook \(hook) priority \(priority); policy \(policy);\n\(rules)}\n"
        }
        return head + "}\n"
    }

    private mutating func pick(_ declarations: [Declaration]) -> Declaration { random.pick(declarations) }

    /// A file of one to three tables, how many rules were left out of it because they were refused, and whether any of its tables is
    /// none of the bridge's.
    /// - Parameter hasPacketHooks: Whether tables may be of other families than `bridge`.
    mutating func file(rules count: Int, hasPacketHooks: Bool) -> (text: String, refused: Int, asksPacketHooks: Bool) {
        var text = ""
        var refused = 0
        let asksPacketHooks = hasPacketHooks && random.oneIn(2)
        for index in 0..<random.pick(asksPacketHooks ? [1, 2, 3] : [1, 1, 2]) {
            family = asksPacketHooks ? random.pick([.inet, .inet, .ip, .ip6, .bridge]) : .bridge
            text += table(index, rules: count, &refused)
        }
        return (text, refused, asksPacketHooks)
    }
}
