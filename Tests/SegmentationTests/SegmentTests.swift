import FrameBuilder
import Segmentation
import Testing
import Wire

@Suite struct SegmentTests {
    private static let tcp = Header.tcp()
    private static let inner: [Header] = [.ethernet, .ipv4(), tcp]

    /// A case for each way that a packet is borne, and for what its headers may have.
    static let stacks: [Encapsulation] = [
        [.ethernet, .ipv4(), tcp],
        [.ethernet, .ipv4(options: 8), .tcp(flags: 0x98, options: 12)],
        [.ethernet, .ipv6(), .tcp(flags: 0x19, options: 12)],
        [.ethernet, .ipv6(routes: [2]), tcp],
        [.ethernet, .tag(tpid: 0x8100), .tag(tpid: 0x88a8), .ipv4(), .datagram],
        [.ethernet, .ipv6(), .datagram],
        [.ethernet, .ipv4(), .ipv4(), tcp],
        [.ethernet, .ipv4(), .ipv6(), tcp],
        [.ethernet, .ipv6(), .ipv4(), .tcp(flags: 0x90)],
        [.ethernet, .ipv6(), .ipv6(), .datagram],
        // SRv6 (RFC 8754), with a packet, a frame, and two headers in a row.
        [.ethernet, .ipv6(routes: [3]), .ipv6(), tcp],
        [.ethernet, .ipv6(routes: [1]), .ipv4(), tcp],
        [.ethernet, .ipv6(routes: [2, 1])] + inner,
        [.ethernet, .ipv4(), .gre(), .ipv4(), tcp],
        [.ethernet, .ipv4(), .gre(checksum: true, key: true, sequence: true), .ipv6(), .tcp(flags: 0x91, options: 12)],
        [.ethernet, .ipv6(), .gre(checksum: true)] + inner,
        [.ethernet, .ipv6(), .gre(key: true), .mpls(labels: 2), .ipv4(), .datagram],
        [.ethernet, .ipv4(), .udp(port: 4789), .vxlan] + inner,
        [.ethernet, .ipv4(options: 4), .udp(port: 4789, checksum: true), .vxlan] + inner,
        [.ethernet, .ipv6(), .udp(port: 4789), .vxlan, .ethernet, .ipv6(), tcp],
        [.ethernet, .ipv6(), .udp(port: 8472, checksum: true), .vxlan, .ethernet, .ipv6(), .datagram],
        // A port that nobody knows.
        [.ethernet, .ipv4(), .udp(port: 12345, checksum: true), .vxlan, .ethernet, .tag(tpid: 0x8100), .ipv4(), tcp],
        [.ethernet, .ipv4(), .udp(port: 4790), .vxlanGeneric, .ipv6(), tcp],
        [.ethernet, .ipv4(), .udp(port: 4790), .vxlanGeneric, .nsh] + inner,
        [.ethernet, .ipv4(), .udp(port: 6081, checksum: true), .geneve(options: 24)] + inner,
        [.ethernet, .ipv6(), .udp(port: 6081), .geneve(), .ipv4(), .datagram],
        [.ethernet, .ipv4(), .udp(port: 2152), .gtp(), .ipv4(), tcp],
        [.ethernet, .ipv6(), .udp(port: 2152, checksum: true), .gtp(sequence: true, extensions: 2), .ipv6(), tcp],
        [.ethernet, .ipv4(), .udp(port: 6080), .gue(options: 4), .ipv4(), tcp],
        [.ethernet, .ipv4(), .udp(port: 6080, checksum: true), .gue(), .gre(checksum: true), .ipv6(), tcp],
        [.ethernet, .ipv4(), .udp(port: 5555), .ipv4(), tcp],
        [.ethernet, .ipv4(), .udp(port: 5555), .ipv6(), .datagram],
        [.ethernet, .ipv4(), .udp(port: 4754), .gre(key: true), .ipv4(), tcp],
        [.ethernet, .ipv4(), .udp(port: 6635), .mpls(), .ipv4(), tcp],
        [.ethernet, .mpls(labels: 3), .ipv4(), tcp],
        [.ethernet, .mpls()] + inner,
        [.ethernet, .mpls(labels: 2), .controlWord] + inner,
        [.ethernet, .ipv4(), .mpls(), .ipv6(), tcp],
        [.ethernet, .tag(tpid: 0x8100), .pppoe, .ipv4(), tcp],
        [.ethernet, .pppoe, .ipv6(), tcp],
        [.ethernet, .nsh] + inner,
        [.ethernet, .ipv4(), .udp(port: 4789), .vxlan, .ethernet, .ipv4(), .gre(checksum: true), .ipv6(), tcp],
        [.ethernet, .ipv6(), .udp(port: 6081, checksum: true), .geneve(), .ethernet, .ipv4(), .udp(port: 4789, checksum: true), .vxlan]
            + inner,
        [.ethernet, .tag(tpid: 0x88a8), .tag(tpid: 0x8100), .ipv4(), .ipv4(), .udp(port: 2152), .gtp(extensions: 1), .ipv4(), tcp],
    ].map(Encapsulation.init)

