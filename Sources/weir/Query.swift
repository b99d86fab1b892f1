import ArgumentParser
import Offline
import Regions
import Reporting
import Ruleset

struct Query: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a rule file makes of some frames, without traffic.",
        discussion: """
            Takes matches in nft's words, as a rule would have them, and prints the regions of these frames by verdict: what the frames \
            have in common, the verdict, the rules that give it, and a packet that shows it, in the words of "weir help packets". Regions \
            don't overlap, and each of these frames is in one of them.

            With --only it prints the frames of one verdict: "--only accept" says what reaches an address.

            Datagrams are whole, as with "--fragments reassemble". Limits, quotas, numbers that are drawn and sets that rules change \
            depend on earlier frames: such a statement may hold or not, and the region names it.

            Exit codes: 0 there are such frames, 1 there are none, 64 the command line or the query is wrong, 65 rules are wrong or too \
            large, 66 a file can't be read.

            Example: weir query --only accept edge.nft 'ip daddr 10.0.0.5 tcp dport 22'
            """)

    @Argument(help: ArgumentHelp("The rule file, in nftables' language; - is standard input.", valueName: "file"))
    var file: String

    @Argument(help: ArgumentHelp("Matches in nft's words, in one argument or several.", valueName: "query"))
    var words: [String]

    @Option(help: ArgumentHelp("Print only frames with this verdict: accept, drop or reject.", valueName: "verdict"))
    var only: RulesetQuery.Verdict?

    @OptionGroup
    var interfaces: OptionalPorts

    @Option(help: ArgumentHelp("Print at most N regions.", valueName: "n"))
    var regions = 100

    @Flag(help: "Print JSON: an object with all regions, each with its matches, its verdict and an example packet.")
    var json = false

    @OptionGroup(title: "Rule files")
    var reading: RuleOptions

    func validate() throws {
        try interfaces.check()
        guard regions > 0 else { throw ValidationError("--regions takes a number from 1") }
    }

    func run() throws {
        let expression: QueryExpression
        do throws(RejectedRuleset) {
            expression = try QueryExpression(words.joined(separator: " "))
        } catch {
            complain(error.render())
            throw ExitCode.validationFailure
        }
        let ruleset = try readRules(file, options: reading)
        let names = try interfaces.names(for: [ruleset, expression.ruleset])
        let query: RulesetQuery
        do throws(RegionFailure) {
            query = try RulesetQuery(ruleset, expression, verdict: only, ports: names)
        } catch {
            complain("weir: \(error)")
            throw ExitCode.badRules
        }
        try FileHandleOutput.standardOutput.deliver(json ? query.report.jsonText : query.text(limit: regions))
        if query.isEmpty { throw ExitCode(1) }
    }
}

extension RulesetQuery.Verdict: ExpressibleByArgument {}
