import ArgumentParser
import Glibc
import Ruleset

struct Rules: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a rule file as Weir understands it.",
        discussion: """
            Prints the rule set as "nft list ruleset" would after "nft -f", with includes, definitions and commands carried out. \
            Times are local (TZ), as in the file. Exit codes are those of "check".

            Example: weir rules rules/subnet-web-dns.nft
            """)

    @Argument(help: ArgumentHelp("A rule file in nftables' language; - is standard input.", valueName: "file"))
    var file: String

    @Flag(help: "Print it as JSON, in the schema of libnftables-json(5), without handles.")
    var json = false

    @OptionGroup(title: "Rule files")
    var reading: RuleOptions

    func run() throws {
        let ruleset = try readRules(file, options: reading)
        let text =
            json
            ? ruleset.json(version: weirVersion, localTime: .system) : ruleset.printed(localTime: .system)
        // A file of rules has to have the comments as they are; a terminal must not.
        try FileHandleOutput.standardOutput.deliver(isatty(STDOUT_FILENO) == 1 ? PrintableText.lines(text) : text)
    }
}

/// The rule set in a file, or the exit code for what is wrong with it, which has been said.
func readRules(_ file: String, kind: RulesFile.Kind = .any, options: RuleOptions) throws -> Ruleset {
    do {
        return try RulesFile.read(file, kind: kind, options: options)
    } catch let failure as RulesFile.FileFailure {
        complain("weir: \(failure.reason)")
        throw failure.exitCode
    }
}
