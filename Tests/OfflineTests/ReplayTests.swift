import Capture
import Classifier
import Decisions
import Firewall
import Fragments
import FrameBuilder
import Offline
import Ruleset
import Storage
import Testing
import Wire

/// What a replay said, a line for each verdict and event.
struct Journal: ReplaySink {
    var lines: [String] = []

    mutating func judged(_ frame: JudgedFrame) {
        let file = frame.place.file == 0 ? "" : "\(frame.place.file):"
        lines.append("\(file)\(frame.place.number) \(frame.judgement.verdict) \(frame.judgement.reason.name)")
    }

    mutating func logged(_ event: LoggedStatement, _ frame: JudgedFrame) {
        lines.append("\(frame.place.number) log \(event.rule).\(event.statement)")
    }
}

func compiled(_ rules: String, sets: String = "", policy: String = "accept") throws -> Program {
    let text = """
        table bridge t {
        \(sets)
        chain c {
        type filter hook forward priority 0; policy \(policy);
        \(rules)
        }
        }

        """
    return try Program(compiling: Ruleset.read(SourceFile(name: "r.nft", text: text)).ruleset, ports: ["a", "b"])
}

extension Replay {
    /// Judges packets in words, which come by the ports a and b; time 0 is noon on the first of January 2026, and of each on its own:
    /// captures have frames out of order, which the words can't say.
    mutating func judge(_ packets: [String], into journal: inout Journal) throws {
        for (index, text) in packets.enumerated() {
            var now: UInt64 = 0
            let packet = try PacketLanguage.packet(text, ports: ["a", "b"], after: &now)
            try #require(packet.frames.count == 1)
            var bytes = packet.frames[0]
            bytes.withUnsafeMutableBytes {
                judge(
                    $0, FramePlace(number: UInt64(index + 1)), ingress: UInt8(packet.ingress),
                    time: 1_767_268_800_000_000_000 + packet.time, into: &journal)
            }
        }
    }
}

@Suite struct ReplayTests {
    private static let web = "ip 10.0.0.1 > 10.0.0.2 tcp 4000 > 80"
    private static let names = "ip 10.0.0.1 > 10.0.0.2 udp 4000 > 53 payload 10"

    /// A third of a datagram of 48 bytes: UDP to port 53.
    private static func third(_ number: Int) -> String {
        "ip 10.0.0.1 > 10.0.0.2 udp 4000 > 53 payload 40 fragment \(number) of 3"
    }

