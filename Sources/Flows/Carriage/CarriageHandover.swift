// Flows on their way to the kernel.
extension FlowTracker {
    /// Notes which of the flows that wait have no frame between the program and the rings. Returns false if there are none.
    public mutating func prepareHandover(now: UInt64) -> Bool {
        guard let entries = carriage.entries, carriage.waitingCount > 0 else { return false }
        advance(to: now)
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
                entries.storeOrdered(generation, slot, CarriedEntry.generation)
                // A program that didn't wait for the lock may have sent a frame up meanwhile.
                if entries.loadOrdered(slot, CarriedEntry.raised) == carriage[slot].raised {
                    carriage[slot].flags |= FlowCarriage.Flag.isCarried
                    carriage.carriedCount &+= 1
                    counters[.carried] &+= 1
                } else {
                    entries.store(0, slot, CarriedEntry.generation)
                }
            }
            carriage[slot].raised = .max
            entries.unlock(slot)
        }
        sortWaiting()
    }

    /// What is not carried for longer than a second waits for another packet of its own.
    mutating func sortWaiting() {
        carriage.sortWaiting(since: clock < Self.patience ? 0 : clock &- Self.patience)
    }

    /// Writes TCP's window into an entry.
    func store(_ slot: Int, _ entries: CarriedEntries) {
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
}
