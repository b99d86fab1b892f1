import Capture
import Classifier
import Firewall
import Fragments
import FrameBuilder
import Offline
import Ruleset
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

/// Frame, seconds, ingress.
typealias Timed = (bytes: [UInt8], seconds: Double, ingress: UInt8)

extension Replay {
    mutating func judge(_ frames: [Timed], into journal: inout Journal) {
        for (index, frame) in frames.enumerated() {
            var bytes = frame.bytes
            bytes.withUnsafeMutableBytes {
                judge(
                    $0, FramePlace(number: UInt64(index + 1)), ingress: frame.ingress,
                    time: 1_767_268_800_000_000_000 + UInt64(frame.seconds * 1e9), into: &journal)
            }
        }
    }
}

@Suite struct ReplayTests {
    static let web = Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(4000, 80).bytes
    static let names = Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(4000, 53).payload(10).bytes

    /// A part of a datagram of 48 bytes: UDP to port 53.
    static func part(_ offset: Int, last: Bool = false) -> [UInt8] {
        let whole: [UInt8] = [0x0f, 0xa0, 0, 53, 0, 48, 0, 0] + [UInt8](repeating: 7, count: 40)
        return Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2", more: !last, fragmentOffset: offset, protocolNumber: 17)
            .payload(Array(whole[offset..<offset + (last ? 16 : 16)])).bytes
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var rules: String
        var sets = ""
        var frames: [Timed]
        var mode = FragmentMode.reassemble
        var lines: [String]
    }

    static let cases: [Case] = [
        Case(
            testDescription: "a verdict a frame, in order", rules: "tcp dport 80 drop", frames: [(web, 0, 0), (names, 1, 1), (web, 2, 1)],
            lines: ["1 drop rule", "2 accept accept-by-policy", "3 drop rule"]),
        Case(
            testDescription: "the port counts", rules: "iifname \"b\" drop", frames: [(web, 0, 0), (web, 0, 1)],
            lines: ["1 accept accept-by-policy", "2 drop rule"]),
        Case(
            testDescription: "what log statements see comes before the verdict", rules: "tcp dport 80 log log drop", frames: [(web, 0, 0)],
            lines: ["1 log 0.2", "1 log 0.3", "1 drop rule"]),
        Case(
            testDescription: "a malformed frame", rules: "", frames: [(Array(web.prefix(20)), 0, 0), ([], 0, 0)],
            lines: ["1 drop ipv4-header-cut-off", "2 drop ethernet-header-cut-off"]),
        Case(
            testDescription: "fragments have their verdict when their datagram is whole", rules: "udp dport 53 drop",
            frames: [(part(0), 0, 0), (web, 1, 0), (part(32, last: true), 2, 0), (part(16), 3, 0)],
            lines: ["2 accept accept-by-policy", "1 drop rule", "3 drop rule", "4 drop rule"]),
        Case(
            testDescription: "fragments die when their time is over, before the frame that shows it", rules: "",
            frames: [(part(0), 0, 0), (web, 29.9, 0), (web, 30.1, 0)],
            lines: ["2 accept accept-by-policy", "1 drop fragment-timeout", "3 accept accept-by-policy"]),
        Case(
            testDescription: "at the end of all captures time goes on until all is decided", rules: "",
            frames: [(part(0), 0, 0), (part(16), 1, 0), (web, 2, 0)],
            lines: ["3 accept accept-by-policy", "1 drop fragment-timeout", "2 drop fragment-timeout"]),
        Case(
            testDescription: "tracked fragments follow their first", rules: "udp dport 53 accept",
            frames: [(part(16), 0, 0), (part(0), 0, 0), (part(32, last: true), 0, 0)], mode: .track,
            lines: ["2 accept accept-by-rule", "1 accept accept-by-rule", "3 accept accept-by-rule"]),
        Case(
            testDescription: "no fragment at all", rules: "", frames: [(part(0), 0, 0)], mode: .drop, lines: ["1 drop fragment-mode"]),
        Case(
            testDescription: "a limit goes by the frames' times", rules: "limit rate 1/second burst 1 packets accept\ndrop",
            frames: [(web, 0, 0), (web, 0.5, 0), (web, 1.1, 0), (web, 1.2, 0)],
            lines: ["1 accept accept-by-rule", "2 drop rule", "3 accept accept-by-rule", "4 drop rule"]),
        Case(
            testDescription: "the clock of the day is the capture's", rules: "meta hour >= \"12:00\" meta hour < \"12:01\" drop",
            frames: [(web, 0, 0), (web, 59, 0), (web, 61, 0)], lines: ["1 drop rule", "2 drop rule", "3 accept accept-by-policy"]),
        Case(
            testDescription: "elements live as long as the captured time says", rules: "ip saddr @s drop\nadd @s { ip saddr }",
            sets: "set s { type ipv4_addr; flags timeout; timeout 10s; size 100; }",
            frames: [(web, 0, 0), (web, 9, 0), (web, 11, 0), (web, 12, 0)],
            lines: ["1 accept accept-by-policy", "2 drop rule", "3 accept accept-by-policy", "4 drop rule"]),
        Case(
            testDescription: "a frame out of order makes the clock stand still", rules: "limit rate 1/second burst 1 packets accept\ndrop",
            frames: [(web, 10, 0), (web, 9.5, 0), (web, 10.9, 0), (web, 11.1, 0)],
            lines: ["1 accept accept-by-rule", "2 drop rule", "3 drop rule", "4 accept accept-by-rule"]),
        Case(
            testDescription: "from an earlier time it goes on", rules: "limit rate 1/second burst 1 packets accept\ndrop",
            frames: [(web, 1000, 0), (web, 500, 0), (web, 501.1, 0), (part(0), 502, 0), (web, 533, 0)],
            lines: [
                "1 accept accept-by-rule", "2 drop rule", "3 accept accept-by-rule", "4 drop fragment-timeout", "5 accept accept-by-rule",
            ]),
    ]

    @Test("verdicts come in the order in which they are known", arguments: cases)
    func verdicts(_ test: Case) throws {
        let program = try compiled(test.rules, sets: test.sets)
        var replay = Replay(program, fragments: test.mode)
        var journal = Journal()
        replay.judge(test.frames, into: &journal)
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
            var bytes = Self.part(number == 1 ? 0 : 16)
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
            var bytes = Self.part(offset, last: offset == 32)
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
            var bytes = Self.part(0)
            bytes.withUnsafeMutableBytes { replay.judge($0, FramePlace(number: 1), ingress: 0, time: time, into: &journal) }
            bytes = Self.web
            bytes.withUnsafeMutableBytes { replay.judge($0, FramePlace(number: 2), ingress: 0, time: time, into: &journal) }
        }
        replay.finish(into: &journal)
        #expect(journal.lines.count == 16)
    }
}
