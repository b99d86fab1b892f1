import ArgumentParser
import Classifier
import Firewall
import Foundation
import FrameBuilder
import Ruleset
import Wire

/// Random rules and random frames, through a Linux bridge with nft and through Weir: the same verdicts and the same counts.
@main
struct Conformance: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance",
        abstract: "Hold Weir's verdicts and counters to those of a Linux bridge with nft, on random rules and frames.",
        discussion: """
            Every round makes a rule file and frames that meet its values, sends the frames through a bridge with nft's rules in a \
            network namespace of its own, and judges them by Weir. What differs is written to a file with the rules and the frame. \
            Exit code 0 if nothing differs, 1 if something does. Needs root.
            """)

    @Option(help: "How long to go on.")
    var seconds = 30

    @Option(help: "Where the random numbers begin; the same seed makes the same rules and frames.")
    var seed: UInt64 = 1

    @Option(help: "Rules that a base chain is made of, at the most.")
    var rules = 24

    @Option(help: "Frames for each rule file.")
    var frames = 1500

    @Option(help: "Where files with differences are written.")
    var findings = "."

    /// When a rule file's frames are judged. The kernel's own clock is a little later; rules ask for days at the most.
    private static var instant: Instant {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Instant(monotonic: 0, sinceEpoch: UInt64(now.tv_sec) * 1_000_000_000)
    }

    /// A source address that has the frame's number in it.
    static func source(_ number: UInt64) -> UInt64 { 0x0277_0000_0000 | number }

    /// What has been tried.
    private struct Tally {
        var files = 0, rules = 0, refused = 0, frames = 0, dropped = 0, counters = 0, unlisted = 0, differences = 0
    }

    private struct Difference {
        var text: String
        var frame: SentFrame?
    }

    private struct SentFrame {
        var number: UInt64
        var bytes: [UInt8]
        var ingress: UInt8
    }

    func run() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "weir-conformance-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let bed = try TestBed(folder: folder)
        var tally = Tally()
        let end = ContinuousClock.now + .seconds(seconds)
        var round = seed
        while ContinuousClock.now < end {
            var source = RuleSource(seed: round)
            let (text, refused) = source.file(rules: rules)
            tally.refused += refused
            var differences = try compare(text, round, bed, &tally)
            // Once more: a frame that came late is no difference.
            if !differences.isEmpty {
                var again = Tally()
                differences = try compare(text, round, bed, &again)
            }
            for difference in differences.prefix(5) { try report(difference, rules: text, round: round) }
            tally.differences += differences.count
            round &+= 1
        }
        print(
            """
            seeds \(seed)…\(round &- 1): \(tally.files) rule files, \(tally.rules) rules (\(tally.refused) more were refused by Weir), \
            \(tally.frames) frames, \(tally.dropped) of them dropped, \(tally.counters) counters compared (nft could not list \(tally.unlisted) files); \
            \(tally.differences) differences
            """)
        if tally.differences > 0 || tally.files == 0 || tally.dropped == 0 { throw ExitCode.failure }
    }

    private func compare(_ text: String, _ round: UInt64, _ bed: TestBed, _ tally: inout Tally) throws -> [Difference] {
        let ruleset: Ruleset
        do throws(RejectedRuleset) {
            ruleset = try Ruleset.read(SourceFile(name: "rules", text: text)).ruleset
        } catch {
            return [Difference(text: "Weir takes each rule by itself and refuses the file:\n\(error.render())")]
        }
        let program = try Program(compiling: ruleset, ports: TestBed.ports)
        do {
            try bed.load(text)
        } catch {
            return [Difference(text: "Weir accepts, and nft does not: \(error)")]
        }
        // What was on its way belongs to the round before.
        _ = (bed.near.received(), bed.far.received())
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters)
        let instant = Self.instant
        let hasTransport = ruleset.readsTransport
        var source = FrameSource(random: SeededGenerator(seed: round ^ 0x5eed))
        var passing: [UInt64: SentFrame] = [:]
        var all: [UInt64: SentFrame] = [:]
        var arrived: [UInt64] = []
        for number in 0..<UInt64(frames) {
            let bytes = source.frame(from: Self.source(number))
            let ingress = UInt8(number % 2)
            guard Self.isComparable(bytes, readsTransport: hasTransport) else { continue }
            guard (ingress == 0 ? bed.near : bed.far).send(bytes) else { continue }
            let frame = SentFrame(number: number, bytes: bytes, ingress: ingress)
            all[Self.source(number)] = frame
            let judgement: Judgement
            // As the packet socket gives it: with the outermost tag beside the frame.
            if let (rest, tag) = takeOutTag(of: bytes) {
                judgement = firewall.judge(copyOf: rest, tag: tag, ingress: ingress, at: instant)
            } else {
                judgement = firewall.judge(copyOf: bytes, tag: nil, ingress: ingress, at: instant)
            }
            if judgement.verdict == .accept { passing[Self.source(number)] = frame }
            if number % 64 == 63 { arrived += bed.near.received() + bed.far.received() }
        }
        // Frames cross the bridge within the call that sends them, but for those that the kernel puts off.
        var last = ContinuousClock.now
        while ContinuousClock.now - last < .milliseconds(15) {
            let more = bed.near.received() + bed.far.received()
            if more.isEmpty { usleep(1000) } else { last = .now }
            arrived += more
        }
        let counts = try? bed.counts()
        tally.files += 1
        tally.rules += program.rules.count
        tally.frames += all.count
        tally.dropped += all.count - passing.count
        var differences: [Difference] = []
        var times: [UInt64: Int] = [:]
        for source in arrived { times[source, default: 0] += 1 }
        for (source, frame) in all.sorted(by: { $0.key < $1.key }) {
            let (theirs, ours) = (times[source] ?? 0, passing[source] == nil ? 0 : 1)
            if theirs != ours { differences.append(Difference(text: "passed nft \(theirs) times, and Weir \(ours) times", frame: frame)) }
        }
        let snapshot = counters.snapshot()
        guard let counts else {
            // nft 1.0.6 ends with a signal when it lists some rules.
            tally.unlisted += 1
            return differences
        }
        guard counts.count == program.rules.count else {
            return differences + [Difference(text: "nft has \(counts.count) rules, and Weir \(program.rules.count)")]
        }
        var seen: Set<Int> = []
        for (counter, hits) in zip(program.counters, snapshot.counters) where seen.insert(counter.rule).inserted {
            tally.counters += 1
            let ours = Count(packets: Int(hits.frames), bytes: Int(hits.bytes))
            guard let theirs = counts[counter.rule], theirs != ours else { continue }
            let rule = program.rules[counter.rule]
            differences.append(Difference(text: "nft counts \(theirs), and Weir \(ours): line \(rule.line), \(rule.rule.text)"))
        }
        return differences
    }

    /// Without what Weir does otherwise on purpose: the README's table.
    private static func isComparable(_ bytes: [UInt8], readsTransport: Bool) -> Bool {
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        // A bridge that does not track connections judges each fragment by itself; Weir judges datagrams.
        if frame.malformation != nil || frame.isFragment { return false }
        // skb_vlan_untag ends a frame with less than a tag and two octets, before a bridge or a packet socket sees it.
        let type = bytes.count < 14 ? 0 : UInt16(bytes[12]) << 8 | UInt16(bytes[13])
        if type == 0x8100 || type == 0x88a8, bytes.count < 20 { return false }
        // A bridge ends one whose inner tag is cut off; a wire carries it.
        if frame.etherType == 0x8100 || frame.etherType == 0x88a8 { return false }
        guard readsTransport, frame.network == .ipv4 || frame.network == .ipv6 else { return true }
        return frame.networkEnd == bytes.count
    }

    private func report(_ difference: Difference, rules: String, round: UInt64) throws {
        var text = "# \(difference.text.replacing("\n", with: "\n# "))\n"
        if let frame = difference.frame {
            let hex = frame.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            text += "# from \(TestBed.ports[Int(frame.ingress)]): \(hex)\n"
        }
        let file = URL(filePath: findings).appending(path: "difference-\(round)-\(difference.frame?.number ?? 0).nft")
        try Data((text + rules).utf8).write(to: file)
        print("\(file.path): \(difference.text)")
    }
}

extension Ruleset {
    /// Whether a rule reads what stands behind the IP header.
    fileprivate var readsTransport: Bool {
        func isTransport(_ field: Field) -> Bool {
            switch field.source {
            case .payload(.transport, _), .searched, .presence: true
            case .payload, .meta: false
            }
        }
        return tables.flatMap(\.chains).flatMap(\.rules).flatMap(\.statements).contains { statement in
            switch statement {
            case .match(let match): isTransport(match.field)
            case .verdictMap(let map): isTransport(map.field)
            default: false
            }
        }
    }
}

extension Firewall {
    fileprivate mutating func judge(copyOf bytes: [UInt8], tag: VLANTag?, ingress: UInt8, at instant: Instant) -> Judgement {
        var bytes = bytes
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        return judge(&raw, tag: tag, ingress: ingress, at: instant)
    }
}
