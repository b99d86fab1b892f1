import FrameBuilder
import Wire

/// A random packet that a rule may reject.
struct SentPacket {
    var bytes: [UInt8]
    /// The kernel answers otherwise on purpose, or by chance.
    var isArbitrary: Bool
}

/// Makes packets of all protocols, mostly whole and right, with their number in the source address.
struct PacketSource {
    var random: SeededGenerator
    var isRouted: Bool
    /// Where frames go that are routed.
    var router: UInt64

    private static let group = macAddress("01:00:5e:00:00:01")
    private static let sender = macAddress("02:00:00:00:00:01")

    /// The low bits of a source address are the number of its packet.
    mutating func packet(_ number: UInt32) -> SentPacket {
        let isIPv6 = Bool.random(using: &random)
        let source: [UInt8] =
            isIPv6
            ? [0x20, 1, 0xd, 0xb8, 0, 1] + [0, 0, 0, 0, 0, 0] + number.networkBytes : (0x0a00_0000 | number).networkBytes
        let destination: [UInt8] =
            isIPv6 ? [0x20, 1, 0xd, 0xb8, 0, 2] + bytes(10) : [172, 16] + bytes(2)
        var (protocolNumber, transport, isArbitrary) = transport(isIPv6, source, destination)
        var fragment = UInt16(0)
        if random.oneIn(12) {
            // A later fragment has no header to be read; a first one's checksum covers what is not there.
            fragment = Bool.random(using: &random) ? 0x2000 : UInt16.random(in: 1...1000, using: &random)
            if fragment == 0x2000 { isArbitrary = true }
        }
        let address = random.oneIn(20) && !isRouted ? Self.group : router
        let link: [UInt8] = Array(address.networkBytes.suffix(6)) + Array(Self.sender.networkBytes.suffix(6))
        if isIPv6 {
            var next = protocolNumber
            for _ in 0..<(random.oneIn(4) ? Int.random(in: 1...2, using: &random) : 0) {
                transport = [next, 0, 1, 4, 0, 0, 0, 0] + transport
                next = 60
            }
            if fragment != 0 {
                let place = fragment == 0x2000 ? 1 : fragment << 3
                transport = [next, 0] + place.networkBytes + bytes(4) + transport
                next = 44
            }
            let head: [UInt8] = [0x60 | UInt8.random(in: 0...15, using: &random)] + bytes(3)
            let packet: [UInt8] = head + UInt16(transport.count).networkBytes + [next, 60] + source + destination + transport
            let frame: [UInt8] = link + [0x86, 0xdd] + packet
            return SentPacket(bytes: frame, isArbitrary: isArbitrary)
        }
        let options: [UInt8] = random.oneIn(5) ? [1, 1, 1, 0] : []
        var header: [UInt8] = [0x45 + UInt8(options.count / 4)] + bytes(1) + UInt16(20 + options.count + transport.count).networkBytes
        let flags = fragment | (fragment == 0 && Bool.random(using: &random) ? 0x4000 : 0)
        header += bytes(2) + flags.networkBytes + [60, protocolNumber, 0, 0] + source + destination + options
        header.replaceSubrange(10..<12, with: plainChecksum(header).networkBytes)
        let frame: [UInt8] = link + [8, 0] + header + transport
        return SentPacket(bytes: frame, isArbitrary: isArbitrary)
    }

    private mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }

    /// A protocol's number, header and payload, and whether what the kernel does about it is nothing to go by.
    private mutating func transport(_ isIPv6: Bool, _ source: [UInt8], _ destination: [UInt8]) -> (UInt8, [UInt8], Bool) {
        let payload = bytes(random.oneIn(3) ? Int.random(in: 400...1380, using: &random) : Int.random(in: 0...60, using: &random))
        var number: UInt8
        var segment: [UInt8]
        var place: Int?
        var isArbitrary = false
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5:
            number = 6
            let options: [UInt8] = random.oneIn(3) ? [2, 4, 5, 0xb4] : []
            let offset = UInt8(5 + options.count / 4) << 4
            let flags = UInt8.random(in: 0...63, using: &random) & (random.oneIn(4) ? 63 : 0x3b)
            segment = bytes(12) + [offset, flags] + bytes(2) + [0, 0] + bytes(2) + options + payload
            place = 16
        case 5..<7:
            number = 17
            segment = bytes(4) + UInt16(8 + payload.count).networkBytes + [0, 0] + payload
            place = random.oneIn(4) ? nil : 6
        case 7, 8:
            number = isIPv6 ? 58 : 1
            let types: [UInt8] = isIPv6 ? [1, 128, 129, 2, 3, 4, 135] : [3, 8, 0, 13, 14, 4, 5, 11, 12]
            let type = random.pick(types)
            segment = [type, 0, 0, 0] + bytes(4) + payload
            place = 2
            // At a device the kernel answers errors other than "unreachable" (net/ipv4/netfilter/nf_reject_ipv4.c).
            isArbitrary = !isRouted && (isIPv6 ? [2, 3, 4] : [4, 5, 11, 12]).contains(type)
        default:
            // Without a checksum that the kernel looks at (`nf_reject_verify_csum`).
            number = random.pick([47, 50, 132, 136])
            segment = bytes(24) + payload
        }
        if let place {
            let pseudo =
                number == 1
                ? []
                : isIPv6
                    ? source + destination + UInt32(segment.count).networkBytes + [0, 0, 0, number]
                    : source + destination + [0, number] + UInt16(segment.count).networkBytes
            var sum = plainChecksum(pseudo + segment)
            if number == 17, sum == 0 { sum = 0xffff }
            if random.oneIn(10) { sum ^= UInt16.random(in: 1...0xfffe, using: &random) }
            segment.replaceSubrange(place..<place + 2, with: sum.networkBytes)
        }
        return (number, segment, isArbitrary)
    }
}
