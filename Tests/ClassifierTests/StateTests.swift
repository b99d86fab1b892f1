import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Storage
import Synchronization
import Testing
import Wire

/// A statement, and which of the frames that come to it it lets pass.
struct StateCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var statement: Statement
    /// When frames come, in seconds, and whether they pass.
    var frames: [(at: Double, passes: Bool)]

    init(_ description: String, _ statement: Statement, _ frames: [(at: Double, passes: Bool)]) {
        testDescription = description
        self.statement = statement
        self.frames = frames
    }
}

private func limit(_ rate: UInt64, _ unit: Limit.Unit, bytes: Bool = false, burst: UInt32, over: Bool = false) -> Statement {
    .limit(Limit(rate: rate, unit: unit, measure: bytes ? .bytes : .packets, burst: burst, isOver: over), location: Build.nowhere)
}

private func quota(_ bytes: UInt64, used: UInt64 = 0, over: Bool = false) -> Statement {
    .quota(Quota(bytes: bytes, used: used, isOver: over), location: Build.nowhere)
}

/// 46 bytes to a bridge: 20 of IPv4, 8 of UDP, 18 of data.
private let datagram = Frame.ethernet().ipv4().udp(1, 2).payload(18)

/// As net/netfilter/nft_limit.c and nft_quota.c compute it.
private let cases: [StateCase] = [
    StateCase(
        "a full bucket, then one a second", limit(1, .second, burst: 2),
        [(0, true), (0, true), (0, false), (0.5, false), (1, true), (1, false), (1.9, false), (2, true)]),
    StateCase(
        "a bucket holds no more than the burst", limit(1, .second, burst: 2), [(0, true), (99, true), (99, true), (99, false)]),
    StateCase(
        "over matches where the other does not", limit(1, .second, burst: 1, over: true), [(0, false), (0, true), (1, false), (1, true)]),
    StateCase(
        "a frame that does not pass costs nothing", limit(1, .minute, burst: 1),
        [(0, true), (59, false), (59.9, false), (60, true), (119.9, false)]),
    StateCase(
        "bytes: a unit's worth and the burst", limit(46, .second, bytes: true, burst: 46),
        [(0, true), (0, true), (0, false), (1, true), (1, false)]),
    StateCase(
        "a time before the bucket's own brings nothing, and costs nothing", limit(1, .second, burst: 2),
        [(10, true), (10, true), (9, false), (0, false), (10.9, false), (11, true), (11, false)]),
    StateCase(
        "a time before the bucket's own, with tokens left", limit(1, .second, burst: 2),
        [(10, true), (9.5, false), (9, false), (10.5, true)]),
    StateCase("bytes: a frame larger than the bucket never passes", limit(45, .second, bytes: true, burst: 0), [(0, false), (9, false)]),
    StateCase("bytes: two frames in a bucket of 100", limit(100, .hour, bytes: true, burst: 0), [(0, true), (0, true), (0, false)]),
    StateCase(
        "a bucket of more than 2^63 ns is empty, as the kernel's", limit(1, .week, burst: 30_000), [(0, false), (1, false)]),
    StateCase("a rate beyond a packet a nanosecond costs nothing", limit(2_000_000_000, .second, burst: 1), [(0, true), (0, true)]),
    StateCase("a quota to its last byte", quota(92), [(0, true), (0, true), (0, false), (9, false)]),
    StateCase("a byte too few", quota(91), [(0, true), (0, false)]),
    StateCase("over a quota", quota(92, over: true), [(0, false), (0, false), (0, true), (9, true)]),
    StateCase("what is used already counts", quota(92, used: 46), [(0, true), (0, false)]),
    StateCase("a quota of nothing", quota(0), [(0, false)]),
]

private func instant(_ seconds: Double) -> Instant {
    let nanoseconds = UInt64(seconds * 1_000_000_000)
    return Instant(monotonic: 5_000_000_000 + nanoseconds, sinceEpoch: noon.sinceEpoch + nanoseconds)
}

@Suite struct StateTests {
    @Test("limits and quotas pass what the kernel's pass", arguments: cases)
    func passing(_ test: StateCase) throws {
        let ruleset = Build.ruleset(Build.base([Build.rule(test.statement, Build.verdict(.drop))]))
        let program = try Program(compiling: ruleset, ports: ports)
        let interpreter = Interpreter(ruleset, ports: ports)
        for (number, frame) in test.frames.enumerated() {
            let found = classifyBothWays(program, interpreter, datagram.bytes, ingress: 0, at: instant(frame.at))
            #expect((found.program.classification.verdict == .drop) == frame.passes, "frame \(number)")
            #expect(found.interpreter == found.program, "frame \(number)")
        }
    }

    @Test("a program remembers what the interpreter remembers", arguments: 1...6 as ClosedRange<UInt64>)
    func equivalence(_ seed: UInt64) throws {
        var source = RandomRulesets(random: SeededGenerator(seed: seed), remembers: true)
        var (rules, counted, events, differences) = (0, 0, 0, 0)
        for _ in 0..<300 {
            let ruleset = source.ruleset()
            let program = try Program(compiling: ruleset, ports: ports)
            let interpreter = Interpreter(ruleset, ports: ports)
            var now = noon
            // Few frames that come often: so that limits run dry.
            let frames = (0..<3).map { _ in source.frame() }
            var first: [Int: Outcome] = [:]
            for _ in 0..<40 {
                now = source.later(than: now)
                let index = source.random.pick([0, 1, 2])
                let found = classifyBothWays(program, interpreter, frames[index], ingress: 0, at: now)
                try #require(found.program == found.interpreter, "frame \(frames[index]), at \(now), \(ruleset)")
                rules += found.program.classification.rule != .none ? 1 : 0
                counted += found.program.namedCounters.contains { $0.frames > 0 } ? 1 : 0
                events += found.program.events.count
                if let before = first[index], before != found.program { differences += 1 }
                first[index] = found.program
            }
        }
        #expect(rules > 100 && counted > 100 && events > 100 && differences > 100)
    }

