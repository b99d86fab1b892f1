import Decisions
import Wire

extension FlowTracker {
    /// Keeps the numbers that a cause goes by, those that the packet itself has; those of its connection were kept where it was looked at.
    @inline(never)
    mutating func note(_ cause: InvalidCause, _ bytes: RawSpan, _ packet: PacketContext) {
        guard invalidNumbers.kind == .none else { return }
        let place = packet.place
        let length = UInt32(truncatingIfNeeded: place.length)
        /// A field of the transport header; 0 where that is cut off.
        func be16(_ offset: Int) -> UInt32 {
            offset &+ 2 <= place.length ? UInt32(bytes.be16(at: place.offset &+ offset)) : 0
        }
        let isTCP = place.number == IPProtocol.tcp
        switch cause {
        case .shortPacket: invalidNumbers = InvalidNumbers(.cutOff, length)
        case .truncated where isTCP: invalidNumbers = InvalidNumbers(.length, (be16(12) >> 12) &* 4, length)
        case .truncated where place.number == IPProtocol.udp, .badCoverage where place.number == IPProtocol.udpLite:
            invalidNumbers = InvalidNumbers(.length, be16(4), length)
        case .tcpFlags where isTCP: invalidNumbers = InvalidNumbers(.flags, be16(12) & 0xff)
        case .tcpState where isTCP, .tcpNotBegun where isTCP: invalidNumbers = InvalidNumbers(.beginning, be16(12) & 0xff)
        case .icmpType, .icmpUnasked: invalidNumbers = InvalidNumbers(.type, be16(0) >> 8, be16(0) & 0xff)
        default: break
        }
    }
}
