internal import Wire

/// Headers that carry packets or frames.
extension HeaderWalk {
    // MARK: UDP

    /// What may follow a UDP header; its destination port is the operator's choice, so it says only what to try first.
    private enum Encapsulation: Int, CaseIterable {
        case vxlan, geneve, gtp, gue, ipv4, ipv6, gre, mpls

        init?(port: UInt16) {
            switch port {
            // The second is Linux' own before IANA's.
            case 4789, 8472, 4790: self = .vxlan
            case 6081: self = .geneve
            case 2152: self = .gtp
            case 6080: self = .gue
            // RFC 8086, RFC 7510.
            case 4754: self = .gre
            case 6635: self = .mpls
            default: return nil
            }
        }
    }

    /// An outer UDP header (RFC 768).
    mutating func datagram(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard has(8, at: offset), says(bytes.be16(at: offset &+ 4), end &- offset), note(.udp, at: offset, length: 8) else { return false }
        let likely = Encapsulation(port: bytes.be16(at: offset &+ 2))
        if let likely, encapsulated(bytes, likely, at: offset &+ 8) { return true }
        var number = 0
        while let other = Encapsulation(rawValue: number) {
            if other != likely, encapsulated(bytes, other, at: offset &+ 8) { return true }
            number &+= 1
        }
        return false
    }

    private mutating func encapsulated(_ bytes: RawSpan, _ encapsulation: Encapsulation, at offset: Int) -> Bool {
        attempt { walk in
            switch encapsulation {
            case .vxlan: walk.vxlan(bytes, at: offset)
            case .geneve: walk.geneve(bytes, at: offset)
            case .gtp: walk.gtp(bytes, at: offset)
            case .gue: walk.gue(bytes, at: offset)
            // Foo over UDP: an IP protocol that both ends have agreed upon.
            case .ipv4: walk.ipv4(bytes, at: offset)
            case .ipv6: walk.ipv6(bytes, at: offset)
            case .gre: walk.gre(bytes, at: offset)
            case .mpls: walk.mpls(bytes, at: offset)
            }
        }
    }

    /// VXLAN (RFC 7348, section 5), with the flags of its generic and group policy extensions.
    private mutating func vxlan(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard has(8, at: offset) else { return false }
        let flags = bytes.u8(at: offset)
        guard flags & 0x78 == 0x08 else { return false }
        // draft-ietf-nvo3-vxlan-gpe: the P bit, and what follows in the header's fourth byte.
        guard flags & 0x04 != 0 else { return ethernet(bytes, at: offset &+ 8) }
        return numbered(bytes, bytes.u8(at: offset &+ 3), at: offset &+ 8)
    }

    /// Geneve (RFC 8926, section 3.4); its options stay as they are in every segment.
    private mutating func geneve(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard has(8, at: offset) else { return false }
        let first = bytes.u8(at: offset)
        // The version, and the reserved bits beside O and C.
        guard first >> 6 == 0, bytes.u8(at: offset &+ 1) & 0x3f == 0 else { return false }
        return payload(bytes, of: bytes.be16(at: offset &+ 2), at: offset &+ 8 &+ Int(first & 0x3f) &* 4)
    }

    /// Generic UDP encapsulation as Linux has it (include/net/gue.h), without optional fields: one of them moves the checksum.
    private mutating func gue(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard has(4, at: offset) else { return false }
        let first = bytes.u8(at: offset)
        // Version 0, and no control message. Version 1 is IP itself.
        guard first >> 5 == 0, bytes.be16(at: offset &+ 2) == 0 else { return false }
        return follow(bytes, bytes.u8(at: offset &+ 1), at: offset &+ 4 &+ Int(first & 0x1f) &* 4, version: 0)
    }

    /// GTP-U (3GPP TS 29.281, section 5.1): a G-PDU.
    private mutating func gtp(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard has(8, at: offset) else { return false }
        let flags = bytes.u8(at: offset)
        guard flags & 0xf8 == 0x30, bytes.u8(at: offset &+ 1) == 0xff, says(bytes.be16(at: offset &+ 2), end &- offset &- 8) else {
            return false
        }
        var place = offset &+ 8
        if flags & 7 != 0 {
            guard has(4, at: place) else { return false }
            var next = flags & 4 == 0 ? 0 : bytes.u8(at: place &+ 3)
            place &+= 4
            // Extension headers, counted in words of 4 bytes; each names the next in its last byte.
            while next != 0 {
                guard budget > 0, has(4, at: place) else { return false }
                budget &-= 1
                let length = Int(bytes.u8(at: place)) &* 4
                guard length > 0, has(length, at: place) else { return false }
                next = bytes.u8(at: place &+ length &- 1)
                place &+= length
            }
        }
        guard note(.gtp, at: offset, length: place &- offset) else { return false }
        return packet(bytes, at: place)
    }

