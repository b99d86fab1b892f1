import Decisions
import Wire

/// What a worker does with the flows that the kernel carries.
extension FlowTracker {
    /// Paths that rules may have for carried flows at a time, in one worker.
    public static let carriedPathLimit = 1024
    /// Packets of a flow, of which it has gone both ways, from which on it is carried.
    private static let answeredPackets: UInt64 = 6
    /// The same of one that nothing has answered.
    private static let unansweredPackets: UInt64 = 16
    /// A frame that the program has let by before it knew of an entry is in its ring by then.
    private static let grace: UInt64 = 2_000_000
    /// How long a flow waits without a packet of its own.
    private static let patience: UInt64 = 1_000_000_000
    /// Time from one look at the carried flows to the next, an eighth of them each time.
    private static let sweepTime: UInt64 = 100_000_000
    /// Time after which a flow that was taken back may be carried again.
    private static let rest: UInt64 = 1_000_000

    /// Flows are carried, from here on or at a later time.
    public var carries: Bool { carriage.isOn }

    /// What one look at a packet's flow says of carrying it.
    public enum Ripeness: Sendable, Equatable {
        /// There is nothing to do.
        case settled
        /// The rules' path for packets of this direction is to be recorded: see `note(path:…)`.
        case wantsPath
        /// Its path is known; it waits for the other direction, or for a moment at which it can be handed over.
        case waits
    }

    /// Says whether a packet that the rules have let pass is of a flow that may be carried.
    public func ripeness(of packet: TrackedPacket) -> Ripeness {
        guard carriage.isOn, let record = packet.flow, Int(record) < table.capacity, !packet.isUnconfirmed,
            packet.state == .established || packet.state == .new, !packet.needsRecheck
        else { return .settled }
        let path = carriage.path(of: record, packet.direction)
        if path == FlowCarriage.refusedPath { return .settled }
        if path != FlowCarriage.unknownPath { return .waits }
        let flow = table[record]
        guard Self.isCarriable(flow.transportProtocol, flow.destinationPort), flow.link >> 28 == 0 else { return .settled }
        let isListed = flow.has(FlowRecord.Flag.listed)
        let replies = flow.account.packetCount(.reply, isListed: isListed)
        let packets = replies &+ flow.account.packetCount(.original, isListed: isListed)
        if flow.has(FlowRecord.Flag.seenReply) {
            guard packet.state == .established, packets >= Self.answeredPackets else { return .settled }
        } else {
            guard flow.transportProtocol != IPProtocol.tcp, packets >= Self.unansweredPackets, replies == 0 else { return .settled }
        }
        return isSteady(record) ? .wantsPath : .settled
    }

    /// Protocols of which the program knows the headers: all that are no IPv6 extension header, have no state of their own that it would
    /// have to follow, and no checksum that it can't compute.
    static func isCarriable(_ number: UInt8, _ destinationPort: UInt16) -> Bool {
        switch number {
        // Echoes only, and no calls of PPTP's.
        case IPProtocol.icmp: destinationPort >> 8 == 8
        case IPProtocol.icmpv6: destinationPort >> 8 == 128
        case IPProtocol.gre: destinationPort == 0
        case IPProtocol.hopByHopOptions, IPProtocol.routing, IPProtocol.fragment, IPProtocol.destinationOptions, IPProtocol.noNextHeader,
            IPProtocol.authentication, IPProtocol.sctp, IPProtocol.dccp, 135, 139, 140, 253, 254:
            false
        default: true
        }
    }

    /// TCP that is established, and about which nothing is open.
    private func isSteady(_ record: Int32) -> Bool {
        guard table[record].transportProtocol == IPProtocol.tcp else { return true }
        guard table[record].has(FlowRecord.Flag.assured) else { return false }
        if settings.tcp == .off { return table[record].memory.first.0 == 0 }
        let connection = TCPConnection(table[record].memory)
        func isKnown(_ peer: TCPPeer) -> Bool { peer.maxWindow > 0 && peer.has(TCPPeer.Flag.hasMaxAck) }
        return connection.state == .established && connection.lastKind == .ack && isKnown(connection.original) && isKnown(connection.reply)
    }

