import Decisions
import Flows
import FrameBuilder
import Testing
import Wire

/// Packets in order, each with its time and what it is; `flow` says the flow behind the last.
struct ProtocolCase: Sendable, CustomTestStringConvertible {
    var name: String
    var steps: [(seconds: Double, frame: Frame, state: TrackedPacket.State)]
    /// Status and seconds to live behind the last packet; nil if that has no flow.
    var status: String?
    var seconds: Double?
    var testDescription: String { name }

    init(_ name: String, _ steps: [(Double, Frame, TrackedPacket.State)], _ status: String? = nil, _ seconds: Double? = nil) {
        self.name = name
        self.steps = steps.map { (seconds: $0.0, frame: $0.1, state: $0.2) }
        self.status = status
        self.seconds = seconds
    }

    static let four = Side()
    static let six = Side(isIPv6: true)
    static func dns(_ isBack: Bool) -> Frame { four.udp(isBack, length: 20) }

    static let all: [ProtocolCase] = [
        ProtocolCase("UDP without an answer", [(0, dns(false), .new), (1, dns(false), .new)], "unreplied", 30),
        ProtocolCase("UDP, an answer", [(0, dns(false), .new), (0.1, dns(true), .established)], "replied", 30),
        ProtocolCase(
            "UDP both ways, within two seconds", [(0, dns(false), .new), (0.1, dns(true), .established), (1.9, dns(false), .established)],
            "replied", 30),
        ProtocolCase(
            "UDP both ways for longer is a stream",
            [(0, dns(false), .new), (0.1, dns(true), .established), (2.1, dns(false), .established)],
            "assured", 120),
        ProtocolCase("UDP ends", [(0, dns(false), .new), (30.1, dns(true), .new)], "unreplied", 30),
        ProtocolCase("UDP over IPv6", [(0, six.udp(false), .new), (1, six.udp(true), .established)], "replied", 30),
        ProtocolCase(
            "UDP from a port to itself",
            [
                (0, Side(near: "10.0.0.1", far: "10.0.0.1", nearPort: 9, farPort: 9).udp(false), .new),
                (0, Side(near: "10.0.0.1", far: "10.0.0.1", nearPort: 9, farPort: 9).udp(false), .new),
            ], "unreplied", 30),
        ProtocolCase(
            "an echo and its answers",
            [
                (0, four.icmp(false, type: 8), .new), (0, four.icmp(true, type: 0), .established),
                (0, four.icmp(true, type: 0), .established),
            ], "replied", 30),
        ProtocolCase(
            "echoes of both ends with the same identifier are two flows",
            [
                (0, four.icmp(false, type: 8), .new), (0, four.icmp(true, type: 8), .new), (0, four.icmp(false, type: 0), .established),
            ], "replied", 30),
        ProtocolCase(
            "an answer to another's echo", [(0, four.icmp(false, type: 8), .new), (0, four.icmp(true, type: 0, identifier: 8), .invalid)]),
        ProtocolCase("an answer to nothing", [(0, four.icmp(true, type: 0), .invalid)]),
        ProtocolCase("timestamps", [(0, four.icmp(false, type: 13), .new), (0, four.icmp(true, type: 14), .established)], "replied", 30),
        ProtocolCase("information", [(0, four.icmp(false, type: 15), .new), (0, four.icmp(true, type: 16), .established)], "replied", 30),
        ProtocolCase(
            "address masks", [(0, four.icmp(false, type: 17), .new), (0, four.icmp(true, type: 18), .established)], "replied", 30),
        ProtocolCase(
            "routers' ICMP, and unknown types",
            [
                (0, four.icmp(false, type: 9), .invalid), (0, four.icmp(false, type: 10), .invalid),
                (0, four.icmp(false, type: 19), .invalid),
                (0, four.icmp(false, type: 255), .invalid),
            ]),
        ProtocolCase(
            "ICMPv6's echo", [(0, six.icmp(false, type: 128), .new), (0, six.icmp(true, type: 129), .established)], "replied", 30),
        ProtocolCase(
            "ICMPv6's node information",
            [
                (0, six.icmp(false, type: 139), .new), (0, six.icmp(true, type: 140), .established),
            ], "replied", 30),
        ProtocolCase(
            "neighbours and listeners", [130, 131, 132, 133, 134, 135, 136, 143].map { (0, six.icmp(false, type: $0), .untracked) }),
        ProtocolCase(
            "ICMPv6 that can be no flow",
            [
                (0, six.icmp(false, type: 129), .invalid), (0, six.icmp(false, type: 141), .invalid),
                (0, six.icmp(false, type: 200), .invalid),
                (0, six.icmp(false, type: 137), .invalid),
            ]),
        ProtocolCase(
            "ICMP in the other IP",
            [(0, four.raw(false, 58, [128, 0, 0, 0, 0, 1, 0, 1]), .invalid), (0, six.raw(false, 1, [8, 0, 0, 0, 0, 1, 0, 1]), .invalid)]),
        ProtocolCase(
            "what is no IP is not followed",
            [
                (0, Frame.ethernet().arp(), .untracked), (0, Frame.ethernet().payload(46), .untracked),
                (0, Frame.ethernet().llc().payload(35), .untracked),
            ]),
        ProtocolCase(
            "a later fragment", [(0, Frame.ethernet().ipv4(fragmentOffset: 8).ipPayload(17, [1, 2, 3, 4, 5, 6, 7, 8]), .invalid)]),
        ProtocolCase("IPv6 without a next header", [(0, Frame.ethernet().ipv6(nextHeader: 59), .invalid)]),
        ProtocolCase(
            "IPv6 with headers in front",
            [
                (0, Frame.ethernet().ipv6().extensionHeader(60).udp(1, 2), .new),
                (0, Frame.ethernet().ipv6().authenticationHeader().udp(1, 2), .new),
                (0, Frame.ethernet().ipv6("2001:db8::2", "2001:db8::1").udp(2, 1), .established),
            ], "replied", 30),
        ProtocolCase(
            "others by their addresses", [(0, four.raw(false, 50, [1, 2]), .new), (0, four.raw(true, 50, []), .established)], "replied", 600
        ),
        ProtocolCase(
            "GRE by its addresses",
            [
                (0, four.raw(false, 47, [0x20, 0, 8, 0, 0, 0, 0, 1]), .new),
                (0, four.raw(true, 47, [0x20, 0, 8, 0, 0, 0, 0, 2]), .established),
                (0, four.raw(false, 47, [0, 0, 8, 0]), .established),
            ], "assured", 180),
        ProtocolCase(
            "PPTP's GRE by its call",
            [
                (0, four.raw(false, 47, [0x30, 1, 0x88, 0x0b, 0, 0, 0, 5]), .new),
                (0, four.raw(false, 47, [0x30, 1, 0x88, 0x0b, 0, 0, 0, 6]), .new),
                (0, four.raw(false, 47, [0x30, 1, 0x88, 0x0c, 0, 0, 0, 6]), .invalid),
            ]),
        ProtocolCase(
            "VLANs are apart",
            [
                (0, four.udp(false, link: .ethernet().vlan(5)), .new), (0, four.udp(true, link: .ethernet().vlan(6)), .new),
                (0, four.udp(true), .new), (0, four.udp(true, link: .ethernet().vlan(5, tpid: 0x88a8)), .new),
                (0, four.udp(true, link: .ethernet().vlan(5, priority: 3)), .established),
                (0, four.udp(true, link: .ethernet().vlan(0).vlan(5)), .established),
            ], "replied", 30),
        ProtocolCase(
            "deeper tags are apart",
            [
                (0, four.udp(false, link: .ethernet().vlan(5, tpid: 0x88a8).vlan(6)), .new),
                (0, four.udp(true, link: .ethernet().vlan(6, tpid: 0x88a8).vlan(5)), .new),
                (0, four.udp(false, link: .ethernet().vlan(5).vlan(6).vlan(7)), .new),
                (0, four.udp(true, link: .ethernet().vlan(5).vlan(6).vlan(8)), .new),
                (0, four.udp(true, link: .ethernet().vlan(5).vlan(6).vlan(7)), .established),
                (0, four.udp(true, link: .ethernet().vlan(5, tpid: 0x88a8).vlan(6)), .established),
            ], "replied", 30),
    ]
}

