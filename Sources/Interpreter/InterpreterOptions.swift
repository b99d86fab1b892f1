import Ruleset
import Wire

/// Extension headers, options and chunks, cut out one after the other and then looked through: the plain form of `HeaderSearch`.
struct InterpreterOptions {
    struct Item {
        var number: UInt8
        /// Where it begins in what it was cut from.
        var offset: Int
        var octets: [UInt8]
    }

    enum Finding {
        case item(Item)
        case absent
        /// Something before it or in it is wrong.
        case broken
    }

    /// - Parameter packet: From the IPv6 header on, without padding.
    static func extensionHeader(_ number: UInt8, of packet: [UInt8]) -> Finding {
        var next = packet[6]
        var rest = packet.dropFirst(40)
        while true {
            let item = Item(number: next, offset: packet.count - rest.count, octets: Array(rest))
            guard [0, 43, 44, 51, 60].contains(next) else { return next == number ? .item(item) : .absent }
            guard item.octets.count >= ([43, 44].contains(next) ? 4 : 2) else { return .broken }
            if next == number { return .item(item) }
            if next == 44, Int(item.octets[2]) * 256 + Int(item.octets[3]) >= 8 { return .absent }
            let units = Int(item.octets[1])
            next = item.octets[0]
            switch item.number {
            case 44: rest = rest.dropFirst(8)
            case 51: rest = rest.dropFirst(units * 4 + 8)
            default: rest = rest.dropFirst(units * 8 + 8)
            }
        }
    }

    /// - Parameter segment: From the TCP header on, without padding.
    static func tcpOption(_ number: UInt8, of segment: [UInt8]) -> Finding {
        guard segment.count >= 20 else { return .broken }
        let header = Array(segment.prefix(Int(segment[12] / 16) * 4))
        guard header.count == Int(segment[12] / 16) * 4, header.count >= 20 else { return .broken }
        var offset = 20
        while offset + 1 < header.count {
            let kind = header[offset]
            var length = Int(header[offset + 1])
            if kind < 2 || length == 0 { length = 1 }
            if kind == number {
                guard offset + length <= header.count else { return .broken }
                return .item(Item(number: kind, offset: offset, octets: Array(header[offset..<offset + length])))
            }
            offset += length
        }
        return .absent
    }

    /// - Parameter packet: From the SCTP header on, without padding.
    static func chunk(_ number: UInt8, of packet: [UInt8]) -> Finding {
        var rest = packet.dropFirst(12)
        while rest.count >= 4 {
            let item = Item(number: rest[rest.startIndex], offset: packet.count - rest.count, octets: Array(rest))
            let length = Int(item.octets[2]) * 256 + Int(item.octets[3])
            if length == 0 { return .broken }
            if item.number == number {
                return .item(Item(number: number, offset: item.offset, octets: length > rest.count ? [] : Array(rest.prefix(length))))
            }
            rest = rest.dropFirst((length + 3) / 4 * 4)
        }
        return .absent
    }

    /// - Parameter packet: From the IPv4 header on, without padding.
    static func ipv4Option(_ number: UInt8, of packet: [UInt8]) -> Finding {
        let header = packet.prefix(Int(packet[0] % 16) * 4)
        var rest = Array(header.dropFirst(20))
        var items: [Item] = []
        while let kind = rest.first, kind != 0 {
            if kind == 1 {
                rest.removeFirst()
                continue
            }
            guard rest.count >= 2, rest[1] >= 2, Int(rest[1]) <= rest.count else { return .broken }
            items.append(Item(number: kind, offset: header.count - rest.count, octets: Array(rest.prefix(Int(rest[1])))))
            rest.removeFirst(Int(rest[1]))
        }
        for item in items {
            guard isTaken(item) else { return .broken }
        }
        for kinds in [[7], [68], [131, 137]] as [[UInt8]] where items.count(where: { kinds.contains($0.number) }) > 1 { return .broken }
        let found = items.last { $0.number == number && (number != 148 || ($0.octets[2] == 0 && $0.octets[3] == 0)) }
        guard let found else { return .absent }
        return .item(Item(number: number, offset: found.offset, octets: Array(packet.dropFirst(found.offset))))
    }

    /// True if Linux takes an option of IPv4 with these octets.
    private static func isTaken(_ item: Item) -> Bool {
        let octets = item.octets
        switch item.number {
        case 131, 137:
            return octets.count >= 7 && (octets.count - 3) % 4 == 0 && octets[2] == 4
        case 7:
            guard octets.count >= 3, octets[2] >= 4 else { return false }
            let isFull = Int(octets[2]) > octets.count
            return isFull || Int(octets[2]) - 1 + 4 <= octets.count
        case 68:
            guard octets.count >= 4, octets[2] >= 5 else { return false }
            let isFull = Int(octets[2]) > octets.count
            if isFull { return octets[3] % 16 == 3 || octets[3] < 0xf0 }
            let entry = [1, 3].contains(octets[3] % 16) ? 8 : 4
            return Int(octets[2]) - 1 + entry <= octets.count
        case 148:
            return octets.count >= 4
        default:
            return true
        }
    }
}
