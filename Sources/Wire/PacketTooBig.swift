/// The answer to a packet that does not fit the next link: ICMP "fragmentation needed" (RFC 792, RFC 1191) or ICMPv6 "packet too
/// big" (RFC 4443, section 3.2).
///
/// There is no address of its own to answer from, so the answer comes from the packet's destination: a host takes it as it takes
/// one from a router, since it looks at the packet that is quoted.
public enum PacketTooBig {
    /// At most so much of the answer is IPv4: 576 bytes (RFC 1812, section 4.3.2.3).
    public static let ipv4Limit = 576
    /// At most so much of the answer is IPv6: the smallest MTU there is (RFC 4443, section 2.4(c)).
    public static let ipv6Limit = 1280

    /// The most bytes that an answer to the frame takes.
    public static func longestAnswer(to frame: ParsedFrame) -> Int {
        ipv6Limit &+ linkLength(of: frame)
    }

    /// Writes the answer to a frame, and returns its length in bytes; nil, and nothing written, where no answer may be sent or
    /// `output` has no room for it.
    ///
    /// No answer: to anything but IP; to IPv4 without the DF bit, and to its later fragments; to ICMP errors, and to what could be
    /// one (RFC 1122, section 3.2.2; RFC 4443, section 2.4(e)); where source or destination, of packet or frame, is not a single
    /// host's. The answer has the frame's tags, all of them in its bytes.
    /// - Parameters:
    ///   - bytes: The frame as it was parsed, its outermost tag in it or not.
    ///   - frame: What `ParsedFrame.parse` said of `bytes`.
    ///   - mtu: What the next link takes, in bytes from the network header on.
    public static func answer(
        to bytes: RawSpan, frame: ParsedFrame, mtu: Int, into output: inout MutableRawSpan
    ) -> Int? {
        guard bytes.byteCount == frame.byteCount, frame.malformation == nil, mtu > 0 else { return nil }
        let isGroup = (bytes.u8(at: ParsedFrame.Ethernet.destination) | bytes.u8(at: ParsedFrame.Ethernet.source)) & 1 != 0
        guard !isGroup else { return nil }

        let length: Int
        switch frame.network {
        case .ipv4:
            guard isAnswerableIPv4(frame, bytes), mtu <= 0xffff else { return nil }
            length = linkLength(of: frame) &+ min(ipv4Limit, ICMPv4.quoteOffset &+ frame.networkLength)
        case .ipv6:
            guard isAnswerableIPv6(frame, bytes), mtu <= 0xffff_ffff else { return nil }
            length = linkLength(of: frame) &+ min(ipv6Limit, ICMPv6.quoteOffset &+ frame.networkLength)
        case .arp, .other:
            return nil
        }
        guard length <= output.byteCount else { return nil }

        writeLink(of: bytes, frame, to: &output)
        let start = linkLength(of: frame)
        if frame.network == .ipv4 {
            writeIPv4(bytes, frame, mtu: UInt16(mtu), length: length &- start, at: start, to: &output)
        } else {
            writeIPv6(bytes, frame, mtu: UInt32(mtu), length: length &- start, at: start, to: &output)
        }
        return length
    }

    /// Ethernet header and tags, all of them in the bytes.
    private static func linkLength(of frame: ParsedFrame) -> Int {
        frame.networkOffset &+ (frame.isTagOutOfBand ? VLANTag.length : 0)
    }

    private static func writeLink(of bytes: RawSpan, _ frame: ParsedFrame, to output: inout MutableRawSpan) {
        typealias Ethernet = ParsedFrame.Ethernet
        output.copy(bytes, from: Ethernet.source, count: 6, to: Ethernet.destination)
        output.copy(bytes, from: Ethernet.destination, count: 6, to: Ethernet.source)
        var next = Ethernet.type
        if frame.isTagOutOfBand, let tag = frame.outermostTag {
            output.store(tag.tpid, at: next)
            output.store(tag.tci, at: next &+ 2)
            next &+= VLANTag.length
        }
        output.copy(bytes, from: Ethernet.type, count: frame.networkOffset &- Ethernet.type, to: next)
    }
}

extension MutableRawSpan {
    package mutating func store(_ value: UInt8, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    package mutating func store(_ value: UInt16, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    package mutating func store(_ value: UInt32, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }

    package mutating func store(_ value: UInt128, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt128.self)
    }

    mutating func copy(_ bytes: RawSpan, from source: Int, count: Int, to destination: Int) {
        for index in 0..<count {
            store(bytes.u8(at: source &+ index), at: destination &+ index)
        }
    }
}
