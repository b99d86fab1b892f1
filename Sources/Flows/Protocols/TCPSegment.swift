import Decisions
import Wire

/// What kind of segment it is; the first flag in this order decides: RST, SYN, FIN, ACK (`get_conntrack_index`).
enum TCPKind: UInt8, BitwiseCopyable {
    case syn
    case synAck
    case fin
    case ack
    case rst
    case none
}

/// A TCP header (RFC 9293, section 3.1), its flags and the options that count here.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-------------------------------+-------------------------------+
///     |          Source Port          |       Destination Port        |
///     +-------------------------------+-------------------------------+
///     |                        Sequence Number                        |
///     +---------------------------------------------------------------+
///     |                    Acknowledgment Number                      |
///     +-------+-------+---------------+-------------------------------+
///     | Offset| Rsrvd |     Flags     |            Window             |
///     +-------+-------+---------------+-------------------------------+
///     |           Checksum            |         Urgent Pointer        |
///     +-------------------------------+-------------------------------+
struct TCPSegment: BitwiseCopyable {
    static let headerLength = 20
    private static let checksum = 16

    var sequence: UInt32
    /// After the last byte, SYN and FIN counting as one each.
    var end: UInt32
    var acknowledgement: UInt32
    /// As the header has it, not scaled.
    var window: UInt16
    var kind: TCPKind
    /// The byte of flags.
    var flags: UInt8
    var hasSYN: Bool
    var hasACK: Bool
    var hasFIN: Bool
    var hasRST: Bool
    /// Where the options stand.
    var optionsStart: Int
    var optionsEnd: Int

    /// Checks the header as conntrack does (`tcp_error`).
    /// - Parameter numbers: Gets those of a wrong checksum.
    static func read(_ bytes: RawSpan, _ packet: PacketContext, _ numbers: inout InvalidNumbers) -> Result<TCPSegment, InvalidCause> {
        let place = packet.place
        guard place.length >= headerLength else { return .failure(.shortPacket) }
        let start = place.offset
        let length = Int(bytes.u8(at: start &+ 12) >> 4) &* 4
        guard length >= headerLength, length <= place.length else { return .failure(.truncated) }
        if packet.verifiesChecksum, !place.hasRightChecksum(bytes, at: checksum, &numbers) { return .failure(.badChecksum) }
        let flags = bytes.u8(at: start &+ 13)
        guard areValid(flags) else { return .failure(.tcpFlags) }
        let sequence = bytes.be32(at: start &+ 4)
        let payload = UInt32(truncatingIfNeeded: place.length &- length)
        let ends: UInt32 = (flags & Flag.syn != 0 ? 1 : 0) &+ (flags & Flag.fin != 0 ? 1 : 0)
        return .success(
            TCPSegment(
                sequence: sequence, end: sequence &+ payload &+ ends, acknowledgement: bytes.be32(at: start &+ 8),
                window: bytes.be16(at: start &+ 14), kind: kind(of: flags), flags: flags,
                hasSYN: flags & Flag.syn != 0,
                hasACK: flags & Flag.ack != 0, hasFIN: flags & Flag.fin != 0, hasRST: flags & Flag.rst != 0,
                optionsStart: start &+ headerLength, optionsEnd: start &+ length))
    }

    private enum Flag {
        static let fin: UInt8 = 0x01
        static let syn: UInt8 = 0x02
        static let rst: UInt8 = 0x04
        static let psh: UInt8 = 0x08
        static let ack: UInt8 = 0x10
        static let urg: UInt8 = 0x20
    }

    /// PSH, ECE and CWR may come with all (`tcp_valid_flags`).
    private static func areValid(_ flags: UInt8) -> Bool {
        switch flags & (Flag.fin | Flag.syn | Flag.rst | Flag.ack | Flag.urg) {
        case Flag.syn, Flag.syn | Flag.urg, Flag.syn | Flag.ack, Flag.rst, Flag.rst | Flag.ack, Flag.fin | Flag.ack,
            Flag.fin | Flag.ack | Flag.urg, Flag.ack, Flag.ack | Flag.urg:
            true
        default: false
        }
    }

    private static func kind(of flags: UInt8) -> TCPKind {
        if flags & Flag.rst != 0 { return .rst }
        if flags & Flag.syn != 0 { return flags & Flag.ack != 0 ? .synAck : .syn }
        if flags & Flag.fin != 0 { return .fin }
        return flags & Flag.ack != 0 ? .ack : .none
    }

    /// Kinds of options (IANA, TCP Option Kind Numbers).
    private enum Option {
        static let end: UInt8 = 0
        static let noOperation: UInt8 = 1
        static let windowScale: UInt8 = 3
        static let sackPermitted: UInt8 = 4
        static let sack: UInt8 = 5
    }

    /// Goes over the options up to the first that makes no sense; each step goes on by at least a byte.
    private func forEachOption(_ bytes: RawSpan, _ body: (_ kind: UInt8, _ start: Int, _ length: Int) -> Bool) {
        var place = optionsStart
        while place < optionsEnd {
            let kind = bytes.u8(at: place)
            if kind == Option.end { return }
            if kind == Option.noOperation {
                place &+= 1
                continue
            }
            guard optionsEnd &- place >= 2 else { return }
            let length = Int(bytes.u8(at: place &+ 1))
            guard length >= 2, length <= optionsEnd &- place, body(kind, place, length) else { return }
            place &+= length
        }
    }

    /// Reads what a SYN offers (`tcp_options`): the window scale (RFC 7323, section 2.3) and SACK (RFC 2018). A SYN without any options
    /// leaves what was known.
    func readOffers(_ bytes: RawSpan, into peer: inout TCPPeer) {
        guard optionsEnd > optionsStart else { return }
        var scale: UInt8 = 0
        var flags = peer.flags & TCPPeer.Flag.isLiberal
        forEachOption(bytes) { kind, start, length in
            if kind == Option.sackPermitted, length == 2 {
                flags |= TCPPeer.Flag.sackPermitted
            } else if kind == Option.windowScale, length == 3 {
                scale = min(bytes.u8(at: start &+ 2), 14)
                flags |= TCPPeer.Flag.hasScale
            }
            return true
        }
        peer.scale = scale
        peer.flags = flags
    }

    /// The highest right edge in the first SACK option (RFC 2018, section 3), or what is acknowledged if that is higher (`tcp_sack`).
    func highestAcknowledged(_ bytes: RawSpan) -> UInt32 {
        var highest = acknowledgement
        forEachOption(bytes) { kind, start, length in
            guard kind == Option.sack, length >= 10, (length &- 2) % 8 == 0 else { return true }
            var edge = start &+ 6
            while edge < start &+ length {
                let right = bytes.be32(at: edge)
                if right.isAfter(highest) { highest = right }
                edge &+= 8
            }
            return false
        }
        return highest
    }
}

extension UInt32 {
    /// True if a sequence number is after another, around the end of 32 bits (RFC 9293, section 3.4).
    @inline(__always)
    func isAfter(_ other: UInt32) -> Bool { Int32(bitPattern: other &- self) < 0 }

    @inline(__always)
    func isBefore(_ other: UInt32) -> Bool { Int32(bitPattern: self &- other) < 0 }
}
