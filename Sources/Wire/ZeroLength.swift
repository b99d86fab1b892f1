/// What a length of 0 in an IP header means. The fields have 16 bits, so a longer packet has no other way to say its length.
public enum ZeroLength: UInt8, Sendable {
    /// What it says: too short for IPv4, and no payload for IPv6.
    case literal
    /// The frame is a TCP super-frame, which ends where its packet ends: Linux writes 0 into IPv4's total length and IPv6's payload
    /// length when they exceed 65,535 bytes (BIG TCP), with a jumbo payload option in IPv6 up to Linux 6.18 (`iph_set_totlen`,
    /// `ipv6_set_payload_len`; read by `skb_ip_totlen` and `ipv6_payload_len`).
    case superFrame
    /// The frame is a recorded one, which may be a super-frame: captures don't say so. Windows' segmentation offload leaves 0 for the
    /// hardware to fill in, and BIG TCP writes 0. The packet ends with the frame, as Wireshark and Zeek read it, unless the length of 0
    /// can be true: an IPv6 packet that fits the shortest Ethernet frame.
    case recorded

    /// Bytes after the Ethernet header in the shortest frame (IEEE 802.3, 4a.2.3.2.4), up to which padding can explain them.
    static let shortestPayload = 46
}

/// IPv6's jumbo payload option (RFC 2675, section 2), in a hop-by-hop options header.
///
///                                     +---------------+---------------+
///                                     |  Type = 0xc2  |   Length = 4  |
///     +---------------+---------------+---------------+---------------+
///     |                     Jumbo Payload Length                      |
///     +---------------------------------------------------------------+
enum JumboPayload {
    private static let type: UInt8 = 0xc2
    private static let pad1: UInt8 = 0

    /// The length that the option says, or nil if there is none in the part of the hop-by-hop options header that lies before `end`.
    /// Each step goes on by at least a byte, and the header has at most 2,048.
    static func length(_ bytes: RawSpan, hopByHopAt start: Int, before end: Int) -> Int? {
        guard end &- start >= 8 else { return nil }
        let stop = min(end, start &+ (Int(bytes.u8(at: start &+ 1)) &+ 1) &* 8)
        var place = start &+ 2
        while place < stop {
            let kind = bytes.u8(at: place)
            if kind == pad1 {
                place &+= 1
                continue
            }
            guard stop &- place >= 2 else { return nil }
            let length = Int(bytes.u8(at: place &+ 1))
            if kind == type {
                guard length == 4, stop &- place >= 6 else { return nil }
                return Int(bytes.be32(at: place &+ 2))
            }
            place &+= 2 &+ length
        }
        return nil
    }
}
