public import Decisions
public import Wire

/// What becomes of a fragment that has come.
public enum Gathering: Sendable, Equatable {
    /// A copy is held; nothing is said yet.
    case held
    /// It is held, and its datagram is whole: to be judged, see `FragmentGatherer.assemble`, and then `conclude`d.
    case whole
    /// The first of its datagram, in the mode that judges only it: to be judged as it is, and then `conclude`d. It is not held.
    case first
    /// What was said of the first counts for it. It is not held.
    case follows(Decision)
    /// It dies. If others die with it, they depart.
    case dies(FragmentDeath)
}

/// Holds the fragments of datagrams until something can be said of them, one for each worker.
///
/// Memory is allocated when it is made, and nothing is allocated later. Held frames of which something was decided come out of
/// `nextDeparture`; until `finishDepartures` their bytes stay where they are.
///
/// Invariant, whenever no departures are open: a record for one more datagram and a block for one more fragment, as long as the
/// longest that came so far, are free. So what has to go for a newcomer went before it came.
public struct FragmentGatherer: ~Copyable {
    public let mode: FragmentMode
    public let limits: FragmentLimits
    var arena: BlockArena
    var datagrams: DatagramTable
    var pairs: PairTable
    var departures = Departures()
    var scratch: WholeDatagram
    /// By datagram, in the mode in which fragments follow their first.
    let followed: FollowedChanges
    /// What the fragment that `take` said `follows` of is to be changed by.
    private(set) var following = HeaderChange()
    /// The datagram that `whole` or `first` was said of.
    private(set) var pending: Int32 = -1
    private var assembledBytes = 0
    /// Key of the priorities in the trees by offset.
    let orderKey = UInt64.random(in: .min ... .max)
    /// The tag that stands apart from the bytes that `assemble` put together, as it stood apart from the first fragment's.
    public private(set) var assembledTag: VLANTag?
    /// Bytes of the longest block that was asked for.
    private(set) var reserve = 2048

    /// Sets all memory aside.
    public init(mode: FragmentMode = .reassemble, limits: FragmentLimits = FragmentLimits()) {
        self.mode = mode
        self.limits = limits
        // One more than may stay, for the one that a newcomer begins.
        let capacity = mode == .drop ? 1 : limits.datagrams + 1
        let followers = mode == .track ? capacity : 0
        let tables =
            DatagramTable.bytes(for: capacity) + PairTable.bytes(for: capacity) + WholeDatagram.byteCount
            + FollowedChanges.bytes(for: followers)
        datagrams = DatagramTable(capacity: capacity)
        pairs = PairTable(capacity: capacity)
        arena = BlockArena(byteCount: mode == .drop ? BlockArena.unit : limits.bytes - tables)
        scratch = WholeDatagram(isNeeded: mode == .reassemble)
        followed = FollowedChanges(capacity: followers)
    }

    /// Frames that are held now.
    public internal(set) var heldFrames = 0

    /// Bytes that are held now, in blocks with their records.
    public var heldBytes: Int { arena.lentBytes }

    /// Datagrams of which fragments are held or tracked.
    public var datagramCount: Int { datagrams.count }

