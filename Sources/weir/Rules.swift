public import ArgumentParser
import Control
import Fragments
import Glibc
public import Ruleset

extension ListingVersion: ExpressibleByArgument {}

struct Rules: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a rule file as Weir understands it.",
        discussion: """
            Prints the rule set as "nft list ruleset" of nft 1.1.6 would after "nft -f", with includes, definitions and commands carried \
            out. Times are local (TZ), as in the file. Exit codes are those of "check".

            With --live, prints the rules of a run instead, each with what it has counted since the rules are in force, or since \
            "weir counters --reset".

            Example: weir rules rules/subnet-web-dns.nft
            """)

    @Argument(help: ArgumentHelp("A rule file in nftables' language; - is standard input.", valueName: "file"))
    var file: String?

    @Flag(help: "Print the rules of a run with their counters, a line or a JSON object each.")
    var live = false

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print it as JSON, in the schema of libnftables-json(5), without handles.")
    var json = false

    @Option(help: ArgumentHelp("Print as this version of nft would: 1.1.6 or 1.0.6.", valueName: "version"))
    var nft = ListingVersion.nft116

    @OptionGroup(title: "Rule files")
    var reading: RuleOptions

    func validate() throws {
        if live {
            guard file == nil else { throw ValidationError("--live prints the rules of a run, and takes no file") }
        } else {
            guard file != nil else { throw ValidationError("name a rule file, or ask for the rules of a run with --live") }
            guard asking.run == nil else { throw ValidationError("--run needs --live") }
        }
    }

    func run() throws {
        guard let file else { return try asking.ask(RulesRequest(), json: json) }
        let ruleset = try readRules(file, options: reading)
        let text =
            json
            ? ruleset.json(version: weirVersion, localTime: .system, as: nft) : ruleset.printed(localTime: .system, as: nft)
        // A file of rules has to have the comments as they are; a terminal must not.
        try FileHandleOutput.standardOutput.deliver(isatty(STDOUT_FILENO) == 1 ? PrintableText.lines(text) : text)
    }
}

/// The rule set in a file, or the exit code for what is wrong with it, which has been said.
func readRules(
    _ file: String, kind: RulesFile.Kind = .any, options: RuleOptions, fragments: FragmentMode = .reassemble
) throws -> Ruleset {
    do {
        return try RulesFile.read(file, kind: kind, options: options, fragments: fragments)
    } catch let failure as RulesFile.FileFailure {
        complain("weir: \(failure.reason)")
        throw failure.exitCode
    }
}
