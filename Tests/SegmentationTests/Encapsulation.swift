import Wire

/// One header of a stack, as a test describes it.
enum Header: Sendable, Hashable {
    case ethernet
    case tag(tpid: UInt16)
    case ipv4(options: Int = 0)
    /// With routing headers of so many addresses.
    case ipv6(routes: [Int] = [])
    /// IPv6 with Linux' jumbo option of before 7.0, and a payload length of 0.
    case jumbo
    case udp(port: UInt16, checksum: Bool = false)
    case gre(checksum: Bool = false, key: Bool = false, sequence: Bool = false)
    case vxlan
    case vxlanGeneric
    case geneve(options: Int = 0)
    case gtp(sequence: Bool = false, extensions: Int = 0)
    case gue(options: Int = 0)
    case mpls(labels: Int = 1)
    case controlWord
    case pppoe
    case nsh
    case tcp(flags: UInt8 = 0x18, options: Int = 0)
    case datagram
}

/// A stack of headers and what counts in it: builds the frame that a host would send, slowly and from the rules of each header.
struct Encapsulation: Sendable, CustomStringConvertible {
    var headers: [Header]
    /// Of the first segment.
    var identification: UInt16 = 0xfffe
    var sequence: UInt32 = 0xffff_fa00

    init(_ headers: [Header]) { self.headers = headers }

    var description: String { headers.map { "\($0)" }.joined(separator: "/") }

    /// The innermost IP header's version.
    var version: Int { version(before: headers.count - 1) ?? 0 }
    var isTCP: Bool { if case .tcp = headers.last { true } else { false } }

    /// What one frame of many has its own.
    struct Place {
        /// Frames before it.
        var number = 0
        /// Payload bytes before it.
        var offset = 0
        var isFirst = true
        var isLast = true
        /// The innermost checksum is the pseudo header's sum, as a stack leaves it to the hardware.
        var isPartial = false
    }

    /// The whole frame.
    func frame(_ payload: [UInt8], _ place: Place = Place()) -> [UInt8] {
        var bytes = payload
        for index in headers.indices.reversed() { bytes = build(index, before: bytes, place) + bytes }
        return bytes
    }

    /// Bytes of one header, in the super-frame with this payload.
    func length(of index: Int, _ payload: [UInt8]) -> Int {
        var bytes = payload
        for place in headers.indices.reversed() where place >= index {
            let header = build(place, before: bytes, Place(isPartial: true))
            if place == index { return header.count }
            bytes = header + bytes
        }
        return 0
    }

