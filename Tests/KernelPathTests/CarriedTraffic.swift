import Decisions
import Flows
import FrameBuilder
import Glibc
import KernelPath
import Wire

/// The program of the packet sockets and a tracker that hands flows over to it, beside a tracker that sees every frame.
///
/// A frame that the program carries is not shown to the first tracker: what it knows of the flow it has from the program's entry.
final class CarriedTraffic {
    /// What became of one frame.
    struct Fate: Equatable {
        var isCarried: Bool
        var packet: TrackedPacket
        var reference: TrackedPacket
    }

    /// As if of the two ports, of which the present one is the loopback interface.
    private static let here: Int32 = 1
    private static let elsewhere: Int32 = 9999
    private static let generation: UInt32 = 7

    let maps: FlowMaps
    private let filter: BPFProgram
    private var tracker: FlowTracker
    private var reference: FlowTracker
    /// Nanoseconds.
    private(set) var now: UInt64 = 0
    private(set) var carriedFrames = 0
    /// How often a flow was handed over.
    var handovers: UInt64 { tracker.count(of: .carried) }

    init(_ settings: FlowSettings = FlowSettings(flows: 64, flowsPerSource: 64), mtu: UInt32 = 1500) throws {
        maps = try FlowMaps(flows: 32)
        filter = try maps.filter(.trafficControl)
        // The program's clock is the machine's.
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        now = UInt64(time.tv_sec) * 1_000_000_000
        tracker = FlowTracker(settings: settings, carried: maps.part(0, of: 1), now: now)
        reference = FlowTracker(settings: settings, now: now)
        self.mtu = mtu
        maps.setGeneration(Self.generation)
    }

    private let mtu: UInt32

    /// One frame in, by one of the ports.
    /// - Parameter isChecksumKnown: As for `FlowTracker.track`: the program is told nothing of it.
    func take(_ frame: [UInt8], side: UInt8, segmentSize: UInt32 = 0, isChecksumKnown: Bool = false) throws -> Fate {
        now += 1_000
        maps.setPort(Int(side), interface: Self.here, mtu: mtu)
        maps.setPort(1 - Int(side), interface: Self.elsewhere, mtu: mtu)
        let answer = try ProgramTrial(filter, on: frame, segmentSize: segmentSize).answer
        let expected = Self.track(&reference, frame, side, isChecksumKnown, now)
        guard answer != 0 else {
            carriedFrames += 1
            return Fate(isCarried: true, packet: expected, reference: expected)
        }
        maps.landAll()
        let packet = Self.track(&tracker, frame, side, isChecksumKnown, now)
        return Fate(isCarried: false, packet: packet, reference: expected)
    }

    private static func track(_ tracker: inout FlowTracker, _ frame: [UInt8], _ side: UInt8, _ isChecksumKnown: Bool, _ now: UInt64)
        -> TrackedPacket
    {
        let parsed = ParsedFrame.parse(frame.span.bytes, tag: nil)
        var packet = tracker.track(frame.span.bytes, parsed, ingress: side, isChecksumKnown: isChecksumKnown, now: now)
        let isKnown = !packet.isUnconfirmed
        packet.flow = (try? tracker.confirm(packet).get()) ?? nil
        guard isKnown else { return packet }
        let addresses = (frame.span.bytes.be48(at: 0), frame.span.bytes.be48(at: 6))
        switch tracker.ripeness(of: packet) {
        case .settled: break
        case .waits: tracker.check(packet, side: side, addresses: addresses, now: now)
        case .wantsPath:
            let way = FlowTracker.CarriedWay(
                path: UInt16(side) + 1, side: side, addresses: addresses, checksAddresses: true, isTagged: false)
            _ = tracker.carry(packet, by: way, now: now)
        }
        return packet
    }

    /// Hands over what may be, as a worker does that finds its rings empty.
    func handOver() {
        now += 3_000_000
        tracker.updateMap(remove: { [maps] in maps.remove($1) }, insert: { [maps] in maps.insert($0, $1) })
        if tracker.prepareHandover(now: now) { tracker.handOver(generation: Self.generation) }
    }

    /// All flows as both trackers know them, those of the first one with what was carried.
    func flows() -> (carried: [FlowDescription], reference: [FlowDescription]) {
        for _ in 0..<9 {
            now += 110_000_000
            _ = tracker.accountCarried(now: now)
        }
        func all(_ tracker: borrowing FlowTracker) -> [FlowDescription] {
            var flows: [FlowDescription] = []
            _ = tracker.flows(from: 0, count: 100, now: now) { _, flow in
                var flow = flow
                // The two clocks are some seconds apart, and no two timeouts are that close.
                flow.expiration = (flow.expiration + 30_000_000_000) / 40_000_000_000
                flows.append(flow)
            }
            return flows
        }
        return (all(tracker), all(reference))
    }

    /// What was carried in a direction.
    func carried(side: Int) -> (frames: UInt64, packetBytes: UInt64, frameBytes: UInt64) {
        let all = tracker.takeCarried(path: side + 1)
        return (all.frames, all.packetBytes, all.frameBytes)
    }
}
