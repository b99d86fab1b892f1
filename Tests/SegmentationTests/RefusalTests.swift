import Segmentation
import Testing
import Wire

/// A super-frame with other bytes at one place, and why it can't be segmented then; nil if it can.
private struct RefusalCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let stack: Encapsulation
    let fault: SegmentationFault?
    var payload = 3000
    var size = 1400
    var patch: (offset: Int, bytes: [UInt8]) = (0, [])
    var kind: OffloadHeader.Kind?

    init(
        _ description: String, _ headers: [Header], _ fault: SegmentationFault?, payload: Int = 3000, size: Int = 1400,
        at offset: Int = 0, _ bytes: [UInt8] = [], kind: OffloadHeader.Kind? = nil
    ) {
        testDescription = description
        stack = Encapsulation(headers)
        self.fault = fault
        self.payload = payload
        self.size = size
        patch = (offset, bytes)
        self.kind = kind
    }
}

private let tcp = Header.tcp()
private let inner: [Header] = [.ethernet, .ipv4(), tcp]
private let vxlan: [Header] = [.ethernet, .ipv4(), .udp(port: 4789), .vxlan]
private func tags(_ count: Int) -> [Header] { [Header](repeating: .tag(tpid: 0x8100), count: count) }
/// Each routing header's address has 16 bytes; 51 of them make 960 bytes of headers.
private func long(_ addresses: Int) -> [Header] { vxlan + [.ethernet, .ipv6(routes: [addresses]), .tcp(options: 12)] }

private let cases = [
    RefusalCase("a first fragment", inner, .unknownHeaders, at: 20, [0x20, 0]),
    RefusalCase("a later fragment", inner, .unknownHeaders, at: 20, [0, 1]),
    RefusalCase("IPv4: a length of 0 where the field has room", inner, .unknownHeaders, at: 16, [0, 0]),
    RefusalCase("IPv6: a length of 0 where the field has room", [.ethernet, .ipv6(), tcp], .unknownHeaders, at: 18, [0, 0]),
    RefusalCase(
        "a jumbo option that says less than there is", [.ethernet, .jumbo, tcp], .unknownHeaders, payload: 70_000, at: 60, [0, 0]),
    RefusalCase("TCP over IPv4 that is TCP over IPv6", [.ethernet, .ipv6(), tcp], .unknownHeaders, kind: .tcp4),
    RefusalCase("VXLAN with a flag that is reserved", vxlan + inner, .unknownHeaders, at: 42, [0x18]),
    RefusalCase(
        "Geneve with a bit that is reserved", [.ethernet, .ipv4(), .udp(port: 6081), .geneve()] + inner, .unknownHeaders, at: 43, [1]),
    RefusalCase("GRE with a routing field", [.ethernet, .ipv4(), .gre(), .ipv4(), tcp], .unknownHeaders, at: 34, [0x40]),
    RefusalCase("GRE, version 1", [.ethernet, .ipv4(), .gre(), .ipv4(), tcp], .unknownHeaders, at: 35, [1]),
    RefusalCase(
        "GTP without extension headers says nothing by their field",
        [.ethernet, .ipv4(), .udp(port: 2152), .gtp(sequence: true), .ipv4(), tcp], nil, at: 53, [0x85]),
    RefusalCase("PPPoE's discovery", [.ethernet, .pppoe, .ipv6(), tcp], .unknownHeaders, at: 15, [9]),
    RefusalCase("no payload", inner, .unknownHeaders, payload: 0),
    RefusalCase("as many segments as there may be", inner, nil, payload: 4096, size: 1),
    RefusalCase("one segment more", inner, .tooManySegments, payload: 4097, size: 1),
    RefusalCase("headers as long as they may be", long(51), nil),
    RefusalCase("longer headers", long(52), .headersTooLong),
]

@Suite struct RefusalTests {
    @Test("what can't be segmented is refused by name", arguments: cases)
    private func refusal(_ test: RefusalCase) throws {
        let payload = [UInt8](repeating: 7, count: test.payload)
        var frame = test.stack.frame(payload, Encapsulation.Place(isPartial: true))
        for (index, byte) in test.patch.bytes.enumerated() { frame[test.patch.offset + index] = byte }
        var offload = test.stack.offload(payload, size: test.size)
        if let kind = test.kind { offload.kind = kind }
        var segmenter = Segmenter()
        #expect(segmenter.begin(frame.span.bytes, tag: nil, offload) == test.fault)
        #expect(segmenter.isDone == (test.fault != nil))
    }

