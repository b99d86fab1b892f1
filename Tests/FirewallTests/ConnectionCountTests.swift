import Classifier
import Decisions
import Firewall
import Flows
import FrameBuilder
import Ruleset
import Storage
import Testing
import Wire

/// `ct count` over connections that are followed: net/netfilter/nf_conncount.c.
@Suite struct ConnectionCountTests {
    private static func program(_ rules: String) throws -> Program {
        let text = """
            table inet t {
            set sources { type ipv4_addr; size 3; flags dynamic; }
            chain c { type filter hook forward priority 0; policy accept;
            \(rules)
            }
            }

            """
        return try Program(compiling: Ruleset.read(SourceFile(name: "count", text: text)).ruleset, ports: ["near0", "far0"])
    }

    private static func firewall(
        _ program: Program, _ connections: FlowRegistry = FlowRegistry(), flows: Int = 1_024
    ) -> Firewall {
        var settings = FlowSettings(flows: flows, flowsPerSource: flows)
        settings.verifiesChecksums = false
        return Firewall(
            program: program, counters: FirewallCounters(for: program), flows: settings, connections: connections,
            start: noon.monotonic)
    }

    private static func instant(_ seconds: UInt64) -> Instant {
        Instant(monotonic: noon.monotonic + seconds * 1_000_000_000, sinceEpoch: noon.sinceEpoch)
    }

    private static func datagram(_ port: UInt16, from source: String = "10.0.0.1") -> [UInt8] {
        Frame.ethernet().ipv4(source, "10.0.0.2").udp(port, 53).payload(8).bytes
    }

    /// TCP to port 80, or the answer from there.
    private static func segment(
        _ port: UInt16, _ flags: UInt8, _ sequence: UInt32, _ acknowledgement: UInt32, isAnswer: Bool = false, client: String = "10.0.0.1"
    ) -> [UInt8] {
        let (from, to) = isAnswer ? ("10.0.0.2", client) : (client, "10.0.0.2")
        let ports: [UInt16] = isAnswer ? [80, port] : [port, 80]
        let header = ports.flatMap(\.networkBytes) + sequence.networkBytes + acknowledgement.networkBytes
        return Frame.ethernet().ipv4(from, to).ipPayload(6, header + [0x50, flags, 0xff, 0xff, 0, 0, 0, 0]).bytes
    }

    private func passes(_ firewall: inout Firewall, _ bytes: [UInt8], ingress: UInt8 = 0, after seconds: UInt64 = 0) -> Bool {
        var bytes = bytes
        return firewall.judge(&bytes, tag: nil, ingress: ingress, at: Self.instant(seconds)).verdict == .accept
    }

