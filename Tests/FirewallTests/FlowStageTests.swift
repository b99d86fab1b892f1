import Classifier
import Decisions
import Firewall
import Flows
import Fragments
import FrameBuilder
import Ruleset
import Storage
import Testing
import Wire

/// Frames on a wire between two hosts, one after the other.
private struct Wire: ~Copyable {
    var firewall: Firewall
    var now = noon

    init(_ rules: String, flows: FlowSettings = FlowSettings(flows: 64, flowsPerSource: 64), fragments: FragmentMode = .reassemble) throws {
        let program = try Self.program(rules)
        firewall = Firewall(
            program: program, counters: FirewallCounters(for: program), fragments: FragmentGatherer(mode: fragments), flows: flows,
            start: noon.monotonic)
    }

    static func program(_ rules: String) throws -> Program {
        try Program(compiling: Ruleset.read(SourceFile(name: "rules", text: rules)).ruleset, ports: ["near0", "far0"])
    }

    mutating func use(_ rules: String, generation: UInt32 = 1, rechecks: Bool = false) throws {
        let program = try Self.program(rules)
        firewall.use(
            program, counters: FirewallCounters(for: program), generation: generation,
            newFlows: NewFlows(settings: FlowSettings(flows: 64, flowsPerSource: 64), start: now.monotonic, isNeeded: true),
            rechecksFlows: rechecks)
    }

    /// - Parameter isBack: From the far host.
    mutating func take(_ frame: Frame, isBack: Bool = false) -> Reason {
        var bytes = frame.bytes
        return firewall.judge(&bytes, tag: nil, ingress: isBack ? 1 : 0, at: now).reason
    }

    mutating func wait(_ seconds: UInt64) {
        now.monotonic += seconds * 1_000_000_000
        now.sinceEpoch += seconds * 1_000_000_000
    }

    /// Its flows.
    func flows() -> [FlowDescription] {
        var found: [FlowDescription] = []
        _ = firewall.flows(from: 0, count: 64, at: now) { _, flow in found.append(flow) }
        return found
    }
}

private func chain(_ rules: String, policy: String = "drop") -> String {
    "table bridge t {\nchain c {\ntype filter hook forward priority 0; policy \(policy);\n\(rules)\n}\n}\n"
}

private func udp(_ port: UInt16, from client: UInt16 = 1000) -> Frame { Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(client, port) }
private func answer(_ port: UInt16, to client: UInt16 = 1000) -> Frame { Frame.ethernet().ipv4("10.0.0.2", "10.0.0.1").udp(port, client) }

/// Connections on the way of a frame: what rules see, and what they leave behind.
@Suite struct FlowStageTests {
    private static let stateful = chain(
        """
        ct state established,related accept
        ct state invalid drop
        ct state untracked accept
        ct state new udp dport 53 accept
        """)

    @Test func `answers pass, and nothing else from that side`() throws {
        var wire = try Wire(Self.stateful)
        #expect(wire.take(answer(53), isBack: true) == .policy)
        #expect(wire.flows().isEmpty, "what was dropped begins nothing")
        #expect(wire.take(udp(53)) == .acceptByRule)
        #expect(wire.take(answer(53), isBack: true) == .acceptByRule)
        #expect(wire.take(answer(53, to: 1001), isBack: true) == .policy)
        #expect(wire.take(udp(54)) == .policy)
        #expect(wire.flows().map(\.originalPackets) == [1] && wire.flows().map(\.replyPackets) == [1])
        wire.wait(31)
        #expect(wire.take(answer(53), isBack: true) == .policy, "it has ended")
    }

    @Test(
        "what can't belong to a connection",
        arguments: [
            ("ARP", Frame.ethernet().arp(), .acceptByRule),
            ("neighbour discovery", Frame.ethernet().ipv6("fe80::1", "ff02::1:ff00:2").icmpv6(135).payload(20), .acceptByRule),
            ("an answer to no echo request", Frame.ethernet().ipv4().icmp(0), .rule),
            ("an EtherType of its own", Frame.ethernet(type: 0x88b5).payload(46), .acceptByRule),
        ] as [(String, Frame, Reason)])
    func alone(_ what: String, _ frame: Frame, _ reason: Reason) throws {
        // The frames' checksums are not what is asked for here.
        var settings = FlowSettings(flows: 64, flowsPerSource: 64)
        settings.verifiesChecksums = false
        var wire = try Wire(Self.stateful, flows: settings)
        #expect(wire.take(frame) == reason, "\(what)")
        #expect(wire.flows().isEmpty)
    }