    private func build(_ index: Int, before rest: [UInt8], _ place: Place) -> [UInt8] {
        let next = index + 1 < headers.count ? headers[index + 1] : nil
        let number = UInt16(truncatingIfNeeded: place.number)
        switch headers[index] {
        case .ethernet: return [2, 0x77, 0, 0, 0, UInt8(index), 2, 0x77, 0, 0, 1, UInt8(index)] + be(etherType(next))
        case .tag: return be(0x6005 &+ UInt16(index)) + be(etherType(next))
        case .ipv4(let options):
            let length = 20 + options + rest.count
            var header: [UInt8] = [0x45 + UInt8(options / 4), 0x02] + be(UInt16(length > 0xffff ? 0 : length))
            header += be(identification &+ number &+ UInt16(index) &* 1000) + [0x40, 0, 64, ipProtocol(next), 0, 0] + addresses(4, index)
            header += [UInt8](repeating: 1, count: options)
            header.replaceSubrange(10..<12, with: be(~sum(header)))
            return header
        case .ipv6(let routes):
            var chain: [UInt8] = []
            for (place, route) in routes.enumerated() {
                let follows = place + 1 < routes.count ? 43 : ipProtocol(next)
                chain += [follows, UInt8(route * 2), 4, 0, UInt8(route - 1), 0, 0, 0] + [UInt8](repeating: 0xfd, count: 16 * route)
            }
            let length = chain.count + rest.count
            return [0x60, 0x20, 0, 5] + be(UInt16(length > 0xffff ? 0 : length)) + [routes.isEmpty ? ipProtocol(next) : 43, 64]
                + addresses(6, index) + chain
        case .jumbo:
            let isLong = 8 + rest.count > 0xffff
            let header: [UInt8] = [0x60, 0, 0, 0] + be(UInt16(isLong ? 0 : rest.count)) + [isLong ? 0 : ipProtocol(next), 64]
            let option: [UInt8] = isLong ? [ipProtocol(next), 0, 0xc2, 4] + be(UInt32(8 + rest.count)) : []
            return header + addresses(6, index) + option
        case .udp(let port, let checksum):
            let length = UInt16(truncatingIfNeeded: 8 + rest.count)
            var header = be(0xc000 as UInt16) + be(port) + be(length) + [0, 0]
            // In a super-frame the sum of the pseudo header stands there, or anything that is not 0.
            if checksum {
                header.replaceSubrange(
                    6..<8, with: be(place.isPartial ? 0x1234 : nonZero(~sum(pseudo(index, 17, header.count + rest.count) + header + rest))))
            }
            return header
        case .gre(let checksum, let key, let sequence):
            let flags: UInt16 = (checksum ? 0x8000 : 0) | (key ? 0x2000 : 0) | (sequence ? 0x1000 : 0)
            var header = be(flags) + be(etherType(next))
            if checksum { header += [0, 0, 0, 0] }
            if key { header += [0xde, 0xad, 0xbe, 0xef] }
            if sequence { header += be(0xffff_ffff &+ UInt32(number)) }
            if checksum { header.replaceSubrange(4..<6, with: be(place.isPartial ? 0x4321 : ~sum(header + rest))) }
            return header
        case .vxlan: return [0x08, 0, 0, 0, 0, 0, 42, 0]
        case .vxlanGeneric: return [0x0c, 0, 0, nextNumber(next), 0, 0, 42, 0]
        case .geneve(let options):
            return [UInt8(options / 4), 0] + be(etherType(next)) + [0, 0, 42, 0] + [UInt8](repeating: 7, count: options)
        case .gtp(let sequence, let extensions):
            let optional: [UInt8] =
                (sequence || extensions > 0 ? be(sequence ? 9 &+ number : 9) + [0, extensions > 0 ? 0x85 : 0] : [])
                + (0..<extensions).flatMap { [1, 2, 3, $0 + 1 < extensions ? 0x85 : 0] as [UInt8] }
            return [0x30 | (sequence ? 2 : 0) | (extensions > 0 ? 4 : 0), 0xff]
                + be(UInt16(truncatingIfNeeded: optional.count + rest.count))
                + [0, 0, 0, 7] + optional
        case .gue(let options): return [UInt8(options / 4), ipProtocol(next), 0, 0] + [UInt8](repeating: 0, count: options)
        case .mpls(let labels): return (0..<labels).flatMap { [0, 0x10, $0 + 1 == labels ? 0x41 : 0x40, 64] as [UInt8] }
        case .controlWord: return [0, 0, 0, 0]
        case .pppoe:
            return [0x11, 0, 0, 9] + be(UInt16(truncatingIfNeeded: 2 + rest.count))
                + be(etherType(next) == 0x0800 ? 0x0021 as UInt16 : 0x0057)
        case .nsh: return [0x0f, 0xc6, 1, nextNumber(next), 0, 0, 1, 255] + [UInt8](repeating: 9, count: 16)
        case .tcp(let flags, let options):
            var bits = flags
            if !place.isFirst { bits &= ~0x80 }
            if !place.isLast { bits &= ~0x09 }
            var header = be(4000 as UInt16) + be(5001 as UInt16) + be(sequence &+ UInt32(place.offset)) + be(1 as UInt32)
            header += [UInt8(5 + options / 4) << 4, bits, 0xff, 0xff, 0, 0, 0, 0] + [UInt8](repeating: 1, count: options)
            let pseudo = pseudo(index, 6, header.count + rest.count)
            header.replaceSubrange(16..<18, with: be(place.isPartial ? sum(pseudo) : nonZero(~sum(pseudo + header + rest))))
            return header
        case .datagram:
            var header = be(5000 as UInt16) + be(6000 as UInt16) + be(UInt16(truncatingIfNeeded: 8 + rest.count)) + [0, 0]
            let pseudo = pseudo(index, 17, header.count + rest.count)
            header.replaceSubrange(6..<8, with: be(place.isPartial ? sum(pseudo) : nonZero(~sum(pseudo + header + rest))))
            return header
        }
    }

    // MARK: What headers say of each other

    private func etherType(_ next: Header?) -> UInt16 {
        switch next {
        case .tag(let tpid): tpid
        case .ipv4: 0x0800
        case .ipv6, .jumbo: 0x86dd
        case .ethernet: 0x6558
        case .mpls: 0x8847
        case .pppoe: 0x8864
        case .nsh: 0x894f
        default: 0
        }
    }

    private func ipProtocol(_ next: Header?) -> UInt8 {
        switch next {
        case .ipv4: 4
        case .ipv6, .jumbo: 41
        case .gre: 47
        case .udp, .datagram: 17
        case .tcp: 6
        case .mpls: 137
        case .ethernet: 143
        default: 59
        }
    }

    private func nextNumber(_ next: Header?) -> UInt8 {
        switch next {
        case .ipv4: 1
        case .ipv6, .jumbo: 2
        case .ethernet: 3
        case .nsh: 4
        case .mpls: 5
        default: 0
        }
    }

    private func version(before index: Int) -> Int? {
        for header in headers[..<index].reversed() {
            switch header {
            case .ipv4: return 4
            case .ipv6, .jumbo: return 6
            default: continue
            }
        }
        return nil
    }

    /// Of the IP header at `index`: source and destination.
    private func addresses(_ version: Int, _ index: Int) -> [UInt8] {
        let count = version == 4 ? 4 : 16
        return (1...2).flatMap { host in [UInt8](repeating: UInt8(truncatingIfNeeded: 16 * index + host), count: count) }
    }

    private func pseudo(_ index: Int, _ number: UInt8, _ length: Int) -> [UInt8] {
        let place = headers[..<index].lastIndex {
            switch $0 {
            case .ipv4, .ipv6, .jumbo: true
            default: false
            }
        }
        guard let place, let version = version(before: index) else { return [] }
        return addresses(version, place) + be(UInt32(length)) + [0, 0, 0, number]
    }

    private func nonZero(_ checksum: UInt16) -> UInt16 { checksum == 0 ? 0xffff : checksum }
}

/// Most significant byte first.
func be<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    (0..<Number.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: number >> Number($0 * 8)) }
}

/// The one's complement sum of 16-bit words (RFC 1071), word by word.
func sum(_ bytes: [UInt8]) -> UInt16 {
    var sum = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
        sum += Int(bytes[index]) << 8 | (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
    }
    while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
    return UInt16(sum)
}
