import Classifier
import Decisions
import DescribedFrames
import Firewall
import Fragments
import FrameBuilder
import Ruleset
import Storage
import Testing
import Wire

struct JudgementCase: Sendable, CustomTestStringConvertible {
    var description: String
    /// In the words of `weir help packets`.
    var frame: String
    var policy: Policy
    var reason: Reason
    var rule: RuleIndex
    var checks = FrameChecks()
    init(
        _ description: String, _ frame: String, policy: Policy = .accept, _ reason: Reason, rule: RuleIndex = .none,
        checks: FrameChecks = FrameChecks()
    ) {
        self.checks = checks
        self.description = description
        self.frame = frame
        self.policy = policy
        self.reason = reason
        self.rule = rule
    }
    var testDescription: String { description }
}

private let ip = "ip 10.0.0.1 > 10.0.0.2"
private let ip6 = "ip6 2001:db8::1 > 2001:db8::2"

/// Rule 0 accepts TCP port 443, rule 1 drops TCP port 23.
private let cases: [JudgementCase] = [
    JudgementCase("accepted by a rule", "\(ip) tcp 1 > 443", policy: .drop, .acceptByRule, rule: 0),
    JudgementCase("dropped by a rule", "\(ip) tcp 1 > 23", .rule, rule: 1),
    JudgementCase("rejected by a rule", "\(ip) tcp 1 > 24", .reject, rule: 2),
    JudgementCase("accepted by policy", "\(ip) udp 1 > 2", .acceptByPolicy),
    JudgementCase("dropped by policy", "\(ip) udp 1 > 2", policy: .drop, .policy),
    JudgementCase("tagged", "vlan 5 \(ip) tcp 1 > 443", policy: .drop, .acceptByRule, rule: 0),
    JudgementCase("no IP", "arp request", .acceptByPolicy),
    JudgementCase("cut off Ethernet header", "\(ip) cut 13", .ethernetHeaderCutOff),
    JudgementCase("cut off IPv4 header", "\(ip) cut 33", .ipv4HeaderCutOff),
    JudgementCase("IPv4 version", "\(ip) version 3", .ipv4Version),
    JudgementCase("IPv4 header length", "\(ip) hdrlength 4", .ipv4HeaderLength),
    JudgementCase("IPv4 total length", "\(ip) length 19", .ipv4TotalLength),
    JudgementCase("IPv4 beyond the frame", "\(ip) length 21", .ipv4BeyondFrame),
    JudgementCase("cut off IPv6 header", "\(ip6) cut 53", .ipv6HeaderCutOff),
    JudgementCase("IPv6 version", "\(ip6) version 4", .ipv6Version),
    JudgementCase("IPv6 beyond the frame", "\(ip6) length 1", .ipv6BeyondFrame),
    JudgementCase("cut off IPv6 extension header", "\(ip6) nexthdr 60", .ipv6ExtensionHeaderCutOff),
    JudgementCase(
        "IPv6 jumbogram", "\(ip6) nexthdr 0 length 0 payload 0x0600c20400010000", .ipv6Jumbogram),

    JudgementCase("two VLAN tags hide the packet", "vlan 5 vlan 6 \(ip) tcp 1 > 23", .acceptByPolicy),
    JudgementCase("a third is too many", "vlan 5 vlan 6 vlan 7 \(ip) tcp 1 > 23", .vlanDepth),
    JudgementCase("or a fourth", "vlan 5 vlan 6 vlan 7 vlan 8 \(ip) tcp 1 > 23", .acceptByPolicy, checks: FrameChecks(maximumTags: 4)),
    JudgementCase("or a second", "vlan 5 vlan 6 \(ip) tcp 1 > 23", .vlanDepth, checks: FrameChecks(maximumTags: 1)),
    JudgementCase("or a first", "vlan 5 arp request", .vlanDepth, checks: FrameChecks(maximumTags: 0)),
    JudgementCase("malformed before too deep", "vlan 5 vlan 6 vlan 7 \(ip) version 3", .ipv4Version),
    JudgementCase("a fragment too deep", "vlan 5 vlan 6 vlan 7 \(ip) udp 1 > 2 payload 24 fragment 1 of 2", .vlanDepth),
    JudgementCase("a priority tag hides nothing", "vlan 0 \(ip) tcp 1 > 23", .rule, rule: 1),
    JudgementCase("nor do four, and none counts", "vlan 0 vlan 0 vlan 0 vlan 0 \(ip) tcp 1 > 23", .rule, rule: 1),
    JudgementCase("nor around a VLAN's", "vlan 0 vlan 0 tpid 8021ad vlan 5 vlan 0 vlan 0 \(ip) tcp 1 > 23", .rule, rule: 1),
    JudgementCase("but behind two VLANs it is out of sight", "vlan 5 vlan 0 vlan 6 \(ip) tcp 1 > 23", .acceptByPolicy),
]

