import Storage

/// All flows: records, the index by which they are found, when they end, and which of them make room for others. All memory is
/// allocated when the table is made: see `bytes`.
///
/// Invariant: a record is in the index exactly if its `expiries` is not 0; listed exactly if `Flag.listed` is set. At least one is free.
@safe
struct FlowTable: ~Copyable, @unchecked Sendable {
    /// Flows at a time.
    let limit: Int
    /// Records for them: one more, so that the next flow has a place, and by that a name, before another makes room for it.
    let capacity: Int
    let hash = KeyedHash()
    private let records: UnsafeMutablePointer<FlowRecord>
    /// When each ends, in ticks, 0 if there is none; and how often each record was used. Apart from the records, so that looking for what
    /// ended reads 4 bytes for each, and others may look too.
    let liveness: FlowLiveness
    /// For each flow the number of the rules that let its last packet through.
    private let epochs: UnsafeMutablePointer<UInt8>
    private var index: FlowIndex
    private var sources: SourceTable
    private var shares: SourceShares
    private var oldestFinished = FlowAccount.none
    private var newestFinished = FlowAccount.none
    private var firstFree: Int32 = 0
    private var sweepPlace = 0
    private(set) var count = 0

    /// The table's records, and one more for the flow that is not in it yet.
    init(limit: Int) {
        self.limit = limit
        capacity = limit + 1
        unsafe records = .allocate(capacity: capacity + 1)
        liveness = FlowLiveness(capacity: capacity)
        unsafe epochs = .allocate(capacity: capacity + 1)
        unsafe epochs.initialize(repeating: 0, count: capacity + 1)
        index = FlowIndex(capacity: limit)
        sources = SourceTable(capacity: limit)
        shares = SourceShares(capacity: limit)
        for number in 0...capacity {
            var record = FlowRecord()
            record.mark = UInt32(truncatingIfNeeded: number + 1)
            unsafe (records + number).initialize(to: record)
        }
    }

    deinit {
        unsafe records.deallocate()
        unsafe epochs.deallocate()
    }

    /// Bytes that the whole table takes.
    static func bytes(for limit: Int) -> Int {
        (limit + 2) * (MemoryLayout<FlowRecord>.stride + FlowLiveness.bytesPerRecord + 1)
            + FlowIndex.slotCount(for: limit) * FlowIndex.bytesPerSlot
            + SourceTable.placeCount(for: limit) * SourceTable.bytesPerPlace + SourceShares.bytes(for: limit)
    }

    /// The record for the flow that is not in the table.
    var provisional: Int32 { Int32(truncatingIfNeeded: capacity) }

    subscript(index: Int32) -> FlowRecord {
        @inline(__always) get { unsafe records[Int(index)] }
        @inline(__always) nonmutating _modify { yield unsafe &records[Int(index)] }
    }

    @inline(__always)
    func expiry(_ record: Int32) -> UInt32 { liveness.expiry(Int(record)) }
    @inline(__always)
    mutating func setExpiry(_ record: Int32, _ tick: UInt32) { liveness.setExpiry(Int(record), tick) }
    func epoch(_ record: Int32) -> UInt8 { unsafe epochs[Int(record)] }
    mutating func setEpoch(_ record: Int32, _ epoch: UInt8) { unsafe epochs[Int(record)] = epoch }

    /// A number that is given out again, 256 rule sets later: a flow that has it from then has an older one.
    mutating func ageEpochs(equalTo epoch: UInt8) {
        for record in 0..<capacity where unsafe epochs[record] == epoch { unsafe epochs[record] = epoch &- 1 }
    }

    // MARK: Finding