    @Test("a super-frame becomes the segments that its sender would have made", arguments: stacks, [1, 1300])
    func segments(_ stack: Encapsulation, size: Int) throws {
        for count in [1, size, size + 1, 3 * size, 3 * size + size / 2] { try hold(stack, payload: count, size: size) }
    }

    @Test("a tag beside the bytes goes into every segment", arguments: stacks)
    func tagged(_ stack: Encapsulation) throws {
        try hold(stack, payload: 5000, size: 1400, tag: VLANTag(tpid: 0x8100, tci: 0x6005))
    }

    @Test("several segments in a piece stay a super-frame", arguments: [2, 7, 100])
    func pieces(segments: Int) throws {
        for stack in Self.stacks { try hold(stack, payload: 9001, size: 700, segmentsInPiece: segments) }
    }

    /// BIG TCP: a total length of 0, and up to Linux 6.18 a jumbo option, which no segment has.
    @Test(
        "a super-frame of more than 64 KiB",
        arguments: [
            [.ethernet, .ipv4(), tcp], [.ethernet, .jumbo, tcp], [.ethernet, .ipv6(), tcp],
            [.ethernet, .tag(tpid: 0x8100), .jumbo, .udp(port: 4789, checksum: true), .vxlan] + inner,
            [.ethernet, .ipv4(), .udp(port: 4789), .vxlan, .ethernet, .jumbo, tcp],
        ].map(Encapsulation.init), [nil, VLANTag(tpid: 0x88a8, tci: 7)])
    func large(_ stack: Encapsulation, tag: VLANTag?) throws {
        try hold(stack, payload: 180_000, size: 1428, tag: tag)
        try hold(stack, payload: 180_000, size: 1428, tag: tag, segmentsInPiece: 44)
    }

    @Test("a piece of more than 64 KiB has a length of 0", arguments: [[.ethernet, .ipv4(), tcp], [.ethernet, .ipv6(), tcp]])
    func largePieces(_ headers: [Header]) throws { try hold(Encapsulation(headers), payload: 180_000, size: 1428, segmentsInPiece: 100) }

