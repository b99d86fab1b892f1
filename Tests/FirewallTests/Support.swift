import Classifier
import Decisions
import Firewall
import FrameBuilder
import Ruleset
import Storage
import Wire

/// Twelve o'clock on the first of January 2026.
let noon = Instant(monotonic: 1_000_000_000_000, sinceEpoch: 1_767_268_800_000_000_000)

let nowhere = SourceLocation(file: 0, line: 1, column: 1, length: 1)

func match(_ field: Field, _ value: Value, implied: Bool = false) -> Statement {
    .match(Match(field: field, operand: .single(value), isImplied: implied, location: nowhere))
}

func verdict(_ verdict: Verdict) -> Statement { .verdict(verdict, location: nowhere) }

let counter = Statement.counter(packets: 0, bytes: 0, location: nowhere)

func rule(_ statements: Statement...) -> Rule { Rule(statements: statements, comment: nil, location: nowhere) }

/// A rule set of one base chain, compiled.
func program(policy: Policy, _ rules: [Rule]) throws(ProgramError) -> Program {
    let chain = Chain(
        name: "forward", base: BaseChain(hook: .forward, priority: 0, policy: policy), rules: rules, location: nowhere)
    let table = Table(family: .bridge, name: "filter", chains: [chain], location: nowhere)
    return try Program(compiling: Ruleset(sources: [], tables: [table]), ports: ["near0", "far0"])
}

/// `tcp dport 443`, with the matches that nft puts in front of it.
func tcpPort(_ port: UInt128) -> [Statement] {
    [match(.metaL4proto, .number(6), implied: true), match(.tcpDport, .number(port))]
}

/// Ten rules as people write them; a frame to UDP port 10,000 meets all of them.
func tenRules() throws(ProgramError) -> Program {
    func tcp(_ port: UInt128) -> Rule { Rule(statements: tcpPort(port) + [verdict(.accept)], comment: nil, location: nowhere) }
    func udp(_ value: Value) -> Rule {
        rule(match(.metaL4proto, .number(17), implied: true), match(.udpDport, value), verdict(.accept))
    }
    return try program(
        policy: .drop,
        [
            rule(match(.etherType, .number(0x0806)), verdict(.accept)),
            rule(
                match(.metaProtocol, .number(0x0800), implied: true),
                match(.ipSaddr, .prefix(ipv4Address("192.0.2.0"), length: 24)), counter, verdict(.drop)),
            rule(
                match(.metaProtocol, .number(0x86dd), implied: true),
                match(.ip6Saddr, .prefix(ipv6Address("2001:db8::"), length: 32)), verdict(.drop)),
            tcp(22), tcp(80), tcp(443),
            udp(.number(53)), udp(.range(123, 124)),
            rule(match(.metaL4proto, .number(1), implied: true), match(.icmpType, .number(8)), verdict(.accept)),
            udp(.range(9_000, 10_000)),
        ])
}

/// A chain that is long enough for an index, over addresses of both kinds; most of its rules let a frame go on.
func indexedRules() throws(ProgramError) -> Program {
    try program(
        policy: .drop,
        (0..<300).map { number in
            let address = UInt128(number) << 8
            let last: Statement = number % 50 == 49 ? verdict(.accept) : counter
            return number % 2 == 0
                ? rule(
                    match(.metaProtocol, .number(0x0800), implied: true), match(.ipSaddr, .range(address, 0xffff_ffff - address)),
                    match(.thDport, .range(0, UInt128(65535 - number))), last)
                : rule(
                    match(.metaProtocol, .number(0x86dd), implied: true),
                    match(.ip6Saddr, .range(address, .max - address)), last)
        })
}

/// Concatenations, maps, elements that count and marks.
func keyRules() throws -> Program {
    let text = """
        table bridge filter {
            set services {
                type ipv4_addr . inet_service
                flags interval
                counter
                elements = { 192.0.2.0/24 . 80-90, 198.51.100.7 . 53, * }
            }
            set hosts {
                typeof ether saddr . ip saddr
                elements = { 02:77:00:00:00:01 . 192.0.2.1, 02:77:00:00:00:02 . 192.0.2.2 }
            }
            map marks {
                type inet_proto : mark
                elements = { tcp : 1, udp : 2, * : 3 }
            }
            chain forward {
                type filter hook forward priority filter; policy drop;
                meta mark set meta l4proto map @marks
                ip saddr . tcp dport @services counter
                ether saddr . ip saddr @hosts drop
                meta mark | 1 == 3 counter
                meta mark . iifname vmap { 1 . "near0" : accept, 2 . "far*" : drop, * : continue }
            }
        }

        """
    let (ruleset, _) = try Ruleset.read(SourceFile(name: "keys.nft", text: text))
    return try Program(compiling: ruleset, ports: ["near0", "far0"])
}

extension Firewall {
    /// Judges the frame in an array, which rules may change.
    mutating func judge(
        _ bytes: inout [UInt8], tag: VLANTag?, isChecksumValid: Bool = false, ingress: UInt8, at instant: Instant
    ) -> Judgement {
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        return judge(&raw, tag: tag, isChecksumValid: isChecksumValid, ingress: ingress, at: instant)
    }
}