    @Test func `rules in front of tracking see no connection, and keep packets out of it`() throws {
        var wire = try Wire(
            """
            table bridge t {
                chain early { type filter hook prerouting priority -300; ct state invalid udp dport 53 notrack; }
                chain c { type filter hook forward priority 0; policy drop; ct state untracked accept; ct state new meta mark set 1; }
            }
            """)
        #expect(wire.take(udp(53)) == .acceptByRule)
        #expect(wire.flows().isEmpty)
        #expect(wire.take(udp(54)) == .policy)
    }

    @Test func `a mark stays with its connection, also when the packet doesn't pass`() throws {
        var wire = try Wire(
            chain("ct mark 7 drop\nudp dport 53 accept\nudp sport 53 ct mark set 7 drop"))
        #expect(wire.take(udp(53)) == .acceptByRule)
        #expect(wire.take(answer(53), isBack: true) == .rule)
        #expect(wire.flows().map(\.mark) == [7])
        #expect(wire.take(udp(53)) == .rule)
    }

    @Test func `a connection has the timeouts that a rule gives it`() throws {
        var wire = try Wire(
            """
            table ip t {
                ct timeout short {
                    protocol udp
                    policy = { unreplied : 3, replied : 5 }
                }
                chain c { type filter hook forward priority 0; udp dport 53 ct timeout set "short"; }
            }
            """)
        #expect(wire.take(udp(53)) == .acceptByPolicy)
        #expect(wire.take(udp(54)) == .acceptByPolicy)
        #expect(wire.flows().map { $0.expiration / 100_000_000 } == [30, 300])
    }

    @Test func `without room for its connection a packet doesn't pass`() throws {
        var wire = try Wire(Self.stateful, flows: FlowSettings(flows: 16, flowsPerSource: 16))
        for client in 0..<16 as Range<UInt16> {
            for second in [0, 3] as [UInt64] {
                wire.wait(second)
                #expect(wire.take(udp(53, from: client)) == .acceptByRule)
                #expect(wire.take(answer(53, to: client), isBack: true) == .acceptByRule)
            }
        }
        #expect(wire.flows().allSatisfy { $0.status & FlowDescription.Status.assured != 0 })
        #expect(wire.take(udp(53, from: 99)) == .flowLimit)
        #expect(wire.take(udp(53, from: 3)) == .acceptByRule, "those that are followed go on")
    }

    @Test func `a datagram in fragments is one packet of its connection`() throws {
        var wire = try Wire(chain("ct state new accept"))
        let datagram: [UInt8] = [3, 232, 0, 53, 0, 24, 0, 0] + [UInt8](repeating: 7, count: 16)
        for (offset, part) in [(0, datagram[..<8]), (8, datagram[8...])] {
            _ = wire.take(
                Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2", more: offset == 0, fragmentOffset: offset, protocolNumber: 17)
                    .payload(Array(part)))
        }
        var reasons: [Reason] = []
        while let departure = wire.firewall.nextDeparture(at: noon.monotonic) { reasons.append(departure.judgement.reason) }
        #expect(reasons == [.acceptByRule, .acceptByRule])
        #expect(wire.flows().map(\.originalPackets) == [1] && wire.flows().map(\.originalBytes) == [44])
    }

    // MARK: New rules

    @Test func `connections outlive a change of rules`() throws {
        var wire = try Wire(Self.stateful)
        #expect(wire.take(udp(53)) == .acceptByRule)
        try wire.use(chain("ct state established accept"))
        #expect(wire.take(answer(53), isBack: true) == .acceptByRule)
        #expect(wire.take(udp(53, from: 2)) == .policy)
    }

