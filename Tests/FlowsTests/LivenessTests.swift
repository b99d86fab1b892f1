import Flows
import Foundation
import FrameBuilder
import Synchronization
import Testing
import Wire

/// Names of flows, by which whoever counts them asks later whether they are still there.
@Suite("Liveness of flows")
struct LivenessTests {
    /// A name tells 128 uses of a record apart; those that are asked for here are younger than that.
    private static let uses = 100

    private static func frame(_ port: Int, isBack: Bool = false) -> [UInt8] {
        Side(nearPort: UInt16(truncatingIfNeeded: port)).udp(isBack).bytes
    }

    @Test("a name dies with the packet that rules drop")
    func dropped() throws {
        var tracker = FlowTracker(settings: FlowSettings(flows: 16, flowsPerSource: 16))
        let liveness = tracker.liveness
        let frame = Self.frame(1)
        let packet = tracker.track(
            frame.span.bytes, ParsedFrame.parse(frame.span.bytes, tag: nil), ingress: 0, isChecksumKnown: true, now: 0)
        let name = tracker.entry(of: packet)
        let entry = try #require(name)
        #expect(liveness.isAlive(entry, at: 0))
        tracker.abandon(packet)
        #expect(!liveness.isAlive(entry, at: 0))
    }

    @Test(
        "a name is alive as long as its flow, through room made, packets dropped, and packets forgotten",
        arguments: 1...4 as ClosedRange<UInt64>)
    func names(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var tracker = FlowTracker(settings: FlowSettings(flows: 16, flowsPerSource: 16))
        let liveness = tracker.liveness
        var current: [Int: UInt64] = [:]
        var issued: [(entry: UInt64, port: Int)] = []
        var now: UInt64 = 0
        var seen: Set<String> = []
        for step in 0..<8_000 {
            now += UInt64.random(in: 0...(random.oneIn(50) ? 40 : 1), using: &random) * 1_000_000_000
            let port = Int.random(in: 1...24, using: &random)
            let frame = Self.frame(port, isBack: random.oneIn(4))
            let bytes = frame.span.bytes
            let packet = tracker.track(bytes, ParsedFrame.parse(bytes, tag: nil), ingress: 0, isChecksumKnown: true, now: now)
            if packet.isUnconfirmed { current[port] = nil }
            var hasRoom: Bool?
            // Not all rules count, and what is not counted has a name nevertheless.
            if !random.oneIn(4) {
                let name = tracker.entry(of: packet)
                let entry = try #require(name)
                if packet.isUnconfirmed {
                    // Sixteen records, and one more so that the next flow has a name before another makes room for it.
                    hasRoom = entry >> 31 <= 16
                    #expect(hasRoom == false || !issued.contains { $0.entry == entry }, "step \(step): a name is given twice")
                    #expect(liveness.isAlive(entry, at: now) == hasRoom)
                    seen.insert(hasRoom == true ? "room" : "no room")
                } else if let known = current[port] {
                    #expect(known == entry, "step \(step): a flow keeps its name")
                }
                current[port] = entry
                issued.append((entry, port))
            }
            switch packet.isUnconfirmed ? Int.random(in: 0..<6, using: &random) : 5 {
            case 0:
                tracker.abandon(packet)
                current[port] = nil
                seen.insert("abandoned")
            case 1:
                // The next packet is tracked without a word about this one.
                current[port] = nil
                seen.insert("forgotten")
                continue
            default:
                let record = try? tracker.confirm(packet).get()
                #expect(hasRoom == nil || (record != nil) == hasRoom, "step \(step)")
            }
            var ports: Set<Int> = []
            _ = tracker.flows(from: 0, count: 100, now: now) { _, flow in
                ports.insert(Int(flow.original.sourcePort == 80 ? flow.original.destinationPort : flow.original.sourcePort))
            }
            if current.contains(where: { !ports.contains($0.key) }) { seen.insert("ended") }
            current = current.filter { ports.contains($0.key) }
            issued.removeFirst(max(0, issued.count - Self.uses))
            let wrong = issued.first { liveness.isAlive($0.entry, at: now) != (current[$0.port] == $0.entry) }
            #expect(wrong == nil, "step \(step)")
        }
        #expect(seen.isSuperset(of: ["abandoned", "forgotten", "ended", "room", "no room"]) && tracker.count(of: .evicted) > 0, "\(seen)")
    }

    /// What another worker sees meanwhile.
    private final class Onlooker: Sendable {
        let liveness: FlowLiveness
        /// Of a flow that stays.
        let staying: UInt64
        let step = Atomic<UInt64>(0)
        /// The entry of the flow that rules are being asked about, or that came into the table last.
        let newest: Atomic<UInt64>
        /// The entry of a flow that was dropped; 0 for none.
        let dropped = Atomic<UInt64>(0)
        let looks = Atomic<Int>(0)
        let faults = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)
        let end = DispatchSemaphore(value: 0)

        init(_ liveness: FlowLiveness, staying: UInt64) {
            self.liveness = liveness
            self.staying = staying
            newest = Atomic(staying)
        }

        func look(at now: UInt64) {
            while !isOver.load(ordering: .acquiring) {
                let before = step.load(ordering: .acquiring)
                let (newest, dropped) = (newest.load(ordering: .acquiring), dropped.load(ordering: .acquiring))
                let isFalse =
                    !liveness.isAlive(staying, at: now) || !liveness.isAlive(newest, at: now)
                    || (dropped != 0 && liveness.isAlive(dropped, at: now))
                // Whoever slept through the lives of those flows can't say.
                guard step.load(ordering: .acquiring) &- before < 20 else { continue }
                looks.wrappingAdd(1, ordering: .relaxed)
                if isFalse { faults.wrappingAdd(1, ordering: .relaxed) }
            }
            end.signal()
        }
    }

    @Test func `another worker sees a flow from the moment when rules are asked about it, and none that they dropped`() throws {
        var tracker = FlowTracker(settings: FlowSettings(flows: 64, flowsPerSource: 64))
        let now: UInt64 = 5_000_000_000
        func track(_ port: Int, isBack: Bool = false, at now: UInt64 = now) -> TrackedPacket {
            let frame = Self.frame(port, isBack: isBack)
            let bytes = frame.span.bytes
            return tracker.track(bytes, ParsedFrame.parse(bytes, tag: nil), ingress: 0, isChecksumKnown: true, now: now)
        }
        // Assured, so that it makes no room.
        for (isBack, seconds) in [(false, 0), (true, 1), (false, 4)] as [(Bool, UInt64)] {
            _ = tracker.confirm(track(1, isBack: isBack, at: seconds * 1_000_000_000))
        }
        let staying = tracker.entry(of: track(1))
        let onlooker = Onlooker(tracker.liveness, staying: try #require(staying))
        Thread.detachNewThread { onlooker.look(at: now) }
        for port in 0..<60_000 {
            onlooker.step.wrappingAdd(1, ordering: .acquiringAndReleasing)
            let packet = track(2 + port % 60_000)
            let name = tracker.entry(of: packet)
            let entry = try #require(name)
            if port % 3 == 0 {
                tracker.abandon(packet)
                onlooker.dropped.store(entry, ordering: .releasing)
            } else {
                onlooker.newest.store(entry, ordering: .releasing)
                _ = tracker.confirm(packet)
            }
        }
        onlooker.isOver.store(true, ordering: .releasing)
        onlooker.end.wait()
        #expect(onlooker.faults.load(ordering: .relaxed) == 0)
        #expect(onlooker.looks.load(ordering: .relaxed) > 0)
        #expect(tracker.count(of: .evicted) > 0)
    }
}
