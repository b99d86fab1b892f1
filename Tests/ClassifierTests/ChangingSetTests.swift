import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Storage
import Testing
import Wire

/// Rules that change a set, and frames of some hosts at some times with what becomes of them.
struct ChangingSetCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var set: String
    var rule: String
    /// The last octet of the source address, the time in seconds, and whether the rule drops the frame.
    var frames: [(host: Int, at: Double, isDropped: Bool)]

    init(_ description: String, set: String, _ rule: String, _ frames: [(host: Int, at: Double, isDropped: Bool)]) {
        testDescription = description
        self.set = set
        self.rule = rule
        self.frames = frames
    }
}

private let cases: [ChangingSetCase] = [
    ChangingSetCase(
        "what was added is there for the next frame", set: "flags dynamic", "ip saddr @s drop\nadd @s { ip saddr }",
        [(1, 0, false), (1, 1, true), (2, 2, false), (2, 3, true)]),
    ChangingSetCase(
        "an element lives as long as its timeout", set: "timeout 10s", "ip saddr @s drop\nadd @s { ip saddr }",
        [(1, 0, false), (1, 9.9, true), (1, 10, false), (1, 19, true), (1, 20, false)]),
    ChangingSetCase(
        "add leaves the timeout as it is", set: "timeout 10s", "ip saddr @s add @s { ip saddr } drop\nadd @s { ip saddr }",
        [(1, 0, false), (1, 8, true), (1, 10, false)]),
    ChangingSetCase(
        "update begins it anew", set: "timeout 10s", "ip saddr @s update @s { ip saddr } drop\nadd @s { ip saddr }",
        [(1, 0, false), (1, 8, true), (1, 16, true), (1, 26, false)]),
    ChangingSetCase(
        "a rule's own timeout counts", set: "flags dynamic,timeout; timeout 10s", "ip saddr @s drop\nadd @s { ip saddr timeout 2s }",
        [(1, 0, false), (1, 1, true), (1, 2, false)]),
    ChangingSetCase(
        "a full set takes no more, and the rule does not match", set: "flags dynamic; size 2", "add @s { ip saddr } drop",
        [(1, 0, true), (2, 0, true), (3, 0, false), (1, 0, true)]),
    ChangingSetCase(
        "what has expired makes room", set: "size 2; timeout 5s", "add @s { ip saddr } drop",
        [(1, 0, true), (2, 1, true), (3, 2, false), (3, 5, true), (4, 5, false), (4, 6, true)]),
    ChangingSetCase(
        "deleted is gone", set: "flags dynamic", "ip saddr @s delete @s { ip saddr } drop\nadd @s { ip saddr }",
        [(1, 0, false), (1, 0, true), (1, 0, false), (1, 0, true)]),
    ChangingSetCase(
        "a limit for each element", set: "flags dynamic", "add @s { ip saddr limit rate over 1/minute burst 1 packets } drop",
        [(1, 0, false), (2, 0, false), (1, 1, true), (2, 1, true), (1, 60, false), (2, 60, false)]),
    ChangingSetCase(
        "a quota for each element", set: "flags dynamic", "update @s { ip saddr quota over 92 bytes } drop",
        [(1, 0, false), (1, 0, false), (2, 0, false), (1, 0, true), (2, 0, false), (2, 0, true)]),
    ChangingSetCase(
        "the set's own statements", set: "flags dynamic; limit rate 1/day burst 2 packets", "add @s { ip saddr } drop",
        [(1, 0, true), (1, 0, true), (1, 0, false), (2, 0, true)]),
    ChangingSetCase(
        "a lookup evaluates an element's statements too", set: "flags dynamic; limit rate 1/day burst 2 packets; elements = { 10.0.0.1 }",
        "ip saddr @s drop", [(1, 0, true), (1, 0, true), (1, 0, false), (2, 0, false)]),
    ChangingSetCase(
        "one that is not to find leaves them alone", set: "flags dynamic; limit rate 1/day burst 2 packets; elements = { 10.0.0.1 }",
        "ip saddr != @s accept\nip saddr @s drop", [(1, 0, true), (1, 0, true), (1, 0, false), (2, 0, false)]),
    ChangingSetCase(
        "elements of the file with their timeouts", set: "flags timeout; elements = { 10.0.0.1 timeout 5s, 10.0.0.2 }", "ip saddr @s drop",
        [(1, 4.9, true), (1, 5, false), (2, 99, true)]),
    ChangingSetCase(
        "a masked key is one for its network", set: "flags dynamic; size 1", "add @s { ip saddr & 255.255.255.0 } drop",
        [(1, 0, true), (2, 0, true)]),
    ChangingSetCase(
        "a meter", set: "flags dynamic", "meter m size 2 { ip saddr limit rate over 1/day burst 1 packets } drop",
        [(1, 0, false), (1, 0, true), (2, 0, false), (3, 0, false), (3, 0, false), (2, 0, true)]),
]