    /// The same for both directions.
    @inline(__always)
    func hash(of tuple: FlowTuple, link: UInt32) -> UInt64 {
        let isSwapped = !ICMPMessage.isICMP(tuple.transportProtocol) && tuple.source > tuple.destination
        let isPortSwapped =
            isSwapped
            || (tuple.source == tuple.destination && tuple.sourcePort > tuple.destinationPort
                && !ICMPMessage.isICMP(tuple.transportProtocol))
        let ports =
            isPortSwapped
            ? UInt64(tuple.destinationPort) << 16 | UInt64(tuple.sourcePort)
            : UInt64(tuple.sourcePort) << 16 | UInt64(tuple.destinationPort)
        var state = hash.mix(isSwapped ? tuple.destination : tuple.source, UInt64(tuple.transportProtocol))
        state = hash.mix(isSwapped ? tuple.source : tuple.destination, state)
        return hash.mix(UInt64(link) << 32 | ports, state)
    }

    /// The flow of a normalized tuple, and which way the tuple goes in it.
    @inline(__always)
    func find(_ tuple: FlowTuple, link: UInt32, hash: UInt64) -> (record: Int32, direction: FlowDirection)? {
        var place = index.home(of: hash)
        var distance: UInt32 = 0
        while true {
            let slot = index.slot(place)
            guard slot != 0, FlowIndex.distance(slot) >= distance, distance <= 255 else { return nil }
            if FlowIndex.distance(slot) == distance {
                let record = FlowIndex.record(slot)
                if let direction = unsafe records[Int(record)].direction(of: tuple, link: link) { return (record, direction) }
            }
            place = index.next(place)
            distance &+= 1
        }
    }

    /// See `FlowIndex.extremes`.
    var indexExtremes: (distance: Int, run: Int) { index.extremes }

    // MARK: Coming and going

    var isFull: Bool { count >= limit }

    /// The record that a flow will have which comes in next, room being made for it; nil if there is none.
    var nextRecord: Int32? { isFull && firstToGo == nil ? nil : firstFree }

    /// Puts the provisional record into the table; nil if that is full or its index has no room.
    mutating func insertProvisional() -> Int32? {
        guard !isFull else { return nil }
        let record = firstFree
        let new = self[provisional]
        guard index.insert(record, hash: hash(of: new.original, link: new.link)) else { return nil }
        // A free record's mark is the number of the next one.
        firstFree = Int32(truncatingIfNeeded: self[record].mark)
        self[record] = new
        // First, so that nobody takes it for the flow that stood there before.
        liveness.begin(Int(record))
        setExpiry(record, expiry(provisional))
        setEpoch(record, epoch(provisional))
        count &+= 1
        if !new.has(FlowRecord.Flag.assured) { list(record) }
        if !new.has(FlowRecord.Flag.finished) { shares.add(sharePlaces(of: record)) }
        return record
    }

    /// Takes a flow out of everything.
    mutating func remove(_ record: Int32) {
        guard record >= 0, Int(record) < capacity, expiry(record) != 0 else { return }
        unlist(record)
        let old = self[record]
        if !old.has(FlowRecord.Flag.finished) { shares.subtract(sharePlaces(of: record)) }
        index.remove(record, hash: hash(of: old.original, link: old.link))
        setExpiry(record, 0)
        // The second free one from here on: the first may have been named already.
        self[record].mark = self[firstFree].mark
        self[firstFree].mark = UInt32(bitPattern: record)
        count &-= 1
    }

    // MARK: Shares

    private func sharePlaces(of record: Int32) -> (Int, Int) {
        shares.places(of: self[record].source.value, isIPv6: self[record].link & FlowLink.isIPv6 != 0, hash)
    }

    /// Flows that the source of the provisional one has begun, and that are not over; or more, see `SourceShares`.
    var countOfSource: Int { shares.count(sharePlaces(of: provisional)) }

    /// Marks a flow in the table as over, or as restarted: what is over counts for no source.
    mutating func setFinished(_ record: Int32, _ isFinished: Bool) {
        self[record].set(FlowRecord.Flag.finished, isFinished)
        guard Int(record) < capacity else { return }
        if isFinished { shares.subtract(sharePlaces(of: record)) } else { shares.add(sharePlaces(of: record)) }
    }

    /// Both rows together: flows that are in the table and not over.
    var shareSums: (UInt64, UInt64) { shares.sums }

