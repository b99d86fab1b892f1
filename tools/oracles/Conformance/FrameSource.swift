import FrameBuilder
import Wire

/// Random frames of all kinds, whose fields come from a few values so that rules find them.
struct FrameSource {
    var random: SeededGenerator

    static let addresses = ["10.0.0.1", "10.0.0.2", "10.0.1.0", "10.0.255.255", "192.0.2.7", "255.255.255.255", "224.0.0.1"]
    static let addresses6 = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::", "fe80::1", "ff02::1"]
    static let ports: [UInt16] = [0, 22, 53, 80, 443, 1023, 1024, 65535]
    static let tags: [UInt16] = [0, 5, 6, 4095]
    static let destinations: [UInt64] = [
        0x0200_0000_0001, 0x0200_0000_0002, 0xffff_ffff_ffff, 0x0100_5e00_0001, 0x3333_0000_0001, 0x0100_0ccc_cccc,
    ]

    private typealias Kind = @Sendable (inout FrameSource, Frame) -> Frame

    /// What stands behind the Ethernet header and the tags. A further kind is a further entry.
    private static let networks: [Kind] = [
        { $1.arp(operation: $0.random.pick([1, 2, 9]), sender: $0.random.pick(addresses), target: $0.random.pick(addresses)) },
        { $1.llc($0.random.pick([[0x42, 0x42, 3], [0xff, 0xff], [0xaa, 0xaa, 3]])).payload(40) },
        { $1.payload(Int.random(in: 40...60, using: &$0.random)) },
        { $0.transport($0.ipv4($1)) },
        { $0.transport($0.ipv4($1)) },
        { $0.transport($0.ipv4($1)) },
        { $0.transport($0.ipv6($1)) },
        { $0.transport($0.ipv6($1)) },
        { $0.transport($0.ipv6($1)) },
    ]

    private static let transports: [Kind] = [
        { $1.tcp($0.port(), $0.port(), flags: $0.random.pick([0, 0x02, 0x12, 0x10, 0x04, 0x29, 0xff])) },
        { $1.tcp($0.port(), $0.port(), flags: $0.random.pick([0x02, 0x18])).payload(20) },
        { $1.ipPayload(6, $0.tcpWithOptions()) },
        { $1.ipPayload(6, $0.tcpWithOptions()) },
        { $1.udp($0.port(), $0.port()).payload(12) },
        { $1.udp($0.port(), $0.port()) },
        // With a checksum, if a wrong one.
        { $1.ipPayload(17, $0.port().networkBytes + $0.port().networkBytes + [0, 12, 0xbe, 0xef, 1, 2, 3, 4]) },
        { $1.ports($0.port(), $0.port(), of: $0.random.pick([132, 33, 136])).payload(8) },
        { $1.icmp($0.random.pick([0, 3, 5, 8, 13]), code: $0.random.pick([0, 1, 4])).payload(8) },
        { $1.icmpv6($0.random.pick([1, 2, 4, 128, 129, 130, 135]), code: $0.random.pick([0, 1])).payload(8) },
        { $1.ipPayload(2, [$0.random.pick([0x11, 0x16, 0x17, 0x22]), 10, 0, 0, 224, 0, 0, 1]) },
        { $1.ipPayload($0.random.pick([50, 108, 47, 200]), [0, 0, 0, 1, 0, 0, 0, 2]).payload(20) },
        { $1.authenticationHeader().tcp($0.port(), $0.port()) },
        { $1.ipPayload($0.random.pick([6, 17, 1, 58]), [0, 22, 0]) },
        { $1.ipPayload($0.random.pick([0, 59, 60, 253]), []) },
    ]

    private mutating func port() -> UInt16 { random.pick(Self.ports) }

    private mutating func ipv4(_ frame: Frame) -> Frame {
        frame.ipv4(
            random.pick(Self.addresses), random.pick(Self.addresses), tos: random.pick([0, 0x20, 0xb8, 3]),
            identification: random.pick([0, 1, 0x1234]), doNotFragment: random.oneIn(2), more: random.oneIn(8),
            fragmentOffset: random.oneIn(8) ? 8 : 0, options: random.oneIn(4) ? options(Self.ipv4Options) : [])
    }

