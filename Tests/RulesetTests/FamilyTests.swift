import Foundation
import Ruleset
import Testing

/// Families, hooks and priorities: what nft lists, and what Weir warns of.
struct FamilyTests {
    static let warned = Golden.names(withExtension: "warnings")

    @Test("an accepted file is warned of in these words", arguments: warned)
    func warnings(_ name: String) throws {
        let (ruleset, warnings) = try Ruleset.read(SourceFile(name: "\(name).nft", text: try Golden.text("\(name).nft")))
        #expect(warnings.map { $0.render(in: ruleset.sources) }.joined() == (try Golden.text("\(name).warnings")))
    }

    @Test func theFilesAreThere() {
        #expect(Self.warned.count >= 3)
    }

    @Test("nft accepts files that are warned of", .enabled(if: NftOracle.canRun, "needs nft and root"), arguments: warned)
    func nftAccepts(_ name: String) throws {
        let answer = try NftOracle.check(try Golden.text("\(name).nft"))
        #expect(answer.isAccepted, "\(answer.errors)")
    }

    /// A chain at every hook with every priority near a standard one, and at the ends.
    static let chains: [(family: Family, text: String)] = Family.allCases.map { family in
        let standard: [Int64] = [-300, -200, -150, -100, 0, 50, 100, 300]
        let near = standard.flatMap { centre in [-11, -10, -1, 0, 1, 10, 11].map { centre + $0 } }
        let priorities = Set(near + [Int64(Int32.min), Int64(Int32.max)]).sorted()
        var text = ""
        for hook in family.hooks {
            for (index, priority) in priorities.enumerated() {
                text += "\tchain \(hook)\(index) {\n\t\ttype filter hook \(hook) priority \(priority); policy accept;\n\t}\n\n"
            }
        }
        return (family, "table \(family) t {\n\(text.dropLast())}\n")
    }

    @Test("priorities are listed as nft lists them", .enabled(if: NftOracle.canRun, "needs nft and root"), arguments: chains)
    func listing(family: Family, text: String) throws {
        let ruleset = try Ruleset.read(SourceFile(name: "chains", text: text)).ruleset
        #expect(ruleset.printed() == (try NftOracle.listing(of: text)))
    }

    @Test("tables are listed in the order in which they were made, each family with its own names", .enabled(if: NftOracle.canRun))
    func tables() throws {
        let text = "table x\ntable inet x\ntable bridge x\ntable arp x\ntable ip6 x\ntable ip a\ndelete table inet x\ntable inet x\n"
        let ruleset = try Ruleset.read(SourceFile(name: "tables", text: text)).ruleset
        #expect(ruleset.tables.map { "\($0.family) \($0.name)" } == ["ip x", "bridge x", "arp x", "ip6 x", "ip a", "inet x"])
        #expect(ruleset.printed() == (try NftOracle.listing(of: text)))
    }
}

extension NftOracle {
    /// What `nft list ruleset` says when nft has loaded the text, in a network namespace that goes with the process.
    static func listing(of text: String) throws -> String {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("weir-listing-\(UUID().uuidString)")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments = ["--net", "/bin/sh", "-c", "/usr/sbin/nft -f \"$0\" && /usr/sbin/nft list ruleset", file.path]
        process.standardOutput = output
        try process.run()
        let listing = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: listing, as: UTF8.self)
    }
}
