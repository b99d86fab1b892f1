import ArgumentParser
import Fragments
import Glibc
import Offline
import Ruleset

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the way of a packet through a rule file.",
        discussion: """
            Builds the described packets and judges them in order, as "run" would. Prints for each packet the chains and rules that it \
            came to, and the verdict. For a rule that did not match it prints the first statement that failed and what it saw. Rules \
            remember earlier packets. "weir help packets" says how packets are described.

            Example: weir explain --rules rules/drop-http-keep-8080.nft --ports eth1,eth2 'eth1: ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 80 syn'
            """)

    @Option(help: ArgumentHelp("The rule file, in nftables' language; - is standard input.", valueName: "file"))
    var rules: String

    @Option(help: ArgumentHelp("Names of the two interfaces, with a comma between them.", valueName: "a,b"))
    var ports: String

    @Option(
        help: ArgumentHelp(
            "Time of the first packet in UTC, as in '2026-01-31 17:30', for rules about times. (default: now)", valueName: "time"))
    var clock: String?

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
        help:
            "Print for each packet that passes whether \"weir run --fast-path\" would have the kernel carry its flow, and what keeps it back."
    )
    var fastPath = false

    @Flag(help: "Print a JSON object for each packet, one a line.")
    var json = false

    @Argument(help: ArgumentHelp("Packets in words, in the order in which they come.", valueName: "packet"))
    var packets: [String]

    func validate() throws {
        _ = try PortNames(ports)
        guard !packets.isEmpty else { throw ValidationError("describe at least one packet; \"weir help packets\" says how") }
        if let clock, Clocks.time(of: clock) == nil { throw ValidationError("--clock takes a day and a time, as in '2026-01-31 17:30'") }
    }

    func run() throws {
        let ruleset = try readRules(rules, options: reading, fragments: fragments.fragments)
        let names = try PortNames(ports).names
        let descriptions = try packets.enumerated().reduce(into: Descriptions()) { descriptions, next in
            try descriptions.add(next.element, ports: names, line: next.offset + 1)
        }.packets
        let clock = clock.flatMap(Clocks.time) ?? Clocks.now()
        try tellingFaults(sources: ruleset.sources) {
            var explainer = try Explainer(
                ruleset, ports: names, clock: clock, fragments: fragments.fragments, limits: fragments.limits,
                flows: flows.settings, checks: frames.checks, links: links.links, explainsCarriage: fastPath)
            let program = explainer.program
            let texts = ExplanationText(program, localTime: .system)
            for (text, packet) in zip(packets, descriptions) {
                var frames: [ExplainedFrame] = []
                for frame in packet.frames {
                    frames.append(try explainer.explain(frame, ingress: packet.ingress, at: packet.time))
                }
                try FileHandleOutput.standardOutput.deliver(
                    json ? ExplanationJSON(text, frames, program, texts).text : texts.text(of: text, frames))
            }
        }
    }

    /// Packets so far.
    private struct Descriptions {
        var packets: [DescribedPacket] = []
        var now: UInt64 = 0

        mutating func add(_ text: String, ports: [String], line: Int) throws {
            do throws(Diagnostic) {
                packets.append(try PacketLanguage.packet(text, ports: ports, after: &now, loadFrame: RecordedFrames.load))
            } catch {
                complain(error.render(in: [SourceFile(name: "packet \(line)", text: text)]))
                throw ExitCode.badRules
            }
        }
    }
}

/// `--ports A,B`.
struct PortNames {
    let names: [String]

    init(_ text: String) throws {
        names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard names.count == 2, names.allSatisfy({ !$0.isEmpty }), names[0] != names[1] else {
            throw ValidationError("--ports takes two names with a comma between them, as in --ports eth1,eth2")
        }
    }
}

/// The time at which described packets begin to come.
enum Clocks {
    /// Nanoseconds since the epoch.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(max(0, time.tv_sec)) * 1_000_000_000 + UInt64(max(0, time.tv_nsec))
    }

    /// Nanoseconds since the epoch of a day and a time in UTC; nil if it isn't one, or is more than two centuries ahead.
    static func time(of text: String) -> UInt64? {
        guard let seconds = PacketNames.seconds(ofDate: text), seconds >= 0, seconds < 8_000_000_000 else { return nil }
        return UInt64(seconds) * 1_000_000_000
    }
}

extension ExitCode {
    /// EX_SOFTWARE (sysexits.h): a fault of Weir's own.
    static let internalFault = ExitCode(70)
}