    /// Takes one fragment in.
    /// - Parameters:
    ///   - bytes: The frame as it was parsed; `frame.isFragment`.
    ///   - frameTag: Kept before the frame while it is held.
    ///   - isChecksumPartial: Its transport checksum is left to hardware.
    ///   - ingress: The port by which it came.
    ///   - now: Nanoseconds on a clock that does not go back.
    ///   - time: Of its capture, for anyone who is told of it later.
    public mutating func take(
        _ bytes: RawSpan, _ frame: ParsedFrame, frameTag: FrameTag, isChecksumPartial: Bool = false, ingress: UInt8, now: UInt64,
        time: UInt64
    ) -> Gathering {
        guard mode != .drop else { return .dies(.mode) }
        if let death = malformation(of: frame) { return .dies(death) }

        let key = FragmentKey(bytes, frame, ingress: ingress)
        guard let index = datagrams.index(of: key) ?? begin(key, now: now) else { return .dies(.limitDatagrams) }
        if let death = datagrams[index].death { return .dies(death) }
        let start = frame.fragmentPayloadOffset
        let length = frame.networkEnd &- start
        var record = FragmentRecord(
            offset: Int32(truncatingIfNeeded: frame.fragmentOffset), end: Int32(truncatingIfNeeded: frame.fragmentOffset &+ length),
            payloadOffset: Int32(truncatingIfNeeded: start), frameLength: Int32(truncatingIfNeeded: bytes.byteCount),
            fingerprint: mode == .track ? fingerprint(of: bytes, from: start, count: length) : 0, time: time,
            tag: frame.isTagOutOfBand ? frame.outermostTag : nil, ingress: ingress)

        let place: FragmentPlace
        switch fit(record, bytes, frame, in: index) {
        case .fits(let found): place = found
        case .diesAlone(let death): return dieAlone(death, in: index)
        case .kills(let death):
            depart(index, .died(death))
            if death == .nested { remember(death, of: key, now: now) }
            return .dies(death)
        }

        // With the verdict known, or about to be, the bytes need not be kept.
        let isFirst = record.offset == 0
        if mode == .track, isFirst || datagrams[index].ruling != nil { record.frameLength = 0 }
        let size = FragmentRecord.frameOffset &+ Int(record.frameLength)
        if let death = makeRoom(BlockArena.blockBytes(for: size), in: index) { return .dies(death) }
        reserve = max(reserve, size)
        guard let block = arena.take(size) else { return dieAlone(.limitBytes, in: index) }
        arena.write(record, bytes, frameTag, at: block)
        insert(block, place, in: index)
        if isChecksumPartial { datagrams[index].hasPartialChecksum = true }
        datagrams[index].congestion |= 1 << (frame.trafficClass & 3)
        datagrams[index].longest = max(datagrams[index].longest, Int32(truncatingIfNeeded: bytes.byteCount &- frame.networkOffset))
        if !frame.moreFragments { datagrams[index].total = record.end }
        return say(index, isFirst: isFirst)
    }

    /// What follows from a fragment that has been taken in.
    private mutating func say(_ index: Int32, isFirst: Bool) -> Gathering {
        let isWhole = datagrams[index].isWhole
        if mode == .reassemble {
            guard isWhole else { return .held }
            pending = index
            return .whole
        }
        if let ruling = datagrams[index].ruling {
            if ruling.isChanged { following = followed[index] }
            if isWhole { depart(index, .ruled(ruling)) }
            return .follows(ruling)
        }
        guard isFirst else { return .held }
        pending = index
        return .first
    }

    /// Says what the rules said of what `take` gave: the datagram's held frames depart with it.
    public mutating func conclude(_ ruling: Decision) {
        let index = pending
        guard index >= 0 else { return }
        pending = -1
        guard mode == .track, !datagrams[index].isWhole else { return depart(index, .ruled(ruling)) }
        datagrams[index].ruling = ruling
        // Without room for records of those that waited nothing could be held against them any more.
        guard leaveRecords(in: index) else { return depart(index, .died(.limitBytes)) }
        departWaiting(index, .ruled(ruling))
    }

    /// Right after `Gathering.whole`: puts the datagram together as one frame, the first fragment's headers without what makes it a
    /// fragment, and all bytes after them. Returns whether that could be done: it could be too long, or its headers not hold together.
    public mutating func assemble() -> Bool {
        assembledBytes = 0
        guard pending >= 0, datagrams[pending].lowest != BlockArena.none else { return false }
        assembledBytes = scratch.put(datagrams[pending], from: arena) ?? 0
        assembledTag = arena.record(at: datagrams[pending].lowest).tag
        return assembledBytes > 0
    }

