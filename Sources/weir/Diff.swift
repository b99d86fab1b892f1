import ArgumentParser
import Fragments
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

            With --pcap it judges recorded frames by both files instead, as "replay" does, each file with connections, limits and sets of \
            its own. It prints the frames that get another verdict by the two rules that decide: how many frames and flows, the times of \
            the first and the last, and the way of the first frame through both files.

            Exit codes: 0 the files mean the same, 1 they don't, 65 rules are wrong or too large to be compared or a capture is damaged, \
            66 a file can't be read.

            Example: weir diff --ports eth1,eth2 old.nft new.nft
            """)

    @Argument(help: ArgumentHelp("The rule file before the change; - is standard input.", valueName: "old.nft"))
    var old: String

    @Argument(help: ArgumentHelp("The rule file after it.", valueName: "new.nft"))
    var new: String

    @OptionGroup
    var interfaces: OptionalPorts

    @Option(help: ArgumentHelp("Print at most N regions, or pairs of rules with --pcap.", valueName: "n"))
    var regions = 100

    @Flag(help: "Print JSON: an object with all regions, each with its matches, both verdicts and an example packet.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "Compare what both files make of the frames of this capture; may be given several times. - is standard input.",
            valueName: "capture"))
    var pcap: [String] = []

    @OptionGroup(title: "Captures (with --pcap)")
    var recorded: RecordedOptions

    @OptionGroup(title: "Fragments (with --pcap)")
    var fragments: FragmentOptions

    @OptionGroup(title: "Connections (with --pcap)")
    var flows: FlowOptions

    @OptionGroup(title: "Frames (with --pcap)")
    var frames: FrameOptions

    @OptionGroup(title: "Packets that are too big (with --pcap)")
    var links: LinkOptions

    @OptionGroup(title: "Rule files")
    var reading: RuleOptions

    func validate() throws {
        try expectOneStandardInput([old, new] + pcap)
        try interfaces.check()
        guard pcap.count <= UInt16.max else { throw ValidationError("at most \(UInt16.max) captures can be named") }
        if pcap.isEmpty, recorded.isGiven || fragments.fragments != .reassemble {
            throw ValidationError("options about recorded frames need --pcap")
        }
        guard regions > 0 else { throw ValidationError("--regions takes a number from 1") }
    }

    func run() throws {
        let before = try readRules(old, options: reading, fragments: fragments.fragments)
        let after = try readRules(new, options: reading, fragments: fragments.fragments)
        let names = try interfaces.names(for: [before, after])
        guard pcap.isEmpty else { return try compareTraffic(before, after, ports: names) }
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
