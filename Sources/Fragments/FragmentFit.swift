import Wire

/// Where a fragment belongs among the others of its datagram.
struct FragmentPlace {
    /// The previous and the next; `BlockArena.none` where there is none.
    var previous: Int32
    var next: Int32
}

/// Whether a fragment goes together with those that came before it.
enum FragmentFit {
    case fits(FragmentPlace)
    case diesAlone(FragmentDeath)
    case kills(FragmentDeath)
}

extension FragmentGatherer {
    /// What is wrong with a fragment by itself. Its datagram stays as it was.
    func malformation(of frame: ParsedFrame) -> FragmentDeath? {
        let length = frame.networkEnd &- frame.fragmentPayloadOffset
        if length <= 0 { return .empty }
        if frame.moreFragments, length & 7 != 0 { return .badLength }
        // The whole packet's length has to be one that an IP header can say: IPv4 counts its header, IPv6 all after its own.
        let headers = frame.fragmentPayloadOffset &- frame.networkOffset
        let counted = frame.network == .ipv6 ? headers &- 40 &- 8 : headers
        if frame.fragmentOffset &+ length &+ counted > 0xffff { return .tooLong }
        if frame.fragmentOffset == 0, !frame.holdsFragment, !hasWholeHeaders(frame) { return .headerChain }
        return nil
    }

    /// True if a first fragment has its headers whole: always asked of IPv6 (RFC 7112), else where only it is judged (RFC 1858).
    private func hasWholeHeaders(_ frame: ParsedFrame) -> Bool {
        if mode == .reassemble, frame.network == .ipv4 { return true }
        guard frame.hasTransport, frame.hasWholeHeaderChain else { return false }
        // Where no header is known here there is nothing to miss.
        let smallest =
            switch frame.transportProtocol {
            case IPProtocol.tcp: 20
            case IPProtocol.udp, IPProtocol.udpLite, IPProtocol.icmp, IPProtocol.icmpv6: 8
            case IPProtocol.sctp, IPProtocol.dccp, IPProtocol.authentication: 12
            default: 0
            }
        return frame.transportLength >= smallest
    }

    /// Holds a fragment against what has come of its datagram, with the first of these that it breaks.
    func fit(_ record: FragmentRecord, _ bytes: RawSpan, _ frame: ParsedFrame, in index: Int32) -> FragmentFit {
        if frame.holdsFragment { return .kills(.nested) }
        let datagram = datagrams[index]
        let place = place(of: record.offset, in: datagram)
        let (previous, next) = (place.previous, place.next)
        if previous != BlockArena.none {
            let other = arena.record(at: previous)
            if other.offset == record.offset, other.end == record.end, isLast(other, of: datagram) != frame.moreFragments,
                isSame(record, bytes, as: previous)
            {
                return .diesAlone(.duplicate)
            }
            if other.end > record.offset { return .kills(.overlap) }
        }
        if next != BlockArena.none, arena.record(at: next).offset < record.end { return .kills(.overlap) }
        if datagram.total >= 0 {
            // The end is known: nothing may lie after it, and no other be the last.
            if record.end > datagram.total || !frame.moreFragments { return .kills(.endConflict) }
        } else if !frame.moreFragments, datagram.highest != BlockArena.none, arena.record(at: datagram.highest).end > record.end {
            return .kills(.endConflict)
        }
        if Self.isForbidden(datagram.congestion | 1 << (frame.trafficClass & 3)) { return .kills(.ecn) }
        if Int(datagram.fragmentCount) >= limits.fragmentsPerDatagram { return .kills(.limitFragments) }
        return .fits(place)
    }

    private func isLast(_ record: FragmentRecord, of datagram: Datagram) -> Bool { datagram.total == record.end }

    /// Not-ECT beside any other code point: RFC 3168, section 5.3, forbids it beside CE, and hosts (net/ipv4/ip_fragment.c,
    /// `ip_frag_ecn_table`) take neither that nor it beside ECT.
    private static func isForbidden(_ congestion: UInt8) -> Bool { congestion & 1 != 0 && congestion != 1 }

    /// True if a fragment has the bytes that another has, which are compared where they are still there.
    private func isSame(_ record: FragmentRecord, _ bytes: RawSpan, as block: Int32) -> Bool {
        let other = arena.record(at: block)
        guard other.fingerprint == record.fingerprint else { return false }
        guard other.frameLength > 0 else { return true }
        let frame = unsafe arena.frame(at: block)
        return unsafe areEqual(
            bytes, from: Int(record.payloadOffset), frame.bytes, from: Int(other.payloadOffset), count: Int(record.end &- record.offset))
    }

