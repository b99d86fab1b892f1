import Capture
import Classifier
import Firewall
import Flows
import Glibc
public import Reporting
import Ruleset
import Storage

/// Names of link types, as libpcap has them.
struct ReplayLinks {
    /// Links of frames that were given an Ethernet header.
    var given: [String]
    /// Links of frames that can't be judged.
    var refused: [String]
}

/// What a replay came to, for people and for machines: the parts of a run's report that need no interfaces, under the same names.
public struct ReplayReport: PrintedReport {
    struct PortReport: Encodable {
        var name: String
        /// Frames that came by it and were judged.
        var received: Amount
        /// Frames that came by the other one and passed.
        var sent: Amount
    }

    /// What was read, and why some of it has no verdict.
    struct FrameReport: Encodable {
        var read: UInt64
        var judged: UInt64
        /// Their end was not captured, and they were not judged.
        var cut: UInt64
        /// They were judged with zeros in place of what was not captured.
        var filled: UInt64
        /// Their checksum was taken for one that hardware was to finish.
        var unfinishedChecksums: UInt64
        /// They were captured as they went out; as they came in they are in the capture too.
        var leaving: UInt64
        /// Frames of interfaces that are no ports.
        var elsewhere: UInt64
        /// Frames of links that rules can't judge.
        var otherLink: UInt64
        /// Frames of other links than Ethernet that no bridge would forward, or that can't be read.
        var unreadable: UInt64
        /// Frames of other links than Ethernet that were given an Ethernet header.
        var givenEthernet: UInt64
        /// Frames of stations of which nobody has said where they are.
        var unknownStation: UInt64
        /// Frames whose time was before that of a previous frame of their file.
        var backwardSteps: UInt64
        /// Frames of two ports that were judged after one that follows them in the file.
        var reordered: UInt64
    }

    private var shared: SharedReport
    private var links: ReplayLinks
    private var missing: MissingTraffic
    /// What to do about what is missing.
    private var advice: String?
    /// What other rules made of the frames.
    private(set) var comparison: ComparisonReport?
    /// The counters that another report has otherwise.
    private var counterComparison: CounterComparison?
    private(set) var files: [String]
    private(set) var frames: FrameReport
    /// Times of the first frame and the last; nil without frames.
    private var from: String?
    private var to: String?
    private var ports: [PortReport]
    private var nanoseconds: UInt64
    /// One sentence for each output that is not whole.
    public let failures: [String]
    /// The reader of the list of frames went away before its end.
    public let hasLostReader: Bool

    init(
        _ settings: ReplaySettings, _ counts: ReplayCounts, links: ReplayLinks, missing: MissingTraffic, ports: [ReplayOutput.PortCount],
        firewall: FirewallCounters.Snapshot,
        now: Instant, comparison: ComparisonReport?, reordered: UInt64, unfinishedChecksums: UInt64, outputError: Int32
    ) {
        self.links = links
        self.missing = missing
        advice = missing.advice(judged: counts.judged, settings.flows.tcp)
        files = settings.files
        frames = FrameReport(
            read: counts.read, judged: counts.judged, cut: counts.cut, filled: counts.filled, unfinishedChecksums: unfinishedChecksums,
            leaving: counts.leaving, elsewhere: counts.elsewhere, otherLink: counts.otherLink, unreadable: counts.unreadable,
            givenEthernet: counts.given,
            unknownStation: counts.unknownStation, backwardSteps: counts.backwardSteps, reordered: reordered)
        if counts.judged > 0 {
            from = EventEncoder.timestamp(counts.earliest)
            to = EventEncoder.timestamp(counts.latest)
        }
        nanoseconds = counts.judged > 0 ? counts.latest - counts.earliest : 0
        self.ports = zip(settings.program.ports, ports).map { name, count in
            PortReport(name: name, received: Amount(count.received), sent: Amount(count.sent))
        }
        shared = SharedReport(
            version: settings.version, firewall: FirewallReport(settings.program, firewall, at: now),
            outputs: OutputReports(
                groups: settings.groups?.outputs.map { ($0.group, CaptureReport(written: $0.output.written, lost: $0.output.unwritten)) },
                events: settings.events.map { EventReport(written: $0.written, leftOut: $0.leftOut) }))
        self.comparison = comparison
        let counted = shared.firewall
        counterComparison = settings.comparedReport.map { CounterComparison(counted, with: $0) }
        var failures: [String] = []
        hasLostReader = outputError == EPIPE
        if outputError != 0, !hasLostReader {
            failures.append("the list of frames can't be written: \(String(cString: strerror(outputError)))")
        }
        let captures =
            [settings.accepted, settings.dropped, settings.answers].compactMap { $0 } + (settings.groups?.outputs.map(\.output) ?? [])
        for file in captures where file.unwritten > 0 {
            failures.append("\(file.path) did not take \(file.unwritten) frames; see that its disk has room")
        }
        if let events = settings.events, events.lost > 0 {
            failures.append("\(events.settings.path) did not take \(events.lost) events; see that its disk has room")
        }
        self.failures = failures
    }

