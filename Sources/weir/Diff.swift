import ArgumentParser
import Offline
import Regions
import Reporting
import Ruleset

struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare what two rule files mean, without traffic.",
        discussion: """
            Prints the regions of header space on which the two files come to different verdicts: what the frames have in common, the \
            two verdicts, the rules that give them, and a packet that shows it, in the words of "weir help packets". An empty list is a \
            proof: the files come to the same verdict on every frame.

            Datagrams are whole, as with "--fragments reassemble". Limits, quotas, numbers that are drawn and sets that rules change \
            depend on earlier frames: such a statement may hold or not, and does so alike in both files if its rule reads the same. \
            Counters, logs and changes of frames are not compared.

            Exit codes: 0 the files mean the same, 1 they don't, 65 rules are wrong or too large to be compared, 66 a file can't be read.

            Example: weir diff --ports eth1,eth2 old.nft new.nft
            """)

    @Argument(help: ArgumentHelp("The rule file before the change; - is standard input.", valueName: "old.nft"))
    var old: String

    @Argument(help: ArgumentHelp("The rule file after it.", valueName: "new.nft"))
    var new: String

    @OptionGroup
    var interfaces: OptionalPorts

    @Option(help: ArgumentHelp("Print at most N regions.", valueName: "n"))
    var regions = 100

    @Flag(help: "Print JSON: an object with all regions, each with its matches, both verdicts and an example packet.")
    var json = false

    @OptionGroup(title: "Rule files")
    var reading: RuleOptions

    func validate() throws {
        try expectOneStandardInput([old, new])
        try interfaces.check()
        guard regions > 0 else { throw ValidationError("--regions takes a number from 1") }
    }

    func run() throws {
        let before = try readRules(old, options: reading)
        let after = try readRules(new, options: reading)
        let names = try interfaces.names(for: [before, after])
        let difference: RulesetDifference
        do throws(RegionFailure) {
            difference = try RulesetDifference(before, after, ports: names)
        } catch {
            complain("weir: \(error)")
            throw ExitCode.badRules
        }
        try FileHandleOutput.standardOutput.deliver(
            json ? difference.report(before, after).jsonText : difference.text(limit: regions))
        if !difference.isEmpty { throw ExitCode(1) }
    }
}

/// `--ports A,B` where it may be left out.
struct OptionalPorts: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Names of the two interfaces, with a comma between them. (default: those that the rules name)", valueName: "a,b"))
    var ports: String?

    func check() throws { if let ports { _ = try PortNames(ports) } }

    /// The names, or those that rules compare with; fails where rules name more than two.
    func names(for rulesets: [Ruleset]) throws -> [String] {
        if let ports { return try PortNames(ports).names }
        var named: [String] = []
        for ruleset in rulesets { for name in ruleset.interfaceNames where !named.contains(name) { named.append(name) } }
        guard named.count <= 2 else {
            complain("weir: the rules name \(named.joined(separator: ", ")); say with --ports which two are the wire's")
            throw ExitCode.validationFailure
        }
        for name in ["eth1", "eth2", "eth3", "eth4"] where named.count < 2 && !named.contains(name) { named.append(name) }
        return named
    }
}