    /// What is noted of one direction of a flow that is to be carried.
    public struct CarriedWay: Sendable {
        /// Number of the rules' path for its packets, from 1.
        public var path: UInt16
        /// The port by which its packets come.
        public var side: UInt8
        /// The first 12 bytes of its frames.
        public var addresses: (destination: UInt64, source: UInt64)
        /// The path depends on them.
        public var checksAddresses: Bool
        /// Its frames have one tag, which stands apart.
        public var isTagged: Bool

        public init(path: UInt16, side: UInt8, addresses: (destination: UInt64, source: UInt64), checksAddresses: Bool, isTagged: Bool) {
            self.path = path
            self.side = side
            self.addresses = addresses
            self.checksAddresses = checksAddresses
            self.isTagged = isTagged
        }
    }

    /// The flow of a packet can't be carried under the rules in force.
    public mutating func refuseToCarry(_ packet: TrackedPacket) {
        guard let record = packet.flow else { return }
        release(record)
        carriage.setPath(FlowCarriage.refusedPath, of: record, .original)
        carriage.setPath(FlowCarriage.refusedPath, of: record, .reply)
    }

    /// Notes the path of a packet's direction. Returns false if all entries are in use.
    public mutating func carry(_ packet: TrackedPacket, by way: CarriedWay, now: UInt64) -> Bool {
        guard let record = packet.flow, let entries = carriage.entries else { return true }
        let isOriginal = packet.direction == .original
        let originalIsFar = isOriginal ? way.side == 1 : way.side == 0
        let isUnanswered = packet.state == .new
        if let slot = carriage.slot(of: record),
            carriage[slot].flags & FlowCarriage.Flag.originalIsFar != 0 ? !originalIsFar : originalIsFar
        {
            // The hosts have changed sides.
            release(record)
        }
        let known = carriage.slot(of: record)
        guard let slot = known ?? carriage.take(for: record) else { return false }
        if known == nil {
            let flow = table[record]
            guard let key = CarriedKey(flow.original, side: originalIsFar ? 1 : 0, link: flow.link) else {
                carriage.detach(slot)
                refuseToCarry(packet)
                return true
            }
            entries.setKey(key, slot)
            var flags: UInt16 = originalIsFar ? FlowCarriage.Flag.originalIsFar : 0
            if way.isTagged { flags |= FlowCarriage.Flag.isTagged }
            if isUnanswered { flags |= FlowCarriage.Flag.isUnanswered }
            carriage[slot].flags |= flags
            let isWindowed = flow.transportProtocol == IPProtocol.tcp && settings.tcp != .off
            var bits: UInt32 = isWindowed ? CarriedEntry.Flag.tracksWindow : 0
            if settings.verifiesChecksums { bits |= CarriedEntry.Flag.verifiesChecksum }
            entries.store(bits, slot, CarriedEntry.flags)
        }
        entries.lock(slot)
        let block = CarriedEntry.sides &+ Int(way.side) &* CarriedEntry.Side.size
        let octets = CarriedAddresses(way.addresses.destination, way.addresses.source)
        entries.store(octets.outer, slot, block &+ CarriedEntry.Side.macStart)
        entries.store(octets.first, slot, block &+ CarriedEntry.Side.macFirst)
        entries.store(octets.second, slot, block &+ CarriedEntry.Side.macSecond)
        var bits = entries.load(slot, CarriedEntry.flags)
        bits |= way.side == 0 ? CarriedEntry.Flag.nearSide : CarriedEntry.Flag.farSide
        if way.checksAddresses { bits |= CarriedEntry.Flag.checksMAC }
        entries.store(bits, slot, CarriedEntry.flags)
        entries.unlock(slot)
        carriage.setPath(way.path, of: record, packet.direction)
        queue(slot, now: now)
        return true
    }

    /// Holds a packet of a flow that waits against what was noted of its direction: other addresses have to pass the rules again.
    public mutating func check(_ packet: TrackedPacket, side: UInt8, addresses: (destination: UInt64, source: UInt64), now: UInt64) {
        guard let record = packet.flow, let slot = carriage.slot(of: record), let entries = carriage.entries else { return }
        let flags = carriage[slot].flags
        let isFar = flags & FlowCarriage.Flag.originalIsFar != 0
        let expected: UInt8 = (packet.direction == .original) == isFar ? 1 : 0
        let isAnswered = flags & FlowCarriage.Flag.isUnanswered != 0 && packet.state != .new
        if side != expected || isAnswered { return release(record) }
        let block = CarriedEntry.sides &+ Int(side) &* CarriedEntry.Side.size
        let octets = CarriedAddresses(addresses.destination, addresses.source)
        if entries.load(slot, CarriedEntry.flags) & CarriedEntry.Flag.checksMAC == 0 {
            // Any will do.
        } else if entries.load(slot, block &+ CarriedEntry.Side.macStart) != octets.outer
            || entries.load(slot, block &+ CarriedEntry.Side.macFirst) != octets.first
            || entries.load(slot, block &+ CarriedEntry.Side.macSecond) != octets.second
        {
            return release(record)
        }
        queue(slot, now: now)
    }

