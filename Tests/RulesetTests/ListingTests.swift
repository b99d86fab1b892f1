import Foundation
import FrameBuilder
import Ruleset
import Testing

/// `weir rules` prints what `nft list ruleset` and `nft -j list ruleset` print after `nft -f`.
@Suite(.enabled(if: NftOracle.canRun, "needs nft and root"))
struct ListingTests {
    /// By rule: nft's listing, nil where there is none or where it changes.
    static let differences = Golden.differences("listing.differences")

    private static func file(_ rules: [String]) -> String {
        rules.enumerated().map { "table bridge t\($0) {\n\(declaredObjects)chain x {\n}\nchain c {\n\($1)\n}\n}\n" }.joined()
    }

    /// The rule of chain `c` in each table's listing.
    private static func listedRules(_ text: String) -> [String: String] {
        var rules: [String: String] = [:]
        var table = ""
        var isInChain = false
        for line in text.split(separator: "\n") {
            if line.hasPrefix("table bridge ") { table = String(line.dropFirst(13).dropLast(2)) }
            if isInChain, line.hasPrefix("\t\t") { rules[table] = String(line.dropFirst(2)) }
            isInChain = line == "\tchain c {" || (isInChain && line.hasPrefix("\t\t"))
        }
        return rules
    }

    @Test func `single rules are listed as nft lists them, but for the table of differences`() throws {
        let rules = AgreementTests.cases.filter { $0.mark == "=" && !$0.rule.contains(";") }.map(\.rule)
        #expect(Set(Self.differences.keys).isSubset(of: rules))
        let file = Self.file(rules)
        let ours = Self.listedRules(try Ruleset.read(SourceFile(name: "f", text: file)).ruleset.printed())
        let answer = try NftListing.list(file, tables: rules.indices.map { "bridge t\($0)" })
        let theirs = Self.listedRules(answer.text)
        for (index, rule) in rules.enumerated() {
            let (our, their) = (ours["t\(index)"], theirs["t\(index)"])
            if let difference = Self.differences[rule] {
                if let difference { #expect(their == difference, "\(rule)") }
                if difference != nil { #expect(our != their, "\(rule)") }
            } else {
                #expect(our == their, "\(rule)")
            }
        }
    }

    /// Files that are listed whole.
    @Test("random files are listed as nft lists them, in text and in JSON", arguments: 1...6 as ClosedRange<UInt64>)
    func randomFiles(seed: UInt64) throws {
        var source = RandomFiles(random: SeededGenerator(seed: seed))
        for _ in 0..<4 {
            let file = source.file()
            let ruleset = try Ruleset.read(SourceFile(name: "f", text: file)).ruleset
            let theirs = try NftListing.list(file)
            try #require(theirs.errors.isEmpty, "\(theirs.errors)\n\(file)")
            let (ourLines, theirLines) = (ruleset.printed().split(separator: "\n"), theirs.text.split(separator: "\n"))
            for (our, their) in zip(ourLines, theirLines) { #expect(our == their) }
            #expect(ourLines.count == theirLines.count)
            let (ourObjects, theirObjects) = (try comparable(ruleset.json(version: "1")), try comparable(theirs.json))
            for (our, their) in zip(ourObjects, theirObjects).map(comparable) { #expect(our == their) }
            #expect(ourObjects.count == theirObjects.count)
            let again = try Ruleset.read(SourceFile(name: "printed", text: ruleset.printed())).ruleset
            #expect(again.meaning == ruleset.meaning)
        }
    }

    @Test("golden files are listed in JSON as expected", arguments: Golden.names(withExtension: "json"))
    func golden(_ name: String) throws {
        let ruleset = try Ruleset.read(SourceFile(name: name, text: try Golden.text("\(name).nft"))).ruleset
        #expect(ruleset.json(version: "1") == (try Golden.text("\(name).json")))
    }
}