    // MARK: GRE

    /// GRE, version 0 (RFC 2784, RFC 2890).
    mutating func gre(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard has(4, at: offset) else { return false }
        let flags = bytes.be16(at: offset)
        guard flags & ~(GRE.checksum | GRE.key | GRE.sequence) == 0 else { return false }
        let length = GRE.length(flags)
        guard has(length, at: offset), note(.gre, at: offset, length: length) else { return false }
        return payload(bytes, of: bytes.be16(at: offset &+ 2), at: offset &+ length)
    }

    // MARK: Labels and the like

    /// A stack of MPLS labels (RFC 3032, section 2.1), and a packet or a frame, which the labels don't tell apart.
    mutating func mpls(_ bytes: RawSpan, at offset: Int) -> Bool {
        var place = offset
        var isLast = false
        while !isLast {
            guard budget > 0, has(4, at: place) else { return false }
            budget &-= 1
            isLast = bytes.u8(at: place &+ 2) & 1 != 0
            place &+= 4
        }
        if packet(bytes, at: place) { return true }
        // A pseudowire's control word (RFC 4448, section 4.6), unless it counts packets.
        if has(4, at: place), bytes.be32(at: place) == 0, attempt({ $0.ethernet(bytes, at: place &+ 4) }) { return true }
        return attempt { $0.ethernet(bytes, at: place) }
    }

    /// Network service header (RFC 8300, section 2.2).
    mutating func serviceHeader(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard has(8, at: offset) else { return false }
        let length = Int(bytes.u8(at: offset &+ 1) & 0x3f) &* 4
        guard bytes.u8(at: offset) >> 6 == 0, length >= 8 else { return false }
        return numbered(bytes, bytes.u8(at: offset &+ 3), at: offset &+ length)
    }

    /// A PPPoE session's frame (RFC 2516, section 4) with an IP packet.
    mutating func pppoe(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard has(8, at: offset), bytes.be16(at: offset) == 0x1100, says(bytes.be16(at: offset &+ 4), end &- offset &- 6),
            note(.pppoe, at: offset, length: 8)
        else { return false }
        // RFC 1332, RFC 5072.
        switch bytes.be16(at: offset &+ 6) {
        case 0x0021: return attempt { $0.ipv4(bytes, at: offset &+ 8) }
        case 0x0057: return attempt { $0.ipv6(bytes, at: offset &+ 8) }
        default: return false
        }
    }

    /// IP of the version that its first byte says.
    private mutating func packet(_ bytes: RawSpan, at offset: Int) -> Bool {
        attempt { walk in
            guard walk.has(20, at: offset) else { return false }
            switch bytes.u8(at: offset) >> 4 {
            case 4: return walk.ipv4(bytes, at: offset)
            case 6: return walk.ipv6(bytes, at: offset)
            default: return false
            }
        }
    }

    /// What the next protocol of NSH and of VXLAN's generic extension says.
    private mutating func numbered(_ bytes: RawSpan, _ number: UInt8, at offset: Int) -> Bool {
        attempt { walk in
            switch number {
            case 1: walk.ipv4(bytes, at: offset)
            case 2: walk.ipv6(bytes, at: offset)
            case 3: walk.ethernet(bytes, at: offset)
            case 4: walk.serviceHeader(bytes, at: offset)
            case 5: walk.mpls(bytes, at: offset)
            default: false
            }
        }
    }
}

/// The flags of GRE's first two bytes.
enum GRE {
    static let checksum: UInt16 = 0x8000
    static let key: UInt16 = 0x2000
    static let sequence: UInt16 = 0x1000

    /// Bytes of the header with its optional fields.
    static func length(_ flags: UInt16) -> Int {
        4 &+ (flags & checksum == 0 ? 0 : 4) &+ (flags & key == 0 ? 0 : 4) &+ (flags & sequence == 0 ? 0 : 4)
    }
}
