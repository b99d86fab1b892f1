import Wire

/// The extension headers of an IPv6 packet, as far as rules walk them.
enum HeaderChain {
    /// `hbh, rt, then tcp`, or where the walk ends before the transport header: `hbh, frag, which ends it: a later fragment`. nil of a packet
    /// without extension headers.
    static func text(of bytes: [UInt8], _ frame: ParsedFrame) -> String? {
        guard frame.network == .ipv6, frame.networkOffset + 40 <= bytes.count else { return nil }
        var number = bytes[frame.networkOffset + 6]
        var place = frame.networkOffset + 40
        var names: [String] = []
        func ended(_ reason: String) -> String { "\(names.joined(separator: ", ")), where matches of what follows end: \(reason)" }
        // A packet has at most 65,535 bytes after its header, and each header has 8.
        while names.count < 8192 {
            switch number {
            case 0, 43, 60:
                names.append(number == 0 ? "hbh" : number == 43 ? "rt" : "dst")
                guard place + 8 <= frame.networkEnd, place + 8 <= bytes.count else { return ended("it is cut off") }
                let length = (Int(bytes[place + 1]) + 1) * 8
                number = bytes[place]
                place += length
            case 44:
                names.append("frag")
                guard place + 8 <= bytes.count else { return ended("it is cut off") }
                let isLater = bytes[place + 2] != 0 || bytes[place + 3] & 0xf8 != 0
                number = bytes[place]
                place += 8
                if isLater { return ended("a later fragment has no transport header") }
            case 50, 51, 59:
                names.append(number == 50 ? "esp" : number == 51 ? "ah" : "no next header")
                return names.count == 1 && number == 59 ? nil : ended("nft walks no further")
            default:
                guard !names.isEmpty else { return nil }
                return "\(names.joined(separator: ", ")), then \(name(of: number))"
            }
        }
        return ended("there are too many")
    }

    private static func name(of number: UInt8) -> String {
        switch number {
        case 6: "tcp"
        case 17: "udp"
        case 58: "icmpv6"
        case 132: "sctp"
        default: "protocol \(number)"
        }
    }
}