    /// What a program on the port tells the kernel: it writes lengths, identifications and what differs in TCP, and leaves outer checksums
    /// alone (net/ipv4/udp_offload.c). So each piece, segmented once more without them, must be right.
    @Test("a piece in a tunnel becomes the same segments", arguments: stacks, [1310, 4000])
    func tunnelPieces(_ stack: Encapsulation, size: Int) throws {
        for count in [size + 1, 4 * size, 4 * size + 7, 70_000] {
            let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
            let frame = stack.frame(payload, Encapsulation.Place(isPartial: true))
            guard frame.count - 14 <= 0xffff || stack.headers.contains(where: { if case .ipv4 = $0 { true } else { false } }) else {
                continue
            }
            var segmenter = Segmenter()
            try #require(segmenter.begin(frame.span.bytes, tag: nil, stack.offload(payload, size: size)) == nil)
            #expect((segmenter.tunnel != nil) == stack.isForKernel, "\(stack)")
            segmenter.enterTunnel()
            var taken = 0
            while !segmenter.isDone {
                let isLarge = segmenter.isTunnelPieceNext
                var head = [UInt8](repeating: 0, count: Segmenter.headCapacity)
                var memory = head.mutableSpan
                var span = memory.mutableBytes
                guard let piece = segmenter.next(into: &span) else { break }
                #expect(isLarge == (piece.segments > 1))
                let bytes = Array(head[..<piece.headLength]) + frame[piece.payloadOffset..<piece.payloadOffset + piece.payloadLength]
                #expect(bytes.count - 14 <= 0xffff)
                if stack.hasOuterChecksum, isLarge { #expect(piece.payloadLength % size == 0) }
                for start in stride(from: 0, to: piece.payloadLength, by: size) {
                    let length = min(size, piece.payloadLength - start)
                    let place = Encapsulation.Place(
                        number: taken / size, offset: taken, isFirst: taken == 0, isLast: taken + length == count)
                    let expected = stack.frame(Array(payload[taken..<taken + length]), place)
                    // The kernel's part, but for outer checksums: those are where they were, and right already.
                    for offset in stack.outerChecksums(payload) {
                        #expect(bytes[offset..<offset + 2] == expected[offset..<offset + 2], "\(stack), \(taken) of \(count)")
                    }
                    taken += length
                }
            }
            #expect(taken == count)
        }
    }

    @Test("any stack of headers", arguments: 0..<200)
    func any(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let stack = Encapsulation.random(&generator)
        let size = Int.random(in: 1...1500, using: &generator)
        try hold(
            stack, payload: Int.random(in: 1...size * 20, using: &generator), size: size,
            tag: generator.oneIn(3) ? VLANTag(tpid: 0x8100, tci: 5) : nil, segmentsInPiece: generator.pick([1, 1, 1, 3]))
    }

    /// The same super-frame segmented, and each segment built anew by the rules of its headers.
    private func hold(_ stack: Encapsulation, payload count: Int, size: Int, tag: VLANTag? = nil, segmentsInPiece: Int = 1) throws {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        let frame = stack.frame(payload, Encapsulation.Place(isPartial: true))
        let offload = stack.offload(payload, size: size)
        var segmenter = Segmenter()
        let fault = segmenter.begin(frame.span.bytes, tag: tag, offload, segmentsInPiece: segmentsInPiece)
        try #require(fault == nil, "\(stack)")
        let shape = try SuperFrame.read(frame.span.bytes, offload).get()
        #expect(shape.segmentCount == (count + size - 1) / size && shape.headerLength == frame.count - count)
        var head = [UInt8](repeating: 0xee, count: Segmenter.headCapacity)
        var taken = 0
        while true {
            var bytesOfHead = head.mutableSpan
            var span = bytesOfHead.mutableBytes
            guard let piece = segmenter.next(into: &span) else { break }
            let number = taken / size
            let length = min(size * segmentsInPiece, count - taken)
            let whole = Encapsulation.Place(
                number: number, offset: taken, isFirst: taken == 0, isLast: taken + length == count, isPartial: piece.segments > 1)
            var expected = stack.frame(Array(payload[taken..<taken + length]), whole)
            if let tag { expected.insert(contentsOf: be(tag.tpid) + be(tag.tci), at: 12) }
            var bytes = head[..<piece.headLength] + frame[piece.payloadOffset..<piece.payloadOffset + piece.payloadLength]
            if piece.segments == 1 { finish(&bytes, piece) }
            // A super-frame's outer checksums are for the kernel to write, and the reference writes nothing sensible there.
            if piece.segments == 1 || !stack.hasOuterChecksum {
                try #require(Array(bytes) == expected, "\(stack), segment \(number) of \(shape.segmentCount)")
            } else {
                try #require(bytes.count == expected.count)
            }
            #expect(piece.segments == (length + size - 1) / size)
            taken += piece.payloadLength
        }
        try #require(taken == count && segmenter.isDone)
    }

    private func finish(_ bytes: inout ArraySlice<UInt8>, _ piece: Segmenter.Piece) {
        var packet = Array(bytes)
        var bytesOfPacket = packet.mutableSpan
        var span = bytesOfPacket.mutableBytes
        Checksum.completePartial(in: &span, start: piece.checksumStart, offset: piece.checksumOffset)
        bytes = packet[...]
    }
}

extension Encapsulation {
    /// What a sender's `virtio_net_hdr` says.
    func offload(_ payload: [UInt8], size: Int) -> OffloadHeader {
        var start = 0
        for index in headers.indices.dropLast() { start += length(of: index, payload) }
        return OffloadHeader(
            kind: isTCP ? (version == 4 ? .tcp4 : .tcp6) : .udp, needsChecksum: true, segmentSize: size, checksumStart: start,
            checksumOffset: isTCP ? 16 : 6)
    }

