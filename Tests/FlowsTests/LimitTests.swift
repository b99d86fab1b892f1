import Flows
import FrameBuilder
import Testing
import Wire

@Suite("Limits")
struct LimitTests {
    private static func host(_ number: Int) -> String { "10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)" }

    private static func open(_ bench: inout Bench, _ side: Side, at seconds: Double = 0) {
        bench.take(side.tcp(false, flags: 0x02).bytes, at: seconds)
        bench.take(side.tcp(true, flags: 0x12, sequence: 0, acknowledgement: 1).bytes, at: seconds)
        bench.take(side.tcp(false, flags: 0x10, sequence: 1, acknowledgement: 1).bytes, at: seconds)
    }

    @Test("a flow costs 128 bytes or less, all tables counted", arguments: [16, 100, 4096, 262_144, 1_000_000, 16_777_214])
    func memory(flows: Int) {
        // A small table has a few records to spare.
        #expect(FlowTracker.bytes(forFlows: flows) <= flows * 128 + 512)
        #expect(flows < 4096 || FlowTracker.bytes(forFlows: flows) <= flows * 128)
    }

    @Test("a flood from one source ends neither open connections nor the others' new ones")
    func flood() {
        var bench = Bench(FlowSettings(flows: 4096, flowsPerSource: 4096))
        for number in 0..<1000 { Self.open(&bench, Side(near: Self.host(number))) }
        var attacker = Side(near: "203.0.113.1")
        for number in 0..<20_000 {
            attacker.nearPort = UInt16(truncatingIfNeeded: number)
            attacker.farPort = UInt16(truncatingIfNeeded: number >> 16 &+ 1)
            #expect(bench.take(attacker.tcp(false, flags: 0x02).bytes).packet.flow != nil)
        }
        #expect(bench.tracker.count == 4096)
        // A new connection, its packets a hundred of the flood's apart.
        let newcomer = Side(near: "198.51.100.7")
        let packets = [
            newcomer.tcp(false, flags: 0x02), newcomer.tcp(true, flags: 0x12, acknowledgement: 1),
            newcomer.tcp(false, flags: 0x10, sequence: 1, acknowledgement: 1),
        ]
        var last: FlowDescription?
        for packet in packets {
            last = bench.take(packet.bytes).flow
            for number in 0..<100 {
                attacker.nearPort = UInt16(number)
                attacker.farPort &+= 1
                bench.take(attacker.tcp(false, flags: 0x02).bytes)
            }
        }
        #expect(last?.statusName == "assured")
        for number in 0..<1000 {
            let packet = bench.take(Side(near: Self.host(number)).tcp(false, flags: 0x10, sequence: 1, acknowledgement: 1).bytes).packet
            #expect(packet.state == .established)
        }
        #expect(bench.counts["flow-limit"] == nil && bench.counts["evicted", default: 0] > 15_000)
    }

    @Test("the oldest of the heaviest source goes first")
    func heaviest() {
        // Sources share 32 places: 40 flows of one of them are the heaviest whoever shares with whom.
        var bench = Bench(FlowSettings(flows: 1024, flowsPerSource: 1024))
        for number in 0..<984 { bench.take(Side(near: Self.host(number)).udp(false).bytes) }
        var heavy = Side(near: "203.0.113.1")
        for port in 1...40 {
            heavy.nearPort = UInt16(port)
            bench.take(heavy.udp(false).bytes)
        }
        let light = (0..<984).filter { $0 % 50 == 0 }
        for number in 0..<1000 {
            heavy.nearPort = UInt16(1000 + number)
            bench.take(heavy.udp(false).bytes)
        }
        let left = light.filter { bench.take(Side(near: Self.host($0)).udp(true).bytes).packet.state == .established }
        // Of the others only those can go that share the heaviest place.
        #expect(left.count >= light.count / 2)
        heavy.nearPort = 1
        #expect(bench.take(heavy.udp(true).bytes).packet.state == .new, "its oldest has gone")
    }

    @Test("with nothing but assured flows a new one is refused, and counted")
    func refused() {
        var bench = Bench(FlowSettings(flows: 16, flowsPerSource: 16))
        for number in 0..<16 { Self.open(&bench, Side(near: Self.host(number))) }
        let (packet, _) = bench.take(Side(near: "203.0.113.1").udp(false).bytes)
        #expect(packet.state == .new && packet.flow == nil)
        #expect(bench.counts["flow-limit"] == 1 && bench.tracker.count == 16)
        bench.isAccepting = false
        bench.take(Side(near: "203.0.113.1").udp(false).bytes)
        #expect(bench.counts["flow-limit"] == 1, "what the rules drop asks for no room")
    }

