// What the keeper of the map asks.
extension FlowTracker {
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
