public import Decisions
public import Wire

/// Connection tracking with conntrack's meaning: one for each worker; only that worker calls it.
///
/// A packet is tracked before the rules that read of its flow, and confirmed or abandoned when they have spoken:
///
///     track ── new flow, not in the table ──▶ rules ──▶ confirm: into the table, making room for it
///       │                                       └─────▶ abandon, or the next track: forgotten
///       └─── known flow: state, timeout and counts change at once, whatever the rules say (as in `nf_conntrack_in`)
///
/// Memory is set aside when it is made; nothing is allocated later. Time is an argument, nanoseconds on a clock that does not go back.
public struct FlowTracker: ~Copyable {
    public let settings: FlowSettings
    var table: FlowTable
    let counters = FlowCounters()
    let limits: TimeoutTable
    let crc = CRC32C()
    /// What the cause of the packet that was invalid last goes by.
    public internal(set) var invalidNumbers = InvalidNumbers.none
    /// The latest time that anybody has said.
    var clock: UInt64
    /// Until when connections are picked up in the strict mode.
    private let graceEnd: UInt64
    var policies = [TimeoutPolicy?](repeating: nil, count: TimeoutTable.policyCount)
    var policyIsCurrent = [Bool](repeating: false, count: TimeoutTable.policyCount)
    var epoch: UInt8 = 0
    /// True if the provisional record is a flow that `confirm` puts into the table.
    private var hasProvisional = false
    private var nextSweep: UInt64 = 0
    /// As `FlowRecord.start`: of the flow that began last, and of that before the rules in force; nil while there were no others.
    var newestStart: UInt32 = 0
    var lastEarlierStart: UInt32?
    /// What of it the kernel carries.
    var carriage: FlowCarriage

    /// - Parameters:
    ///   - carried: For the flows that the kernel is to carry; nil for none.
    ///   - now: The start, from which the grace time runs.
    public init(settings: FlowSettings = FlowSettings(), carried: CarriedEntries? = nil, now: UInt64 = 0) {
        self.settings = settings
        carriage = FlowCarriage(carried, records: settings.flows + 1, paths: Self.carriedPathLimit)
        table = FlowTable(limit: settings.flows)
        limits = TimeoutTable(settings.timeouts)
        let (end, isLate) = now.addingReportingOverflow(settings.graceTime)
        graceEnd = isLate ? .max : end
        clock = now
    }

    /// Bytes that this many flows take, in all.
    public static func bytes(forFlows flows: Int) -> Int { FlowTable.bytes(for: FlowSettings(flows: flows).flows) }

    /// Flows in the table. Those that ended within the last seconds may be among them.
    public var count: Int { table.count }

    /// Slots that the slowest search and the slowest insertion go over, for those who hold the table to its bounds.
    package var indexExtremes: (distance: Int, run: Int) { table.indexExtremes }

    /// Flows in the table that are not over, as both rows that count sources have them.
    package var shareSums: (UInt64, UInt64) { table.shareSums }

    /// How often something happened.
    public func count(of event: FlowEvent) -> UInt64 { counters[event] }

    /// How many packets were invalid for a reason.
    public func count(of cause: InvalidCause) -> UInt64 { counters[cause] }

    // MARK: A packet

    /// Says what a packet is to the flows.
    /// - Parameters:
    ///   - bytes: The frame as it was parsed, a datagram put together from fragments, or a super-frame, which counts as one packet.
    ///   - frame: What `ParsedFrame.parse` said of `bytes`, not malformed.
    ///   - ingress: The port by which it came; ports 2n and 2n + 1 are a pair, of at most 16.
    ///   - isChecksumKnown: The transport checksum needs no look: left to hardware, or checked by it.
    ///   - now: Nanoseconds.
    public mutating func track(_ bytes: RawSpan, _ frame: ParsedFrame, ingress: UInt8, isChecksumKnown: Bool = false, now: UInt64)
        -> TrackedPacket
    {
        if hasProvisional { forgetProvisional() }
        guard frame.network == .ipv4 || frame.network == .ipv6, bytes.byteCount == frame.byteCount else { return .untracked }
        guard let place = TransportPlace(bytes, frame) else {
            invalidNumbers.kind = .none
            return reject(.noTransport)
        }
        advance(to: now)
        invalidNumbers.kind = .none
        let packet = PacketContext(
            place: place, link: FlowLink.packed(bytes, frame, ingress: ingress, table.hash), length: frame.networkLength,
            hopLimit: place.isIPv6 ? bytes.u8(at: frame.networkOffset &+ ParsedFrame.IPv6.hopLimit) : 0,
            verifiesChecksum: settings.verifiesChecksums && !isChecksumKnown && place.isWhole, now: now)

        let tracked = track(bytes, packet)
        if let cause = tracked.cause { note(cause, bytes, packet) }
        return tracked
    }