    @Test func `so many connections pass, their packets too, and those beyond when others have ended`() throws {
        var firewall = Self.firewall(try Self.program("ct count over 2 drop"))
        for port in [1, 2] as [UInt16] { #expect(passes(&firewall, Self.datagram(port))) }
        for _ in 0..<3 { #expect(!passes(&firewall, Self.datagram(3), after: 10)) }
        #expect(passes(&firewall, Self.datagram(1), after: 20))
        // The second has been silent for longer than 30 seconds.
        #expect(passes(&firewall, Self.datagram(3), after: 31))
        #expect(!passes(&firewall, Self.datagram(4), after: 31))
    }

    @Test func `a count goes on with new rules in which it is the same, and begins again in others`() throws {
        let first = try Self.program("ct count over 2 drop")
        var firewall = Self.firewall(first)
        for port in [1, 2] as [UInt16] { #expect(passes(&firewall, Self.datagram(port))) }
        var program = first
        for (generation, rules) in ["counter\nct count over 2 drop", "ct count over 3 drop"].enumerated() {
            let text = "table inet t {\n chain c { type filter hook forward priority 0; policy accept;\n\(rules)\n}\n}\n"
            let inheritance = StateInheritance(from: program)
            program = try Program(
                compiling: Ruleset.read(SourceFile(name: "count", text: text)).ruleset, ports: ["near0", "far0"], inheriting: inheritance)
            program.commit()
            firewall.use(program, counters: FirewallCounters(for: program), generation: UInt32(generation + 1))
            #expect(inheritance.outcome(at: noon).kept.connectionCounts == (generation == 0 ? 1 : 0))
            #expect(
                [3, 4, 5, 6].map { passes(&firewall, Self.datagram($0)) }
                    == (generation == 0 ? Array(repeating: false, count: 4) : [true, true, true, false]))
        }
    }

    @Test func `without 'over' it is the other way round`() throws {
        var firewall = Self.firewall(try Self.program("ct count 2 accept\ndrop"))
        #expect([1, 2, 3, 1, 2].map { passes(&firewall, Self.datagram($0)) } == [true, true, false, true, true])
    }

    @Test func `each element counts its own, and a full set matches nothing`() throws {
        var firewall = Self.firewall(try Self.program("ct state new add @sources { ip saddr ct count over 1 } drop"))
        for source in ["10.0.0.1", "10.0.0.3", "10.0.0.4"] {
            #expect([1, 2, 1].map { passes(&firewall, Self.datagram($0, from: source)) } == [true, false, true])
        }
        #expect([1, 2, 3].map { passes(&firewall, Self.datagram($0, from: "10.0.0.5")) } == [true, true, true])
    }

    @Test func `a connection that the rules end does not count`() throws {
        var firewall = Self.firewall(try Self.program("ct count over 2 counter\nudp sport 1-9 drop\nct count over 2 drop"))
        for port in 1...9 as ClosedRange<UInt16> { #expect(!passes(&firewall, Self.datagram(port))) }
        #expect([11, 12, 13].map { passes(&firewall, Self.datagram($0)) } == [true, true, false])
    }

    @Test func `a connection that the rules ended is not taken for the next that stands in its place`() throws {
        var firewall = Self.firewall(try Self.program("udp sport 1-9 ct count over 1 drop"))
        #expect([1, 2].map { passes(&firewall, Self.datagram($0)) } == [true, false])
        // Not among those that are counted.
        #expect([11, 12].map { passes(&firewall, Self.datagram($0)) } == [true, true])
        #expect(passes(&firewall, Self.datagram(1)))
        #expect(!passes(&firewall, Self.datagram(3)))
    }

    @Test func `connections come into a count until they are assured, of either side, and no longer count when they are closed`() throws {
        var firewall = Self.firewall(try Self.program("add @sources { ip saddr ct count over 1 } drop"))
        #expect(passes(&firewall, Self.segment(1, 0x02, 0, 0)))
        // From here on it is a connection of the answer's source, too.
        #expect(passes(&firewall, Self.segment(1, 0x12, 0, 1, isAnswer: true), ingress: 1))
        #expect(passes(&firewall, Self.segment(1, 0x10, 1, 1)))
        #expect(!passes(&firewall, Self.segment(2, 0x02, 0, 0)))
        #expect(passes(&firewall, Self.segment(1, 0x14, 1, 1)), "a reset")
        #expect(passes(&firewall, Self.segment(2, 0x02, 0, 0)))
        #expect(passes(&firewall, Self.segment(2, 0x12, 0, 1, isAnswer: true), ingress: 1))
        #expect(passes(&firewall, Self.segment(3, 0x02, 0, 0, client: "10.0.0.3")))
        #expect(!passes(&firewall, Self.segment(3, 0x12, 0, 1, isAnswer: true, client: "10.0.0.3"), ingress: 1))
    }

    @Test func `an assured connection comes into a count no more`() throws {
        var firewall = Self.firewall(try Self.program("ct status & assured == 0 accept\nct count over 0 drop"))
        #expect(passes(&firewall, Self.segment(1, 0x02, 0, 0)))
        #expect(passes(&firewall, Self.segment(1, 0x12, 0, 1, isAnswer: true), ingress: 1))
        for _ in 0..<2 { #expect(passes(&firewall, Self.segment(1, 0x10, 1, 1))) }
        #expect(passes(&firewall, Self.segment(1, 0x10, 1, 1, isAnswer: true), ingress: 1))
    }

    @Test func `a packet that is invalid in a connection counts as no other`() throws {
        var firewall = Self.firewall(try Self.program("ct count over 1 drop"))
        #expect(passes(&firewall, Self.segment(1, 0x02, 0, 0)))
        #expect(passes(&firewall, Self.segment(1, 0x10, 1, 1)), "there was no answer yet")
        #expect(!passes(&firewall, Self.segment(9, 0x03, 0, 0)), "of no connection")
    }

    @Test func `workers count together`() throws {
        let program = try Self.program("ct count over 2 drop")
        let connections = FlowRegistry()
        var one = Self.firewall(program, connections)
        var other = Self.firewall(program, connections)
        #expect(passes(&one, Self.datagram(1)))
        #expect(passes(&other, Self.datagram(2)))
        #expect(!passes(&one, Self.datagram(3)))
        #expect(!passes(&other, Self.datagram(4)))
        #expect(passes(&one, Self.datagram(1), after: 20))
        #expect(passes(&other, Self.datagram(4), after: 31))
    }

    @Test func `a record that is used again is another connection`() throws {
        var firewall = Self.firewall(try Self.program("udp sport 1-100 ct count over 1 drop"), flows: 16)
        #expect(passes(&firewall, Self.datagram(1)))
        // Fifteen more fill the table, and those behind them take the places of the oldest.
        for port in 200..<240 as Range<UInt16> { #expect(passes(&firewall, Self.datagram(port), after: 1)) }
        #expect(passes(&firewall, Self.datagram(2), after: 2))
        #expect(!passes(&firewall, Self.datagram(3), after: 2))
    }

    @Test func `a packet without a connection counts as long as it is there`() throws {
        var firewall = Self.firewall(try Self.program("ct count over 1 drop\nct count over 0 counter accept\ndrop"))
        let odd = Frame.ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2, flags: 0x03).bytes
        for _ in 0..<5 { #expect(passes(&firewall, odd)) }
        #expect(passes(&firewall, Self.datagram(1)))
        #expect(!passes(&firewall, odd))
    }

    @Test func `new rules begin anew, and count what goes on`() throws {
        let program = try Self.program("ct count over 1 drop")
        var firewall = Self.firewall(program)
        #expect([1, 2].map { passes(&firewall, Self.datagram($0)) } == [true, false])
        let next = try Self.program("ct count over 2 drop")
        firewall.use(next, counters: FirewallCounters(for: next), generation: 1)
        #expect([1, 2, 3].map { passes(&firewall, Self.datagram($0)) } == [true, true, false])
    }

    @Test func `sets that would take too much memory are refused, with what to do`() throws {
        let text = """
            table inet t {
            set s { type ipv4_addr; size 65535; flags dynamic; }
            chain c { type filter hook forward priority 0;
            add @s { ip saddr ct count over 65535 } drop
            }
            }

            """
        let ruleset = try Ruleset.read(SourceFile(name: "count", text: text)).ruleset
        let error = #expect(throws: ProgramError.self) { try Program(compiling: ruleset, ports: ["a", "b"]) }
        #expect(error?.location?.line == 4)
        #expect(error?.description.contains("write a smaller size of the set, or a smaller number of connections") == true)
    }
}
