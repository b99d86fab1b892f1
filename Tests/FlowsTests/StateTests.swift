import Flows
import FrameBuilder
import Testing
import Wire

@Suite("What rules ask of flows")
struct StateTests {
    @Test("a mark that a rule sets stays with the flow, also if it is set before the flow is in the table")
    func mark() {
        var bench = Bench()
        let bytes = Side().udp(false).bytes
        let span = bytes.span.bytes
        let packet = bench.tracker.track(span, ParsedFrame.parse(span, tag: nil), ingress: 0, isChecksumKnown: true, now: 0)
        bench.tracker.setMark(7, of: packet)
        #expect(bench.tracker.mark(of: packet) == 7)
        #expect((try? bench.tracker.confirm(packet).get()) != nil)
        let reply = bench.take(Side().udp(true).bytes)
        #expect(reply.flow?.mark == 7)
        bench.tracker.setMark(9, of: reply.packet)
        #expect(bench.take(Side().udp(false).bytes).flow?.mark == 9)
        bench.tracker.setMark(1, of: .untracked)
        #expect(bench.tracker.mark(of: .untracked) == 0)
    }

    @Test("tuples of both directions")
    func tuples() throws {
        var bench = Bench()
        let flow = try #require(bench.take(Side().udp(false).bytes).flow)
        #expect(flow.tuple(.original).source == ipv4Address("10.0.0.1") && flow.tuple(.original).destinationPort == 80)
        #expect(flow.tuple(.reply).source == ipv4Address("10.0.0.2") && flow.tuple(.reply).destinationPort == 40_000)
        let echo = try #require(bench.take(Side().icmp(false, type: 8).bytes).flow)
        #expect(echo.original.sourcePort == 7 && echo.original.destinationPort == 0x0800)
        #expect(echo.tuple(.reply).sourcePort == 7 && echo.tuple(.reply).destinationPort == 0)
        let answer = bench.take(Side().icmp(true, type: 0).bytes)
        #expect(answer.packet.direction == .reply && answer.flow?.original == echo.original)
    }

    @Test("a new flow under a policy has its timeouts; a confirmed one keeps its own")
    func policies() {
        var bench = Bench()
        let policy = TimeoutPolicy(seconds: [.udp: 5, .udpStream: 9])
        #expect(bench.tracker.usePolicies([policy, policy, TimeoutPolicy(seconds: [.generic: 1])]) == [1, 1, 2])
        let bytes = Side().udp(false).bytes
        let span = bytes.span.bytes
        let packet = bench.tracker.track(span, ParsedFrame.parse(span, tag: nil), ingress: 0, isChecksumKnown: true, now: 0)
        bench.tracker.setPolicy(1, of: packet, now: 0)
        let record = try? bench.tracker.confirm(packet).get()
        #expect(abs((bench.tracker.describe(record ?? nil, now: 0)?.seconds ?? 0) - 5) < 0.01)
        let reply = bench.take(Side().udp(true).bytes, at: 4)
        bench.tracker.setPolicy(2, of: reply.packet, now: 0)
        #expect(abs((bench.take(Side().udp(false).bytes, at: 4.5).flow?.seconds ?? 0) - 9) < 0.01)
        // Other rules: the flow stays under the first policy, whose place is not given away.
        #expect(bench.tracker.usePolicies([TimeoutPolicy(seconds: [.udp: 7])]) == [2])
        let many = (0..<20).map { TimeoutPolicy(seconds: [.udp: UInt64(100 + $0)]) }
        let places = bench.tracker.usePolicies(many)
        #expect(places.filter { $0 != nil }.count == 14 && !places.contains(1))
        #expect(abs((bench.take(Side().udp(false).bytes, at: 5).flow?.seconds ?? 0) - 9) < 0.01)
    }

    @Test("a reference knows its flow from those that follow in its place")
    func references() throws {
        var bench = Bench(FlowSettings(flows: 16, flowsPerSource: 16))
        let first = try #require(bench.take(Side().udp(false).bytes).packet.flow)
        let reference = bench.tracker.reference(to: first)
        #expect(reference.flatMap { bench.tracker.record(of: $0, now: 0) } == first)
        bench.tracker.end(first)
        #expect(reference.flatMap { bench.tracker.record(of: $0, now: 0) } == nil)
        bench.take(Side(nearPort: 8).udp(false).bytes)
        #expect(bench.take(Side(nearPort: 9).udp(false).bytes).packet.flow == first, "the same place, for the next but one")
        #expect(reference.flatMap { bench.tracker.record(of: $0, now: 0) } == nil)
        #expect(bench.tracker.reference(to: -1) == nil && bench.tracker.reference(to: 16) == nil)
        #expect(bench.counts["ended"] == 1)
    }

    @Test("behind new rules each flow says once that it needs another look")
    func recheck() {
        var bench = Bench()
        bench.take(Side().udp(false).bytes)
        bench.tracker.recheckFlows()
        bench.isAccepting = false
        #expect(bench.take(Side().udp(true).bytes).packet.needsRecheck)
        #expect(bench.take(Side().udp(true).bytes).packet.needsRecheck, "it was not let through")
        bench.isAccepting = true
        #expect(bench.take(Side().udp(true).bytes).packet.needsRecheck)
        #expect(!bench.take(Side().udp(true).bytes).packet.needsRecheck)
        #expect(!bench.take(Side(nearPort: 5).udp(false).bytes).packet.needsRecheck)
    }

