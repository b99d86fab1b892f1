import ArgumentParser
import Ruleset

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check rule files, without root and without interfaces.",
        discussion: """
            Reads each file as "run" would, and says for each what it holds. What is wrong goes to standard error with file, \
            line, column, the line itself and what would be accepted. Exit code 0 if all files can be run, else 1.

            Example: weir check rules/*.nft
            """)

    @Argument(help: ArgumentHelp("Rule files in nftables' language; - is standard input.", valueName: "file"))
    var files: [String]

    @Flag(name: .long, help: "Print each rule set as it was understood, in nft's own form.")
    var print = false

    func validate() throws {
        guard !files.isEmpty else { throw ValidationError("name at least one rule file") }
    }

    func run() throws {
        var isGood = true
        for file in files {
            do {
                let ruleset = try RulesFile.read(file)
                FileHandleOutput.standardOutput.write(print ? ruleset.printed() : "\(file): \(Self.summary(of: ruleset))\n")
            } catch is ExitCode {
                isGood = false
            }
        }
        if !isGood { throw ExitCode.failure }
    }

    private static func summary(of ruleset: Ruleset) -> String {
        func amount(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }
        let chains = ruleset.tables.flatMap(\.chains)
        let rules = chains.reduce(0) { $0 + $1.rules.count }
        return "good, \(amount(ruleset.tables.count, "table")), \(amount(chains.count, "chain")), \(amount(rules, "rule"))"
    }
}