    @inline(__always)
    private mutating func track(_ bytes: RawSpan, _ packet: PacketContext) -> TrackedPacket {
        let place = packet.place
        if place.isIPv6 ? place.number == IPProtocol.icmpv6 : place.number == IPProtocol.icmp {
            switch readICMP(bytes, packet) {
            case .message: break
            case .untracked: return .untracked
            case .related(let record, let direction):
                var tracked = TrackedPacket(.related)
                tracked.flow = record
                tracked.direction = direction
                return tracked
            case .invalid(let cause): return reject(cause)
            }
        }
        let tuple: FlowTuple
        switch place.tuple(bytes) {
        case .success(let found): tuple = found
        case .failure(let cause): return reject(cause)
        }
        guard let (normalized, direction) = tuple.normalized else { return reject(.icmpType) }
        return follow(bytes, packet, normalized, direction)
    }

    private mutating func follow(_ bytes: RawSpan, _ packet: PacketContext, _ tuple: FlowTuple, _ direction: FlowDirection)
        -> TrackedPacket
    {
        let hash = table.hash(of: tuple, link: packet.link)
        if let found = findAlive(tuple, packet, hash) {
            // For ICMP the message says the direction, for all else the flow.
            let way = ICMPMessage.isICMP(tuple.transportProtocol) ? direction : found.direction
            if let tracked = followKnown(bytes, packet, found.record, way) { return tracked }
        }
        // ICMP's answers to nothing end here; so `tuple` is the original direction's.
        guard direction == .original else { return reject(.icmpUnasked) }
        let record = table.provisional
        table[record] = FlowRecord(tuple, link: packet.link, start: packet.now)
        newestStart = table[record].start
        let outcome = step(bytes, packet, record, .original, isNew: true)
        switch outcome {
        case .refresh(let ticks):
            table.setExpiry(record, expiry(packet.now, ticks))
            _ = table[record].account.count(packet.length, .original, isListed: false)
        case .keep, .end, .again: table.setExpiry(record, expiry(packet.now, Tick.count(ofSeconds: 1)))
        case .invalid(let cause): return reject(cause)
        }
        counters[.new] &+= 1
        hasProvisional = true
        table.setEpoch(record, epoch)
        var tracked = TrackedPacket(.new)
        tracked.flow = record
        tracked.isUnconfirmed = true
        return tracked
    }

    /// A packet of a flow in the table; nil if that ended and the packet restarts it.
    private mutating func followKnown(_ bytes: RawSpan, _ packet: PacketContext, _ known: Int32, _ direction: FlowDirection)
        -> TrackedPacket?
    {
        var record = known
        takeBack(known, now: packet.now)
        // As it was before this packet: the first answer is already a part of something established.
        let isEstablished = direction == .reply || table[record].has(FlowRecord.Flag.seenReply)
        var tracked = TrackedPacket(isEstablished ? .established : .new)
        tracked.direction = direction
        tracked.needsRecheck = table.epoch(record) != epoch
        switch step(bytes, packet, record, direction, isNew: false) {
        case .refresh(let ticks):
            table.setExpiry(record, expiry(packet.now, ticks))
            account(record, packet.length, direction)
        case .keep: counters[.ignored] &+= 1
        case .end:
            // Rules may still read of it: it stays where the next new flow would stand.
            account(record, packet.length, direction)
            table.unlist(record)
            table[table.provisional] = table[record]
            table.setExpiry(table.provisional, expiry(packet.now, 0))
            end(record)
            record = table.provisional
        case .again:
            end(record)
            return nil
        case .invalid(let cause):
            var rejected = reject(cause)
            rejected.isOfKnownFlow = true
            return rejected
        }
        tracked.flow = record
        if direction == .reply { table[record].set(FlowRecord.Flag.seenReply, true) }
        return tracked
    }

