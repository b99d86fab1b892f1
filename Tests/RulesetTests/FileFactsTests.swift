import Foundation
import Ruleset
import Testing

/// Whole files that a newer nft than the installed one has been asked about; see the head of the table.
struct FileFactsTests {
    struct Fact: CustomTestStringConvertible, Sendable {
        var mark: Character
        var text: String
        var listing: String?
        var testDescription: String { String(text.prefix(60)) }
    }

    static let facts: [Fact] = {
        var facts: [Fact] = []
        for line in ((try? Golden.text("nft-1.1.6.files")) ?? "").split(separator: "\n") where !line.hasPrefix("#") {
            guard let text = try? JSONDecoder().decode(String.self, from: Data(line.dropFirst().utf8)) else { continue }
            if line.hasPrefix("\t") {
                facts[facts.count - 1].listing = text
            } else {
                facts.append(Fact(mark: line.first ?? "?", text: text))
            }
        }
        return facts
    }()

    @Test func theTableIsThere() {
        #expect(Self.facts.count > 20)
        #expect(Self.facts.allSatisfy { ($0.listing != nil) == ($0.mark == "=" || $0.mark == "~") })
    }

    @Test("what nft 1.1.6 loads is accepted, listed as it lists it, and read back", arguments: facts.filter { "=~".contains($0.mark) })
    func accepted(_ fact: Fact) throws {
        let ruleset = try Ruleset.read(SourceFile(name: "f", text: fact.text)).ruleset
        let printed = ruleset.printed(as: .nft116)
        if fact.mark == "=" { #expect(printed == fact.listing) }
        let again = try Ruleset.read(SourceFile(name: "printed", text: printed)).ruleset
        #expect(again.meaning == ruleset.meaning)
        // What nft lists is read too.
        let listed = try Ruleset.read(SourceFile(name: "listed", text: fact.listing ?? "")).ruleset
        #expect(listed.tables.map(\.chains.count) == ruleset.tables.map(\.chains.count))
    }

    @Test("what it refuses is refused, and so is what no wire has", arguments: facts.filter { "-!".contains($0.mark) })
    func refused(_ fact: Fact) {
        #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "f", text: fact.text)) }
    }
}
