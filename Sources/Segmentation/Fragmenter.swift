public import Wire

/// Cuts an IPv4 packet that is too big for a link into fragments (RFC 791, section 3.2), one after the other, and a fragment into
/// smaller ones.
///
/// They are what Linux makes (`ip_do_fragment`, net/ipv4/ip_output.c): every header is as long as the packet's; in all but a datagram's
/// first, options that aren't to be copied give way to "no operation"; the reserved flag is gone. Memory is fixed, and the payload stays
/// where it is.
public struct Fragmenter: Sendable {
    /// Bytes of headers that a packet may have, with all its tags.
    public static let headCapacity = Segmenter.headCapacity

    /// One fragment, with the headers that `next` wrote.
    public struct Piece: Sendable, Equatable {
        public var headLength: Int
        /// The payload's place in the frame.
        public var payloadOffset: Int
        public var payloadLength: Int
    }

    /// Stands for an option that is not copied (RFC 791, section 3.1).
    private static let noOperation: UInt8 = 1
    private static let endOfOptions: UInt8 = 0
    private static let copied: UInt8 = 0x80
    /// Fragment offsets count 8 bytes.
    private static let unit = 8

    private let networkOffset: Int
    private let headerLength: Int
    private let tag: VLANTag?
    /// The place of the packet in its datagram.
    private let offset: Int
    private let moreFollow: Bool
    private let payloadLength: Int
    /// The most payload that a fragment has.
    private let room: Int
    /// Payload bytes before the next fragment.
    private var taken = 0

    /// Nil for a packet that can't be cut: it is no IPv4, or must not be fragmented, or its headers leave no room.
    /// - Parameters:
    ///   - bytes: The frame, without a tag that stands beside it; its transport checksum is finished.
    ///   - frame: What `ParsedFrame.parse` said of them.
    ///   - mtu: Bytes of the largest packet that the link takes.
    public init?(_ bytes: RawSpan, _ frame: ParsedFrame, mtu: Int) {
        typealias IPv4 = ParsedFrame.IPv4
        guard frame.network == .ipv4, !frame.doNotFragment, bytes.byteCount == frame.byteCount else { return nil }
        let header = Int(bytes.u8(at: frame.networkOffset) & 0x0f) &* 4
        let link = frame.networkOffset &+ (frame.isTagOutOfBand ? VLANTag.length : 0)
        guard header >= IPv4.headerLength, header < frame.networkLength, header &+ Self.unit <= mtu,
            link &+ header <= Self.headCapacity
        else { return nil }
        networkOffset = frame.networkOffset
        headerLength = header
        tag = frame.isTagOutOfBand ? frame.outermostTag : nil
        offset = frame.fragmentOffset
        moreFollow = frame.moreFragments
        payloadLength = frame.networkLength &- header
        room = mtu &- header
    }

    /// No fragment is left.
    public var isDone: Bool { taken >= payloadLength }

    /// Writes the next fragment's headers to the beginning of `head`, which has room for `headCapacity` bytes; nil if none is left.
    /// - Parameter bytes: As they were at the beginning.
    public mutating func next(_ bytes: RawSpan, into head: inout MutableRawSpan) -> Piece? {
        typealias IPv4 = ParsedFrame.IPv4
        guard !isDone, head.byteCount >= Self.headCapacity else { return nil }
        let left = payloadLength &- taken
        var length = min(left, room)
        if length < left { length &= ~(Self.unit &- 1) }

        let start = writeLink(bytes, to: &head)
        head.copy(bytes, from: networkOffset, count: headerLength, to: start)
        if offset == 0, taken > 0 { forgetOptions(in: &head, from: start &+ IPv4.headerLength, to: start &+ headerLength) }
        head.store(UInt16(truncatingIfNeeded: headerLength &+ length), at: start &+ IPv4.totalLength)
        let place = UInt16(truncatingIfNeeded: (offset &+ taken) / Self.unit)
        let isLast = length == left && !moreFollow
        head.store(isLast ? place : place | IPv4.moreFragments, at: start &+ IPv4.flagsAndFragmentOffset)
        head.store(UInt16(0), at: start &+ IPv4.headerChecksum)
        var checksum = Checksum()
        checksum.add(head.bytes.extracting(start..<start &+ headerLength))
        head.store(checksum.value, at: start &+ IPv4.headerChecksum)

        let piece = Piece(
            headLength: start &+ headerLength, payloadOffset: networkOffset &+ headerLength &+ taken, payloadLength: length)
        taken &+= length
        return piece
    }

    /// Ethernet header and tags, all of them in the bytes. Returns where the network header begins.
    private func writeLink(_ bytes: RawSpan, to head: inout MutableRawSpan) -> Int {
        typealias Ethernet = ParsedFrame.Ethernet
        guard let tag else {
            head.copy(bytes, from: 0, count: networkOffset, to: 0)
            return networkOffset
        }
        head.copy(bytes, from: 0, count: Ethernet.type, to: 0)
        head.store(tag.tpid, at: Ethernet.type)
        head.store(tag.tci, at: Ethernet.type &+ 2)
        head.copy(bytes, from: Ethernet.type, count: networkOffset &- Ethernet.type, to: Ethernet.type &+ VLANTag.length)
        return networkOffset &+ VLANTag.length
    }

    /// `ip_options_fragment`. What is malformed stays as it is.
    private func forgetOptions(in head: inout MutableRawSpan, from start: Int, to end: Int) {
        var place = start
        while place < end {
            let kind = head.bytes.u8(at: place)
            if kind == Self.endOfOptions { return }
            if kind == Self.noOperation {
                place &+= 1
                continue
            }
            guard place &+ 1 < end else { return }
            let length = Int(head.bytes.u8(at: place &+ 1))
            guard length >= 2, length <= end &- place else { return }
            if kind & Self.copied == 0 {
                for index in place..<place &+ length { head.store(Self.noOperation, at: index) }
            }
            place &+= length
        }
    }
}