    /// What becomes of the flow, by its protocol.
    private mutating func step(_ bytes: RawSpan, _ packet: PacketContext, _ record: Int32, _ direction: FlowDirection, isNew: Bool)
        -> FlowStep
    {
        switch packet.place.number {
        case IPProtocol.tcp: stepTCP(bytes, packet, record, direction, isNew: isNew)
        case IPProtocol.udp: stepUDP(bytes, packet, record, isNew: isNew)
        case IPProtocol.udpLite: stepUDPLite(bytes, packet, record)
        case IPProtocol.icmp: .refresh(limit(record, .icmp))
        case IPProtocol.icmpv6: .refresh(limit(record, .icmpv6))
        case IPProtocol.sctp: stepSCTP(bytes, packet, record, direction, isNew: isNew)
        case IPProtocol.dccp: stepDCCP(bytes, packet, record, direction, isNew: isNew)
        case IPProtocol.gre: stepGRE(record)
        default: .refresh(limit(record, .generic))
        }
    }

    // MARK: A verdict

    /// The rules let the packet that was tracked last pass: a new flow comes into the table, and a known one has been checked by the
    /// rules in force.
    /// - Returns: Its record from here on, nil for a packet without a flow; or why there is no room for it, and nothing that could make it:
    ///   then the packet may not pass.
    public mutating func confirm(_ packet: TrackedPacket) -> Result<Int32?, FlowRefusal> {
        guard packet.isUnconfirmed, hasProvisional else {
            if let flow = packet.flow, Int(flow) < table.capacity { table.setEpoch(flow, epoch) }
            return .success(packet.flow)
        }
        hasProvisional = false
        if settings.flowsPerSource < settings.flows, table.countOfSource >= settings.flowsPerSource {
            // Who has a share makes room of it: those of its own that nothing has answered, or not for long.
            guard let record = table.firstOfSourceToGo else {
                table.liveness.endPending(isInTable: false)
                counters[.refusedShare] &+= 1
                return .failure(.share)
            }
            remove(record)
            counters[.evicted] &+= 1
        }
        // At most two: one for the record, and one should the index have no room.
        for _ in 0..<2 {
            if let record = table.insertProvisional() {
                table.liveness.endPending(isInTable: true)
                counters[.confirmed] &+= 1
                return .success(record)
            }
            guard let (record, isFinished) = table.firstToGo else { break }
            remove(record)
            counters[isFinished ? .evictedFinished : .evicted] &+= 1
        }
        table.liveness.endPending(isInTable: false)
        counters[.refused] &+= 1
        return .failure(.limit)
    }

    /// The rules did not let it pass: a flow that it would have begun is forgotten.
    public mutating func abandon(_ packet: TrackedPacket) {
        if packet.isUnconfirmed { forgetProvisional() }
    }

    private mutating func forgetProvisional() {
        hasProvisional = false
        table.liveness.endPending(isInTable: false)
    }

    /// Ends a flow: its next packet is a new one's.
    public mutating func end(_ flow: Int32) {
        guard flow >= 0, Int(flow) < table.capacity, table.expiry(flow) != 0 else { return }
        remove(flow)
        counters[.ended] &+= 1
    }

    // MARK: Time