    /// Has a flow wait to be handed over if all of its ways are known.
    private mutating func queue(_ slot: Int, now: UInt64) {
        let flags = carriage[slot].flags
        guard flags & (FlowCarriage.Flag.isCarried | FlowCarriage.Flag.waits) == 0, isWhole(slot) else { return }
        // The program has known an older entry long enough.
        carriage[slot].since = flags & FlowCarriage.Flag.isKnown == 0 ? now : now &- Self.grace
        if flags & FlowCarriage.Flag.isKnown == 0 { carriage.order(slot) }
        carriage.wait(slot)
    }

    /// The rules' paths are known for all packets that the entry is for.
    private func isWhole(_ slot: Int) -> Bool {
        let record = carriage[slot].record
        func isKnown(_ direction: FlowDirection) -> Bool {
            let path = carriage.path(of: record, direction)
            return path != FlowCarriage.unknownPath && path != FlowCarriage.refusedPath
        }
        return isKnown(.original) && (carriage[slot].flags & FlowCarriage.Flag.isUnanswered != 0 || isKnown(.reply))
    }

    // MARK: Handing over

    /// Notes which of the flows that wait have no frame between the program and the rings. Returns false if there are none.
    public mutating func prepareHandover(now: UInt64) -> Bool {
        guard let entries = carriage.entries, carriage.waitingCount > 0 else { return false }
        var isAny = false
        for place in 0..<carriage.waitingCount {
            guard let slot = carriage.waitingSlot(place), carriage[slot].flags & FlowCarriage.Flag.isFresh == 0,
                now &- carriage[slot].since >= Self.grace
            else { continue }
            // In this order: a frame that goes up meanwhile makes the two differ.
            let landed = entries.loadOrdered(slot, CarriedEntry.landed)
            let raised = entries.loadOrdered(slot, CarriedEntry.raised)
            carriage[slot].raised = landed == raised ? raised : .max
            if landed == raised { isAny = true }
        }
        return isAny
    }

    /// Hands the flows over of which no frame has gone up since `prepareHandover`. To be called when the rings were seen empty after that,
    /// and all that was taken from them is sent.
    /// - Parameter generation: Not 0.
    public mutating func handOver(generation: UInt32) {
        guard let entries = carriage.entries else { return }
        for place in 0..<carriage.waitingCount {
            guard let slot = carriage.waitingSlot(place), carriage[slot].flags & FlowCarriage.Flag.isFresh == 0,
                carriage[slot].raised != .max, isWhole(slot), isSteady(carriage[slot].record)
            else { continue }
            entries.lock(slot)
            if entries.load64(slot, CarriedEntry.raised) == carriage[slot].raised {
                if entries.load(slot, CarriedEntry.flags) & CarriedEntry.Flag.tracksWindow != 0 { store(slot, entries) }
                entries.store(generation, slot, CarriedEntry.generation)
                carriage[slot].flags |= FlowCarriage.Flag.isCarried
                carriage.carriedCount &+= 1
                counters[.carried] &+= 1
            }
            carriage[slot].raised = .max
            entries.unlock(slot)
        }
        sortWaiting()
    }

    /// What is not carried for longer than a second waits for another packet of its own.
    private mutating func sortWaiting() {
        carriage.sortWaiting(since: clock < Self.patience ? 0 : clock &- Self.patience)
    }

