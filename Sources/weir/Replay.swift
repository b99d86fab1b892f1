import Answers
import ArgumentParser
import Capture
import Classifier
import Fragments
import Glibc
import Offline
import Reporting
import Ruleset
import Wire

struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judge recorded frames by a rule file, without root and without interfaces.",
        discussion: """
            Reads captures (pcap and pcapng, - is standard input) in order and judges their frames with the code of "run". The clock \
            follows the frames' times. Prints a line for each frame when its verdict is known: for a fragment, when its datagram is \
            whole or dies. Then prints the counters of "run", and the rules that no frame matched. A capture doesn't show the ports' MTUs: \
            --mtu says them. Recorded super-frames, which a run judges by their segments, are then too big.

            In a pcapng, the interface that has a port's name says by which port a frame came. If the capture also has frames on their \
            way out, only frames that came in are judged. Weir knows them by the recorded direction, or else by the earlier one of the \
            two copies of a frame. For other captures give --map, --ingress or --ingress-mac.

            Times are UTC. When a time goes back by up to a second, limits and timeouts wait until it has caught up. When it goes back \
            further, they go on as if no time had passed.

            Exit codes: 0 everything was read, 1 an output can't be written, 2 --compare has found a difference, 64 the command line is wrong or doesn't say by which port \
            frames came, 65 the rules are wrong or a capture is damaged, 66 a file can't be read. The report has everything that was \
            read before an error.

            Example: weir replay --rules edge.nft --ports eth1,eth2 --dropped drops.pcapng monday.pcapng
            """)

    @Argument(
        help: ArgumentHelp(
            "Captures, pcap or pcapng, as they are or compressed by gzip, zstd or LZ4; - is standard input.", valueName: "capture"))
    var files: [String]

    @Option(help: ArgumentHelp("The rule file, in nftables' language; - is standard input.", valueName: "file"))
    var rules: String

    @Option(help: ArgumentHelp("The two ports, with a comma between them, as rules name them.", valueName: "a,b"))
    var ports: String

    @OptionGroup
    var recorded: RecordedOptions

    @Option(
        help: ArgumentHelp(
            "Write the frames that pass to this file, as they leave.",
            discussion: "The file is pcapng, with the rule as a comment, or pcap if the name ends in .pcap.", valueName: "file.pcapng"))
    var accepted: String?

    @Option(
        help: ArgumentHelp(
            "Write the frames that are dropped to this file, with the reason, in the same formats.", valueName: "file.pcapng"))
    var dropped: String?

    @Option(
        help: ArgumentHelp(
            "Write the answers to frames that are rejected or too big to this file, in the same formats.", valueName: "file.pcapng"))
    var answers: String?

    @Option(
        help: ArgumentHelp(
            "Write the names of this file, in the format of hosts(5), into these files where they are pcapng.", valueName: "file"))
    var names: String?

    @Flag(help: "Write times in microseconds into these files where they are pcap, for readers that know no nanoseconds.")
    var microseconds = false

    @Option(help: ArgumentHelp("Answers that may leave by each port in a second, by the frames' times.", valueName: "n"))
    var answerRate = AnswerRate.standard

    @Option(
        help: ArgumentHelp(
            "Compare with another rule file, or with the report of a run or a replay, if the name ends in .json.",
            discussion: """
                A rule file: lists the frames to which it gives another verdict, and counts them by the rules that decide. A report \
                ("weir run --json"): lists the counters of reasons, rules and connections that differ. Exit code 2 if something does.
                """, valueName: "file"))
    var compare: String?

    @OptionGroup(title: "Events and logged frames")
    var logged: LogOptions

    @OptionGroup(title: "Fragments")
    var fragments: FragmentOptions

    @OptionGroup(title: "Connections")
    var flows: FlowOptions

    @OptionGroup(title: "Frames")
    var frames: FrameOptions

    @OptionGroup(title: "Packets that are too big")
    var links: LinkOptions

    @OptionGroup(title: "Rule files")
    var reading: RuleOptions

    @Flag(
        name: [.customLong("summary"), .customLong("quiet"), .customShort("q")],
        help: "Print only the counters and unmatched rules at the end.")
    var summary = false

    @Flag(help: "Print JSON, an object a line: frames in the shape of Suricata's EVE, counters as \"run\" prints them.")
    var json = false

    /// Files, besides the list of frames.
    private var written: [String] { [accepted, dropped, answers].compactMap { $0 } + logged.paths }

    /// Files, besides the captures and the rules.
    private var read: [String] { [compare, names].compactMap { $0 } }

    private var portNames: [String] { ports.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }

    func validate() throws {
        let portNames = try PortNames(ports).names
        guard !files.isEmpty else { throw ValidationError("name at least one capture") }
        guard files.count <= UInt16.max else { throw ValidationError("at most \(UInt16.max) captures can be named") }
        try expectOneStandardInput(files + [rules] + read)
        try recorded.check(ports: portNames)
        try expectDifferent(written, read: files + [rules] + read)
        guard (0...AnswerRate.largest).contains(answerRate) else {
            throw ValidationError("--answer-rate takes a number from 0 to \(AnswerRate.largest)")
        }
    }

    func run() throws {
        let ruleset = try readRules(rules, options: reading, fragments: fragments.fragments)
        var settings = try settings(ruleset)
        if let compare { try self.compare(with: compare, &settings) }
        Interruption.listen()
        var progress = ProgressLine(files: files, isWanted: summary || isatty(settings.descriptor) == 0)
        var replay = ReplayRun(settings)
        var code = try replay.readAll(files, showing: &progress)
        let report = replay.finish()
        if replay.framesRead > 0 || code == .success {
            let text = (summary || json ? "" : "\n") + report.text(json: json)
            do { try FileHandleOutput(descriptor: settings.descriptor).deliver(text, name: "the report") } catch {
                code = error as? ExitCode ?? .failure
            }
        }
        if report.hasDifferences, code == .success { code = .different }
        if report.hasLostReader, code == .success { code = .readerGone }
        for failure in report.failures {
            complain("weir: \(failure)")
            code = .failure
        }
        if code != .success { throw code }
    }

    private func settings(_ ruleset: Ruleset) throws -> ReplaySettings {
        do {
            let program = try Program(compiling: ruleset, ports: portNames)
            var settings = ReplaySettings(program, files: files)
            recorded.apply(to: &settings)
            settings.fragments = fragments.fragments
            settings.fragmentLimits = fragments.limits
            settings.flows = flows.settings
            settings.checks = frames.checks
            settings.links = links.links
            settings.communitySeed = logged.communitySeed
            settings.listing = summary ? .nothing : json ? .json : .text
            settings.descriptor = written.contains("-") ? STDERR_FILENO : STDOUT_FILENO
            settings.version = weirVersion
            let origin = CaptureOrigin.ofThisRun(ports: portNames, sources: ruleset.sources, version: weirVersion)
            let hostNames = try names.map(HostNames.init(path:))
            func capture(_ path: String) throws(CaptureError) -> CaptureFile {
                var capture = CaptureSettings(path: path)
                capture.origin = origin
                capture.isInMicroseconds = microseconds
                capture.names = hostNames
                return try CaptureFile(capture) { CaptureComment.text(of: $0, program) }
            }
            settings.accepted = try accepted.map(capture)
            settings.dropped = try dropped.map(capture)
            settings.answers = try answers.map(capture)
            settings.answersPerSecond = answerRate
            let (groups, events, warnings) = try logged.open(program, origin: origin, dropped: dropped)
            settings.groups = groups
            settings.events = events
            for warning in warnings { complain("weir: \(warning)") }
            return settings
        } catch {
            throw refuse(error, sources: ruleset.sources)
        }
    }

    /// Reads what is compared with.
    private func compare(with file: String, _ settings: inout ReplaySettings) throws {
        guard file.hasSuffix(".json") else {
            let ruleset = try readRules(file, options: reading, fragments: fragments.fragments)
            do {
                settings.compared = (try Program(compiling: ruleset, ports: portNames), file)
            } catch { throw refuse(error, sources: ruleset.sources) }
            return
        }
        do {
            settings.comparedReport = try RecordedReport(RulesFile.text(file), name: file)
        } catch let failure as RulesFile.FileFailure {
            complain("weir: \(failure.reason)")
            throw failure.exitCode
        } catch let failure as RecordedReport.Failure {
            complain("weir: \(failure)")
            throw ExitCode.badRules
        }
    }
}

extension ExitCode {
    /// A comparison has found something, as diff(1) says it by 1.
    static let different = ExitCode(2)
}