/// The same with declarations of their own in place of the set.
private let declaredCases: [ChangingSetCase] = [
    ChangingSetCase(
        "a key of several fields", set: "set s { type ipv4_addr . inet_service; flags dynamic; elements = { 10.0.0.9 . 2 }; }",
        "ip saddr . udp dport @s drop\nadd @s { ip saddr . udp dport }",
        [(1, 0, false), (1, 0, true), (2, 0, false), (2, 0, true), (9, 0, true)]),
    ChangingSetCase(
        "a key as wide as the kernel's registers",
        set: "set s { typeof ip saddr . @nh,0,128 . @ll,0,112 . @nh,32,64 . ip daddr; flags dynamic; size 2; }",
        "ip saddr . @nh,0,128 . @ll,0,112 . @nh,32,64 . ip daddr @s drop\nadd @s { ip saddr . @nh,0,128 . @ll,0,112 . @nh,32,64 . ip daddr }",
        [(1, 0, false), (2, 0, false), (3, 0, false), (1, 0, true), (2, 0, true), (3, 0, false)]),
    ChangingSetCase(
        "the deleted and the expired of such a set make room",
        set: "set s { type ipv4_addr . inet_service . ether_addr . inet_proto . ipv4_addr; size 2; timeout 5s; }",
        "add @s { ip saddr . udp dport . ether saddr . ip protocol . ip daddr } drop",
        [(1, 0, true), (2, 1, true), (3, 2, false), (3, 5, true), (4, 5, false), (4, 6, true)]),
    ChangingSetCase(
        "a port in the key", set: "set s { typeof ether saddr . iifname; flags dynamic; elements = { 1:2:3:4:5:6 . \"far0\" }; }",
        "ether saddr . iifname @s drop\nether saddr . oifname @s drop\nadd @s { ether saddr . iifname }",
        [(1, 0, false), (1, 0, true), (2, 0, true)]),
    ChangingSetCase(
        "turned bits", set: "set s { type ipv4_addr; flags dynamic; }", "ip saddr @s drop\nadd @s { ip saddr ^ 0.0.0.1 }",
        [(2, 0, false), (2, 0, false), (3, 0, true)]),
    ChangingSetCase(
        "code points are shifted to their end", set: "set s { typeof ip dscp; flags dynamic; elements = { 0 }; }", "ip dscp @s drop",
        [(1, 0, true)]),
    ChangingSetCase(
        "what a map that rules change has for the key", set: "map s { type ipv4_addr : mark; flags dynamic; elements = { 10.0.0.9 : 7 }; }",
        "meta mark set ip saddr map @s\nmeta mark 7 drop\nadd @s { ip saddr : 7 }", [(9, 0, true), (1, 0, false), (1, 0, true)]),
    ChangingSetCase(
        "a map of keys of more than 16 octets",
        set:
            "map s { typeof ip saddr . @nh,0,128 . ip daddr : mark; flags dynamic; size 2; }",
        "meta mark set ip saddr . @nh,0,128 . ip daddr map @s\nmeta mark 7 drop\nadd @s { ip saddr . @nh,0,128 . ip daddr : 7 }",
        [(1, 0, false), (2, 0, false), (1, 0, true), (3, 0, false), (3, 0, false), (2, 0, true)]),
    ChangingSetCase(
        "update leaves what an element is mapped to",
        set: "map s { type ipv4_addr : mark; flags dynamic,timeout; timeout 10s; }",
        "meta mark set ip saddr map @s\nmeta mark 1 drop\nupdate @s { ip saddr : meta mark | 1 }",
        [(1, 0, false), (1, 1, true), (1, 9, true), (1, 10, false)]),
    ChangingSetCase(
        "an element's own limit in a map ends the rule",
        set:
            "map s { type ipv4_addr : mark; flags dynamic; limit rate 1/day burst 1 packets; elements = { 10.0.0.1 : 1, 10.0.0.2 limit rate 1/day burst 2 packets : 1 }; }",
        "meta mark set ip saddr map @s drop",
        [(1, 0, true), (1, 0, false), (2, 0, true), (2, 0, true), (2, 0, false)]),
    ChangingSetCase(
        "what is left of a timeout", set: "set s { type ipv4_addr; timeout 9s; elements = { 10.0.0.1 expires 5s, 10.0.0.2 }; }",
        "ip saddr @s drop",
        [(1, 4.9, true), (1, 5, false), (2, 8.9, true), (2, 9, false)]),
    ChangingSetCase(
        "a map to limits",
        set:
            "limit a { rate 1/day burst 1 packets\n}\nlimit b { rate 1/day burst 2 packets\n}\nmap s { type ipv4_addr : limit; elements = { 10.0.0.1 : \"a\", 10.0.0.2 : \"b\", 10.0.0.3 : \"b\" }; }",
        "limit name ip saddr map @s drop",
        [(1, 0, true), (1, 0, false), (2, 0, true), (3, 0, true), (2, 0, false), (4, 0, false)]),
    ChangingSetCase(
        "a map to quotas", set: "quota a { over 50 bytes\n}",
        "quota name ip saddr . udp dport map { 10.0.0.1 . 2 : \"a\", 10.0.0.2 . 0-9 : \"a\" } drop",
        [(1, 0, false), (3, 0, false), (2, 0, true)]),
]

