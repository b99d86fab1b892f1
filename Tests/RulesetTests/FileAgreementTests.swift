import Foundation
import Ruleset
import Testing

/// Whole files that have been put to nft 1.0.6: where statements end, what blocks hold, what may be declared twice.
struct FileAgreementTests {
    static let cases: [(mark: Character, text: String)] = {
        let lines = ((try? Golden.text("agreement.files")) ?? "").split(separator: "\n").filter { !$0.hasPrefix("#") }
        return lines.compactMap { line in
            guard let mark = line.first, let text = try? JSONDecoder().decode(String.self, from: Data(line.dropFirst(2).utf8)) else {
                return nil
            }
            return (mark, text)
        }
    }()

    @Test func theTableIsThere() {
        #expect(Self.cases.count > 200)
        #expect(Set(Self.cases.map(\.mark)) == ["=", "-", "!", "+"])
    }

    @Test("Weir accepts what is marked so, and prints it as the same", arguments: cases)
    func weir(mark: Character, text: String) {
        let ruleset = try? Ruleset.read(SourceFile(name: "f", text: text)).ruleset
        #expect((ruleset != nil) == (mark == "=" || mark == "+"))
        if let ruleset {
            let again = try? Ruleset.read(SourceFile(name: "f", text: ruleset.printed())).ruleset
            #expect(again?.meaning == ruleset.meaning)
        }
    }

    @Test("nft says the same", .enabled(if: NftOracle.canRun, "needs nft and root"), arguments: cases.filter { $0.mark != "!" })
    func nft(mark: Character, text: String) throws {
        #expect(try NftOracle.check(text).isAccepted == (mark == "="))
    }
}