    /// A mark has seven bits for half of the outer headers, which the program copies to 254 bytes of stack, and four for half of the inner
    /// Ethernet header.
    @Test(
        "a tunnel whose headers a mark can't say is not for the kernel",
        arguments: [
            (.init([.ethernet, .ipv6(routes: [12]), .ipv4(), tcp]), true), (.init([.ethernet, .ipv6(routes: [14]), .ipv4(), tcp]), false),
            (.init(vxlan + [.ethernet] + tags(4) + [.ipv4(), tcp]), true), (.init(vxlan + [.ethernet] + tags(5) + [.ipv4(), tcp]), false),
        ] as [(Encapsulation, Bool)])
    func room(stack: Encapsulation, isForKernel: Bool) throws {
        let payload = [UInt8](repeating: 7, count: 3000)
        let frame = stack.frame(payload, Encapsulation.Place(isPartial: true))
        var segmenter = Segmenter()
        try #require(segmenter.begin(frame.span.bytes, tag: nil, stack.offload(payload, size: 1400)) == nil)
        #expect((segmenter.tunnel != nil) == isForKernel)
    }

    /// MPLS doesn't say what follows it. These addresses read as an IPv4 header with the right length, which leads nowhere.
    @Test("addresses that look like a header are none")
    func lookalike() throws {
        let stack = Encapsulation([.ethernet, .mpls()] + inner)
        let payload = [UInt8](repeating: 7, count: 3000)
        var frame = stack.frame(payload, Encapsulation.Place(isPartial: true))
        frame.replaceSubrange(18..<30, with: [0x45, 0] + be(UInt16(frame.count - 18)) + [0, 1, 0, 0, 64, 59, 0, 0])
        var segmenter = Segmenter()
        try #require(segmenter.begin(frame.span.bytes, tag: nil, stack.offload(payload, size: 1400)) == nil)
        var count = 0
        while !segmenter.isDone {
            var head = [UInt8](repeating: 0, count: Segmenter.headCapacity)
            var memory = head.mutableSpan
            var span = memory.mutableBytes
            guard segmenter.next(into: &span) != nil else { break }
            #expect(head[18..<30] == frame[18..<30])
            count += 1
        }
        #expect(count == 3)
    }

    /// 0 would say that there is none (RFC 768). The port of the sender is chosen so that the sum is just that.
    @Test("an outer UDP checksum of 0 is written as 0xffff", arguments: [false, true])
    func zero(isSuperFrame: Bool) throws {
        let stack = Encapsulation([.ethernet, .ipv4(), .udp(port: 4789, checksum: true), .vxlan] + inner)
        let payload = [UInt8](repeating: 7, count: 300)
        let offload = stack.offload(payload, size: 200)
        var frame = stack.frame(payload, Encapsulation.Place(isPartial: true))
        let checksum = isSuperFrame ? Self.checksumOfWhole : Self.checksumOfFirst
        let port = sum(Array(frame[34..<36]) + be(try checksum(frame, offload)))
        frame.replaceSubrange(34..<36, with: be(port))
        #expect(try checksum(frame, offload) == 0xffff)
    }

    /// The outer UDP checksum of a super-frame that stays one.
    private static func checksumOfWhole(_ frame: [UInt8], _ offload: OffloadHeader) throws -> UInt16 {
        var bytes = frame
        bytes.withUnsafeMutableBytes { buffer in
            var span = buffer.mutableBytes
            SuperFrame.finishChecksums(of: &span, offload)
        }
        return UInt16(bytes[40]) << 8 | UInt16(bytes[41])
    }

    /// That of its first segment.
    private static func checksumOfFirst(_ frame: [UInt8], _ offload: OffloadHeader) throws -> UInt16 {
        var segmenter = Segmenter()
        try #require(segmenter.begin(frame.span.bytes, tag: nil, offload) == nil)
        var head = [UInt8](repeating: 0, count: Segmenter.headCapacity)
        let isThere = head.withUnsafeMutableBytes { buffer in
            var span = buffer.mutableBytes
            return segmenter.next(into: &span) != nil
        }
        try #require(isThere)
        return UInt16(head[40]) << 8 | UInt16(head[41])
    }
}
