public import Decisions
public import Wire

/// A frame that was held, on its way out or to its end.
@safe
public struct HeldFrame: BitwiseCopyable {
    /// What was decided about it.
    public enum Outcome: Sendable, Equatable, BitwiseCopyable {
        case ruled(Decision)
        case died(FragmentDeath)
    }

    /// The frame's first byte; its `frameTag` precedes it. Valid until `finishDepartures`.
    @unsafe public let start: UnsafeMutableRawPointer
    public let length: Int
    /// The outermost tag if it stood apart from the bytes.
    public let tag: VLANTag?
    public let ingress: UInt8
    /// Time of its capture.
    public let time: UInt64
    public let outcome: Outcome

    /// What the caller gave with the frame.
    public var frameTag: FrameTag { unsafe FrameTag(at: start - FrameTag.length) }
}

/// Blocks of frames of which something was decided, by `nextToArrive`.
///
/// Invariant: from `first` on come those that were handed out, and from `next` on those that were not; nothing after `last`.
struct Departures {
    var first = BlockArena.none
    var next = BlockArena.none
    var last = BlockArena.none
}

extension FragmentGatherer {
    /// True if frames wait to depart, or memory to be taken back.
    public var hasDepartures: Bool { departures.first != BlockArena.none }

    /// The next frame of which something was decided, in the order of arrival; nil if there is none.
    public mutating func nextDeparture() -> HeldFrame? {
        let block = departures.next
        guard block != BlockArena.none else { return nil }
        let record = arena.record(at: block)
        departures.next = record.nextToArrive
        return unsafe HeldFrame(
            start: arena.start(of: block) + FragmentRecord.frameOffset, length: Int(record.frameLength), tag: record.tag,
            ingress: record.ingress, time: record.time, outcome: record.outcome)
    }

    /// To be called when `nextDeparture` has nothing more, and after each `take` without departures as well.
    ///
    /// Takes back the memory of the frames that were handed out, and makes the room that the next fragment needs. Returns whether
    /// others depart for that.
    public mutating func finishDepartures() -> Bool {
        while departures.first != departures.next {
            let next = arena.record(at: departures.first).nextToArrive
            arena.giveBack(departures.first)
            departures.first = next
            heldFrames &-= 1
        }
        while departures.first == BlockArena.none, datagrams.isFull || !arena.hasRoom(for: reserve), let index = nextToGo {
            depart(index, .died(datagrams.isFull ? .limitDatagrams : .limitBytes))
        }
        return departures.first != BlockArena.none
    }

    /// Which datagram makes room: the oldest of the pair of hosts that holds the most, if that is more than half a share, and else the
    /// oldest of all.
    ///
    /// Always the heaviest pair's would be the attacker's choice. Sources can be forged, so a flood has a pair for each of its fragments,
    /// and memory for 2,048 datagrams that wait for 30 seconds is kept full with 70 small frames a second. From then on the heaviest
    /// pair is the one with two fragments of a real datagram there, and no datagram of three would be whole ever. The oldest of all goes
    /// after 2,048 others have come: that many have to be sent within the milliseconds in which a real datagram is under way.
    private var nextToGo: Int32? {
        if let heaviest = pairs.heaviest, pairs[heaviest].bytes > limits.bytesPerPair / 2 { return pairs[heaviest].oldest }
        guard let first = datagrams.eldest(isIPv6: false) else { return datagrams.eldest(isIPv6: true) }
        guard let second = datagrams.eldest(isIPv6: true) else { return first }
        let (born, otherBorn) = (datagrams[first].deadline &- limits.ipv4Timeout, datagrams[second].deadline &- limits.ipv6Timeout)
        return born <= otherBorn ? first : second
    }

    /// Takes a datagram out of everything; the frames that it holds depart.
    mutating func depart(_ index: Int32, _ outcome: HeldFrame.Outcome) {
        var block = datagrams[index].lowest
        while block != BlockArena.none {
            let record = arena.record(at: block)
            if record.frameLength == 0 { arena.giveBack(block) }
            block = record.nextByOffset
        }
        departWaiting(index, outcome)
        forget(index)
    }

    /// The frames that a datagram holds depart in the order in which they came.
    mutating func departWaiting(_ index: Int32, _ outcome: HeldFrame.Outcome) {
        let (first, last) = (datagrams[index].firstArrived, datagrams[index].lastArrived)
        guard first != BlockArena.none else { return }
        datagrams[index].firstArrived = BlockArena.none
        datagrams[index].lastArrived = BlockArena.none
        var block = first
        while block != BlockArena.none {
            arena.update(block) { $0.outcome = outcome }
            block = arena.record(at: block).nextToArrive
        }
        if departures.first == BlockArena.none {
            departures.first = first
        } else {
            let before = departures.last
            arena.update(before) { $0.nextToArrive = first }
        }
        if departures.next == BlockArena.none { departures.next = first }
        departures.last = last
    }
}