    /// A flow of the provisional one's source that may make room for it: among the oldest few of its place; nil if there is none.
    var firstOfSourceToGo: Int32? {
        let isIPv6 = self[provisional].link & FlowLink.isIPv6
        let source = SourceShares.counted(self[provisional].source.value, isIPv6: isIPv6 != 0)
        var record = sources[place(of: provisional)].oldest
        // Others share the place, but seldom are that many of theirs older than all of its own.
        for _ in 0..<8 where record != FlowAccount.none {
            let isOwn =
                self[record].link & FlowLink.isIPv6 == isIPv6
                && SourceShares.counted(self[record].source.value, isIPv6: isIPv6 != 0) == source
            if isOwn { return record }
            record = self[record].account.newer
        }
        return nil
    }

    // MARK: Making room

    /// Whom a flow's departure makes room for is decided by who began it.
    private func place(of record: Int32) -> Int {
        sources.place(of: self[record].source.value, isIPv6: self[record].link & FlowLink.isIPv6 != 0, hash)
    }

    /// Lists a flow as the newest of those that may have to make room, if its numbers leave room for that.
    mutating func list(_ record: Int32) {
        guard Int(record) < capacity, !self[record].has(FlowRecord.Flag.listed), self[record].account.fitsList else { return }
        let isFinished = self[record].has(FlowRecord.Flag.finished)
        let place = isFinished ? 0 : place(of: record)
        let before = isFinished ? newestFinished : sources[place].newest
        self[record].set(FlowRecord.Flag.listed, true)
        self[record].account.older = before
        self[record].account.newer = FlowAccount.none
        if before != FlowAccount.none {
            self[before].account.newer = record
        } else if isFinished {
            oldestFinished = record
        } else {
            sources[place].oldest = record
        }
        if isFinished {
            newestFinished = record
        } else {
            sources[place].newest = record
            sources.add(place)
        }
    }

    /// Takes a flow out of its list: it stays in the table until it ends by itself.
    mutating func unlist(_ record: Int32) {
        guard Int(record) < capacity, self[record].has(FlowRecord.Flag.listed) else { return }
        let isFinished = self[record].has(FlowRecord.Flag.finished)
        let place = isFinished ? 0 : place(of: record)
        let older = self[record].account.older
        let newer = self[record].account.newer
        if older != FlowAccount.none {
            self[older].account.newer = newer
        } else if isFinished {
            oldestFinished = newer
        } else {
            sources[place].oldest = newer
        }
        if newer != FlowAccount.none {
            self[newer].account.older = older
        } else if isFinished {
            newestFinished = older
        } else {
            sources[place].newest = older
        }
        if !isFinished { sources.subtract(place) }
        self[record].account.clearNeighbours()
        self[record].set(FlowRecord.Flag.listed, false)
    }

    /// The flow that has to go first: the oldest that both ends have closed, else the oldest that the heaviest source began and that
    /// is not assured; nil if there is neither.
    var firstToGo: (record: Int32, isFinished: Bool)? {
        if oldestFinished != FlowAccount.none { return (oldestFinished, true) }
        guard let place = sources.heaviest else { return nil }
        return (sources[place].oldest, false)
    }

    // MARK: Ending

    /// True if a tick is at or after another, around the end of 32 bits.
    @inline(__always)
    static func isReached(_ tick: UInt32, at now: UInt32) -> Bool { Int32(bitPattern: now &- tick) >= 0 }

    /// Looks on from where it stopped for a flow that has ended, through at most `budget` records, which are counted down.
    mutating func nextExpired(at now: UInt32, within budget: inout Int) -> Int32? {
        while budget > 0 {
            let place = sweepPlace
            let tick = liveness.expiry(place)
            sweepPlace = place &+ 1 == capacity ? 0 : place &+ 1
            budget &-= 1
            if tick != 0, Self.isReached(tick, at: now) { return Int32(truncatingIfNeeded: place) }
        }
        return nil
    }
}
