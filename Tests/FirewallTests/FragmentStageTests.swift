import Classifier
import Decisions
import Firewall
import Fragments
import FrameBuilder
import Ruleset
import Storage
import Testing
import Wire

/// Takes all departures.
func letDepart(_ firewall: inout Firewall) {
    guard firewall.hasDepartures else { return }
    repeat { while firewall.nextDeparture(at: noon.monotonic) != nil {} } while firewall.finishDepartures()
}

/// Takes all departures, and returns their judgements.
func drain(_ firewall: inout Firewall) -> [Judgement] {
    guard firewall.hasDepartures else { return [] }
    var judgements: [Judgement] = []
    repeat {
        while let departure = firewall.nextDeparture(at: noon.monotonic) { judgements.append(departure.judgement) }
    } while firewall.finishDepartures()
    return judgements
}

func judge(_ bytes: [UInt8], by firewall: inout Firewall, at instant: Instant = noon) -> Judgement {
    var bytes = bytes
    return firewall.judge(&bytes, tag: nil, ingress: 0, at: instant)
}

/// A UDP datagram to a port, cut behind so many bytes.
private func datagram(to port: UInt16, cut: Int, isIPv6: Bool = false, vlan: Bool = false) -> [[UInt8]] {
    let whole: [UInt8] = [0x13, 0x88, UInt8(port >> 8), UInt8(port & 0xff), 0, 24, 0, 0] + (0..<16).map { UInt8($0) }
    return [(0, Array(whole[..<cut])), (cut, Array(whole[cut...]))].map { offset, bytes in
        let ethernet = vlan ? Frame.ethernet().vlan(7) : Frame.ethernet()
        return isIPv6
            ? ethernet.ipv6().fragmentHeader(offset: offset, more: offset == 0).ipPayload(17, bytes).bytes
            : ethernet.ipv4(more: offset == 0, fragmentOffset: offset, protocolNumber: 17).payload(bytes).bytes
    }
}

@Suite struct FragmentStageTests {
    /// Drops UDP port 9 and what is shorter than a whole packet.
    private static let rules: [Rule] = [
        rule(match(.metaL4proto, .number(17), implied: true), match(.udpDport, .number(9)), counter, verdict(.drop)),
        rule(match(.metaL4proto, .number(17), implied: true), match(.udpLength, .number(24)), counter, verdict(.accept)),
    ]

    @Test(
        "the rules see the whole datagram once, and every fragment shares its verdict", arguments: [9, 10] as [UInt16],
        [(false, false), (true, false), (false, true), (true, true)])
    func reassembled(port: UInt16, kind: (isIPv6: Bool, vlan: Bool)) throws {
        let program = try program(policy: .drop, Self.rules)
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters)
        // The port is known from the first alone, which comes last.
        let parts = datagram(to: port, cut: 8, isIPv6: kind.isIPv6, vlan: kind.vlan)
        let first = judge(parts[1], by: &firewall)
        #expect(first.verdict == .hold && !firewall.hasDepartures)
        #expect(counters.snapshot().held.frames == 1)
        let last = judge(parts[0], by: &firewall)
        #expect(last.verdict == .hold && firewall.hasDepartures)