    /// Where outer checksums stand that count the inner packet.
    func outerChecksums(_ payload: [UInt8]) -> [Int] {
        var offset = 0
        var places: [Int] = []
        for index in headers.indices {
            switch headers[index] {
            case .udp(_, true): places.append(offset + 6)
            case .gre(true, _, _): places.append(offset + 4)
            default: break
            }
            offset += length(of: index, payload)
        }
        return places
    }

    /// One tunnel that `bpf_skb_adjust_room` has words for.
    var isForKernel: Bool {
        var rest = headers.dropFirst().dropLast()
        if case .tag = rest.first { rest = rest.dropFirst() }
        let outer = rest.popFirst()
        var isLong = false
        switch outer {
        case .ipv4(let options): isLong = options > 0
        case .ipv6(let routes): isLong = !routes.isEmpty
        default: return false
        }
        var tunnel = Array(rest)
        if let last = tunnel.indices.last, case .ethernet = tunnel.first, last > 0 { return false }
        switch tunnel.first {
        case .gre(_, _, false):
            guard !isLong else { return false }
            tunnel.removeFirst()
            if case .ethernet = tunnel.first { tunnel.removeFirst() }
        case .udp:
            guard !isLong, let link = tunnel.firstIndex(of: .ethernet), link <= 3 else { return false }
            tunnel.removeFirst(link + 1)
        default: break
        }
        while case .tag = tunnel.first { tunnel.removeFirst() }
        guard tunnel.count == 1 else { return false }
        switch tunnel[0] {
        case .ipv4, .ipv6: return true
        default: return false
        }
    }

    /// A header whose checksum counts the whole packet.
    var hasOuterChecksum: Bool {
        headers.contains {
            switch $0 {
            case .udp(_, let checksum), .gre(let checksum, _, _): checksum
            default: false
            }
        }
    }

    /// Up to three levels of encapsulation.
    static func random(_ generator: inout SeededGenerator) -> Encapsulation {
        var headers: [Header] = [.ethernet]
        for level in 0... {
            while generator.oneIn(4) { headers.append(.tag(tpid: generator.pick([0x8100, 0x88a8]))) }
            let follows = level < 3 && !generator.oneIn(3)
            headers.append(
                generator.oneIn(2) ? .ipv4(options: 4 * generator.pick([0, 0, 3])) : .ipv6(routes: generator.pick([[], [], [2]])))
            guard follows else { break }
            let checksum = generator.oneIn(2)
            let tunnels: [[Header]] = [
                [], [.gre(checksum: checksum, key: generator.oneIn(2), sequence: generator.oneIn(2))],
                [.udp(port: 4789, checksum: checksum), .vxlan, .ethernet],
                [.udp(port: 7, checksum: checksum), .geneve(options: 8), .ethernet],
                [.udp(port: 2152, checksum: checksum), .gtp(sequence: checksum)],
                [.udp(port: 6635, checksum: checksum), .mpls(labels: 2)], [.udp(port: 9, checksum: checksum), .gue()],
                [.gre(checksum: checksum), .mpls(), .ethernet], [.gre(checksum: checksum), .nsh, .ethernet], [.ethernet, .pppoe],
            ]
            headers += generator.pick(tunnels)
            // Tags only follow an Ethernet header.
            guard case .ethernet = headers.last else {
                headers.append(generator.oneIn(2) ? .ipv4() : .ipv6())
                break
            }
        }
        headers.append(
            generator.oneIn(3) ? .datagram : .tcp(flags: UInt8.random(in: 0...255, using: &generator), options: generator.pick([0, 12])))
        return Encapsulation(headers)
    }
}
