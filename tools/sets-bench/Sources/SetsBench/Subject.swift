import Classifier
import Decisions
import Ruleset
import Storage
import Wire

/// A program with one rule, and the frame that runs through it.
struct Subject {
    static let nowhere = SourceLocation(file: 0, line: 1, column: 1, length: 1)

    let program: Program
    let hits: HitCounters
    private let isVersion6: Bool
    private var bytes: [UInt8]
    private let frame: ParsedFrame

    /// `KIND @s drop`; or with `update` in front of it.
    init(_ kind: Kind, _ values: [Value], adds: Bool = false) throws {
        let key = MatchKey(MatchKey.Component(kind.fields[0]), rest: kind.fields.dropFirst().map { MatchKey.Component($0) })
        var set = NamedSet(
            name: "s", key: SetKey(field: kind.fields[0], rest: Array(kind.fields.dropFirst()), isTypeof: true),
            isInterval: kind != .changing, mergesElements: kind == .prefixes || kind == .prefixes6,
            elements: values.map { SetElement(value: $0, location: Self.nowhere) }, location: Self.nowhere)
        var statement = Statement.match(Match(key: key, operand: .named("s"), location: Self.nowhere))
        if kind == .changing {
            set.dynamics.isDynamic = true
            set.dynamics.hasTimeout = true
            set.dynamics.timeout = 1_000
            set.size = UInt32(clamping: max(1, values.count))
            if adds {
                set.elements = []
                statement = .update(SetUpdate(operation: .add, key: key, set: "s", location: Self.nowhere))
            }
        }
        try self.init([statement, .verdict(.drop, location: Self.nowhere)], [set], isVersion6: kind.isVersion6)
    }

    /// A rule that compares the key's fields with single values, which is what all others cost beside their set.
    init(withoutSet kind: Kind) throws {
        let matches = kind.fields.map { field in
            Statement.match(Match(field: field, operand: .single(.number(1)), location: Self.nowhere))
        }
        try self.init([matches[0], .verdict(.drop, location: Self.nowhere)], [], isVersion6: kind.isVersion6)
    }

    private init(_ statements: [Statement], _ sets: [NamedSet], isVersion6: Bool) throws {
        let chain = Chain(
            name: "forward", base: BaseChain(hook: .forward, priority: 0, policy: .accept),
            rules: [Rule(statements: statements, comment: nil, location: Self.nowhere)], location: Self.nowhere)
        let table = Table(family: .bridge, name: "t", sets: sets, chains: [chain], location: Self.nowhere)
        program = try Program(
            compiling: Ruleset(sources: [SourceFile(name: "bench", text: "")], tables: [table]), ports: ["near", "far"])
        hits = HitCounters(for: program)
        self.isVersion6 = isVersion6
        let ethernet: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1] + (isVersion6 ? [0x86, 0xdd] : [0x08, 0x00])
        let version4: [UInt8] = [0x45, 0, 0, 46, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
        let version6: [UInt8] = [0x60, 0, 0, 0, 0, 26, 17, 64] + Array(repeating: 1, count: 32)
        let sample = ethernet + (isVersion6 ? version6 : version4) + [0x0f, 0xa0, 0, 9, 0, 26, 0, 0] + Array(repeating: 0, count: 18)
        frame = ParsedFrame.parse(sample.span.bytes, tag: nil)
        bytes = sample
    }

    /// Runs the frame with that key through the rule.
    @inline(__always)
    mutating func look(up key: Key, at now: UInt64) -> Bool {
        if isVersion6 {
            for octet in 0..<16 { bytes[22 &+ octet] = UInt8(truncatingIfNeeded: key.address >> UInt128(120 &- 8 &* octet)) }
        } else {
            for octet in 0..<4 { bytes[26 &+ octet] = UInt8(truncatingIfNeeded: key.address >> UInt128(24 &- 8 &* octet)) }
            bytes[36] = UInt8(truncatingIfNeeded: key.port >> 8)
            bytes[37] = UInt8(truncatingIfNeeded: key.port)
        }
        let (program, hits) = (program, hits)
        var frame = frame
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        return program.classify(&raw, &frame, ingress: 0, at: Instant(monotonic: now, sinceEpoch: 0), hits: hits).verdict == .drop
    }
}
