import Wire

// Flows on their way back, and what was carried of those that stay.
extension FlowTracker {
    /// A frame of a flow has come up, or its end is near: it is the worker's again, as if it had seen every packet.
    @inline(__always)
    mutating func takeBack(_ record: Int32, now: UInt64) {
        guard let slot = carriage.slot(of: record), carriage[slot].flags & FlowCarriage.Flag.isCarried != 0 else { return }
        end(carryingOf: slot)
        carriage[slot].since = now &+ Self.rest &- Self.grace
        carriage.wait(slot)
    }

    @inline(never)
    mutating func end(carryingOf slot: Int) {
        guard let entries = carriage.entries else { return }
        entries.lock(slot)
        entries.store(0, slot, CarriedEntry.generation)
        account(slot, entries)
        entries.unlock(slot)
        if carriage[slot].flags & FlowCarriage.Flag.isCarried != 0 { carriage.carriedCount &-= 1 }
        carriage[slot].flags &= ~FlowCarriage.Flag.isCarried
    }

    /// Brings into a flow's record, and into the counts of its paths, what was carried since the last time.
    mutating func account(_ slot: Int, _ entries: CarriedEntries) {
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

    mutating func add(_ amounts: FlowCarriage.Amounts, to record: Int32, _ direction: FlowDirection) {
        let isListed = table[record].has(FlowRecord.Flag.listed)
        if table[record].account.count(amounts.packetBytes, packets: amounts.frames, direction, isListed: isListed) { return }
        table.unlist(record)
        _ = table[record].account.count(amounts.packetBytes, packets: amounts.frames, direction, isListed: false)
    }

    mutating func loadWindow(_ slot: Int, _ record: Int32, _ entries: CarriedEntries) {
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
    mutating func carriedTicks(_ record: Int32, last: UInt64) -> UInt32? {
        switch table[record].transportProtocol {
        case IPProtocol.tcp:
            guard settings.tcp != .off else {
                return limit(record, table[record].has(FlowRecord.Flag.seenReply) ? .tcpEstablished : .tcpSYNSent)
            }
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
        // Without a path no flow is carried.
        guard let entries = carriage.entries, carriage.knowsPaths else { return }
        for slot in 0..<entries.count where carriage[slot].record >= 0 {
            end(carryingOf: slot)
            let kept = CarriedEntry.Flag.verifiesChecksum | CarriedEntry.Flag.tracksWindow
            entries.lock(slot)
            entries.store(entries.load(slot, CarriedEntry.flags) & kept, slot, CarriedEntry.flags)
            entries.unlock(slot)
        }
        carriage.forgetPaths()
    }

    /// Takes back all flows, and has their keys taken out of the map.
    public mutating func releaseCarried() {
        guard let entries = carriage.entries else { return }
        for slot in 0..<entries.count where carriage[slot].record >= 0 { release(carriage[slot].record) }
    }
}
