import CAllocationCounter
import Flows
import FrameBuilder
import Testing
import Wire

#if DEBUG
private let isOptimized = false
#else
private let isOptimized = true
#endif

/// UDP flows as plainly as can be: a list, searched from its beginning.
private struct Reference {
    struct Flow {
        var near: Int
        var far: Int
        /// In ticks of 2^22 ns.
        var end: UInt64
        var streamFrom: UInt64
        var isReplied = false
        var isAssured = false
        var packets = (0, 0)
    }

    static func ticks(_ seconds: UInt64) -> UInt64 { (seconds * 1_000_000_000) >> 22 + 1 }

    var flows: [Flow] = []
    var capacity: Int

    mutating func take(from: Int, to: Int, now: UInt64, isAccepted: Bool) -> (TrackedPacket.State, isRefused: Bool) {
        let tick = now >> 22
        if let index = flows.firstIndex(where: { ($0.near, $0.far) == (from, to) || ($0.near, $0.far) == (to, from) }) {
            if flows[index].end > tick { return (follow(index, isReply: flows[index].near != from, tick), false) }
            flows.remove(at: index)
        }
        guard isAccepted else { return (.new, false) }
        if flows.count == capacity {
            guard let oldest = flows.firstIndex(where: { !$0.isAssured }) else { return (.new, true) }
            flows.remove(at: oldest)
        }
        flows.append(Flow(near: from, far: to, end: tick + Self.ticks(30), streamFrom: tick + Self.ticks(2), packets: (1, 0)))
        return (.new, false)
    }

    private mutating func follow(_ index: Int, isReply: Bool, _ tick: UInt64) -> TrackedPacket.State {
        var flow = flows[index]
        let state: TrackedPacket.State = isReply || flow.isReplied ? .established : .new
        flow.end = tick + Self.ticks(30)
        if flow.isReplied, flow.isAssured || tick >= flow.streamFrom {
            flow.end = tick + Self.ticks(120)
            flow.isAssured = true
        }
        if isReply { flow.packets.1 += 1 } else { flow.packets.0 += 1 }
        flow.isReplied = flow.isReplied || isReply
        flows[index] = flow
        return state
    }

    mutating func sweep(_ now: UInt64) { flows.removeAll { $0.end <= now >> 22 } }
}

@Suite("Flow properties")
struct PropertyTests {
    @Test("random packets have the states, and leave the flows, of a plain list", arguments: [1, 2, 3, 4] as [UInt64])
    func reference(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var seen: Set<String> = []
        var evictions: UInt64 = 0
        for round in 0..<60 {
            let capacity = [16, 20, 31][round % 3]
            // So few flows that all sources share one place: the oldest goes first.
            var bench = Bench(FlowSettings(flows: capacity, flowsPerSource: capacity))
            var plain = Reference(capacity: capacity)
            var seconds = Double.random(in: 0...100, using: &random)
            let hosts = Int.random(in: 2...12, using: &random)
            for _ in 0..<600 {
                seconds += random.oneIn(40) ? Double.random(in: 0...140, using: &random) : Double.random(in: 0...0.6, using: &random)
                let now = UInt64(seconds * 1e9)
                // While the table is gone over, time goes on: nothing may end in that.
                let isQuiet = !plain.flows.contains { $0.end > now >> 22 && $0.end <= (now + 1_300_000_000) >> 22 }
                if isQuiet, random.oneIn(50) {
                    bench.wait(until: seconds)
                    plain.sweep(now)
                    seconds += 1.3
                    continue
                }
                let from = Int.random(in: 0..<hosts, using: &random)
                let to = (from + Int.random(in: 1..<hosts, using: &random)) % hosts
                bench.isAccepting = !random.oneIn(5)
                let side = Side(near: "10.0.0.\(from)", far: "10.0.0.\(to)", nearPort: 7, farPort: 7)
                let (packet, flow) = bench.take(side.udp(false).bytes, at: seconds)
                let (state, isRefused) = plain.take(from: from, to: to, now: now, isAccepted: bench.isAccepting)
                #expect(packet.state == state)
                #expect((packet.flow == nil) == isRefused)
                #expect(bench.tracker.count == plain.flows.count)
                seen.insert("\(state) \(flow?.statusName ?? "none") \(isRefused)")
            }
            evictions += bench.tracker.count(of: .evicted)
            var left: [[Int]] = []
            _ = bench.tracker.flows(from: 0, count: 100, now: 0) { _, flow in
                left.append([
                    Int(flow.original.source & 0xff), Int(flow.original.destination & 0xff), Int(flow.originalPackets),
                    Int(flow.replyPackets),
                ])
            }
            let expected = plain.flows.map { [$0.near, $0.far, $0.packets.0, $0.packets.1] }
            #expect(left.sorted { $0.lexicographicallyPrecedes($1) } == expected.sorted { $0.lexicographicallyPrecedes($1) })
        }
        #expect(seen.count >= 3 && evictions > 0, "\(seen)")
    }

