import Appliance
import ArgumentParser
import Capture
import Classifier
import Fragments
import Logging
import PacketIO

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Forward between two interfaces what a rule file allows, until SIGINT or SIGTERM.",
        discussion: """
            The two ports are taken from the host for the run: it hears nothing there and says nothing. When Weir ends they are \
            as they were before. When it is killed nothing passes, and the next start takes the ports over.

            SIGUSR1 prints the counters to standard output, and so does the end; messages go to standard error.

            Needs root, or CAP_NET_ADMIN and CAP_NET_RAW.

            Example: weir run --ports eth1,eth2 --rules rules/drop-arp.nft --drops /var/tmp/drops.pcap
            """)

    @Option(help: ArgumentHelp("The two interfaces, with a comma between them.", valueName: "a,b"))
    var ports: String

    @Option(help: ArgumentHelp("The rule file, in nftables' language; - is standard input.", valueName: "file"))
    var rules: String

    @Option(help: ArgumentHelp("Write dropped frames to this file, which Wireshark and tcpdump open.", valueName: "file.pcap"))
    var drops: String?

    @Option(help: "Threads that forward; a pair of hosts stays on one of them. (default: the processors)")
    var workers: Int?

    @OptionGroup(title: "Fragments")
    var fragments: FragmentOptions

    @Option(help: "Frames that each receive ring holds; each port has one for every worker.")
    var slots = RingShape.standard.slots

    @Option(help: ArgumentHelp("Bytes of a ring's slot; longer frames take a slower way.", valueName: "bytes"))
    var slotBytes = RingShape.standard.slotBytes

    @Flag(help: "Print counters as JSON, one object a line.")
    var json = false

    @Option(help: ArgumentHelp("Where it is noted what the ports were like before, for a start after a crash.", valueName: "folder"))
    var stateDirectory = "/run/weir"

    private static let workerLimit = 256

    private var portNames: [String] { ports.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }

    func validate() throws {
        guard portNames.count == 2, portNames.allSatisfy({ !$0.isEmpty }) else {
            throw ValidationError("--ports takes two interfaces with a comma between them, as in --ports eth1,eth2")
        }
        if let workers, !(1...Self.workerLimit).contains(workers) {
            throw ValidationError("--workers takes a number from 1 to \(Self.workerLimit)")
        }
        guard (2...65_536).contains(slots) else { throw ValidationError("--slots takes a number from 2 to 65536") }
        guard (512...1 << 20).contains(slotBytes) else { throw ValidationError("--slot-bytes takes a number from 512 to 1048576") }
    }

    func run() throws {
        var log = Logger(label: "weir") { _ in LineLog() }
        log.logLevel = .info
        // The rules first: what is wrong with them can be seen without root.
        let ruleset = try readRules(rules)
        do {
            let (_, warnings) = try StartChecks.ports(portNames)
            for warning in warnings { log.warning("\(warning)") }
            let workers = workers ?? min(processorCount(), Self.workerLimit)
            let configuration = Configuration(
                ports: portNames, program: try Program(compiling: ruleset, ports: portNames, start: Clock.now()),
                drops: try drops.map { path in try DropCapture(path: path, workers: workers) }, workers: workers,
                fragments: fragments.fragments, fragmentLimits: fragments.limits,
                ring: RingShape(slots: slots, slotBytes: slotBytes), stateDirectory: stateDirectory, version: weirVersion, json: json)
            try Appliance(configuration, log: log, print: FileHandleOutput.standardOutput.write).run()
        } catch {
            throw refuse("\(error)")
        }
    }
}
