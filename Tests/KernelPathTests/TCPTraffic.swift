import FrameBuilder

/// Two hosts that speak TCP, mostly as they should.
struct TCPTraffic {
    struct Segment {
        var side: UInt8
        var bytes: [UInt8]
        var segmentSize: UInt32 = 0
        /// As a port would say it of the frame.
        var isChecksumKnown = false
    }

    private struct Host {
        /// After the last byte that was sent.
        var next: UInt32
        /// The highest that was received.
        var received: UInt32
        var window: UInt16 = 2000
    }

    private static let timestamps: [UInt8] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]

    private var random: SeededGenerator
    private var hosts: [Host]
    private let hasTimestamps: Bool
    private let isIPv6: Bool

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        // Near the end of 32 bits now and then.
        let starts = random.oneIn(2) ? [UInt32.max - 20_000, 5_000] : [1_000, UInt32.max - 1_000]
        hosts = [Host(next: starts[0], received: starts[1]), Host(next: starts[1], received: starts[0])]
        hasTimestamps = random.oneIn(2)
        isIPv6 = random.oneIn(2)
    }

    /// The handshake: window scaling by 4 and by 2 bits, SACK permitted or not.
    mutating func begin() -> [Segment] {
        let sack: [UInt8] = random.oneIn(2) ? [4, 2, 1, 1] : [1, 1, 1, 1]
        let first = segment(0, flags: 0x02, hosts[0].next &- 1, 0, options: [3, 3, 4, 1] + sack)
        let second = segment(1, flags: 0x12, hosts[1].next &- 1, hosts[0].next, options: [3, 3, 2, 1] + sack)
        return [first, second, segment(0, flags: 0x10, hosts[0].next, hosts[1].next)]
    }

    /// Any segment, most of them in order.
    mutating func next() -> Segment {
        let side = UInt8(random.next() % 2)
        let (own, other) = (Int(side), 1 - Int(side))
        if random.oneIn(8) { hosts[own].window = UInt16(truncatingIfNeeded: random.next() % 5000) }
        if random.oneIn(60) { hosts[own].window = 0 }
        if random.oneIn(30), hosts[own].window == 0 { hosts[own].window = 3000 }
        let length = random.oneIn(3) ? 0 : Int(random.next() % 1400)
        let segments = 1 + 2400 / max(1, length)
        if random.oneIn(7) { return odd(side, length) }
        let start = hosts[own].next
        if random.oneIn(2) { hosts[own].received = hosts[other].next }
        let acknowledged = hosts[own].received
        if length == 0 || random.oneIn(2) {
            hosts[own].next = start &+ UInt32(length)
            return segment(side, flags: random.oneIn(2) ? 0x18 : 0x10, start, acknowledged, payload: length)
        }
        // A super-frame.
        hosts[own].next = start &+ UInt32(length * segments)
        var frame = segment(side, flags: 0x10, start, acknowledged, payload: length * segments)
        frame.segmentSize = UInt32(max(1, length))
        frame.isChecksumKnown = true
        return frame
    }

    private mutating func odd(_ side: UInt8, _ length: Int) -> Segment {
        let host = hosts[Int(side)]
        let shift = UInt32(truncatingIfNeeded: random.next() % 140_000)
        let sequence = random.oneIn(2) ? host.next : random.oneIn(2) ? host.next &+ shift : host.next &- shift
        let acknowledged = random.oneIn(2) ? host.received : random.oneIn(2) ? host.received &+ shift : host.received &- shift
        switch random.next() % 9 {
        case 0: return segment(side, flags: 0x30, sequence, acknowledged, payload: length)
        case 1: return segment(side, flags: 0x14, sequence, acknowledged)
        case 2:
            // Blocks beyond what is acknowledged, a few of them beyond what was sent.
            let blocks = 1 + Int(random.next() % 3)
            let edges = (0..<blocks).flatMap { block -> [UInt8] in
                let start = host.received &- UInt32(1000 - 200 * block)
                let end = start &+ (random.oneIn(6) ? 100_000 : UInt32(100 + random.next() % 900))
                return start.networkBytes + end.networkBytes
            }
            let sack = [1, 1, 5, UInt8(2 + 8 * blocks)] + edges
            return segment(
                side, flags: 0x10, host.next, host.received &- 1200, options: random.oneIn(2) || blocks > 3 ? sack : Self.timestamps + sack)
        case 3:
            var frame = segment(side, flags: 0x10, sequence, acknowledged, payload: length)
            frame.bytes[frame.bytes.count - 1] ^= 0x55
            return frame
        case 4, 8:
            var frame = segment(side, flags: 0x10, sequence, acknowledged, payload: length, isPartial: true)
            frame.isChecksumKnown = true
            return frame
        default: return segment(side, flags: 0x10, sequence, acknowledged, payload: length)
        }
    }

    private func segment(
        _ side: UInt8, flags: UInt8, _ sequence: UInt32, _ acknowledged: UInt32, payload: Int = 0, options: [UInt8]? = nil,
        isPartial: Bool = false
    ) -> Segment {
        let link =
            side == 0
            ? Frame.ethernet(to: 0x0200_0000_0002, from: 0x0200_0000_0001) : .ethernet(to: 0x0200_0000_0001, from: 0x0200_0000_0002)
        let network =
            isIPv6
            ? side == 0 ? link.ipv6("2001:db8::1", "2001:db8::2") : link.ipv6("2001:db8::2", "2001:db8::1")
            : side == 0 ? link.ipv4("10.0.0.1", "10.0.0.2") : link.ipv4("10.0.0.2", "10.0.0.1")
        let ports: (UInt16, UInt16) = side == 0 ? (4000, 80) : (80, 4000)
        let start = isIPv6 ? 54 : 34
        let frame = network.tcp(ports.0, ports.1, flags: flags, options: options ?? (hasTimestamps ? Self.timestamps : []))
            .payload(payload).patched(start + 4, sequence.networkBytes + acknowledged.networkBytes)
            .patched(start + 14, hosts[Int(side)].window.networkBytes)
        return Segment(side: side, bytes: frame.bytes.finished(isPartial: isPartial))
    }
}
