public import Classifier
import Decisions
import Flows
public import Storage
import Wire

// Flows whose verdict can't change any more, for the kernel to carry: found among those that the rules let pass, and accounted for.
extension Firewall {
    /// Time for which no flow is looked at when all entries were in use.
    private static let pause: UInt64 = 200_000_000
    /// An Ethernet header and a tag.
    private static let linkHeader: UInt64 = 14
    private static let tag: UInt64 = 4

    /// Looks whether the flow of a packet that may pass can be carried.
    @inline(__always)
    mutating func considerCarrying(
        _ packet: TrackedPacket, _ bytes: RawSpan, _ frame: ParsedFrame, _ found: Classification, ingress: UInt8, at instant: Instant
    ) {
        guard flows.carries, found.decision.verdict == .accept else { return }
        switch flows.ripeness(of: packet) {
        case .settled: return
        case .waits: flows.check(packet, side: ingress, addresses: frame.macAddresses(bytes), now: instant.monotonic)
        case .wantsPath where found.isChanged:
            // The packet at hand is no longer the one that the rules saw.
            counters.countKept(.change)
            flows.refuseToCarry(packet)
        case .wantsPath: recordPath(packet, bytes, frame, ingress: ingress, at: instant)
        }
    }

    /// Notes the flow of a packet where the rules ask for no connections: only for what the kernel may carry, and for no rule to see.
    @inline(never)
    mutating func followLightly(_ bytes: RawSpan, _ frame: ParsedFrame, _ found: Classification, ingress: UInt8, at instant: Instant) {
        guard found.decision.verdict == .accept, !found.isChanged, frame.malformation == nil, frame.isPlain else { return }
        let packet = flows.track(bytes, frame, ingress: ingress, isChecksumKnown: true, now: instant.monotonic)
        if packet.isUnconfirmed {
            _ = flows.confirm(packet)
        } else {
            considerCarrying(packet, bytes, frame, found, ingress: ingress, at: instant)
        }
    }

    @inline(never)
    private mutating func recordPath(
        _ packet: TrackedPacket, _ bytes: RawSpan, _ frame: ParsedFrame, ingress: UInt8, at instant: Instant
    ) {
        guard frame.isPlain, let paths = carriedPaths, instant.monotonic >= paths.fullUntil else { return }
        let recorder = paths.recorder
        recorder.begin()
        var before = Classification.none
        let connection = isTracking ? connection(of: packet, at: instant) : .untracked
        if program.chainsBeforeTracking > 0 {
            before = program.record(
                bytes, frame, ingress: ingress, at: instant, section: .beforeTracking, connection: .invalid, into: recorder)
        }
        if recorder.cause == nil {
            _ = program.record(
                bytes, frame, ingress: ingress, at: instant, section: program.chainsBeforeTracking > 0 ? .afterTracking : .whole,
                after: before, connection: connection, into: recorder)
        }
        if let cause = recorder.cause {
            counters.countKept(cause)
            return flows.refuseToCarry(packet)
        }
        guard let number = paths.number(ingress: ingress) else {
            counters.countKept(.length)
            return flows.refuseToCarry(packet)
        }
        let way = FlowTracker.CarriedWay(
            path: number, side: ingress, addresses: frame.macAddresses(bytes), checksAddresses: recorder.readsAddresses,
            isTagged: frame.tagCount > 0)
        if !flows.carry(packet, by: way, now: instant.monotonic) {
            counters.countKept(.entries)
            paths.fullUntil = instant.monotonic &+ Self.pause
        }
    }

    // MARK: For the worker

    /// Flows are carried, or may be.
    public var carriesFlows: Bool { flows.carries }

    /// When `attend…` has something to do, by `Instant.monotonic`.
    public var carriageDeadline: UInt64? { flows.carriageDeadline }

    /// See `FlowTracker.prepareHandover`.
    public mutating func prepareHandover(at instant: Instant) -> Bool { flows.prepareHandover(now: instant.monotonic) }

    /// See `FlowTracker.handOver`.
    public mutating func handOver(generation: UInt32) { flows.handOver(generation: generation) }

    /// See `FlowTracker.updateMap`.
    public mutating func updateCarriageMap(
        remove: (UInt32, UnsafeRawBufferPointer) -> Void, insert: (UInt32, UnsafeRawBufferPointer) -> Bool
    ) {
        unsafe flows.updateMap(remove: remove, insert: insert)
    }

    /// Brings connections, counters and timeouts up to date with what the kernel has carried, in steps of an eighth of the entries.
    /// - Parameter count: Is told the port by which frames came, how many, and their bytes with all tags.
    public mutating func accountCarried(at instant: Instant, _ count: (UInt8, Int, Int) -> Void) {
        guard flows.accountCarried(now: instant.monotonic) else { return }
        settleCarried(count)
    }

    /// Takes all flows back: other rules are in force from here on, or nobody carries any more. Parameter as above.
    public mutating func endCarrying(_ count: (UInt8, Int, Int) -> Void) {
        guard flows.carries else { return }
        flows.endCarrying()
        settleCarried(count)
        if let paths = carriedPaths { paths.fullUntil = 0 }
    }

    /// Forgets all flows if rules are to follow connections that did not so far: their keys are to be taken out of the map.
    public mutating func releaseCarried(before program: Program) {
        if !isTracking, !program.connectionNeeds.isEmpty { flows.releaseCarried() }
    }

    private mutating func settleCarried(_ count: (UInt8, Int, Int) -> Void) {
        guard let paths = carriedPaths else { return }
        for (place, path) in paths.paths.enumerated() {
            let carried = flows.takeCarried(path: place + 1)
            guard carried.frames > 0 else { continue }
            let linkPayload = carried.frameBytes &- Self.linkHeader &* carried.frames
            for step in path.steps {
                hits.add(step, frames: carried.frames, packetBytes: carried.packetBytes, frameBytes: linkPayload)
            }
            let all = carried.frameBytes &+ Self.tag &* carried.tagged
            counters.count(path.reason, frames: carried.frames, bytes: all)
            count(path.ingress, Int(truncatingIfNeeded: carried.frames), Int(truncatingIfNeeded: all))
        }
        counters.setCarriedFlows(flows.carriedNow)
    }
}

extension ParsedFrame {
    /// One that the program on the sockets takes for plain, but for its size and its TCP flags: at most one tag, which stands apart and
    /// names a VLAN, and no header between IP's and the transport's.
    fileprivate var isPlain: Bool {
        guard !isFragment, networkOffset == Ethernet.headerLength, tagCount == 0 || (tagCount == 1 && isTagOutOfBand && vlanCount == 1)
        else { return false }
        switch network {
        case .ipv4: return !hasIPv4Options
        case .ipv6: return transportOffset == networkOffset &+ IPv6.headerLength
        case .arp, .other: return false
        }
    }

    /// The destination's and the source's.
    fileprivate func macAddresses(_ bytes: RawSpan) -> (destination: UInt64, source: UInt64) {
        guard bytes.byteCount >= Ethernet.headerLength else { return (0, 0) }
        return (bytes.be48(at: 0), bytes.be48(at: Ethernet.source))
    }
}

extension FlowSettings {
    /// For flows that only the kernel path knows: addresses and ports, forgotten after 30 s without a frame.
    static func light(_ count: Int) -> FlowSettings {
        var settings = FlowSettings(flows: count, flowsPerSource: count, tcp: .off)
        settings.verifiesChecksums = false
        for timeout in FlowTimeout.allCases { settings.timeouts[timeout] = 30 }
        return settings
    }
}
