import Foundation
import Ruleset
import Testing

/// Files with what is expected of them beside them.
struct GoldenTests {
    @Test func theFilesAreThere() {
        #expect(Golden.accepted.count >= 3)
        #expect(Golden.refused.count >= 5)
        #expect(Golden.examples.count == 8)
    }

    @Test("an accepted file prints as expected, and the print as itself", arguments: Golden.accepted)
    func accepted(_ name: String) throws {
        let source = SourceFile(name: "\(name).nft", text: try Golden.text("\(name).nft"))
        let ruleset = try Ruleset.read(source).ruleset
        #expect(ruleset.printed() == (try Golden.text("\(name).printed")))
        let again = try Ruleset.read(SourceFile(name: "printed", text: ruleset.printed())).ruleset
        #expect(again.meaning == ruleset.meaning)
        #expect(again.printed() == ruleset.printed())
    }

    @Test("a refused file is refused in these words", arguments: Golden.refused)
    func refused(_ name: String) throws {
        let source = SourceFile(name: "\(name).nft", text: try Golden.text("\(name).nft"))
        let expected = try Golden.text("\(name).error")
        let rejection = #expect(throws: RejectedRuleset.self) { try Ruleset.read(source) }
        #expect(rejection?.render() == expected)
    }

    @Test("an example is accepted without a warning", arguments: Golden.examples)
    func example(_ file: URL) throws {
        let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
        let (ruleset, warnings) = try Ruleset.read(SourceFile(name: file.lastPathComponent, text: text))
        #expect(warnings.isEmpty)
        #expect(ruleset.tables.contains { $0.chains.contains { $0.base != nil } })
        let drops = ruleset.tables.flatMap(\.chains).flatMap(\.rules).filter { $0.text.contains(" drop") }
        #expect(drops.allSatisfy { $0.text.contains("counter") })
    }

    @Test("nft accepts accepted files and their prints", .enabled(if: NftOracle.canRun, "needs nft and root"), arguments: Golden.accepted)
    func nftAccepts(_ name: String) throws {
        for ending in ["nft", "printed"] {
            let answer = try NftOracle.check(try Golden.text("\(name).\(ending)"))
            #expect(answer.isAccepted, "\(ending): \(answer.errors)")
        }
    }

    @Test("nft refuses refused files", .enabled(if: NftOracle.canRun, "needs nft and root"), arguments: Golden.refused)
    func nftRefuses(_ name: String) throws {
        #expect(try !NftOracle.check(try Golden.text("\(name).nft")).isAccepted)
    }

    @Test("nft accepts the examples", .enabled(if: NftOracle.canRun, "needs nft and root"), arguments: Golden.examples)
    func nftAcceptsExample(_ file: URL) throws {
        let answer = try NftOracle.check(String(decoding: try Data(contentsOf: file), as: UTF8.self))
        // What a kernel without nf_conntrack_bridge says of connections in a table bridge; nft has read the file by then.
        let mistakes = answer.errors.split(separator: "\n").filter {
            $0.contains("Error: ") && !$0.hasSuffix("Error: Could not process rule: Protocol error")
        }
        #expect(answer.isAccepted || (mistakes.isEmpty && answer.errors.contains("ct state")), "\(answer.errors)")
    }
}