    /// Links a block that has been written into its datagram.
    mutating func insert(_ block: Int32, _ place: FragmentPlace, in index: Int32) {
        let record = arena.record(at: block)
        link(block, place, in: index)
        addToTree(block, in: index)
        let bytes = arena.blockBytes(at: block)
        if record.frameLength > 0 {
            let last = datagrams[index].lastArrived
            if last == BlockArena.none {
                datagrams[index].firstArrived = block
            } else {
                arena.update(last) { $0.nextToArrive = block }
            }
            datagrams[index].lastArrived = block
            heldFrames &+= 1
        }
        datagrams[index].fragmentCount &+= 1
        datagrams[index].gathered &+= record.end &- record.offset
        datagrams[index].blockBytes &+= Int32(truncatingIfNeeded: bytes)
        pairs.add(bytes, to: datagrams[index].pair)
    }

    private mutating func link(_ block: Int32, _ place: FragmentPlace, in index: Int32) {
        arena.update(block) { record in
            record.previousByOffset = place.previous
            record.nextByOffset = place.next
        }
        if place.previous == BlockArena.none {
            datagrams[index].lowest = block
        } else {
            arena.update(place.previous) { $0.nextByOffset = block }
        }
        if place.next == BlockArena.none {
            datagrams[index].highest = block
        } else {
            arena.update(place.next) { $0.previousByOffset = block }
        }
    }

    /// Puts a record without a frame in the place of each held frame, so that the frames may leave and the datagram stay. Returns
    /// whether there was room.
    mutating func leaveRecords(in index: Int32) -> Bool {
        var block = datagrams[index].firstArrived
        while block != BlockArena.none {
            var record = arena.record(at: block)
            let next = record.nextToArrive
            guard let small = arena.take(FragmentRecord.frameOffset) else { return false }
            let place = FragmentPlace(previous: record.previousByOffset, next: record.nextByOffset)
            record.frameLength = 0
            record.nextToArrive = BlockArena.none
            arena.setRecord(record, at: small)
            link(small, place, in: index)
            let change = arena.blockBytes(at: small) &- arena.blockBytes(at: block)
            datagrams[index].blockBytes &+= Int32(truncatingIfNeeded: change)
            pairs.add(change, to: datagrams[index].pair)
            block = next
        }
        rebuildTree(in: index)
        return true
    }
}

/// A number that differs where bytes differ, but for one time in 2^64 or somebody's intent: who intends it gets a fragment dropped
/// as a duplicate that would else have ended its own datagram.
func fingerprint(of bytes: RawSpan, from start: Int, count: Int) -> UInt64 {
    let end = start &+ count
    guard start >= 0, count >= 0, end <= bytes.byteCount else { return 0 }
    // Two lanes: a multiplication takes several cycles, and the next need not wait for it.
    var (first, second) = (UInt64(truncatingIfNeeded: count) ^ 0xcbf2_9ce4_8422_2325, 0x9e37_79b9_7f4a_7c15 as UInt64)
    var offset = start
    while offset &+ 16 <= end {
        first = mix(first, unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
        second = mix(second, unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self))
        offset &+= 16
    }
    while offset < end {
        first = mix(first, UInt64(bytes.u8(at: offset)))
        offset &+= 1
    }
    return mix(first, second)
}

/// True if two stretches of bytes, both within their spans, are the same.
private func areEqual(_ left: RawSpan, from leftStart: Int, _ right: RawSpan, from rightStart: Int, count: Int) -> Bool {
    var index = 0
    while index &+ 8 <= count {
        let word = unsafe left.unsafeLoadUnaligned(fromByteOffset: leftStart &+ index, as: UInt64.self)
        guard unsafe word == right.unsafeLoadUnaligned(fromByteOffset: rightStart &+ index, as: UInt64.self) else { return false }
        index &+= 8
    }
    while index < count {
        guard left.u8(at: leftStart &+ index) == right.u8(at: rightStart &+ index) else { return false }
        index &+= 1
    }
    return true
}

@inline(__always)
private func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
    let product = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
    return product ^ product >> 29
}