        let departures = drain(&firewall)
        #expect(departures.map(\.verdict) == (port == 9 ? [.drop, .drop] : [.accept, .accept]))
        #expect(departures.map(\.rule) == (port == 9 ? [0, 0] : [1, 1]))
        let snapshot = counters.snapshot()
        #expect(snapshot.held == Hits() && snapshot.heldDatagrams == 0)
        #expect(snapshot[port == 9 ? .rule : .acceptByRule].frames == 2, "each frame has its reason")
        // As a kernel counts that has defragmented: one packet, its headers once.
        let packet: UInt64 = kind.isIPv6 ? 64 : 44
        #expect(snapshot.counters[port == 9 ? 0 : 1] == Hits(frames: 1, bytes: packet))
    }

    @Test("tracked, the first is judged by itself and the others follow", arguments: [9, 10] as [UInt16])
    func tracked(port: UInt16) throws {
        let program = try program(policy: .drop, Self.rules)
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters, fragments: FragmentGatherer(mode: .track))
        let parts = datagram(to: port, cut: 8)
        let verdict = port == 9 ? FrameVerdict.drop : .accept
        for part in parts {
            let judgement = judge(part, by: &firewall)
            #expect(judgement.verdict == verdict && judgement.rule == (port == 9 ? 0 : 1))
        }
        #expect(drain(&firewall).isEmpty)
        #expect(counters.snapshot().counters[port == 9 ? 0 : 1].frames == 1, "the rules saw the first alone")
        #expect(counters.snapshot().heldDatagrams == 0)
    }

    @Test(
        "a change of a datagram is one of all its fragments", arguments: [FragmentMode.reassemble, .track],
        [(ttl: 7, isIPv6: false, isChanged: true), (64, false, false), (7, true, true), (64, true, false)])
    func changed(mode: FragmentMode, change: (ttl: UInt128, isIPv6: Bool, isChanged: Bool)) throws {
        let hops = Assignment(field: change.isIPv6 ? .ip6Hoplimit : .ipTtl, value: .constant(change.ttl), location: nowhere)
        let program = try program(policy: .accept, [rule(.assignment(hops), counter)])
        let counters = FirewallCounters(for: program)
        var firewall = Firewall(program: program, counters: counters, fragments: FragmentGatherer(mode: mode))
        var judgements: [Judgement] = []
        for part in datagram(to: 10, cut: 8, isIPv6: change.isIPv6) {
            let judgement = judge(part, by: &firewall)
            if judgement.verdict != .hold { judgements.append(judgement) }
        }
        judgements += drain(&firewall)
        // A value that stands there already is no change.
        #expect(judgements.map(\.reason) == [.acceptByPolicy, .acceptByPolicy])
        #expect(judgements.allSatisfy { $0.isChanged == change.isChanged })
        #expect(counters.snapshot().counters[0].frames == 1, "the rules saw one packet")
    }

    @Test func `fragments that are held stay for the next program`() throws {
        let (before, after) = (try program(policy: .accept, []), try program(policy: .drop, []))
        var firewall = Firewall(program: before, counters: FirewallCounters(for: before))
        let parts = datagram(to: 10, cut: 8)
        _ = judge(parts[0], by: &firewall)
        firewall.use(after, counters: FirewallCounters(for: after), generation: 1)
        _ = judge(parts[1], by: &firewall)
        #expect(drain(&firewall).map(\.reason) == [.policy, .policy])
    }

    /// Another program's rules have other numbers.
    @Test func `what was said of a datagram stays said, and names no rule of the next program`() throws {
        let before = try program(policy: .drop, [rule(verdict(.accept))])
        let after = try program(policy: .drop, [])
        var firewall = Firewall(
            program: before, counters: FirewallCounters(for: before), fragments: FragmentGatherer(mode: .track))
        let parts = datagram(to: 10, cut: 8)
        let first = judge(parts[0], by: &firewall)
        #expect(first.verdict == .accept && first.rule == 0 && first.baseChain == 0)
        firewall.use(after, counters: FirewallCounters(for: after), generation: 1)
        let second = judge(parts[1], by: &firewall)
        #expect(second.verdict == .accept && second.reason == .acceptByRule)
        #expect(second.rule == .none && second.baseChain == .none)
    }

    /// Whoever forwards looks at departures alone; the oldest departs when the tables are full, and the newest is held.
    @Test(arguments: [FragmentMode.reassemble, .track])
    func `a full table lets its oldest datagram go, not the newest`(_ mode: FragmentMode) throws {
        let program = try program(policy: .accept, [])
        let limits = FragmentLimits(datagrams: 4)
        var firewall = Firewall(
            program: program, counters: FirewallCounters(for: program), fragments: FragmentGatherer(mode: mode, limits: limits))
        var departed: [UInt64] = []
        for number in 0..<40 as Range<UInt8> {
            var part = datagram(to: 10, cut: 8)[1]
            part[19] = number
            var span = part.mutableSpan
            var raw = span.mutableBytes
            let judgement = firewall.judge(&raw, tag: nil, ingress: 0, at: noon, time: UInt64(number))
            #expect(judgement.verdict == .hold, "\(number)")
            while firewall.hasDepartures {
                while let departure = firewall.nextDeparture(at: noon.monotonic) {
                    #expect(departure.judgement.reason == .fragmentLimitDatagrams)
                    departed.append(departure.held.time)
                }
                _ = firewall.finishDepartures()
            }
        }
        #expect(departed == Array(0..<UInt64(departed.count)), "in the order of arrival")
        #expect(departed.count >= 36)
    }

    @Test func `what dies of age departs with its reason`() throws {
        let program = try program(policy: .accept, [])
        var firewall = Firewall(program: program, counters: FirewallCounters(for: program))
        _ = judge(datagram(to: 10, cut: 8)[0], by: &firewall)
        var later = noon
        later.monotonic += 30_000_000_000
        #expect(firewall.deadline == later.monotonic)
        firewall.expire(at: later)
        #expect(drain(&firewall).map(\.reason) == [.fragmentTimeout])
        #expect(firewall.deadline == nil)
    }

    @Test("every death has a reason of its own name", arguments: FragmentDeath.allCases)
    func names(_ death: FragmentDeath) {
        #expect(Reason(death).name.hasPrefix("fragment-"))
        #expect(FragmentDeath.allCases.filter { Reason($0) == Reason(death) } == [death])
    }
}