    @Test func `a named limit is one for all rules that name it`() throws {
        let limit = NamedObject(name: "l", content: .limit(Limit(rate: 1, unit: .day, burst: 3)), location: Build.nowhere)
        let reference = Statement.object(ObjectReference(kind: .limit, name: "l"), location: Build.nowhere)
        var table = Build.table([Build.base([Build.rule(reference, Build.counter), Build.rule(reference, Build.counter)])])
        table.objects = [limit]
        let program = try Program(compiling: Build.ruleset([table]), ports: ports)
        let hits = HitCounters(for: program)
        let bytes = datagram.bytes
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        for _ in 0..<5 { _ = program.classify(bytes, frame, ingress: 0, at: noon, hits: hits) }
        #expect([hits.counter(0).frames, hits.counter(1).frames] == [2, 1])
    }

    @Test func `workers share one bucket`() async throws {
        let rule = Build.rule(limit(1, .day, burst: 1_000), Build.verdict(.drop))
        let program = try Program(compiling: Build.ruleset(Build.base([rule])), ports: ports)
        let dropped = await withTaskGroup(of: UInt64.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    let hits = HitCounters(for: program)
                    let bytes = datagram.bytes
                    let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
                    // Each has its own idea of the time.
                    let now = Instant(monotonic: noon.monotonic + UInt64(worker) * 1_000_000, sinceEpoch: noon.sinceEpoch)
                    for _ in 0..<2_000 { _ = program.classify(bytes, frame, ingress: 0, at: now, hits: hits) }
                    return hits.rule(0).frames
                }
            }
            return await group.reduce(0, +)
        }
        #expect(dropped == 1_000)
    }

    @Test func `of many events the first are kept and all are counted`() throws {
        let log = Statement.log(LogStatement(), location: Build.nowhere)
        let program = try Program(
            compiling: Build.ruleset(Build.base([Build.rule(Array(repeating: log, count: 20)), Build.rule(log)])), ports: ports)
        let hits = HitCounters(for: program)
        let bytes = datagram.bytes
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        for _ in 0..<2 {
            _ = program.classify(bytes, frame, ingress: 0, at: noon, hits: hits)
            #expect(hits.eventCount == 21)
            #expect((0..<21).map { hits.event($0)?.statement } == (0..<21).map { $0 < 16 ? StatementIndex($0) : nil })
        }
    }

    static let times: [(words: String, seconds: UInt64, isMatch: Bool)] = [
        // 2024-06-06 was a Thursday; 17:00 UTC.
        ("meta day \"Thursday\"", 1_717_693_200, true), ("meta day \"Friday\"", 1_717_693_200, false),
        ("meta day 4", 1_717_718_399, true), ("meta day 5", 1_717_718_400, true), ("meta day { 0, 6 }", 1_717_891_200, true),
        ("meta hour \"17:00\"", 1_717_693_200, true), ("meta hour \"17:00\"", 1_717_693_201, false),
        ("meta hour \"17:00\"-\"19:30\"", 1_717_702_200, true), ("meta hour \"17:00\"-\"19:30\"", 1_717_702_201, false),
        ("meta hour \"22:00\"-\"06:00\"", 1_717_712_000, true), ("meta hour \"22:00\"-\"06:00\"", 1_717_650_000, true),
        ("meta hour \"22:00\"-\"06:00\"", 1_717_693_200, false), ("meta hour != \"22:00\"-\"06:00\"", 1_717_693_200, true),
        // The bounds of a range over midnight are not in it.
        ("meta hour \"22:00\"-\"06:00\"", 1_717_711_200, false), ("meta hour \"22:00\"-\"06:00\"", 1_717_711_201, true),
        ("meta time < \"2024-06-06 17:00\"", 1_717_693_199, true), ("meta time < \"2024-06-06 17:00\"", 1_717_693_200, false),
        ("meta time >= \"2024-06-06 17:00\"", 1_717_693_200, true), ("meta time > \"2024-06-06 17:00\"", 1_717_693_200, false),
        ("meta time \"2024-06-06\"-\"2024-06-07\"", 1_717_693_200, true), ("meta time 1717693200", 1_717_693_200, true),
    ]

    @Test("times match as they are in UTC", arguments: times)
    func time(words: String, seconds: UInt64, isMatch: Bool) throws {
        let text = "table bridge t {\nchain c { type filter hook forward priority 0;\n\(words) drop\n}\n}\n"
        let ruleset = try Ruleset.read(SourceFile(name: "t", text: text)).ruleset
        let program = try Program(compiling: ruleset, ports: ports)
        let now = Instant(monotonic: 0, sinceEpoch: seconds * 1_000_000_000)
        let found = classifyBothWays(program, Interpreter(ruleset, ports: ports), datagram.bytes, ingress: 0, at: now)
        #expect((found.program.classification.verdict == .drop) == isMatch)
        #expect(found.program == found.interpreter)
    }
}