@Suite("Protocols")
struct ProtocolTests {
    @Test("each packet's state, and the flow behind the last", arguments: ProtocolCase.all)
    func cases(_ example: ProtocolCase) {
        var bench = Bench()
        var last: FlowDescription?
        for (index, step) in example.steps.enumerated() {
            let (packet, flow) = bench.take(step.frame.bytes, at: step.seconds)
            #expect(packet.state == step.state, "packet \(index): \(packet)")
            last = flow
        }
        #expect(last?.statusName == example.status)
        if let seconds = example.seconds { #expect(abs((last?.seconds ?? 0) - seconds) < 0.01) }
    }

    @Test("a tag apart from the bytes is the same as in them, and pairs of ports are apart")
    func places() throws {
        var bench = Bench()
        let tagged = Side().udp(false, link: .ethernet().vlan(9))
        let apart = try #require(Side().udp(true, link: .ethernet().vlan(9)).outOfBand)
        #expect(bench.take(tagged.bytes, ingress: 0).packet.state == .new)
        #expect(bench.take(apart.bytes, tag: apart.tag, ingress: 1).packet.state == .established)
        #expect(bench.take(apart.bytes, tag: apart.tag, ingress: 2).packet.state == .new)
        #expect(bench.take(tagged.bytes, ingress: 3).flow?.portPair == 1)
    }

    @Test("errors are related to the flow of the packet they quote, and go back the other way", arguments: [false, true])
    func errors(isIPv6: Bool) {
        let side = Side(isIPv6: isIPv6)
        let (near, far, router) = isIPv6 ? ("2001:db8::1", "2001:db8::2", "2001:db8::9") : ("10.0.0.1", "10.0.0.2", "10.0.0.9")
        let types: [UInt8] = isIPv6 ? [1, 2, 3, 4] : [3, 4, 5, 11, 12]
        let cut = isIPv6 ? 48 : 28
        var bench = Bench()
        let there = side.udp(false)
        let back = side.udp(true)
        for type in types {
            #expect(bench.take(side.error(router, near, type: type, about: there, cut: cut).bytes).packet.cause == .quoteUnknown)
        }
        bench.take(there.bytes)
        for type in types {
            let (packet, flow) = bench.take(side.error(router, near, type: type, about: there, cut: cut).bytes)
            #expect(packet.state == .related && packet.direction == .reply)
            #expect(flow?.original.sourcePort == 40_000 && flow?.originalPackets == 1 && flow?.replyPackets == 0)
            let other = bench.take(side.error(router, far, type: type, about: back, cut: cut).bytes).packet
            #expect(other.state == .related && other.direction == .original)
            #expect(bench.take(side.error(router, far, type: type, about: there, cut: cut).bytes).packet.cause == .quoteAddress)
            #expect(bench.take(side.error(router, near, type: type, about: there, cut: cut - 8).bytes).packet.cause == .quoteUnreadable)
            #expect(bench.take(side.error(router, near, type: type, about: there, cut: 0).bytes).packet.cause == .quoteUnreadable)
        }
        if isIPv6 {
            // A later fragment has no ports, though bytes may stand in their place.
            let later = Frame.ethernet().ipv6(near, far).fragmentHeader(offset: 8, more: false, nextHeader: 17)
                .payload(Array(there.bytes.dropFirst(54).prefix(8)))
            #expect(bench.take(side.error(router, near, type: 1, about: later, cut: 56).bytes).packet.cause == .quoteUnreadable)
        }
        let echo = side.icmp(false, type: isIPv6 ? 128 : 8)
        bench.take(echo.bytes)
        #expect(bench.take(side.error(router, near, type: types[0], about: echo, cut: cut).bytes).packet.state == .related)
        #expect(bench.tracker.count == 2, "errors make no flows")
    }

    @Test("a redirect is related by the packet in its option")
    func redirect() {
        let side = Side(isIPv6: true)
        let quoted = side.udp(false)
        let message =
            [UInt8](arrayLiteral: 137, 0, 0, 0, 0, 0, 0, 0) + [UInt8](repeating: 1, count: 32) + [4, 7, 0, 0, 0, 0, 0, 0]
            + quoted.bytes.dropFirst(14)
        let frame = Frame.ethernet().ipv6("fe80::9", "2001:db8::1").ipPayload(58, message).patched(21, [255])
        var bench = Bench()
        bench.take(quoted.bytes)
        #expect(bench.take(frame.bytes).packet.state == .related)
        #expect(bench.take(frame.patched(21, [64]).bytes).packet.cause == .redirect)
        #expect(bench.take(frame.patched(22, [0x20]).bytes).packet.cause == .redirect)
    }

    @Test("headers that are wrong make a packet invalid, by cause")
    func causes() {
        let side = Side()
        let udp = side.udp(false, length: 4).finished.bytes
        let six = Side(isIPv6: true).udp(false, length: 4).finished.bytes
        let tcp = side.tcp(false, flags: 2).finished.bytes
        func changed(_ bytes: [UInt8], _ place: Int, _ value: UInt8) -> [UInt8] {
            var bytes = bytes
            bytes[place] = value
            return bytes
        }
        let cases: [([UInt8], InvalidCause?)] = [
            (udp, nil), (changed(udp, 43, 9), .badChecksum), (changed(changed(udp, 40, 0), 41, 0), nil), (changed(udp, 39, 7), .truncated),
            (changed(udp, 39, 13), .truncated), (six, nil), (changed(six, 64, 9), .badChecksum),
            (side.raw(false, 17, [1, 2, 3, 4, 0]).bytes, .shortPacket), (side.raw(false, 17, [1, 2]).bytes, .shortPacket),
            (tcp, nil), (changed(tcp, 38, 9), .badChecksum), (changed(tcp, 46, 0x40), .truncated), (changed(tcp, 46, 0x60), .truncated),
            (side.raw(false, 6, [UInt8](repeating: 0, count: 19)).bytes, .shortPacket),
            (changed(side.icmp(false, type: 8).bytes, 40, 9), .badChecksum),
            (side.raw(false, 1, [8, 0, 0, 0]).bytes, .shortPacket),
            (side.raw(false, 136, side.ports(false) + [0, 0, 0, 0]).bytes, .noChecksum),
            (side.raw(false, 136, side.ports(false) + [0, 4, 1, 1]).bytes, .badCoverage),
            (side.raw(false, 136, side.ports(false) + [0, 8, 1, 1]).bytes, .badChecksum),
            (side.raw(false, 132, side.ports(false) + [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 20]).bytes, .badChecksum),
            (side.raw(false, 132, side.ports(false)).bytes, .shortPacket),
            (side.raw(false, 33, side.ports(false) + [2, 0, 0, 0]).bytes, .shortPacket),
        ]
        for (index, (bytes, cause)) in cases.enumerated() {
            var bench = Bench()
            #expect(bench.take(bytes, isChecksumKnown: false).packet.cause == cause, "case \(index)")
        }
        var settings = FlowSettings(flows: 64, flowsPerSource: 64)
        settings.verifiesChecksums = false
        var lax = Bench(settings)
        #expect(lax.take(changed(udp, 43, 9), isChecksumKnown: false).packet.state == .new)
    }

    @Test("an assured UDP flow lives 120 s from its last packet, and its counts are its packets'")
    func counts() {
        var bench = Bench()
        bench.take(Side().udp(false, length: 100).bytes, at: 0)
        bench.take(Side().udp(true, length: 400).bytes, at: 1)
        bench.take(Side().udp(true, length: 400).bytes, at: 3)
        let flow = bench.take(Side().udp(false, length: 72).bytes, at: 100).flow
        #expect(flow?.originalPackets == 2 && flow?.originalBytes == 228 && flow?.replyPackets == 2 && flow?.replyBytes == 856)
        #expect(bench.take(Side().udp(false).bytes, at: 219.9).packet.state == .established)
        #expect(bench.take(Side().udp(false).bytes, at: 340).packet.state == .new)
    }
}