    /// Writes TCP's window into an entry.
    private func store(_ slot: Int, _ entries: CarriedEntries) {
        let connection = TCPConnection(table[carriage[slot].record].memory)
        let originalIsFar = carriage[slot].flags & FlowCarriage.Flag.originalIsFar != 0
        for side in 0..<2 {
            let peer = (side == 1) == originalIsFar ? connection.original : connection.reply
            let block = CarriedEntry.sides &+ side &* CarriedEntry.Side.size
            entries.store(peer.end, slot, block &+ CarriedEntry.Side.end)
            entries.store(peer.maxEnd, slot, block &+ CarriedEntry.Side.maxEnd)
            entries.store(peer.maxWindow, slot, block &+ CarriedEntry.Side.maxWindow)
            entries.store(peer.maxAck, slot, block &+ CarriedEntry.Side.maxAck)
            entries.store(UInt32(min(peer.scale, 14)), slot, block &+ CarriedEntry.Side.scale)
            entries.store(UInt32(peer.flags), slot, block &+ CarriedEntry.Side.flags)
        }
        entries.store(connection.lastEnd, slot, CarriedEntry.lastEnd)
        entries.store(UInt32(connection.lastWindow), slot, CarriedEntry.lastWindow)
        entries.store(UInt32(connection.lastLength), slot, CarriedEntry.lastLength)
        entries.store(((connection.lastDirection == .original) == originalIsFar) ? 1 : 0, slot, CarriedEntry.lastSide)
        entries.store(UInt32(connection.retransmissions), slot, CarriedEntry.retransmissions)
    }

    // MARK: Taking back

    /// A frame of a flow has come up, or its end is near: it is the worker's again, as if it had seen every packet.
    @inline(__always)
    mutating func takeBack(_ record: Int32, now: UInt64) {
        guard let slot = carriage.slot(of: record), carriage[slot].flags & FlowCarriage.Flag.isCarried != 0 else { return }
        end(carryingOf: slot)
        carriage[slot].since = now &+ Self.rest &- Self.grace
        carriage.wait(slot)
    }

    @inline(never)
    private mutating func end(carryingOf slot: Int) {
        guard let entries = carriage.entries else { return }
        entries.lock(slot)
        entries.store(0, slot, CarriedEntry.generation)
        account(slot, entries)
        entries.unlock(slot)
        if carriage[slot].flags & FlowCarriage.Flag.isCarried != 0 { carriage.carriedCount &-= 1 }
        carriage[slot].flags &= ~FlowCarriage.Flag.isCarried
    }

    /// Brings into a flow's record, and into the counts of its paths, what was carried since the last time.
    private mutating func account(_ slot: Int, _ entries: CarriedEntries) {
        let state = carriage[slot]
        let record = state.record
        guard record >= 0 else { return }
        let originalIsFar = state.flags & FlowCarriage.Flag.originalIsFar != 0
        let isTagged = state.flags & FlowCarriage.Flag.isTagged != 0
        var isNew = false
        for side in 0..<2 {
            let block = CarriedEntry.sides &+ side &* CarriedEntry.Side.size
            let seen = FlowCarriage.Amounts(
                frames: entries.load64(slot, block &+ CarriedEntry.Side.frames),
                packetBytes: entries.load64(slot, block &+ CarriedEntry.Side.packetBytes),
                frameBytes: entries.load64(slot, block &+ CarriedEntry.Side.frameBytes))
            let known = side == 0 ? state.near : state.far
            guard seen.frames != known.frames || seen.frameBytes != known.frameBytes || seen.packetBytes != known.packetBytes else {
                continue
            }
            if side == 0 { carriage[slot].near = seen } else { carriage[slot].far = seen }
            let amounts = FlowCarriage.Amounts(
                frames: seen.frames &- known.frames, packetBytes: seen.packetBytes &- known.packetBytes,
                frameBytes: seen.frameBytes &- known.frameBytes)
            let direction: FlowDirection = (side == 1) == originalIsFar ? .original : .reply
            carriage.add(amounts, toPath: carriage.path(of: record, direction), isTagged: isTagged)
            add(amounts, to: record, direction)
            isNew = true
        }
        guard isNew else { return }
        if entries.load(slot, CarriedEntry.flags) & CarriedEntry.Flag.tracksWindow != 0 { loadWindow(slot, record, entries) }
        let last = entries.load64(slot, CarriedEntry.lastSeen)
        if let ticks = carriedTicks(record, last: last) { table.setExpiry(record, expiry(last, ticks)) }
    }

    private mutating func add(_ amounts: FlowCarriage.Amounts, to record: Int32, _ direction: FlowDirection) {
        let isListed = table[record].has(FlowRecord.Flag.listed)
        if table[record].account.count(amounts.packetBytes, packets: amounts.frames, direction, isListed: isListed) { return }
        table.unlist(record)
        _ = table[record].account.count(amounts.packetBytes, packets: amounts.frames, direction, isListed: false)
    }