    /// Router alert, record route, loose and strict source route, stream, and such as have wrong lengths.
    private static let ipv4Options: [[UInt8]] = [
        [0x94, 4, 0, 0], [0x94, 4, 0, 1], [7, 7, 4, 0, 0, 0, 0], [7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0], [0x83, 7, 4, 10, 0, 0, 2],
        [0x89, 7, 4, 10, 0, 0, 1], [0x88, 4, 0, 7], [1], [1], [7, 2], [7, 3, 4], [0x83, 0], [0x94, 40], [0],
    ]

    /// Segment size, window, SACK, timestamps, some of unknown kinds, and such as have wrong lengths.
    private static let tcpOptions: [[UInt8]] = [
        [2, 4, 0x05, 0xb4], [2, 4, 0x02, 0x18], [3, 3, 7], [4, 2], [8, 10, 0, 0, 0, 1, 0, 0, 0, 2], [5, 10, 0, 0, 0, 1, 0, 0, 0, 9], [1],
        [1], [253, 4, 1, 2], [2, 0], [2, 1], [2, 3, 5], [2, 60, 5, 5], [0], [19],
    ]

    /// Some of them one behind the other, in whole words and no more than fit.
    private mutating func options(_ kinds: [[UInt8]]) -> [UInt8] {
        var options = (0..<Int.random(in: 1...4, using: &random)).flatMap { _ in random.pick(kinds) }
        while options.count % 4 != 0 { options.append(random.pick([0, 1])) }
        return Array(options.prefix(40))
    }

    private mutating func tcpWithOptions() -> [UInt8] {
        let options = random.oneIn(8) ? [] : options(Self.tcpOptions)
        // A header that is longer than the packet, now and then.
        let words = random.oneIn(12) ? random.pick([0, 4, 15]) : UInt8(5 + options.count / 4)
        let sequence: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0]
        return port().networkBytes + port().networkBytes + sequence + [words << 4, random.pick([2, 18, 16]), 0xff, 0xff, 0, 0, 0, 0]
            + options
    }

    private mutating func ipv6(_ frame: Frame) -> Frame {
        var frame = frame.ipv6(
            random.pick(Self.addresses6), random.pick(Self.addresses6), trafficClass: random.pick([0, 0x20, 0xb8]))
        if random.oneIn(5) { frame = frame.extensionHeader(0) }
        if random.oneIn(5) { frame = frame.extensionHeader(random.pick([43, 60]), units: random.pick([1, 2])) }
        if random.oneIn(12) { frame = frame.extensionHeader(43, bytes: [random.pick([0, 2, 4]), random.pick([0, 1]), 0, 0, 0, 0]) }
        if random.oneIn(12) { frame = frame.extensionHeader(135, bytes: [1, 0, 0, 0, 0, 0]) }
        if random.oneIn(6) { frame = frame.fragmentHeader(offset: random.pick([0, 0, 8]), more: random.oneIn(2)) }
        return frame
    }

    private mutating func transport(_ frame: Frame) -> Frame {
        let kind = Self.transports[Int.random(in: 0..<Self.transports.count, using: &random)]
        return kind(&self, frame)
    }

    /// - Parameter source: Has the frame's number in it.
    mutating func frame(from source: UInt64) -> [UInt8] {
        var frame = Frame.ethernet(to: random.pick(Self.destinations), from: source)
        for _ in 0..<random.pick([0, 0, 0, 1, 1, 2]) {
            frame = frame.vlan(random.pick(Self.tags), priority: random.pick([0, 3, 7]), tpid: random.pick([0x8100, 0x88a8]))
        }
        let kind = Self.networks[Int.random(in: 0..<Self.networks.count, using: &random)]
        frame = kind(&self, frame)
        if random.oneIn(6) { frame = frame.padded(to: 90) }
        var bytes = frame.bytes
        if random.oneIn(12), bytes.count > 20 { bytes.removeLast(Int.random(in: 0...min(30, bytes.count - 15), using: &random)) }
        if random.oneIn(12), bytes.count > 14 {
            bytes[Int.random(in: 14..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        return bytes
    }
}