    /// What `assemble` put together; valid until the next call of it. It is a copy: `carryBack` brings what is changed in it into the
    /// fragments.
    @unsafe public var assembled: UnsafeMutableRawBufferPointer { unsafe scratch.buffer(assembledBytes) }

    /// The datagram that `assemble` could not put together dies; all of its frames depart.
    public mutating func abandon(_ death: FragmentDeath) {
        guard pending >= 0 else { return }
        depart(pending, .died(death))
        pending = -1
    }

    /// What is too old dies.
    public mutating func expire(now: UInt64) {
        expire(isIPv6: false, now)
        expire(isIPv6: true, now)
    }

    private mutating func expire(isIPv6: Bool, _ now: UInt64) {
        while let index = datagrams.eldest(isIPv6: isIPv6), datagrams[index].deadline <= now { depart(index, .died(.timeout)) }
    }

    /// When `expire` has something to do; nil while nothing is held.
    public var deadline: UInt64? {
        let (first, second) = (datagrams.eldest(isIPv6: false), datagrams.eldest(isIPv6: true))
        switch (first, second) {
        case (nil, nil): return nil
        case (let index?, nil), (nil, let index?): return datagrams[index].deadline
        case (let first?, let second?): return min(datagrams[first].deadline, datagrams[second].deadline)
        }
    }

    // MARK: Beginning and ending

    private mutating func begin(_ key: FragmentKey, now: UInt64) -> Int32? {
        guard !datagrams.isFull, let pair = pairs.entry(of: HostPair(source: key.source, destination: key.destination)) else { return nil }
        let timeout = key.isIPv6 ? limits.ipv6Timeout : limits.ipv4Timeout
        let (deadline, isLate) = now.addingReportingOverflow(timeout)
        guard let index = datagrams.insert(Datagram(key: key, pair: pair, deadline: isLate ? .max : deadline)) else { return nil }
        let before = pairs[pair].newest
        datagrams[index].earlierOfPair = before
        if before >= 0 { datagrams[before].laterOfPair = index } else { pairs[pair].oldest = index }
        pairs[pair].newest = index
        return index
    }

    /// Has the other fragments of a datagram die at once when they come. Without it they would be held as another datagram, until its
    /// time is over.
    private mutating func remember(_ death: FragmentDeath, of key: FragmentKey, now: UInt64) {
        guard let index = begin(key, now: now) else { return }
        datagrams[index].death = death
    }

    /// Takes a datagram's record out of everything.
    mutating func forget(_ index: Int32) {
        let datagram = datagrams[index]
        if datagram.earlierOfPair >= 0 {
            datagrams[datagram.earlierOfPair].laterOfPair = datagram.laterOfPair
        } else {
            pairs[datagram.pair].oldest = datagram.laterOfPair
        }
        if datagram.laterOfPair >= 0 {
            datagrams[datagram.laterOfPair].earlierOfPair = datagram.earlierOfPair
        } else {
            pairs[datagram.pair].newest = datagram.earlierOfPair
        }
        pairs.add(-Int(datagram.blockBytes), to: datagram.pair)
        if pairs[datagram.pair].oldest < 0 { pairs.remove(datagram.pair) }
        datagrams.unlink(index)
        datagrams.free(index)
    }

    /// A fragment that is not taken in leaves its datagram as it was; one that was begun for it ends.
    private mutating func dieAlone(_ death: FragmentDeath, in index: Int32) -> Gathering {
        if datagrams[index].fragmentCount == 0 { forget(index) }
        return .dies(death)
    }

    /// Sees to it that the pair of hosts keeps within its share with that many bytes more: its oldest datagrams go. If that comes to the
    /// newcomer's own, it is said why that died.
    private mutating func makeRoom(_ bytes: Int, in index: Int32) -> FragmentDeath? {
        let pair = datagrams[index].pair
        while pairs[pair].bytes &+ bytes > limits.bytesPerPair {
            let oldest = pairs[pair].oldest
            depart(oldest, .died(.limitPair))
            if oldest == index { return .limitPair }
        }
        return nil
    }
}