private func program(_ policy: Policy) throws(ProgramError) -> Program {
    try program(
        policy: policy,
        [
            rule(match(.metaL4proto, .number(6), implied: true), match(.tcpDport, .number(443)), verdict(.accept)),
            rule(match(.metaL4proto, .number(6), implied: true), match(.tcpDport, .number(23)), counter, verdict(.drop)),
            rule(match(.metaL4proto, .number(6), implied: true), match(.tcpDport, .number(24)), verdict(.reject(.tcpReset))),
        ])
}

@Suite struct JudgementTests {
    @Test("every frame gets a verdict with its reason, and is counted under it alone", arguments: cases)
    func judgement(_ test: JudgementCase) throws {
        let program = try program(test.policy)
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters, checks: test.checks)
        var bytes = try described(test.frame)
        let judgement = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)

        let accepted: [Reason] = [.acceptByRule, .acceptByPolicy]
        #expect(judgement.reason == test.reason)
        #expect(judgement.verdict == (accepted.contains(test.reason) ? .accept : test.reason == .reject ? .reject : .drop))
        #expect(judgement.rule == test.rule)
        #expect(judgement.frame == ParsedFrame.parse(bytes.span.bytes, tag: nil))

        let snapshot = counters.snapshot()
        for reason in Reason.allCases {
            let isIt = reason == test.reason
            #expect(snapshot[reason] == Hits(frames: isIt ? 1 : 0, bytes: isIt ? UInt64(bytes.count) : 0))
        }
        #expect(snapshot.rules.map(\.frames) == [test.rule == 0 ? 1 : 0, test.rule == 1 ? 1 : 0, test.rule == 2 ? 1 : 0])
        #expect(snapshot.counters.map(\.frames) == [test.rule == 1 ? 1 : 0])
    }

    @Test func `every reason stands in the table, under a name of its own`() {
        // What a frame alone can't have stands in the tests of fragments, flows and links.
        let ofFragments = FragmentDeath.allCases.map { Reason($0) } + [.fragmentChanged, .flowLimit, .flowShare, .tooBig, .notSent, .held]
        let ofStrictness: [Reason] = [.sourceMAC, .sourceAddress, .hopByHopOptions]
        #expect(Set(cases.map(\.reason)) == Set(Reason.allCases).subtracting(ofFragments + ofStrictness))
        #expect(Set(Reason.allCases.map(\.name)).count == Reason.allCases.count)
        #expect(Malformation.allCases.allSatisfy { Reason($0).name == $0.name })
        #expect(Irregularity.allCases.allSatisfy { Reason($0).name == $0.name })
    }

    @Test func `a tag apart counts in a frame's length`() throws {
        let program = try program(.accept)
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters)
        var (bytes, tag) = try #require(takeOutTag(of: described("vlan 5 \(ip) tcp 1 > 443")))
        _ = firewall.judge(&bytes, tag: tag, ingress: 1, at: noon)
        #expect(counters.snapshot()[.acceptByRule] == Hits(frames: 1, bytes: 58))
        #expect(counters.snapshot().rules[0] == Hits(frames: 1, bytes: 40))
    }

    @Test func `another program takes over with counters of its own, and snapshots add up`() throws {
        let (first, second) = (try program(.accept), try program(.drop))
        let (before, after) = (FirewallCounters(for: first), FirewallCounters(for: second))
        var firewall = Firewall(program: first, counters: before)
        var bytes = try described("\(ip) udp 1 > 2")
        let accepted = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)
        firewall.use(second, counters: after, generation: 1)
        let dropped = firewall.judge(&bytes, tag: nil, ingress: 0, at: noon)

        #expect(accepted.reason == .acceptByPolicy)
        #expect(dropped.reason == .policy)
        #expect(before.snapshot()[.policy].frames == 0)
        #expect(after.snapshot()[.acceptByPolicy].frames == 0)
        let sum = before.snapshot() + after.snapshot()
        #expect(sum[.acceptByPolicy].frames == 1 && sum[.policy].frames == 1)
    }

    @Test("no bytes crash it, and each frame is counted once", arguments: 1...4 as ClosedRange<UInt64>)
    func mutated(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let program = try tenRules()
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters)
        let samples = SampleFrames.all.map(\.frame.bytes)
        for _ in 0..<5_000 {
            var bytes = random.pick(samples)
            for _ in 0..<3 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if random.oneIn(3) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
            let tag = random.oneIn(2) ? VLANTag(tpid: 0x8100, tci: 5) : nil
            _ = firewall.judge(&bytes, tag: tag, ingress: UInt8.random(in: 0...255, using: &random), at: noon)
            repeat { while firewall.nextDeparture(at: noon.monotonic) != nil {} } while firewall.finishDepartures()
        }
        let snapshot = counters.snapshot()
        #expect(snapshot.reasons.reduce(0) { $0 + $1.frames } + snapshot.held.frames == 5_000)
    }
}