    @Test("a flow that was silent through any number of new rule sets needs another look", arguments: [1, 255, 256, 257, 512])
    func manyRechecks(count: Int) {
        var bench = Bench()
        bench.take(Side().udp(false).bytes)
        for _ in 0..<count { bench.tracker.recheckFlows() }
        #expect(!bench.take(Side(nearPort: 5).udp(false).bytes).packet.needsRecheck)
        #expect(bench.take(Side().udp(true).bytes).packet.needsRecheck)
        #expect(!bench.take(Side().udp(true).bytes).packet.needsRecheck)
    }

    @Test(
        "however far the clock goes on at once, what was silent for so long has ended",
        arguments: [1, 49, 50, 51, 104, 105, 150, 208, 209, 365, 36_525], [false, true])
    func longSilence(days: Int, isSwept: Bool) {
        var settings = FlowSettings(flows: 64, flowsPerSource: 64)
        settings.timeouts[.udpStream] = 50 * 86_400
        var bench = Bench(settings, start: 7)
        bench.take(Side().udp(false).bytes)
        bench.take(Side().udp(true).bytes)
        bench.take(Side().udp(true).bytes, at: 12)
        let later = 12 + Double(days) * 86_400
        if isSwept { bench.tracker.expire(now: UInt64(later * 1e9)) }
        let isThere = bench.take(Side().udp(false).bytes, at: later).packet.state == .established
        #expect(isThere == (days <= 50))
        #expect(bench.counts["expired"] == (days <= 50 ? nil : 1))
        #expect(bench.tracker.count == 1)
        // What comes behind it is followed as ever.
        #expect(bench.take(Side().udp(true).bytes, at: later + 1).packet.state == .established)
    }

    @Test("the listing shows each flow once, in pieces of any size", arguments: [1, 3, 16, 1000])
    func listing(piece: Int) {
        var bench = Bench(FlowSettings(flows: 20, flowsPerSource: 20))
        for port in 1...12 { bench.take(Side(nearPort: UInt16(port)).udp(false).bytes) }
        bench.tracker.end(4)
        bench.take(Side(nearPort: 77).icmp(false, type: 8).bytes)
        var ports: [UInt16] = []
        var place: Int? = 0
        while let from = place { place = bench.tracker.flows(from: from, count: piece, now: 0) { ports.append($1.original.sourcePort) } }
        #expect(ports.sorted() == [1, 2, 3, 4, 6, 7, 7, 8, 9, 10, 11, 12])
        #expect(bench.tracker.flows(from: 0, count: 100, now: 40_000_000_000) { _, _ in Issue.record("ended") } == nil)
    }

    @Test("timeouts bear the sysctls' names, and are set as the kernel's")
    func names() {
        #expect(Set(FlowTimeout.allCases.map(\.name)).count == FlowTimeout.allCases.count)
        for timeout in FlowTimeout.allCases { #expect(FlowTimeout(name: timeout.name) == timeout) }
        #expect(FlowTimeout(name: "tcp_timeout_established")?.standardSeconds == 432_000 && FlowTimeout(name: "tcp") == nil)
        var settings = FlowSettings(flows: 64, flowsPerSource: 64)
        settings.timeouts[.udp] = 3
        settings.timeouts[.generic] = .max
        #expect(settings.timeouts[.generic] == FlowTimeouts.longestSeconds)
        var bench = Bench(settings)
        #expect(abs((bench.take(Side().udp(false).bytes).flow?.seconds ?? 0) - 3) < 0.01)
        #expect(abs((bench.take(Side().raw(false, 99, []).bytes).flow?.seconds ?? 0) - 50 * 86_400) < 0.01)
    }

    @Test("segments that come again and again, and what nobody acknowledges, live shorter")
    func shorter() throws {
        var bench = Bench()
        for text in TCPCase.handshake.split(separator: "\n") { bench.take(try Line(String(text)).frame.bytes) }
        func seconds(_ text: String) throws -> Double { try bench.take(Line(text + " => established").frame.bytes).flow?.seconds ?? 0 }
        #expect(try seconds("0 < . seq 1 ack 1") > 400_000)
        #expect(abs(try seconds("0 > . seq 1 ack 1 len 10") - 300) < 1, "unacknowledged")
        #expect(try seconds("0 < . seq 1 ack 11") > 400_000)
        #expect(try seconds("0 > . seq 11 ack 1") > 400_000)
        #expect(try seconds("0 > . seq 11 ack 1") > 400_000)
        #expect(try seconds("0 > . seq 11 ack 1") > 400_000)
        #expect(abs(try seconds("0 > . seq 11 ack 1") - 300) < 1, "the third time again")
        #expect(try seconds("0 < . seq 1 ack 11") > 400_000)
        #expect(abs(try seconds("0 < . seq 1 ack 11 win 0") - 300) < 1, "no window")
        #expect(try seconds("0 < . seq 1 ack 11") > 400_000)
        // Both ends leave, with numbers that can't be: five days would be too long to wait.
        #expect(bench.take(try Line("0 > F. seq 90000000 ack 1 => invalid").frame.bytes).packet.state == .invalid)
        #expect(bench.take(try Line("0 < R seq 90000000 => invalid").frame.bytes).packet.state == .invalid)
        #expect(abs((bench.tracker.describe(0, now: 0)?.seconds ?? 0) - 300) < 1)
    }
}