    private mutating func loadWindow(_ slot: Int, _ record: Int32, _ entries: CarriedEntries) {
        var connection = TCPConnection(table[record].memory)
        let originalIsFar = carriage[slot].flags & FlowCarriage.Flag.originalIsFar != 0
        for side in 0..<2 {
            let block = CarriedEntry.sides &+ side &* CarriedEntry.Side.size
            let direction: FlowDirection = (side == 1) == originalIsFar ? .original : .reply
            connection[direction].end = entries.load(slot, block &+ CarriedEntry.Side.end)
            connection[direction].maxEnd = entries.load(slot, block &+ CarriedEntry.Side.maxEnd)
            connection[direction].maxWindow = entries.load(slot, block &+ CarriedEntry.Side.maxWindow)
            connection[direction].maxAck = entries.load(slot, block &+ CarriedEntry.Side.maxAck)
            connection[direction].flags = UInt8(truncatingIfNeeded: entries.load(slot, block &+ CarriedEntry.Side.flags))
        }
        connection.lastEnd = entries.load(slot, CarriedEntry.lastEnd)
        connection.lastWindow = UInt16(truncatingIfNeeded: entries.load(slot, CarriedEntry.lastWindow))
        connection.lastLength = UInt8(truncatingIfNeeded: entries.load(slot, CarriedEntry.lastLength))
        connection.lastDirection = (entries.load(slot, CarriedEntry.lastSide) == 1) == originalIsFar ? .original : .reply
        connection.lastKind = .ack
        connection.retransmissions = UInt8(truncatingIfNeeded: entries.load(slot, CarriedEntry.retransmissions))
        table[record].memory = connection.memory
    }

    /// How long a flow lasts from its last packet on, which the kernel has carried: what `step` would have said of that.
    private mutating func carriedTicks(_ record: Int32, last: UInt64) -> UInt32? {
        switch table[record].transportProtocol {
        case IPProtocol.tcp:
            guard settings.tcp != .off else { return limit(record, .tcpEstablished) }
            return ticks(of: TCPConnection(table[record].memory), record, .established, isReset: false)
        case IPProtocol.udp: return datagramTicks(record, at: last)
        case IPProtocol.udpLite:
            return limit(record, table[record].has(FlowRecord.Flag.seenReply) ? .udpStream : .udp)
        case IPProtocol.icmp: return limit(record, .icmp)
        case IPProtocol.icmpv6: return limit(record, .icmpv6)
        case IPProtocol.gre: return limit(record, table[record].has(FlowRecord.Flag.seenReply) ? .greStream : .gre)
        default: return limit(record, .generic)
        }
    }

    /// A flow has no entry from here on; what was carried of it is accounted for.
    mutating func release(_ record: Int32) {
        guard let slot = carriage.slot(of: record) else { return }
        end(carryingOf: slot)
        carriage.detach(slot)
    }

    /// Takes a flow out of the table.
    mutating func remove(_ record: Int32) {
        release(record)
        carriage.setPath(FlowCarriage.unknownPath, of: record, .original)
        carriage.setPath(FlowCarriage.unknownPath, of: record, .reply)
        table.remove(record)
    }

    /// Brings timeouts and counts of the flows that are carried up to date, an eighth of all entries each tenth of a second. Returns whether
    /// it is that time.
    public mutating func accountCarried(now: UInt64) -> Bool {
        guard let entries = carriage.entries, now >= carriage.nextSweep else { return false }
        advance(to: now)
        carriage.nextSweep = now &+ Self.sweepTime
        var budget = entries.count / 8 &+ 1
        while let slot = carriage.nextForSweep(&budget) {
            guard carriage[slot].flags & FlowCarriage.Flag.isCarried != 0 else { continue }
            if entries.load(slot, CarriedEntry.generation) == 0 {
                takeBack(carriage[slot].record, now: now)
            } else {
                entries.lock(slot)
                account(slot, entries)
                entries.unlock(slot)
            }
        }
        sortWaiting()
        return true
    }

    /// When the next flow can be handed over, or the next look at what is carried is due; nil while no flow has an entry.
    public var carriageDeadline: UInt64? {
        guard carriage.isOn, carriedEntries > 0 else { return nil }
        return carriage.waitingCount > 0 ? min(carriage.nextSweep, clock &+ Self.grace) : carriage.nextSweep
    }

