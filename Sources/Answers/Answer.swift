public import Wire

/// What a sender is told of a packet that goes no further.
///
/// There is no address to answer from, so the answer comes from the packet's destination: a host takes it as it takes one from there
/// or from a router, since it looks at the connection or at the packet that is quoted.
public enum Answer: Sendable, Equatable, BitwiseCopyable {
    /// A segment that ends the connection (RFC 9293, section 3.10.7.1). Only TCP has it.
    case tcpReset
    /// "Destination unreachable", each with its code: of ICMP (RFC 792, type 3) for IPv4, of ICMPv6 (RFC 4443, type 1) for IPv6.
    case unreachable(icmp: UInt8, icmpv6: UInt8)
    /// ICMP "fragmentation needed" (RFC 792, RFC 1191) or ICMPv6 "packet too big" (RFC 4443, section 3.2), with what the next link
    /// takes: bytes from the network header on.
    case tooBig(mtu: Int)
}

/// A frame that is answered.
public struct AnsweredFrame: Sendable {
    /// What `ParsedFrame.parse` said of the frame's bytes.
    public var frame: ParsedFrame
    /// The transport checksum is right, or left to hardware: it need not be looked at.
    public var isChecksumKnown: Bool
    /// It stands for many packets, which are not cut further.
    public var isSuperFrame: Bool
    /// The IPv4 header's checksum need not be looked at.
    public var isHeaderKnown: Bool
    /// Only the frame's beginning is there, with all that "too big" quotes.
    public var isBeginning: Bool

    public init(
        _ frame: ParsedFrame, isChecksumKnown: Bool = false, isSuperFrame: Bool = false, isHeaderKnown: Bool = false,
        isBeginning: Bool = false
    ) {
        self.frame = frame
        self.isChecksumKnown = isChecksumKnown
        self.isSuperFrame = isSuperFrame
        self.isHeaderKnown = isHeaderKnown
        self.isBeginning = isBeginning
    }

    /// True if `bytes` are what was parsed, or enough of it for "too big".
    func goes(with bytes: RawSpan) -> Bool {
        if bytes.byteCount == frame.byteCount { return true }
        return isBeginning && bytes.byteCount < frame.byteCount && bytes.byteCount >= frame.networkOffset &+ Answer.ipv6Limit
    }
}

extension Answer {
    /// At most this much of an answer is IPv4: 576 bytes (RFC 1812, section 4.3.2.3).
    public static let ipv4Limit = 576
    /// At most this much of an answer is IPv6: the smallest MTU there is (RFC 4443, section 2.4(c)).
    public static let ipv6Limit = 1280

    /// The most bytes that an answer to the frame takes.
    public static func longest(to frame: ParsedFrame) -> Int {
        ipv6Limit &+ linkLength(of: frame)
    }

    /// Writes the answer to a frame, and returns its length in bytes; nil, and nothing written, where no answer may be sent or
    /// `output` has no room for it.
    ///
    /// The MAC addresses are swapped, and the answer has the frame's tags, all of them in its bytes. See `mayBeGiven` for frames that
    /// get none.
    /// - Parameter bytes: The frame as it was parsed, its outermost tag in it or not.
    public func write(to answered: AnsweredFrame, _ bytes: RawSpan, into output: inout MutableRawSpan) -> Int? {
        guard mayBeGiven(to: answered, bytes) else { return nil }
        let frame = answered.frame
        let start = Self.linkLength(of: frame)
        switch self {
        case .tcpReset:
            let length = start &+ TCPReset.length(frame)
            guard length <= output.byteCount else { return nil }
            Self.writeLink(of: bytes, frame, to: &output)
            TCPReset.write(bytes, frame, at: start, to: &output)
            return length
        case .unreachable(let icmp, let icmpv6):
            return writeError(
                frame.network == .ipv4
                    ? ErrorMessage(type: ErrorMessage.unreachable4, code: icmp)
                    : ErrorMessage(type: ErrorMessage.unreachable6, code: icmpv6),
                bytes, frame, at: start, into: &output)
        case .tooBig(let mtu):
            return writeError(
                frame.network == .ipv4
                    ? ErrorMessage(
                        type: ErrorMessage.unreachable4, code: ErrorMessage.fragmentationNeeded, rest: UInt32(truncatingIfNeeded: mtu))
                    : ErrorMessage(type: ErrorMessage.tooBig6, code: 0, rest: UInt32(truncatingIfNeeded: mtu)),
                bytes, frame, at: start, into: &output)
        }
    }

    private func writeError(
        _ message: ErrorMessage, _ bytes: RawSpan, _ frame: ParsedFrame, at start: Int, into output: inout MutableRawSpan
    ) -> Int? {
        let length = ErrorMessage.length(frame)
        guard start &+ length <= output.byteCount else { return nil }
        Self.writeLink(of: bytes, frame, to: &output)
        if frame.network == .ipv4 {
            message.writeIPv4(bytes, frame, length: length, at: start, to: &output)
        } else {
            message.writeIPv6(bytes, frame, length: length, at: start, to: &output)
        }
        return start &+ length
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