@Suite struct ChangingSetTests {
    @Test("sets change as the kernel's do", arguments: cases)
    func changing(_ test: ChangingSetCase) throws { try run(test, "set s { type ipv4_addr; \(test.set); }") }

    @Test("so do wide ones, and maps", arguments: declaredCases)
    func declared(_ test: ChangingSetCase) throws { try run(test, test.set) }

    private func run(_ test: ChangingSetCase, _ declarations: String) throws {
        let text = """
            table bridge t {
            \(declarations)
            chain c { type filter hook forward priority 0;
            \(test.rule)
            }
            }

            """
        let ruleset = try Ruleset.read(SourceFile(name: "t", text: text)).ruleset
        let start = Instant(monotonic: 5_000_000_000, sinceEpoch: 0)
        let program = try Program(compiling: ruleset, ports: ports, start: start)
        let interpreter = Interpreter(ruleset, ports: ports, start: start)
        for (number, frame) in test.frames.enumerated() {
            let bytes = Frame.ethernet().ipv4("10.0.0.\(frame.host)").udp(1, 2).payload(18).bytes
            let now = Instant(monotonic: 5_000_000_000 + UInt64(frame.at * 1_000_000_000), sinceEpoch: 0)
            let found = classifyBothWays(program, interpreter, bytes, ingress: 0, at: now)
            #expect((found.program.classification.verdict == .drop) == frame.isDropped, "frame \(number)")
            #expect(found.interpreter == found.program, "frame \(number)")
        }
    }

    @Test func `a large set holds what it was given, and no more than it has room for`() throws {
        let text =
            "table bridge t {\nset s { type ipv4_addr; size 5000; timeout 1h; }\nchain c { type filter hook forward priority 0;\nadd @s { ip saddr } drop\n}\n}\n"
        let ruleset = try Ruleset.read(SourceFile(name: "t", text: text)).ruleset
        let program = try Program(compiling: ruleset, ports: ports)
        let hits = HitCounters(for: program)
        func drops(_ host: Int, at seconds: UInt64) -> Bool {
            let bytes = Frame.ethernet().ipv4("10.0.\(host / 256).\(host % 256)").udp(1, 2).bytes
            let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
            let now = Instant(monotonic: seconds * 1_000_000_000, sinceEpoch: 0)
            return program.classify(bytes, frame, ingress: 0, at: now, hits: hits).verdict == .drop
        }
        for host in 0..<6_000 { #expect(drops(host, at: 1) == (host < 5_000), "\(host)") }
        for host in 0..<6_000 { #expect(drops(host, at: 2) == (host < 5_000), "\(host)") }
        // All have expired; each insertion gives back more than it takes.
        for host in 6_000..<11_000 { #expect(drops(host, at: 3_602), "\(host)") }
        #expect(!drops(0, at: 3_602))
    }
}