    /// True if a comparison was asked for, and found something.
    public var hasDifferences: Bool { (comparison?.frames ?? 0) > 0 || counterComparison?.differences.isEmpty == false }

    private enum CodingKeys: CodingKey {
        case files, frames, from, to, ports, missing, advice, comparison, counterComparison
    }

    public func encode(to encoder: any Encoder) throws {
        try shared.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(files, forKey: .files)
        try container.encode(frames, forKey: .frames)
        try container.encodeIfPresent(from, forKey: .from)
        try container.encodeIfPresent(to, forKey: .to)
        try container.encode(ports, forKey: .ports)
        try container.encode(missing, forKey: .missing)
        try container.encodeIfPresent(advice, forKey: .advice)
        try container.encodeIfPresent(comparison, forKey: .comparison)
        try container.encodeIfPresent(counterComparison, forKey: .counterComparison)
    }

    /// How many frames there were, and which of them were not judged, or not as they were captured.
    var heading: String {
        var result =
            "\(frames.read) \(frames.read == 1 ? "frame" : "frames") in \(files.count == 1 ? PrintableText.line(files[0]) : "\(files.count) files")"
        if let from, let to { result += ", from \(from) to \(to) (\(Self.seconds(nanoseconds)) s)" }
        result += "; \(frames.judged) judged\n"
        let notes: [(String, UInt64, String)] = [
            ("not judged: cut off in the capture", frames.cut, " (--cut-frames zeros judges them)"),
            ("not judged: seen leaving", frames.leaving, ""),
            ("not judged: of other interfaces", frames.elsewhere, ""),
            ("not judged: of link types that rules can't judge", frames.otherLink, " (\(links.refused.joined(separator: ", ")))"),
            ("not judged: frames that no bridge would forward, or that can't be read", frames.unreadable, ""),
            (
                "given an Ethernet header in place of their own", frames.givenEthernet,
                " (\(links.given.joined(separator: ", ")); addresses that it doesn't have are 02:00:00:00:00:00)"
            ),
            ("not judged: of stations that --ingress-mac doesn't name", frames.unknownStation, ""),
            ("judged with zeros for bytes that were not captured", frames.filled, ""),
            (
                "with a checksum that hardware was to finish", frames.unfinishedChecksums,
                " (captured on a sending host; --checksums verify asks for it)"
            ),
            ("with a time before a previous frame's", frames.backwardSteps, Self.hint(reordered: frames.reordered)),
        ]
        if let advice { result += advice + "\n" }
        for (what, count, hint) in notes where count > 0 { result += "\(what): \(count)\(hint)\n" }
        return result
    }

    package func tables() -> String {
        var result = heading
        var table = TextTable(["port", "received", "bytes", "sent", "bytes"])
        for port in ports {
            table.add([port.name, "\(port.received.frames)", "\(port.received.bytes)", "\(port.sent.frames)", "\(port.sent.bytes)"])
        }
        result += "\n" + table.rendered() + shared.tables(omitsIdleRules: true)
        if let comparison { result += "\n" + comparison.table(hasFiles: files.count > 1) }
        if let counterComparison { result += "\n" + counterComparison.table() }
        let idle = shared.firewall.rules.filter { $0.frames == 0 }
        guard !idle.isEmpty else { return result }
        var unmatched = TextTable(["rules that no frame matched"])
        for rule in idle { unmatched.add([rule.title]) }
        return result + "\n" + unmatched.rendered()
    }

    private static func hint(reordered: UInt64) -> String {
        reordered > 0 ? " (\(reordered) were put in order)" : " (reordercap(1) puts frames in order)"
    }

    /// With milliseconds.
    private static func seconds(_ nanoseconds: UInt64) -> String {
        let milliseconds = String(nanoseconds / 1_000_000 % 1000)
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 3 - milliseconds.count) + milliseconds
    }
}