    @Test("the heaviest source makes room from the first newcomer on, for as long as it is that")
    func newcomers() {
        var bench = Bench(FlowSettings(flows: 1024, flowsPerSource: 1024))
        var heavy = Side(near: "203.0.113.1")
        for port in 1...100 {
            heavy.nearPort = UInt16(port)
            bench.take(heavy.udp(false).bytes)
        }
        for number in 0..<944 { #expect(bench.take(Side(near: Self.host(number)).udp(false).bytes).packet.flow != nil) }
        #expect((0..<944).allSatisfy { bench.take(Side(near: Self.host($0)).udp(true).bytes).packet.state == .established })
        // It has made all the room that it can long before the last of these.
        for number in 944..<1444 { #expect(bench.take(Side(near: Self.host(number)).udp(false).bytes).packet.flow != nil) }
    }

    /// Sources share 64 places by a key of the run's own, so two of them may have the same one by chance.
    @Test("two sources that are as heavy make room in turn")
    func turns() {
        /// True if each of the two has lost about half of what newcomers needed.
        func isInTurn() -> Bool {
            var bench = Bench(FlowSettings(flows: 2048, flowsPerSource: 2048))
            let heavy = ["203.0.113.1", "203.0.113.2"]
            func side(_ source: String, _ port: Int) -> Side { Side(near: source, nearPort: UInt16(port)) }
            for source in heavy { for port in 1...400 { bench.take(side(source, port).udp(false).bytes) } }
            for number in 0..<1248 { bench.take(Side(near: Self.host(number)).udp(false).bytes) }
            for port in 1...100 { bench.take(side("198.51.100.7", port).udp(false).bytes) }
            bench.isAccepting = false
            return heavy.allSatisfy { source in
                (325...375).contains((1...400).count { bench.take(side(source, $0).udp(true).bytes).packet.state == .established })
            }
        }
        #expect((0..<8).count { _ in isInTurn() } >= 4)
    }

    @Test("assured flows, which make no room, make their source no heavier")
    func assured() {
        var bench = Bench(FlowSettings(flows: 1024, flowsPerSource: 1024))
        var busy = Side(near: "203.0.113.1")
        for port in 1...200 {
            busy.nearPort = UInt16(port)
            Self.open(&bench, busy)
        }
        for number in 0..<924 { #expect(bench.take(Side(near: Self.host(number)).udp(false).bytes).packet.flow != nil) }
        #expect(bench.counts["evicted"] == 100 && bench.counts["flow-limit"] == nil)
    }

    @Test("a source has its share, and no more", arguments: [false, true])
    func share(isIPv6: Bool) {
        var bench = Bench(FlowSettings(flows: 2048))
        var hog = Side(near: "10.0.0.1", isIPv6: isIPv6)
        for port in 1...264 {
            hog.nearPort = UInt16(port)
            Self.open(&bench, hog)
        }
        #expect(bench.tracker.count == 256 && bench.counts["flow-share"] == 16, "a handshake's first and last packet, eight times")
        // Others have room; of IPv6 a /64 is one source.
        for number in 2...11 {
            let other = isIPv6 ? Side(near: "10.0.\(number).1") : Side(near: "10.0.0.\(number)")
            Self.open(&bench, other)
        }
        // One in 4,096 shares both of its places with the first source, by a key of the process' own.
        #expect((265...266).contains(bench.tracker.count))
        let neighbour = Side(near: "10.0.0.77", isIPv6: true)
        #expect((bench.take(neighbour.udp(false).bytes).packet.flow != nil) == !isIPv6)
        // The other way round the hog is nobody's source.
        #expect(bench.take(Side(near: "10.9.9.9", far: "10.0.0.1").udp(false).bytes).packet.flow != nil)
    }

    @Test("within its share a source makes room of what nothing has answered")
    func ownRoom() {
        var bench = Bench(FlowSettings(flows: 256))
        var source = Side()
        for port in 1...100 {
            source.nearPort = UInt16(port)
            #expect(bench.take(source.udp(false).bytes).packet.flow != nil)
        }
        #expect(bench.tracker.count == 32 && bench.counts["evicted"] == 68 && bench.counts["flow-share"] == nil)
        #expect(bench.tracker.shareSums == (32, 32), "what has gone is in no share")
        source.nearPort = 68
        #expect(bench.take(source.udp(true).bytes).packet.state == .new, "the oldest have gone")
        source.nearPort = 100
        #expect(bench.take(source.udp(true).bytes).packet.state == .established)
    }

    @Test("what both ends have closed is in no share")
    func closedShare() {
        var bench = Bench(FlowSettings(flows: 256))
        var source = Side()
        for port in 1...100 {
            source.nearPort = UInt16(port)
            Self.open(&bench, source)
            bench.take(source.tcp(false, flags: 0x11, sequence: 1, acknowledgement: 1).bytes)
            bench.take(source.tcp(true, flags: 0x11, sequence: 1, acknowledgement: 2).bytes)
            bench.take(source.tcp(false, flags: 0x10, sequence: 2, acknowledgement: 2).bytes)
        }
        #expect(bench.tracker.count == 100 && bench.counts["flow-share"] == nil)
        #expect(bench.tracker.shareSums == (0, 0))
        // One begins anew, and counts again.
        bench.take(source.tcp(false, flags: 0x02, sequence: 5000).bytes, at: 130)
        #expect(bench.tracker.shareSums == (1, 1))
    }

    @Test("what both ends have closed goes before what opens")
    func finished() {
        var bench = Bench(FlowSettings(flows: 16, flowsPerSource: 16))
        for number in 0..<15 { Self.open(&bench, Side(near: Self.host(number))) }
        let closed = Side(near: Self.host(3))
        bench.take(closed.tcp(false, flags: 0x11, sequence: 1, acknowledgement: 1).bytes)
        bench.take(closed.tcp(true, flags: 0x11, sequence: 1, acknowledgement: 2).bytes)
        #expect(bench.take(closed.tcp(false, flags: 0x10, sequence: 2, acknowledgement: 2).bytes).flow?.state?.name == "TIME_WAIT")
        let first = Side(near: "198.51.100.1")
        let second = Side(near: "198.51.100.2")
        bench.take(first.udp(false).bytes)
        bench.take(second.udp(false).bytes)
        #expect(bench.counts["evicted-finished"] == 1 && bench.counts["evicted"] == nil)
        #expect(bench.take(first.udp(true).bytes).packet.state == .established)
        #expect(bench.take(second.udp(true).bytes).packet.state == .established)
    }

    @Test("a flow that has moved more than 4 GiB makes no room, and is counted on")
    func heavyFlow() {
        var bench = Bench(FlowSettings(flows: 16, flowsPerSource: 16))
        let stream = Side().udp(false, length: 65_000).bytes
        for _ in 0..<67_000 { bench.take(stream) }
        for number in 0..<100 { bench.take(Side(near: Self.host(1000 + number)).udp(false).bytes) }
        let flow = bench.take(stream).flow
        #expect(flow?.originalPackets == 67_001 && flow?.originalBytes == 67_001 * 65_028)
        #expect(flow?.replyBytes == 0 && flow?.replyPackets == 0)
    }

    @Test("a full table of flows from everywhere keeps its steps few")
    func steps() {
        let flows = 262_144
        var tracker = FlowTracker(settings: FlowSettings(flows: flows, flowsPerSource: flows))
        var random = SeededGenerator(seed: 1)
        var frame = Side().udp(false).bytes
        for _ in 0..<flows + 50_000 {
            frame.replaceSubrange(26..<34, with: UInt64.random(in: 0...UInt64.max, using: &random).networkBytes)
            let bytes = frame.span.bytes
            let packet = tracker.track(bytes, ParsedFrame.parse(bytes, tag: nil), ingress: 0, isChecksumKnown: true, now: 0)
            #expect((try? tracker.confirm(packet).get()) != nil)
        }
        #expect(tracker.count == flows)
        let (distance, run) = tracker.indexExtremes
        #expect(distance < 128 && run < 1024, "\(distance) \(run)")
    }

    @Test("expiry looks at an eighth of the table and takes out 1,024 flows at the most")
    func expiry() {
        var tracker = FlowTracker(settings: FlowSettings(flows: 16_384, flowsPerSource: 16_384))
        #expect(tracker.deadline == nil)
        var frame = Side().udp(false).bytes
        for number in 0..<16_384 {
            frame.replaceSubrange(26..<30, with: UInt32(number).networkBytes)
            let bytes = frame.span.bytes
            _ = tracker.confirm(tracker.track(bytes, ParsedFrame.parse(bytes, tag: nil), ingress: 0, isChecksumKnown: true, now: 0))
        }
        #expect(tracker.deadline != nil)
        let now: UInt64 = 31_000_000_000
        tracker.expire(now: now)
        #expect(tracker.count == 16_384 - 1024 && tracker.deadline == now, "more at once")
        for _ in 0..<15 { tracker.expire(now: now) }
        #expect(tracker.count >= 16_384 - 16 * 1024)
        for step in 0..<20 { tracker.expire(now: now + UInt64(step) * 130_000_000) }
        #expect(tracker.count == 0 && tracker.deadline == nil && tracker.count(of: .expired) == 16_384)
    }
}