    @Test func `rechecked, a connection goes on that could begin today, and another ends`() throws {
        var wire = try Wire(chain("accept\nct state new accept"))
        for port in [53, 54] as [UInt16] {
            #expect(wire.take(udp(port)) == .acceptByRule)
            #expect(wire.take(answer(port), isBack: true) == .acceptByRule)
        }
        try wire.use(Self.stateful, rechecks: true)
        #expect(wire.take(answer(54), isBack: true) == .acceptByRule, "what comes back goes on until then")
        #expect(wire.take(udp(53)) == .acceptByRule)
        #expect(wire.take(answer(53), isBack: true) == .acceptByRule)
        #expect(wire.take(udp(54)) == .policy)
        #expect(wire.take(answer(54), isBack: true) == .policy, "it has ended")
        #expect(wire.flows().count == 1)
    }

    @Test func `rechecked, a connection is established to the rules from then on`() throws {
        var wire = try Wire(chain("accept\nct state new accept"))
        #expect(wire.take(udp(53)) == .acceptByRule)
        #expect(wire.take(answer(53), isBack: true) == .acceptByRule)
        try wire.use(chain("ct state established accept\nlimit rate 1/hour burst 1 packets accept"), rechecks: true)
        for _ in 0..<2 { #expect(wire.take(udp(53)) == .acceptByRule) }
    }

    @Test func `rechecked, a connection without an answer ends too, and its answer doesn't pass`() throws {
        var wire = try Wire(chain("accept\nct state new accept"))
        #expect(wire.take(udp(54)) == .acceptByRule)
        try wire.use(Self.stateful, rechecks: true)
        #expect(wire.take(udp(54)) == .policy)
        #expect(wire.flows().isEmpty)
        #expect(wire.take(answer(54), isBack: true) == .policy)
    }

    @Test func `a wrong checksum is invalid, unless somebody has looked at it`() throws {
        var wire = try Wire(Self.stateful)
        let datagram = udp(53)
        let wrong = datagram.patched(40, [0xba, 0xad])
        #expect(wire.take(datagram) == .acceptByRule)
        #expect(wire.take(wrong) == .rule)
        var bytes = wrong.bytes
        #expect(wire.firewall.judge(&bytes, tag: nil, isChecksumValid: true, ingress: 0, at: noon).reason == .acceptByRule)
    }

    @Test func `rules that are the first to ask for connections follow them from there on`() throws {
        var wire = try Wire(chain("accept"))
        #expect(wire.take(udp(53)) == .acceptByRule)
        #expect(wire.flows().isEmpty)
        try wire.use(Self.stateful)
        #expect(wire.take(answer(53), isBack: true) == .policy)
        #expect(wire.take(udp(53)) == .acceptByRule)
        #expect(wire.take(answer(53), isBack: true) == .acceptByRule)
        try wire.use(chain("accept"), generation: 2)
        wire.wait(20)
        #expect(wire.take(udp(53)) == .acceptByRule, "followed also by rules that don't ask")
        wire.wait(20)
        try wire.use(Self.stateful, generation: 3)
        #expect(wire.take(answer(53), isBack: true) == .acceptByRule, "and are not forgotten meanwhile")
    }

    @Test func `counts of flows go with the rules in force`() throws {
        let program = try Wire.program(Self.stateful)
        let (before, after) = (FirewallCounters(for: program), FirewallCounters(for: program))
        var firewall = Firewall(
            program: program, counters: before, flows: FlowSettings(flows: 64, flowsPerSource: 64), start: noon.monotonic)
        var bytes = udp(53).bytes
        #expect(firewall.judge(&bytes, tag: nil, ingress: 0, at: noon).verdict == .accept)
        firewall.countFlows()
        #expect(before.snapshot().flows.prefix(3) == [1, 1, 1], "followed, new, confirmed")
        firewall.use(program, counters: after, generation: 1)
        #expect(before.snapshot().flows.allSatisfy { $0 == 0 })
        #expect(after.snapshot().flows.prefix(3) == [1, 1, 1])
    }
}
