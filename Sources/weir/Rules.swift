import ArgumentParser
import Ruleset

struct Rules: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a rule file as it was understood.",
        discussion: """
            Prints the rule set in the form of "nft list ruleset": includes, definitions and commands carried out, matches as \
            they were written. Exit codes as for "check".

            Example: weir rules rules/subnet-web-dns.nft
            """)

    @Argument(help: ArgumentHelp("A rule file in nftables' language; - is standard input.", valueName: "file"))
    var file: String

    func run() throws {
        FileHandleOutput.standardOutput.write(try readRules(file).printed())
    }
}

/// The rule set in a file, or the exit code for what is wrong with it, which has been said.
func readRules(_ file: String) throws -> Ruleset {
    do {
        return try RulesFile.read(file)
    } catch let failure as RulesFile.FileFailure {
        complain("weir: \(failure.reason)")
        throw failure.exitCode
    }
}
