import Foundation
import Ruleset
import Testing

/// Rules that a newer nft than the installed one has been asked about; see the head of the table.
struct FactsTests {
    struct Fact: CustomTestStringConvertible, Sendable {
        var family: Substring
        var rule: Substring
        var declarations: [Substring] = []
        /// Nil if nft refuses the rule.
        var listing: Substring?
        var json = ""
        /// What Weir lists in its place, where that differs; `refused` if Weir takes no such rule.
        var weir: Substring?

        var testDescription: String { "\(family): \(rule)" }

        var file: String {
            let declared = declarations.map { "\t\($0)\n" }.joined()
            return "table \(family) t {\n\(declared)\tchain c {\n\t\ttype filter hook forward priority 0;\n\t\t\(rule)\n\t}\n}\n"
        }

        var isAccepted: Bool { listing != nil && weir != "refused" }
    }

    static let facts: [Fact] = {
        var facts: [Fact] = []
        for line in ((try? Golden.text("nft-1.1.6.facts")) ?? "").split(separator: "\n") where !line.hasPrefix("#") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let rest = line[line.index(after: colon)...].dropFirst()
            switch line[..<colon] {
            case "with": facts[facts.count - 1].declarations.append(rest)
            case "listing": facts[facts.count - 1].listing = rest
            case "json": facts[facts.count - 1].json = String(rest)
            case "weir": facts[facts.count - 1].weir = rest
            case let head where head.hasPrefix("rule "): facts.append(Fact(family: head.dropFirst(5), rule: rest))
            default: break
            }
        }
        return facts
    }()

    @Test func theTableIsThere() {
        #expect(Self.facts.count > 80)
        #expect(Self.facts.count { !$0.isAccepted } > 10)
    }

    @Test("what nft 1.1.6 refuses is refused", arguments: facts.filter { !$0.isAccepted })
    func refused(_ fact: Fact) {
        #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "f", text: fact.file)) }
    }

    @Test("what nft 1.1.6 accepts is accepted, listed as it lists it, and read back", arguments: facts.filter(\.isAccepted))
    func accepted(_ fact: Fact) throws {
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: fact.file)).ruleset
        let printed = ruleset.printed(as: .nft116)
        let lines = printed.split(separator: "\n").filter { $0.hasPrefix("\t\t") && !$0.contains("type filter hook") }
        #expect(lines.last?.dropFirst(2) == fact.weir ?? fact.listing)
        let again = try Ruleset.read(SourceFile(name: "printed", text: printed)).ruleset
        #expect(again.meaning == ruleset.meaning)
        #expect(again.printed(as: .nft116) == printed)
    }

    @Test("and listed in JSON", arguments: facts.filter { $0.isAccepted && $0.weir == nil })
    func json(_ fact: Fact) throws {
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: fact.file)).ruleset
        let objects = try comparable(ruleset.json(version: "1", as: .nft116)) as? [[String: [String: Any]]]
        let rules = (objects ?? []).compactMap { $0["rule"]?["expr"] as? NSArray }
        let ours = try #require(rules.last)
        let theirs = try #require(JSONSerialization.jsonObject(with: Data(fact.json.utf8)) as? NSArray)
        #expect(ours == theirs)
    }
}