    /// The same in bytes, by where it begins: 0, 16 or 32.
    static func part(_ offset: Int) throws -> [UInt8] { try frame("A: " + third(offset / 16 + 1)) }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var rules: String
        var sets = ""
        /// In the words of `weir help packets`, each with its time from the start.
        var frames: [String]
        var mode = FragmentMode.reassemble
        var lines: [String]
    }

    static let cases: [Case] = [
        Case(
            testDescription: "a verdict a frame, in order", rules: "tcp dport 80 drop",
            frames: ["a: \(web)", "b: @1s \(names)", "b: @2s \(web)"],
            lines: ["1 drop rule", "2 accept accept-by-policy", "3 drop rule"]),
        Case(
            testDescription: "the port counts", rules: "iifname \"b\" drop", frames: ["a: \(web)", "b: \(web)"],
            lines: ["1 accept accept-by-policy", "2 drop rule"]),
        Case(
            testDescription: "what log statements see comes before the verdict", rules: "tcp dport 80 log log drop", frames: ["a: \(web)"],
            lines: ["1 log 0.2", "1 log 0.3", "1 drop rule"]),
        Case(
            testDescription: "a malformed frame", rules: "", frames: ["a: \(web) cut 20", "a: \(web) cut 0"],
            lines: ["1 drop ipv4-header-cut-off", "2 drop ethernet-header-cut-off"]),
        Case(
            testDescription: "fragments have their verdict when their datagram is whole", rules: "udp dport 53 drop",
            frames: ["a: \(third(1))", "a: @1s \(web)", "a: @2s \(third(3))", "a: @3s \(third(2))"],
            lines: ["2 accept accept-by-policy", "1 drop rule", "3 drop rule", "4 drop rule"]),
        Case(
            testDescription: "fragments die when their time is over, before the frame that shows it", rules: "",
            frames: ["a: \(third(1))", "a: @29.9s \(web)", "a: @30.1s \(web)"],
            lines: ["2 accept accept-by-policy", "1 drop fragment-timeout", "3 accept accept-by-policy"]),
        Case(
            testDescription: "at the end of all captures time goes on until all is decided", rules: "",
            frames: ["a: \(third(1))", "a: @1s \(third(2))", "a: @2s \(web)"],
            lines: ["3 accept accept-by-policy", "1 drop fragment-timeout", "2 drop fragment-timeout"]),
        Case(
            testDescription: "tracked fragments follow their first", rules: "udp dport 53 accept",
            frames: ["a: \(third(2))", "a: \(third(1))", "a: \(third(3))"], mode: .track,
            lines: ["2 accept accept-by-rule", "1 accept accept-by-rule", "3 accept accept-by-rule"]),
        Case(
            testDescription: "no fragment at all", rules: "", frames: ["a: \(third(1))"], mode: .drop, lines: ["1 drop fragment-mode"]),
        Case(
            testDescription: "a limit goes by the frames' times", rules: "limit rate 1/second burst 1 packets accept\ndrop",
            frames: ["a: \(web)", "a: @0.5s \(web)", "a: @1.1s \(web)", "a: @1.2s \(web)"],
            lines: ["1 accept accept-by-rule", "2 drop rule", "3 accept accept-by-rule", "4 drop rule"]),
        Case(
            testDescription: "the clock of the day is the capture's", rules: "meta hour >= \"12:00\" meta hour < \"12:01\" drop",
            frames: ["a: \(web)", "a: @59s \(web)", "a: @61s \(web)"], lines: ["1 drop rule", "2 drop rule", "3 accept accept-by-policy"]),
        Case(
            testDescription: "elements live as long as the captured time says", rules: "ip saddr @s drop\nadd @s { ip saddr }",
            sets: "set s { type ipv4_addr; flags timeout; timeout 10s; size 100; }",
            frames: ["a: \(web)", "a: @9s \(web)", "a: @11s \(web)", "a: @12s \(web)"],
            lines: ["1 accept accept-by-policy", "2 drop rule", "3 accept accept-by-policy", "4 drop rule"]),
        Case(
            testDescription: "a frame out of order makes the clock stand still", rules: "limit rate 1/second burst 1 packets accept\ndrop",
            frames: ["a: @10s \(web)", "a: @9.5s \(web)", "a: @10.9s \(web)", "a: @11.1s \(web)"],
            lines: ["1 accept accept-by-rule", "2 drop rule", "3 drop rule", "4 accept accept-by-rule"]),
        Case(
            testDescription: "from an earlier time it goes on", rules: "limit rate 1/second burst 1 packets accept\ndrop",
            frames: ["a: @1000s \(web)", "a: @500s \(web)", "a: @501.1s \(web)", "a: @502s \(third(1))", "a: @533s \(web)"],
            lines: [
                "1 accept accept-by-rule", "2 drop rule", "3 accept accept-by-rule", "4 drop fragment-timeout", "5 accept accept-by-rule",
            ]),
    ]

    @Test("verdicts come in the order in which they are known", arguments: cases)
    func verdicts(_ test: Case) throws {
        let program = try compiled(test.rules, sets: test.sets)
        var replay = Replay(program, fragments: test.mode)
        var journal = Journal()
        try replay.judge(test.frames, into: &journal)
        replay.finish(into: &journal)
        #expect(journal.lines == test.lines)
        let counted = replay.counters.snapshot()
        #expect(counted.reasons.reduce(0) { $0 + $1.frames } == UInt64(test.frames.count), "each frame has one verdict")
        #expect(counted.held.frames == 0)
    }

    @Test("it says of all frames what the firewall says of each", arguments: 1...8)
    func sameAsFirewall(seed: Int) throws {
        let program = try compiled("tcp dport 443 drop\nudp dport 53 accept\nip6 saddr 2001:db8::/32 counter drop\narp operation 2 drop")
        var generator = SeededGenerator(seed: UInt64(seed))
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters)
        var replay = Replay(program)
        var journal = Journal()
        var expected: [String] = []
        for number in 1...400 {
            guard let sample = SampleFrames.all.randomElement(using: &generator) else { continue }
            let bytes = sample.frame.cut(to: Int.random(in: 10...2000, using: &generator)).bytes
            guard !ParsedFrame.parse(bytes.span.bytes, tag: nil).isFragment else { continue }
            let ingress = UInt8.random(in: 0...1, using: &generator)
            var copy = bytes
            copy.withUnsafeMutableBytes { buffer in
                replay.judge(buffer, FramePlace(number: UInt64(number)), ingress: ingress, time: UInt64(number), into: &journal)
            }
            copy = bytes
            copy.withUnsafeMutableBytes { buffer in
                var span = buffer.mutableBytes
                let judgement = firewall.judge(&span, tag: nil, ingress: ingress, at: Instant(monotonic: 0, sinceEpoch: 0))
                expected.append("\(number) \(judgement.verdict) \(judgement.reason.name)")
            }
        }
        #expect(journal.lines == expected && expected.count > 100)
        #expect(replay.counters.snapshot() == counters.snapshot())
    }

    @Test("a place of any number and file comes back with a held frame", arguments: [0, 1, UInt16.max])
    func places(file: UInt16) throws {
        var replay = Replay(try compiled(""))
        var journal = Journal()
        for number in [1, UInt64.max] {
            var bytes = try Self.part(number == 1 ? 0 : 16)
            bytes.withUnsafeMutableBytes { replay.judge($0, FramePlace(file: file, number: number), ingress: 0, time: 5, into: &journal) }
        }
        replay.finish(into: &journal)
        let prefix = file == 0 ? "" : "\(file):"
        #expect(journal.lines == ["\(prefix)1 drop fragment-timeout", "\(prefix)\(UInt64.max) drop fragment-timeout"])
    }

    @Test("fragments with more padding than any link has are held or let go", arguments: FragmentMode.allCases)
    func padding(mode: FragmentMode) throws {
        let limits = FragmentLimits(bytes: FragmentLimits.smallestBytes)
        var replay = Replay(try compiled(""), fragments: mode, limits: limits)
        var journal = Journal()
        for offset in [0, 16, 32] {
            var bytes = try Self.part(offset)
            bytes += [UInt8](repeating: 0, count: CaptureReader.longestFrame - bytes.count)
            bytes.withUnsafeMutableBytes { replay.judge($0, FramePlace(number: UInt64(offset)), ingress: 0, time: 0, into: &journal) }
        }
        replay.finish(into: &journal)
        #expect(journal.lines.count == 3)
    }

    @Test("times at both ends of what there is don't break the clock")
    func extremeTimes() throws {
        var replay = Replay(try compiled("limit rate 1/second accept"))
        var journal = Journal()
        for time in [UInt64.max, 0, UInt64.max, 1, 0, UInt64.max / 2, UInt64.max, 0] {
            var bytes = try Self.part(0)
            bytes.withUnsafeMutableBytes { replay.judge($0, FramePlace(number: 1), ingress: 0, time: time, into: &journal) }
            bytes = try frame("A: " + Self.web)
            bytes.withUnsafeMutableBytes { replay.judge($0, FramePlace(number: 2), ingress: 0, time: time, into: &journal) }
        }
        replay.finish(into: &journal)
        #expect(journal.lines.count == 16)
    }
}