    @Test("random bytes in all protocols, and half-right frames, end in some state", arguments: [5, 6] as [UInt64])
    func robustness(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var tracker = FlowTracker(settings: FlowSettings(flows: 16, flowsPerSource: 16))
        var states: Set<TrackedPacket.State> = []
        var last: [UInt8] = []
        let numbers: [UInt8] = [1, 6, 17, 33, 47, 50, 51, 58, 132, 136]
        for round in 0..<200_000 {
            let number = random.pick(numbers)
            var payload = (0..<Int.random(in: 0...90, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            // Few ports, flags, tags and types, so that flows come about.
            for place in payload.indices where random.oneIn(2) { payload[place] &= 0x13 }
            if payload.count > 13, number == 6 { payload[12] = UInt8.random(in: 4...15, using: &random) << 4 }
            let isIPv6 = random.oneIn(2)
            let isICMP = number == 1 || number == 58
            // Errors about the packet before.
            if isICMP, random.oneIn(2), last.count > 14 { payload = [isIPv6 ? 1 : 3, 1, 0, 0, 0, 0, 0, 0] + last.dropFirst(14) }
            let (near, far) = (Int.random(in: 1...2, using: &random), Int.random(in: 1...2, using: &random))
            let link = random.oneIn(3) ? Frame.ethernet().vlan(UInt16.random(in: 0...1, using: &random)) : .ethernet()
            let ip = isIPv6 ? link.ipv6("fe80::\(near)", "fe80::\(far)") : link.ipv4("10.0.0.\(near)", "10.0.0.\(far)")
            var frame = ip.ipPayload(number, payload).bytes
            if !isICMP { last = frame }
            if random.oneIn(4) { frame[Int.random(in: 12..<frame.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
            if random.oneIn(8) { frame.removeLast(Int.random(in: 0..<frame.count, using: &random)) }
            let bytes = frame.span.bytes
            let parsed = ParsedFrame.parse(bytes, tag: nil)
            let now = UInt64(round) * 20_000_000
            let packet = tracker.track(bytes, parsed, ingress: UInt8(near - 1), isChecksumKnown: !random.oneIn(4), now: now)
            states.insert(packet.state)
            _ = tracker.describe(packet.flow, now: now)
            if random.oneIn(3) { tracker.abandon(packet) } else { _ = tracker.confirm(packet) }
            if random.oneIn(100) { tracker.expire(now: now) }
        }
        #expect(states.count == 5, "\(states)")
    }

    @Test(
        "a million packets allocate nothing",
        .enabled(if: isOptimized, "an unoptimized build allocates per packet"),
        .enabled(if: allocations_are_counted(), "a sanitizer has its own allocator"))
    func allocations() throws {
        let side = Side()
        let six = Side(isIPv6: true)
        var frames = try TCPCase.handshake.split(separator: "\n").map { try Line(String($0)).frame.bytes }
        frames += try [
            "0 > F. seq 1 ack 1 => new", "0 < F. seq 1 ack 2 => new", "0 > . seq 2 ack 2 sack 1-2 => new", "0 > S seq 9 mss ws 3 => new",
        ]
        .map { try Line($0).frame.bytes }
        frames += [side.udp(false), side.udp(true), side.icmp(false, type: 8), side.icmp(true, type: 0), six.icmp(false, type: 128)].map(
            \.bytes)
        frames += [side.error("10.0.0.9", "10.0.0.1", type: 3, about: side.udp(false)).bytes, Frame.ethernet().arp().bytes]
        frames += StepCase.open.map { side.raw($0.isBack, 132, side.ports($0.isBack) + $0.bytes).bytes }
        frames += StepCase.handshake.map { side.raw($0.isBack, 33, side.ports($0.isBack) + $0.bytes).bytes }
        frames += (0..<200).map { Side(near: "10.1.0.\($0)").udp(false, link: .ethernet().vlan(3).vlan(4)).bytes }
        var tracker = FlowTracker(settings: FlowSettings(flows: 64, flowsPerSource: 64))
        let before = allocations_of_this_thread()
        var states = 0
        for round in 0..<1_000_000 {
            let frame = frames[round % frames.count]
            let bytes = frame.span.bytes
            let now = UInt64(round) * 1_000_000
            let packet = tracker.track(bytes, ParsedFrame.parse(bytes, tag: nil), ingress: 0, isChecksumKnown: round & 1 == 0, now: now)
            tracker.setMark(3, of: packet)
            states &+= Int(tracker.describe(packet.flow, now: now)?.mark ?? 0)
            if round & 7 == 0 {
                tracker.abandon(packet)
            } else if case .success(let flow?) = tracker.confirm(packet), round & 15 == 1 {
                tracker.end(flow)
            }
            tracker.expire(now: now)
        }
        let after = allocations_of_this_thread()
        #expect(after == before && states > 0)
    }
}