    /// Takes out flows that have ended, in steps: an eighth of the table each eighth of a second, and no more than 1,024 flows at once.
    public mutating func expire(now: UInt64) {
        advance(to: now)
        guard table.count > 0, now >= nextSweep else { return }
        var budget = table.capacity / 8 &+ 1
        var removals = 1024
        let tick = Tick.at(now)
        while removals > 0, let record = table.nextExpired(at: tick, within: &budget) {
            if isKeptAlive(record, now: now) { continue }
            remove(record)
            counters[.expired] &+= 1
            removals &-= 1
        }
        nextSweep = removals > 0 ? now &+ 125_000_000 : now
    }

    /// When `expire` has something to do; nil while there are no flows.
    public var deadline: UInt64? { table.count > 0 ? nextSweep : nil }

    // MARK: Helpers

    mutating func reject(_ cause: InvalidCause) -> TrackedPacket {
        counters[cause] &+= 1
        return .invalid(cause)
    }

    /// A flow that has not ended; one that has is taken out when it is seen.
    mutating func findAlive(_ tuple: FlowTuple, _ packet: PacketContext, _ hash: UInt64) -> (record: Int32, direction: FlowDirection)? {
        guard let found = table.find(tuple, link: packet.link, hash: hash) else { return nil }
        guard FlowTable.isReached(table.expiry(found.record), at: Tick.at(packet.now)), !isKeptAlive(found.record, now: packet.now) else {
            return found
        }
        remove(found.record)
        counters[.expired] &+= 1
        return nil
    }

    @inline(__always)
    func limit(_ record: Int32, _ timeout: FlowTimeout) -> UInt32 { limits[table[record].policy, timeout] }

    func picksUp(at now: UInt64) -> Bool { settings.tcp == .loose || now < graceEnd }

    /// 0 says that there is no flow.
    func expiry(_ now: UInt64, _ ticks: UInt32) -> UInt32 { max(Tick.at(now) &+ ticks, 1) }

    private mutating func account(_ record: Int32, _ length: Int, _ direction: FlowDirection) {
        let isListed = table[record].has(FlowRecord.Flag.listed)
        if table[record].account.count(length, direction, isListed: isListed) { return }
        // A sender of 4 GiB is no part of a flood.
        table.unlist(record)
        _ = table[record].account.count(length, direction, isListed: false)
    }

    /// A flow that went both ways and is worth keeping: it makes no room for others.
    mutating func assure(_ record: Int32) {
        guard !table[record].has(FlowRecord.Flag.assured) else { return }
        table.unlist(record)
        table[record].set(FlowRecord.Flag.assured, true)
    }

    /// Both ends have closed a flow, or one of them restarted it.
    mutating func setFinished(_ record: Int32, _ isFinished: Bool) {
        guard table[record].has(FlowRecord.Flag.finished) != isFinished else { return }
        table.unlist(record)
        table.setFinished(record, isFinished)
        table.liveness.setClosed(Int(record), isFinished)
        if isFinished || !table[record].has(FlowRecord.Flag.assured) { table.list(record) }
    }
}

/// Why there is no room for a flow.
public enum FlowRefusal: Error, Sendable, BitwiseCopyable {
    /// The table is full, and nothing in it can make room.
    case limit
    /// Its source has begun as many as it may.
    case share
}

/// Other timeouts than the settings', for flows that a rule chooses (a `ct timeout` object).
public struct TimeoutPolicy: Sendable, Equatable {
    /// Seconds, where they are not as in the settings.
    public var seconds: [FlowTimeout: UInt64]

    public init(seconds: [FlowTimeout: UInt64]) { self.seconds = seconds }
}

/// What all protocols want to know of a packet.
struct PacketContext: BitwiseCopyable {
    var place: TransportPlace
    /// See `FlowLink`.
    var link: UInt32
    /// Length of the packet, from the IP header on.
    var length: Int
    /// IPv6's.
    var hopLimit: UInt8
    var verifiesChecksum: Bool
    var now: UInt64
}

/// What a packet does to its flow.
enum FlowStep: BitwiseCopyable {
    /// It counts, and the flow lives for that many ticks from here on.
    case refresh(UInt32)
    /// It passes, and changes nothing.
    case keep
    /// It passes, and ends the flow.
    case end
    /// The flow is over; the packet restarts it.
    case again
    case invalid(InvalidCause)
}
