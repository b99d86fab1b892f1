import FrameBuilder
import Segmentation
import Testing
import Wire

/// Fragments of a packet, as `Fragmenter` cuts it; nil if it can't.
private func fragments(of bytes: [UInt8], tag: VLANTag? = nil, mtu: Int) -> [[UInt8]]? {
    let span = bytes.span.bytes
    guard var fragmenter = Fragmenter(span, ParsedFrame.parse(span, tag: tag), mtu: mtu) else { return nil }
    var all: [[UInt8]] = []
    var head = [UInt8](repeating: 0, count: Fragmenter.headCapacity)
    while !fragmenter.isDone, all.count < 10_000 {
        var output = head.mutableSpan
        var raw = output.mutableBytes
        guard let piece = fragmenter.next(span, into: &raw) else { break }
        all.append(Array(head[..<piece.headLength] + bytes[piece.payloadOffset..<piece.payloadOffset + piece.payloadLength]))
    }
    return all
}

/// RFC 791, section 3.2, from the text: a list of whole packets, each with its own header. Options that aren't copied become "no operation".
private func reference(_ packet: [UInt8], mtu: Int) -> [[UInt8]] {
    let headerLength = Int(packet[0] & 15) * 4
    let total = Int(packet[2]) << 8 | Int(packet[3])
    let field = Int(packet[6]) << 8 | Int(packet[7])
    let (start, hasMore) = ((field & 0x1fff) * 8, field & 0x2000 != 0)
    var rest = Array(packet[headerLength..<total])
    var header = Array(packet[..<headerLength])
    var offset = start
    var all: [[UInt8]] = []
    while !rest.isEmpty {
        let room = mtu - headerLength
        let count = rest.count <= room ? rest.count : room / 8 * 8
        let isLast = count == rest.count && !hasMore
        var own = header
        own.replaceSubrange(2..<4, with: UInt16(headerLength + count).networkBytes)
        own.replaceSubrange(6..<8, with: (UInt16(offset / 8) | (isLast ? 0 : 0x2000)).networkBytes)
        own.replaceSubrange(10..<12, with: [0, 0])
        own.replaceSubrange(10..<12, with: plainChecksum(own).networkBytes)
        all.append(own + rest[..<count])
        rest.removeFirst(count)
        offset += count
        if start == 0 { header = Array(header[..<20]) + copiedOptions(Array(header[20...])) }
    }
    return all
}

private func copiedOptions(_ options: [UInt8]) -> [UInt8] {
    guard let kind = options.first, kind != 0 else { return options }
    if kind == 1 { return [1] + copiedOptions(Array(options.dropFirst())) }
    guard options.count >= 2, (2...options.count).contains(Int(options[1])) else { return options }
    let length = Int(options[1])
    let own = kind >= 128 ? Array(options[..<length]) : Array(repeating: 1, count: length)
    return own + copiedOptions(Array(options[length...]))
}

@Suite struct FragmenterTests {
    private static let options: [[UInt8]] = [
        [], [1, 1, 1, 1], [0x94, 4, 0, 0], [0x1e, 4, 9, 9], [0x94, 4, 0, 0, 0x1e, 6, 1, 2, 3, 4, 1, 0], [0, 9, 9, 9], [0x1e, 40, 1, 1],
        [0x1e, 1, 1, 1], [0x1e, 4, 1, 1, 0x94, 0, 0, 0], [0x1e], [1, 0x9e, 3, 7],
    ].map { $0 + [UInt8](repeating: 0, count: (4 - $0.count % 4) % 4) }

    @Test("fragments are those that RFC 791's text makes", arguments: 1...4 as ClosedRange<UInt64>)
    func property(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1_500 {
            let options = random.pick(Self.options)
            let offset = Bool.random(using: &random) ? 0 : Int.random(in: 1...4_000, using: &random) * 8
            let more = Bool.random(using: &random)
            let length = Int.random(in: 1...3_000, using: &random)
            let tags = Int.random(in: 0...2, using: &random)
            let link = (0..<tags).reduce(Frame.ethernet()) { $0.vlan(UInt16(7 + $1), priority: 3) }
            let frame = link.ipv4(
                tos: UInt8.random(in: 0...255, using: &random), identification: UInt16.random(in: 0...65535, using: &random), more: more,
                fragmentOffset: offset, options: options, protocolNumber: 17
            ).payload(length)
            let mtu = Int.random(in: 68...1500, using: &random)
            let padded = Bool.random(using: &random) ? frame.padded(to: frame.bytes.count + 9) : frame
            let bytes = padded.bytes
            let start = 14 + 4 * tags
            let expected = reference(Array(bytes[start...]), mtu: mtu).map { Array(bytes[..<start]) + $0 }
            #expect(fragments(of: bytes, mtu: mtu) == expected, "\(length) bytes at \(offset), options \(options), MTU \(mtu)")
            if tags > 0 {
                let (untagged, tag) = try #require(padded.outOfBand)
                #expect(fragments(of: untagged, tag: tag, mtu: mtu) == expected)
            }
        }
    }

    @Test func `the reserved flag is not kept`() throws {
        let bytes = Frame.ethernet().ipv4(protocolNumber: 17).payload(100).patched(20, [0x80]).bytes
        #expect(try #require(fragments(of: bytes, mtu: 68)).allSatisfy { $0[20] & 0xc0 == 0 })
    }

    @Test func `a packet of 65,535 bytes`() throws {
        let bytes = Frame.ethernet().ipv4(protocolNumber: 17).payload(65_515).bytes
        let parts = try #require(fragments(of: bytes, mtu: 1_500))
        #expect(parts.count == 45 && parts.flatMap { $0[34...] } == Array(bytes[34...]))
        let small = try #require(fragments(of: bytes, mtu: 68))
        #expect(small.count == 1_365 && small.allSatisfy { $0.count <= 14 + 68 })
    }

    private static let uncut: [(String, Frame, Int)] = [
        ("DF", .ethernet().ipv4(doNotFragment: true).udp(1, 2).payload(1_500), 1_400),
        ("IPv6", .ethernet().ipv6().udp(1, 2).payload(1_500), 1_400), ("ARP", .ethernet().arp().padded(to: 1_600), 1_400),
        ("no room for 8 bytes", .ethernet().ipv4(options: [UInt8](repeating: 1, count: 40)).udp(1, 2), 67),
        ("malformed", .ethernet().ipv4(totalLength: 9_000).udp(1, 2), 68),
        ("no payload", .ethernet().ipv4(totalLength: 20).udp(1, 2), 68),
        (
            "too many tags", (0..<300).reduce(Frame.ethernet()) { frame, _ in frame.vlan(1) }.ipv4().udp(1, 2).payload(1_500), 1_400
        ),
    ]

    @Test("what can't be cut", arguments: uncut)
    func refused(_ name: String, _ frame: Frame, _ mtu: Int) {
        #expect(fragments(of: frame.bytes, mtu: mtu) == nil, "\(name)")
    }
}
