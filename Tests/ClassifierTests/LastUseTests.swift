import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Storage
import Testing
import Wire

/// `last` remembers the latest frame that came to it, whatever became of the frame.
struct LastUseTests {
    private static func last(_ used: UInt64? = nil) -> Statement { .last(LastUse(used: used), location: Build.nowhere) }

    private static func after(_ milliseconds: UInt64) -> Instant {
        Instant(monotonic: noon.monotonic + milliseconds * 1_000_000, sinceEpoch: noon.sinceEpoch + milliseconds * 1_000_000)
    }

    private static let frame = Frame.ethernet().ipv4().udp(1, 2).payload(18)

    @Test(
        "what it says after some time",
        arguments: [
            (nil, [], 9_000, "last used never"),
            (nil, [0], 0, "last used 0s"),
            (nil, [0], 5_000, "last used 5s"),
            (nil, [0, 3_000], 5_000, "last used 2s"),
            // A worker may be late with its clock.
            (nil, [3_000, 1_000], 5_000, "last used 2s"),
            (5_000, [], 80_000, "last used 1m25s"),
            (5_000, [60_000], 80_000, "last used 20s"),
        ] as [(UInt64?, [UInt64], UInt64, String)])
    func remembering(used: UInt64?, frames: [UInt64], asked: UInt64, says: String) throws {
        let ruleset = Build.ruleset(Build.base([Build.rule(Self.last(used), Build.verdict(.drop))]))
        let program = try Program(compiling: ruleset, ports: ports, start: noon)
        let interpreter = Interpreter(ruleset, ports: ports, start: noon)
        for time in frames {
            let found = classifyBothWays(program, interpreter, Self.frame.bytes, ingress: 0, at: Self.after(time))
            #expect(found.program == found.interpreter)
            #expect(found.program.classification.verdict == .drop)
        }
        #expect(program.lastUses(at: Self.after(asked)).map(\.last.listing) == [says])
    }

    @Test func `each statement remembers for itself, and only what comes to it`() throws {
        let ruleset = Build.ruleset(
            Build.base([
                Build.rule(Build.match(.udpDport, .number(9)), Self.last()), Build.rule(Self.last()),
                Build.rule(Build.match(.udpDport, .number(2)), Self.last(), Build.verdict(.accept)),
            ]))
        let program = try Program(compiling: ruleset, ports: ports, start: noon)
        let interpreter = Interpreter(ruleset, ports: ports, start: noon)
        _ = classifyBothWays(program, interpreter, Self.frame.bytes, ingress: 0, at: noon)
        let found = program.lastUses(at: Self.after(1_000))
        #expect(found.map(\.last.listing) == ["last used never", "last used 1s", "last used 1s"])
        #expect(found.map(\.rule) == [0, 1, 2])
    }
}
