import Answers
import Appliance
import ArgumentParser
import CLinux
import Classifier
import Flows
import Fragments
import Glibc
import Logging
import PacketIO
import Reporting
import Ruleset

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Forward between two interfaces what a rule file allows, until SIGINT or SIGTERM.",
        discussion: """
            Weir takes the two ports from the host for the run: the host hears nothing there and says nothing. When Weir ends it puts \
            the ports back. When Weir is killed nothing passes (unless it fails open), and the next start takes the ports over.

            SIGUSR1 prints the counters to standard output, and so does the end. Messages go to standard error.

            SIGHUP reads the rules again, and starts new files of captures and events, for logrotate(8). New rules take effect between \
            two frames, and no frame is lost. Limits, quotas and sets that rules change go on where their declaration is the same. If \
            anything is wrong with the file, the existing rules stay.

            The exit code is 1 if a port is not as it was afterwards; the messages say what.

            Needs root, or CAP_NET_ADMIN and CAP_NET_RAW.

            "weir settings check" checks a settings file, and "weir settings show" prints what holds and why.

            Example: weir run --ports eth1,eth2 --rules rules/drop-arp.nft --drops /var/tmp/drops.pcapng
            """)

    @Argument(
        help: ArgumentHelp(
            "Settings: NAME stands for /etc/weir/NAME.conf, what has a slash for itself.",
            discussion: "A settings file says what these options would; what the command line says as well, it says instead.",
            valueName: "name"))
    var name: String?

    @Option(help: ArgumentHelp("Settings: this file.", valueName: "file"))
    var settings: String?

    @Option(help: ArgumentHelp("The two interfaces, with a comma between them.", valueName: "a,b"))
    var ports: String

    @Option(help: ArgumentHelp("The rule file, in nftables' language; - is standard input.", valueName: "file"))
    var rules: String

    @Option(help: "Threads that forward; a pair of hosts stays on one of them. (default: one for each processor)")
    var workers: Int?

    @OptionGroup(title: "Drop captures")
    var captures: CaptureOptions

    @OptionGroup(title: "Events and logged frames")
    var logged: LogOptions

    @OptionGroup(title: "Fragments")
    var fragments: FragmentOptions

    @OptionGroup(title: "Connections")
    var flows: FlowOptions

    @OptionGroup(title: "Frames")
    var frames: FrameOptions

    @OptionGroup(title: "Packets that are too big")
    var links: TooBigOptions

    @OptionGroup(title: "Fast path")
    var carrying: FastPathOptions

    @OptionGroup(title: "Failure")
    var failing: FailureOptions

    @OptionGroup(title: "Control")
    var control: ControlServing

    @OptionGroup(title: "Rule files")
    var reading: RuleOptions

    @Option(
        help: ArgumentHelp(
            "keep or recheck: what happens to connections when SIGHUP brings new rules.",
            discussion: """
                keep: connections go on. recheck: the rules judge the next packet from each connection's initiator as if it began the \
                connection; if they drop it, the connection ends.
                """, valueName: "how"))
    var reloadFlows = FlowReload.keep

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "With each reload that brings new rules, have sets that rules change, limits and quotas start again.",
            discussion: "Without it, those go on whose declaration is the same in the new rules."))
    var resetState = false

    @Option(
        help: ArgumentHelp(
            "Memory that new rules may take while they are read. (K, M, G; default: half of what there is)",
            discussion: """
                It is estimated from the files' text before it is taken; a reload that would take more, or more than the machine or the \
                control group has left, is refused, and the existing rules stay. "weir check --stats" says the estimate.
                """, valueName: "bytes"), transform: ByteCount.init)
    var reloadMemory: ByteCount?

    @Flag(inversion: .prefixedNo, help: "Print every connection too at SIGUSR1, a line each, as conntrack -L does or as JSON.")
    var listFlows = false

    @Option(
        help: ArgumentHelp(
            "Frames that each receive ring holds; each port has one ring for each worker. (default: 4096, fewer above an MTU of 8500)",
            discussion: "A ring takes slots times slot bytes of memory, which can't be swapped: 8 MiB by default.", valueName: "n"))
    var slots: Int?

    @Option(
        help: ArgumentHelp(
            "Bytes of a ring's slot; longer frames take a slower path. (default: 2048, more above an MTU of 1800)", valueName: "bytes"))
    var slotBytes: Int?

    @Option(
        help: ArgumentHelp(
            "keep or off: generic receive offload (GRO) on the ports.",
            discussion: """
                keep: as it is set; merged segments leave as segments, but constant IPv4 identifications count up. off: off for the run, \
                so that everything that the wire brings leaves byte for byte, at a fraction of the speed for TCP.
                """, valueName: "how"))
    var gro = ReceiveMerging.keep

    @Option(
        help: ArgumentHelp(
            "Answers that may leave by each port in a second.",
            discussion: """
                Weir answers frames that a rule rejects, and frames that are too big for the other port. A tenth of a second's answers may \
                leave at once. The rest is not sent, and is counted. 0: no answers.
                """, valueName: "n"))
    var answerRate = AnswerRate.standard

    @Flag(inversion: .prefixedNo, help: "Print counters as JSON, one object a line.")
    var json = false

    @Option(help: ArgumentHelp("Folder for notes on the ports' previous state, for a start after a crash.", valueName: "folder"))
    var stateDirectory = "/run/weir"

    @Option(
        help: ArgumentHelp(
            "normal or strict: whether to start where something of others runs before the guard.",
            discussion: """
                The guard keeps the host off the two ports. XDP programs and chains of nftables at the egress run before any guard; without \
                root, or before Linux 6.6, TCX programs and tc filters may too. normal: start, and say what runs before it. strict: refuse to \
                start. What comes during the run is said, counted and reported with both.
                """, valueName: "how"))
    var `guard` = GuardMode.normal

    private static let workerLimit = 256

    private var portNames: [String] { ports.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }

    /// Files, besides reports.
    private var written: [String] { (captures.drops.map { [$0] } ?? []) + logged.paths }

    func validate() throws {
        guard portNames.count == 2, portNames.allSatisfy({ !$0.isEmpty }) else {
            throw ValidationError("--ports takes two interfaces with a comma between them, as in --ports eth1,eth2")
        }
        guard portNames[0] != portNames[1] else {
            throw ValidationError("both ports are \(portNames[0]): a wire has two ends, so name two different interfaces")
        }
        try expectDifferent(written, read: [rules])
        if let workers, !(1...Self.workerLimit).contains(workers) {
            throw ValidationError("--workers takes a number from 1 to \(Self.workerLimit)")
        }
        guard (0...AnswerRate.largest).contains(answerRate) else {
            throw ValidationError("--answer-rate takes a number from 0 to \(AnswerRate.largest)")
        }
        guard (2...65_536).contains(slots ?? 2) else { throw ValidationError("--slots takes a number from 2 to 65536") }
        guard (512...1 << 20).contains(slotBytes ?? 512) else { throw ValidationError("--slot-bytes takes a number from 512 to 1048576") }
    }

    func run() throws {
        // The rules first: what is wrong with them can be seen without root.
        let own = try readOwnRules()
        let (archive, restored, problem) = try history(own.content)
        let ruleset = try restored?.ruleset ?? Self.ruleset(own)
        // From here on nothing waits for the readers of standard error and standard output.
        let texts = try Texts(reportsToError: written.contains("-"))
        let end: RunEnd
        do {
            let start = Start(
                ruleset: ruleset, content: restored?.content ?? own.content, ownFile: own.content, archive: archive,
                restored: restored?.change, problem: problem)
            end = try run(start, texts)
        } catch {
            let (text, code) = refusal(error, sources: ruleset.sources)
            if !text.isEmpty { texts.errors.write(text) }
            _ = texts.finish()
            throw code
        }
        let code: ExitCode = end.portsAreBack ? .success : .failure
        // What can't be broken off goes with the process.
        if !texts.finish() || !end.threadsHaveEnded { _exit(code.rawValue) }
        if !end.portsAreBack { throw code }
    }

    /// What a run begins with.
    private struct Start {
        var ruleset: Ruleset
        var content: RulesContent
        /// The rule file, which has other rules where a change is in force that it does not have.
        var ownFile: RulesContent
        var archive: RuleArchive?
        var restored: RuleChange?
        /// Why there is no archive.
        var problem: String?
    }

    private func readOwnRules() throws -> RulesFile.Reading {
        do {
            return try RulesFile.reading(of: rules, kind: .regular, options: self.reading, fragments: fragments.fragments)
        } catch {
            complain("weir: \(error.reason)")
            throw error.exitCode
        }
    }

    /// The rules of a reading, or the exit code for what is wrong with them, which is said.
    private static func ruleset(_ reading: RulesFile.Reading) throws -> Ruleset {
        for diagnostic in reading.diagnostics { complain(diagnostic.render(in: reading.sources)) }
        guard let ruleset = reading.ruleset else { throw ExitCode.badRules }
        return ruleset
    }

    /// The rule sets of earlier runs, and the change that is in force in place of the rule file.
    private func history(
        _ own: RulesContent
    ) throws -> (archive: RuleArchive?, restored: (ruleset: Ruleset, content: RulesContent, change: RuleChange)?, problem: String?) {
        let archive: RuleArchive?
        do throws(StartProblem) {
            archive = try control.archive(ports: portNames, directory: stateDirectory)
        } catch {
            return (nil, nil, "\(error)")
        }
        guard let (change, content) = archive?.standing(for: own) else { return (archive, nil, nil) }
        let way = "; with --history 0 a start goes by \(rules)"
        let reading: RulesFile.Reading
        do {
            reading = try RulesFile.reading(of: content, options: self.reading, fragments: fragments.fragments, budget: ReadingBudget())
        } catch {
            complain("weir: change \(change.number) of the history can't be used: \(error.reason)\(way)")
            throw error.exitCode
        }
        if reading.ruleset == nil { complain("weir: change \(change.number) of the history has errors\(way)") }
        return (archive, (try Self.ruleset(reading), content, change), nil)
    }

    private func run(_ start: Start, _ texts: Texts) throws -> RunEnd {
        let ruleset = start.ruleset
        var log = Logger(label: "weir") { _ in LineLog(texts.errors) }
        log.logLevel = .info
        if let problem = start.problem { log.warning("\(problem)") }
        if let change = start.restored {
            log.warning(
                """
                the rules are those of change \(change.number) of the history, not of \(rules), which is as it was when that was decided; \
                a changed file counts again
                """)
        }
        if ruleset.judgesNoFrame { log.warning("\(rules): \(NoFrameJudged.sentence)") }
        let memory = MachineMemory()
        if let group = memory?.unseenGroup {
            log.warning(
                """
                the memory limit of the control group \(group) can't be seen from here; a quarter of what the machine has left counts as \
                left, unless --reload-memory says more
                """)
        }
        for warning in try StartChecks.ports(portNames) { log.warning("\(warning)") }
        let workers = workers ?? min(processorCount(), Self.workerLimit)
        let program = try Program(
            compiling: ruleset, ports: portNames, start: Clock.now(), seed: .random(in: .min ... .max),
            reservation: memory?.available ?? .max)
        program.commit()
        weir_trim_memory()
        let generations = RulesetGenerations(
            program, origin: .ofThisRun(ports: portNames, sources: ruleset.sources, version: weirVersion),
            files: RuleFile.list(ruleset.sources))
        let rereader = Rereader(
            path: rules, options: reading, fragments: fragments.fragments, ports: portNames, generations: generations,
            followsConnections: !program.connectionNeeds.isEmpty,
            connectionBytes: workers * FlowTracker.bytes(forFlows: flows.flows),
            memory: ReloadMemory(asked: reloadMemory.map { Int($0.bytes) }),
            say: { texts.errors.write($0) })
        var configuration = Configuration(
            ports: portNames, generations: generations, reload: { rereader.read($0) },
            open: { [captures, logged, log] in
                let drops = try captures.open(generations, workers: workers)
                let (groups, events, idleGroups) = try logged.open(generations, workers: workers, drops: drops)
                for warning in idleGroups { log.warning("\(warning)") }
                return Outputs(drops: drops, groups: groups, events: events)
            },
            workers: workers,
            fragments: fragments.fragments, fragmentLimits: fragments.limits, flows: flows.settings, checks: frames.checks,
            rechecksFlows: reloadFlows == .recheck,
            listsFlows: listFlows,
            ring: RingSettings(slots: slots, slotBytes: slotBytes), stateDirectory: stateDirectory,
            hasStrictGuard: `guard` == .strict, version: weirVersion, json: json)
        configuration.resetsState = resetState
        configuration.content = start.content
        configuration.ownFile = start.ownFile
        configuration.archive = start.archive
        configuration.restoredChange = start.restored?.number
        configuration.metrics = control.metrics
        configuration.control = control.settings(ports: portNames, directory: stateDirectory)
        configuration.recentDrops = configuration.control == nil ? 0 : control.recentDrops
        configuration.merging = gro
        configuration.answersPerSecond = answerRate
        configuration.tooBig = links.tooBig
        configuration.failure = failing.failure
        configuration.fastPath = carrying.fastPath
        configuration.fastPathFlows = carrying.fastPathFlows
        return try Appliance(configuration, log: log, messages: texts.errors, reports: texts.reports).run()
    }
}

/// `--guard`.
enum GuardMode: String, ExpressibleByArgument, CaseIterable {
    case normal, strict
}
