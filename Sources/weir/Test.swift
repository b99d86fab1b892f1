import ArgumentParser
import Capture
import Fragments
import Glibc
import Offline
import Ruleset

struct Test: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run unit tests of a rule file.",
        discussion: """
            Case files have packets in words, each with the expected verdict. Each test begins with a firewall that knows nothing yet. \
            Prints failures, with the packet's way through the rules, and the rules that no packet matched. "weir help packets" says \
            what case files look like.

            Exit codes: 0 every verdict is as expected, 1 one is not, 65 rules or a case file are wrong, 66 a file can't be read, 70 an \
            internal error of Weir.

            Example: weir test rules/drop-arp.nft rules/tests/drop-arp.test
            """)

    @Option(help: ArgumentHelp("Names of the two interfaces, for case files that don't have them.", valueName: "a,b"))
    var ports: String?

    @Flag(help: "Print the Test Anything Protocol.")
    var tap = false

    @Option(help: ArgumentHelp("Write the results to this file too, in JUnit's format; - is standard output.", valueName: "file.xml"))
    var junit: String?

    @OptionGroup(title: "Connections")
    var flows: FlowOptions

    @OptionGroup(title: "Frames")
    var frames: FrameOptions

    @OptionGroup(title: "Packets that are too big")
    var links: LinkOptions

    @OptionGroup(title: "Rule files")
    var reading: RuleOptions

    @Argument(help: ArgumentHelp("The rule file, in nftables' language.", valueName: "rules"))
    var rules: String

    @Argument(help: ArgumentHelp("Case files; - is standard input.", valueName: "cases"))
    var cases: [String]

    func validate() throws {
        if let ports { _ = try PortNames(ports) }
        guard !cases.isEmpty else { throw ValidationError("name at least one case file; \"weir help packets\" says what they look like") }
        try expectOneStandardInput(cases + [rules])
        try expectDifferent(junit.map { [$0] } ?? [], read: cases + [rules])
        if tap, junit == "-" { throw ValidationError("--tap and --junit can't both write to standard output") }
    }

    func run() throws {
        let ruleset = try readRules(rules, options: reading)
        let names = try ports.map { try PortNames($0).names }
        var files: [CaseFile] = []
        var status = ExitCode.success
        for path in cases {
            do {
                let source = SourceFile(name: path, text: try RulesFile.text(path))
                files.append(try CaseFile(source, ports: names, loadFrame: RecordedFrames.loader(besides: path)))
            } catch let failure as RulesFile.FileFailure {
                complain("weir: \(failure.reason)")
                status = failure.exitCode
            } catch let rejected as RejectedCases {
                complain(rejected.render())
                if status == .success { status = .badRules }
            }
        }
        if status != .success { throw status }
        try tellingFaults(sources: ruleset.sources) {
            var run = try CaseRun(ruleset, localTime: .system, flows: flows.settings, checks: frames.checks, links: links.links)
            for (path, file) in zip(cases, files) {
                let before = run.results.count
                try run.run(file)
                guard run.results.count > before else {
                    complain("weir: \(path) has no case, so nothing is tested; \"weir help packets\" says what cases look like")
                    throw ExitCode.badRules
                }
            }
            if junit != "-" { try FileHandleOutput.standardOutput.deliver(tap ? run.tap() : run.text()) }
            if let junit { try Self.write(run.junit(), to: junit) }
            if !run.failures.isEmpty { throw ExitCode.failure }
        }
    }

    private static func write(_ text: String, to path: String) throws {
        if path == "-" { return try FileHandleOutput.standardOutput.deliver(text) }
        // With the care that any output gets: the folder may be others' too.
        let file = try OutputFile(path: path)
        file.begin()
        guard file.write([UInt8](text.utf8), isGivingUp: { false }) else { throw refuse(file.problem ?? "\(path) can't be written") }
    }
}