    /// Flows that are carried at this moment.
    public var carriedNow: Int { carriage.carriedCount }

    /// True if a flow that seems to have ended has not: the kernel has carried frames of it since anybody looked.
    mutating func isKeptAlive(_ record: Int32, now: UInt64) -> Bool {
        guard let slot = carriage.slot(of: record), let entries = carriage.entries,
            carriage[slot].flags & FlowCarriage.Flag.isCarried != 0
        else { return false }
        entries.lock(slot)
        account(slot, entries)
        entries.unlock(slot)
        return !FlowTable.isReached(table.expiry(record), at: Tick.at(now))
    }

    /// Takes back all flows, and forgets the rules' paths for them: others are in force from here on, or nobody carries any more. They keep
    /// their entries. What was carried is for `takeCarried` to take.
    public mutating func endCarrying() {
        guard let entries = carriage.entries else { return }
        for slot in 0..<entries.count where carriage[slot].record >= 0 {
            end(carryingOf: slot)
            let kept = CarriedEntry.Flag.verifiesChecksum | CarriedEntry.Flag.tracksWindow
            entries.lock(slot)
            entries.store(entries.load(slot, CarriedEntry.flags) & kept, slot, CarriedEntry.flags)
            entries.unlock(slot)
        }
        carriage.forgetPaths()
    }

    // MARK: For the one who keeps the map

    /// Entries that a worker has, in use or not.
    public var carriedCapacity: Int { carriage.entries?.count ?? 0 }
    /// Entries that are in use.
    public var carriedEntries: Int { carriedCapacity - carriage.freeCount }

    /// Has the map follow: keys of flows that ended are taken out, then new ones put in. Each closure is given the number of an entry in
    /// the map, and its key; `insert` says whether that could be done.
    public mutating func updateMap(
        remove: (UInt32, UnsafeRawBufferPointer) -> Void, insert: (UInt32, UnsafeRawBufferPointer) -> Bool
    ) {
        guard let entries = carriage.entries, carriage.goneCount > 0 || carriage.freshCount > 0 else { return }
        while let slot = carriage.nextGone() {
            unsafe entries.withKey(slot) { unsafe remove(entries.first &+ UInt32(slot), $0) }
            carriage.settle(slot)
        }
        while let slot = carriage.nextFresh() {
            let isThere = unsafe entries.withKey(slot) { unsafe insert(entries.first &+ UInt32(slot), $0) }
            guard !isThere else { continue }
            carriage[slot].flags &= ~FlowCarriage.Flag.isKnown
            carriage.detach(slot)
        }
    }

    /// Takes what was carried by a path since the last time: frames, bytes of their packets, bytes of the frames, and how many of them had
    /// a tag that is not among those bytes.
    public func takeCarried(path: Int) -> (frames: UInt64, packetBytes: UInt64, frameBytes: UInt64, tagged: UInt64) {
        guard path >= 0, path <= carriage.pathLimit else { return (0, 0, 0, 0) }
        let place = FlowCarriage.countsPerPath &* path
        let counts = unsafe carriage.counts
        let taken = unsafe (counts[place], counts[place &+ 1], counts[place &+ 2], counts[place &+ 3])
        unsafe (counts + place).update(repeating: 0, count: FlowCarriage.countsPerPath)
        return taken
    }
}

/// MAC addresses as an entry holds them.
private struct CarriedAddresses {
    /// Bytes 0 and 1 of the frame, then 10 and 11.
    var outer: UInt32
    var first: UInt32
    var second: UInt32

    init(_ destination: UInt64, _ source: UInt64) {
        func word(_ octets: (UInt64, UInt64, UInt64, UInt64)) -> UInt32 {
            UInt32(bigEndian: UInt32(truncatingIfNeeded: octets.0 << 24 | octets.1 << 16 | octets.2 << 8 | octets.3))
        }
        func octet(_ index: UInt64) -> UInt64 { (index < 6 ? destination >> (40 - 8 * index) : source >> (40 - 8 * (index - 6))) & 0xff }
        outer = word((octet(0), octet(1), octet(10), octet(11)))
        first = word((octet(2), octet(3), octet(4), octet(5)))
        second = word((octet(6), octet(7), octet(8), octet(9)))
    }
}
