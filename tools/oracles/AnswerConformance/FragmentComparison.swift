import Foundation
import FrameBuilder
import KernelBridge
import Segmentation
import Wire

/// Random IPv4 packets, cut into fragments by a router of the kernel's and by Weir: the same fragments.
struct FragmentComparison {
    let bed: AnswerBed
    let far: PacketEnd
    private(set) var packets = 0
    private(set) var fragments = 0
    private(set) var differences = 0

    /// Options that a router passes on as they are: some that are copied into every fragment, and some that aren't.
    private static let options: [[UInt8]] = [
        [], [], [], [1, 1, 1, 1], [0x1e, 4, 9, 9], [0x9e, 4, 9, 9], [0x94, 4, 0, 0, 0x1e, 6, 1, 2, 3, 4, 1, 0],
        [0x1e, 3, 7, 0x88, 4, 1, 2, 0x1e, 4, 1, 1, 0], [0x1e, 40] + [UInt8](repeating: 5, count: 38),
    ].map { $0 + [UInt8](repeating: 0, count: (4 - $0.count % 4) % 4) }

    init(folder: URL) throws {
        bed = try AnswerBed(folder: folder, isRouted: true)
        try TestBed.run("for end in near0 eth1 eth2 far0; do ip link set $end mtu 9000; done")
        try TestBed.run("tc qdisc add dev far0 clsact; tc filter add dev far0 ingress bpf da bytecode '1,6 0 0 2,'")
        far = try PacketEnd("far0")
    }

    /// One MTU, and packets of all sizes around it.
    mutating func run(_ seed: UInt64, packets count: Int) throws {
        var random = SeededGenerator(seed: seed)
        let mtu = random.pick([68, 100, 576, 1_000, 1_280, 1_400, 1_492, 1_500])
        try TestBed.run("ip link set eth2 mtu \(mtu)")
        _ = far.received()
        var sent: [UInt16: [UInt8]] = [:]
        var arrived: [[UInt8]] = []
        for number in 1...UInt16(count) {
            let frame = Frame.ethernet(to: bed.router).ipv4(
                "10.0.0.\(Int.random(in: 1...250, using: &random))", "172.16.0.\(Int.random(in: 1...250, using: &random))",
                tos: UInt8.random(in: 0...255, using: &random), identification: number, more: random.oneIn(4),
                fragmentOffset: random.oneIn(3) ? Int.random(in: 0...6_000, using: &random) * 8 : 0, options: random.pick(Self.options),
                protocolNumber: random.pick([6, 17, 253])
            ).payload((0..<Int.random(in: 1...min(8 * mtu, 8_900), using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
            var bytes = frame.bytes
            if random.oneIn(5) { Self.setReservedFlag(&bytes) }
            if bed.near.send(bytes) { sent[number] = bytes }
            if number % 8 == 0 { arrived += far.received() }
        }
        var last = ContinuousClock.now
        while ContinuousClock.now - last < .milliseconds(30) {
            let more = far.received()
            if more.isEmpty { usleep(1000) } else { last = .now }
            arrived += more
        }
        var theirs: [UInt16: [[UInt8]]] = [:]
        for frame in arrived where frame.count >= 34 && frame[12..<14] == [8, 0] {
            theirs[UInt16(frame[18]) << 8 | UInt16(frame[19]), default: []].append(Array(frame[14...]))
        }
        for (number, bytes) in sent.sorted(by: { $0.key < $1.key }) {
            packets += 1
            let ours = Self.cut(Self.forwarded(bytes), mtu: mtu)
            fragments += ours.count
            guard theirs[number] != ours else { continue }
            differences += 1
            if differences <= 5 {
                print("seed \(seed), MTU \(mtu), packet \(number): \(hexadecimal(bytes))")
                for part in theirs[number] ?? [] { print("  kernel \(hexadecimal(Array(part.prefix(64))))") }
                for part in ours { print("  Weir   \(hexadecimal(Array(part.prefix(64))))") }
            }
        }
    }

    private static func setReservedFlag(_ bytes: inout [UInt8]) {
        bytes[20] |= 0x80
        setChecksum(&bytes)
    }

    private static func setChecksum(_ bytes: inout [UInt8]) {
        let end = 14 + Int(bytes[14] & 15) * 4
        bytes.replaceSubrange(24..<26, with: [0, 0])
        bytes.replaceSubrange(24..<26, with: plainChecksum(Array(bytes[14..<end])).networkBytes)
    }

    /// As a router hands it on.
    private static func forwarded(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        bytes[22] -= 1
        setChecksum(&bytes)
        return bytes
    }

    /// Packets, without their Ethernet headers.
    private static func cut(_ bytes: [UInt8], mtu: Int) -> [[UInt8]] {
        let span = bytes.span.bytes
        let frame = ParsedFrame.parse(span, tag: nil)
        guard frame.networkLength > mtu, var fragmenter = Fragmenter(span, frame, mtu: mtu) else { return [Array(bytes[14...])] }
        var all: [[UInt8]] = []
        var head = [UInt8](repeating: 0, count: Fragmenter.headCapacity)
        while !fragmenter.isDone {
            var output = head.mutableSpan
            var raw = output.mutableBytes
            guard let piece = fragmenter.next(span, into: &raw) else { break }
            all.append(Array(head[14..<piece.headLength] + bytes[piece.payloadOffset..<piece.payloadOffset + piece.payloadLength]))
        }
        return all
    }
}
