import Classifier
import Decisions
import FrameBuilder
import Interpreter
public import Ruleset
import Storage
import Wire

let ports = ["near0", "far0"]

/// How packets begin of which the addresses don't matter, in the words of `weir help packets`.
let ip = "ip 10.0.0.1 > 10.0.0.2"
let ip6 = "ip6 2001:db8::1 > 2001:db8::2"

/// Trees by hand, in as few words as the table needs.
enum Build {
    static let nowhere = SourceLocation(file: 0, line: 1, column: 1, length: 1)

    static func match(
        _ field: Field, _ value: Value, not: Bool = false, mask: UInt128? = nil
    ) -> Statement {
        .match(Match(field: field, mask: mask, relation: not ? .notEqual : .equal, operand: .single(value), location: nowhere))
    }

    static func match(_ field: Field, in values: [Value], not: Bool = false, mask: UInt128? = nil) -> Statement {
        .match(Match(field: field, mask: mask, relation: not ? .notEqual : .equal, operand: .set(values), location: nowhere))
    }

    static func verdict(_ verdict: Verdict) -> Statement { .verdict(verdict, location: nowhere) }

    static let counter = Statement.counter(packets: 0, bytes: 0, location: nowhere)

    static func rule(_ statements: Statement...) -> Rule { rule(statements) }

    static func rule(_ statements: [Statement]) -> Rule { Rule(statements: statements, comment: nil, location: nowhere) }

    static func base(
        _ rules: [Rule], hook: Hook = .forward, policy: Policy = .accept, priority: Int32 = 0, name: String = "forward"
    ) -> Chain {
        Chain(name: name, base: BaseChain(hook: hook, priority: priority, policy: policy), rules: rules, location: nowhere)
    }

    static func chain(_ name: String, _ rules: [Rule]) -> Chain {
        Chain(name: name, base: nil, rules: rules, location: nowhere)
    }

    static func table(_ chains: [Chain], family: Family = .bridge, name: String = "filter") -> Table {
        Table(family: family, name: name, chains: chains, location: nowhere)
    }

    static func ruleset(_ chains: Chain...) -> Ruleset { ruleset([table(chains)]) }

    static func ruleset(_ tables: [Table]) -> Ruleset {
        Ruleset(sources: [SourceFile(name: "rules.nft", text: "")], tables: tables)
    }
}

extension JumpTarget: ExpressibleByStringLiteral {
    public init(stringLiteral name: String) { self = .named(name) }
}

/// What program and interpreter make of one frame, where they agree.
struct Outcome: Equatable {
    var classification: Classification
    var rules: [Hits]
    var counters: [Hits]
    var namedCounters: [Hits]
    var elements: [Hits]
    var events: [LoggedStatement]
    /// The frame as it is afterwards, its outermost tag in its place.
    var bytes: [UInt8]

    /// Where a rule changes the packet's length, a table of IP's families counts another from the next chain on.
    var withoutSizes: Outcome {
        var outcome = self
        func frames(_ hits: [Hits]) -> [Hits] { hits.map { Hits(frames: $0.frames) } }
        outcome.rules = frames(rules)
        outcome.counters = frames(counters)
        outcome.namedCounters = frames(namedCounters)
        outcome.elements = frames(elements)
        return outcome
    }
}

/// Twelve o'clock on the first of January 2026, which was a Thursday.
let noon = Instant(monotonic: 1_000_000_000_000, sinceEpoch: 1_767_268_800_000_000_000)

/// - Returns: What the program says, and what the interpreter says.
func classifyBothWays(
    _ program: Program, _ interpreter: Interpreter, _ bytes: [UInt8], tag: VLANTag? = nil, isChecksumPartial: Bool = false, ingress: UInt8,
    at instant: Instant = noon
) -> (program: Outcome, interpreter: Outcome) {
    let frame = ParsedFrame.parse(bytes.span.bytes, tag: tag)
    let hits = HitCounters(for: program)
    var changed = bytes
    var changedFrame = frame
    var span = changed.mutableSpan
    var raw = span.mutableBytes
    let found = program.classify(&raw, &changedFrame, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant, hits: hits)
    if let tag = changedFrame.outermostTag, changedFrame.isTagOutOfBand, bytes.count >= 12 {
        changed.insert(contentsOf: tag.tpid.networkBytes + tag.tci.networkBytes, at: 12)
    }
    let compiled = Outcome(
        classification: found, rules: program.rules.indices.map { hits.rule($0) },
        counters: program.counters.indices.map { hits.counter($0) },
        namedCounters: program.namedCounters.indices.map { hits.namedCounter($0) },
        elements: program.elementCounters.indices.map { hits.element($0) },
        events: (0..<hits.eventCount).compactMap { hits.event($0) }, bytes: changed)

    let result = interpreter.classify(bytes.span.bytes, frame, isChecksumPartial: isChecksumPartial, ingress: ingress, at: instant)
    // The kernel's skb->len: without the Ethernet header and the tags that rules look through, and in the families of IP without padding.
    func size(_ family: Family) -> UInt64 {
        if family != .bridge { return UInt64(frame.networkLength) }
        var (vlans, seen) = (0, 0)
        frame.forEachTag(bytes.span.bytes) { tag in
            if tag.identifier > 0 { vlans += 1 }
            if vlans <= 1 { seen += 1 }
        }
        return UInt64(max(0, frame.length - 14 - 4 * seen))
    }
    func size(_ rule: Int) -> UInt64 { size(program.rules[rule].family) }
    var walked = Outcome(
        classification: result.classification, rules: program.rules.map { _ in Hits() }, counters: program.counters.map { _ in Hits() },
        namedCounters: program.namedCounters.map { _ in Hits() },
        elements: program.elementCounters.map { _ in Hits() }, events: Array(result.events.prefix(16)),
        bytes: result.bytes)
    for rule in result.matchedRules { walked.rules[rule] = walked.rules[rule] + Hits(frames: 1, bytes: size(rule)) }
    for counter in result.counters {
        walked.counters[counter] = walked.counters[counter] + Hits(frames: 1, bytes: size(program.counters[counter].rule))
    }
    for counter in result.namedCounters {
        walked.namedCounters[counter] =
            walked.namedCounters[counter] + Hits(frames: 1, bytes: size(program.namedCounters[counter].family))
    }
    for element in result.elements {
        walked.elements[element] = walked.elements[element] + Hits(frames: 1, bytes: size(program.elementCounters[element].family))
    }
    let keepsLength = changedFrame.networkLength == frame.networkLength
    return keepsLength ? (compiled, walked) : (compiled.withoutSizes, walked.withoutSizes)
}

extension Program {
    /// Runs a copy of the frame through the rules.
    func classify(
        _ bytes: [UInt8], _ frame: ParsedFrame, ingress: UInt8, at instant: Instant, hits: HitCounters
    ) -> Classification {
        var (bytes, frame) = (bytes, frame)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        return classify(&raw, &frame, ingress: ingress, at: instant, hits: hits)
    }
}
