import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Testing
import Wire

/// A rule that changes a frame, and what becomes of it.
struct ChangeCase: Sendable, CustomTestStringConvertible {
    var rule: String
    var before: [UInt8]
    var after: [UInt8]
    var isPartial = false

    init(_ rule: String, _ before: Frame, _ after: Frame, isPartial: Bool = false) {
        self.rule = rule
        self.before = before.bytes
        self.after = after.bytes
        self.isPartial = isPartial
    }

    var testDescription: String { rule }
}

private let size: [UInt8] = [2, 4, 5, 0xb4]
private let smaller: [UInt8] = [2, 4, 5, 0x78]

/// TCP with its checksum made from scratch.
private func tcp(_ source: UInt16 = 1, _ destination: UInt16 = 80, from: String = "10.0.0.1", options: [UInt8] = []) -> Frame {
    Frame.ethernet().ipv4(from).tcp(source, destination, options: options).payload(9).finished
}

private func udp6(_ source: UInt16 = 1, from: String = "2001:db8::1") -> Frame {
    Frame.ethernet().ipv6(from).udp(source, 53).payload(8).finished
}

/// With its checksum made from scratch, and no octet after it.
private func udp(from: String) -> Frame { Frame.ethernet().ipv4(from).udp(1, 53).finished }

/// The source port with which the words of `udp6` sum to 0xffff, so that its checksum comes out as 0: the sum without it has as much to go.
private let portOfFullSum = udp6(0).bytes[60..<62].reduce(0 as UInt16) { $0 << 8 | UInt16($1) }

private let cases: [ChangeCase] = [
    ChangeCase("ip saddr set 10.9.8.7", tcp(), tcp(from: "10.9.8.7")),
    ChangeCase("tcp sport set 99", tcp(), tcp(99)),
    ChangeCase("tcp sport set tcp dport", tcp(), tcp(80)),
    ChangeCase("tcp option maxseg size set 1400", tcp(options: size), tcp(options: smaller)),
    ChangeCase("tcp option maxseg size set 1400", tcp(options: [1] + size + [1, 1, 1]), tcp(options: [1] + smaller + [1, 1, 1])),
    ChangeCase("tcp option maxseg size set 1500", tcp(options: size), tcp(options: size)),
    ChangeCase("tcp option maxseg size set 1400 tcp sport set 2", tcp(), tcp(2)),
    ChangeCase("tcp option maxseg size set 1400 tcp sport set 2", tcp(options: [2, 3, 1, 1]), tcp(options: [2, 3, 1, 1])),
    ChangeCase(
        "tcp option timestamp tsval set 7", tcp(options: [1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 0]),
        tcp(options: [1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 2, 0])),
    ChangeCase("tcp option maxseg size set 1400", udp6(), udp6()),
    // 1,500 bytes less the headers.
    ChangeCase("tcp option maxseg size set rt mtu", tcp(options: [2, 4, 0x05, 0xdc]), tcp(options: [2, 4, 0x05, 0xb4])),
    ChangeCase("tcp option maxseg size set rt mtu", tcp(options: [2, 4, 0x05, 0xb4]), tcp(options: [2, 4, 0x05, 0xb4])),
    ChangeCase("tcp option maxseg size set rt mtu", tcp(options: [2, 4, 0x05, 0x00]), tcp(options: [2, 4, 0x05, 0x00])),
    ChangeCase("tcp option maxseg size set rt mtu", tcp(), tcp()),
    ChangeCase("rt mtu 1460 tcp sport set 2", tcp(), tcp(2)),
    ChangeCase("rt mtu 1461 tcp sport set 2", tcp(), tcp()),
    ChangeCase("ip6 saddr set fd77::9", udp6(), udp6(from: "fd77::9")),
    ChangeCase("udp sport set 9", udp6(), udp6(9)),
    // RFC 768: a checksum of 0 is written as 0xffff.
    ChangeCase("udp sport set \(portOfFullSum)", udp6(), udp6(portOfFullSum)),
    ChangeCase("ip saddr set 10.9.8.7", udp(from: "10.0.0.1"), udp(from: "10.9.8.7")),
    ChangeCase("udp sport set 9", Frame.ethernet().ipv4().udp(1, 53), Frame.ethernet().ipv4().udp(9, 53)),
    ChangeCase("ip dscp set cs1", Frame.ethernet().ipv4(tos: 3).udp(1, 2), Frame.ethernet().ipv4(tos: 0x23).udp(1, 2)),
    ChangeCase("ip6 dscp set ef", Frame.ethernet().ipv6(trafficClass: 1).udp(1, 2), Frame.ethernet().ipv6(trafficClass: 0xb9).udp(1, 2)),
    ChangeCase("vlan id set 7", Frame.ethernet().vlan(5, priority: 3).arp(), Frame.ethernet().vlan(7, priority: 3).arp()),
    ChangeCase("vlan id set 7", Frame.ethernet().vlan(0, priority: 3).arp(), Frame.ethernet().vlan(7, priority: 3).arp()),
    ChangeCase(
        "vlan id set 7", Frame.ethernet().vlan(0, priority: 3).vlan(5, priority: 1).vlan(0).arp(),
        Frame.ethernet().vlan(0, priority: 3).vlan(7, priority: 1).vlan(0).arp()),
    ChangeCase(
        "ip dscp set cs1", Frame.ethernet().vlan(0).vlan(0).ipv4().udp(1, 2), Frame.ethernet().vlan(0).vlan(0).ipv4(tos: 0x20).udp(1, 2)),
    ChangeCase("@ll,112,16 set 0xa007", Frame.ethernet().vlan(5).arp(), Frame.ethernet().vlan(7, priority: 5).arp()),
    ChangeCase("vlan id set 7", Frame.ethernet().arp(), Frame.ethernet().arp()),
    ChangeCase(
        "ether type 8021ad vlan type 8021q vlan id set 9", Frame.ethernet().vlan(5, tpid: 0x88a8).vlan(6).arp(),
        Frame.ethernet().vlan(5, tpid: 0x88a8).vlan(9).arp()),
    ChangeCase("ether saddr set ether daddr", Frame.ethernet().arp(), Frame.ethernet(from: Frame.far).arp()),
    ChangeCase("arp operation set reply", Frame.ethernet().arp(operation: 1), Frame.ethernet().arp(operation: 2)),
    // What is read after a change is what is there by then, and what kind of packet it is stays.
    ChangeCase("tcp sport set 9 tcp sport 9 tcp dport set 7", tcp(), tcp(9, 7)),
    ChangeCase("tcp sport set 9 tcp sport 1 tcp dport set 7", tcp(), tcp(9)),
    ChangeCase(
        "ether daddr set ff:ff:ff:ff:ff:ff meta pkttype other arp operation set 2", Frame.ethernet().arp(),
        Frame.ethernet(to: 0xffff_ffff_ffff).arp(operation: 2)),
    // Later fragments have no transport header.
    ChangeCase(
        "meta l4proto udp th sport set 9", Frame.ethernet().ipv4(fragmentOffset: 8, protocolNumber: 17).payload(20),
        Frame.ethernet().ipv4(fragmentOffset: 8, protocolNumber: 17).payload(20)),
    // Hardware will make the checksum of the rest; the pseudo header's sum is Weir's.
    ChangeCase("tcp sport set 99", tcp().partial, tcp(99).partial, isPartial: true),
    ChangeCase("ip saddr set 10.9.8.7", tcp().partial, tcp(from: "10.9.8.7").partial, isPartial: true),
    ChangeCase("tcp option maxseg size set 1400", tcp(options: size).partial, tcp(options: smaller).partial, isPartial: true),
]

@Suite struct ChangeTests {
    @Test("a frame is changed so, its checksums too, with the tag in its bytes or apart", arguments: cases)
    func change(_ test: ChangeCase) throws {
        let text = "table bridge t {\nchain c { type filter hook forward priority 0;\n\(test.rule)\n}\n}\n"
        let ruleset = try Ruleset.read(SourceFile(name: "rule", text: text)).ruleset
        let program = try Program(compiling: ruleset, ports: ports)
        #expect(program.changesFrames)
        let interpreter = Interpreter(ruleset, ports: ports)
        let found = classifyBothWays(program, interpreter, test.before, isChecksumPartial: test.isPartial, ingress: 0)
        #expect(found.program.bytes == test.after)
        #expect(found.interpreter == found.program)
        guard let (rest, tag) = takeOutTag(of: test.before) else { return }
        let apart = classifyBothWays(program, interpreter, rest, tag: tag, isChecksumPartial: test.isPartial, ingress: 0)
        #expect(apart.program == found.program && apart.interpreter == found.program)
    }

    @Test("a frame without a whole Ethernet header stays as it is, its tag too", arguments: [0, 6, 13])
    func cutOff(length: Int) throws {
        let text = "table bridge t {\nchain c { type filter hook forward priority 0;\nether type set arp\n@ll,112,16 set 7\n}\n}\n"
        let ruleset = try Ruleset.read(SourceFile(name: "rule", text: text)).ruleset
        let program = try Program(compiling: ruleset, ports: ports)
        let frame = Array(Frame.ethernet().ipv4().bytes[..<length])
        let found = classifyBothWays(
            program, Interpreter(ruleset, ports: ports), frame, tag: VLANTag(tpid: 0x8100, tci: 5), ingress: 0)
        #expect(found.program == found.interpreter)
        #expect(!found.program.classification.isChanged && found.program.rules.allSatisfy { $0.frames == 0 })
    }

    @Test("an SCTP packet gets a new CRC32c")
    func cyclic() {
        // RFC 3720 B.4: 32 bytes of zeros; the field that is left out is zero as well.
        #expect(CyclicChecksum.ofSCTP([UInt8](repeating: 0, count: 32).span.bytes) == 0x8a91_36aa)
    }

    @Test("checksums come out as if made from scratch", arguments: 1...4 as ClosedRange<UInt64>)
    func random(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            func number<Value: FixedWidthInteger>(_: Value.Type) -> Value { Value.random(in: 0...Value.max, using: &random) }
            let isIPv6 = random.oneIn(2)
            let isUDP = random.oneIn(2)
            let network = isIPv6 ? Frame.ethernet().ipv6() : Frame.ethernet().ipv4()
            let transport = isUDP ? network.udp(number(UInt16.self), 1) : network.tcp(number(UInt16.self), 1, options: size)
            let before = transport.payload(Int.random(in: 0...30, using: &random)).finished.bytes
            let word = isUDP ? "udp" : "tcp"
            var rules = ["\(word) dport set \(number(UInt16.self))", "\(word) sport set \(word) dport"]
            rules +=
                isIPv6
                ? ["ip6 daddr set fd00::\(String(number(UInt16.self), radix: 16))"]
                : ["ip daddr set 10.\(number(UInt8.self)).0.9", "ip ttl set \(number(UInt8.self))"]
            if !isUDP { rules.append("tcp option maxseg size set \(number(UInt16.self))") }
            if !isUDP { rules.append("tcp option maxseg size set rt mtu") }
            let text =
                "table bridge t {\nchain c { type filter hook forward priority 0;\n\(rules.shuffled(using: &random).joined(separator: " "))\n}\n}\n"
            let ruleset = try Ruleset.read(SourceFile(name: "rule", text: text)).ruleset
            let found = classifyBothWays(
                try Program(compiling: ruleset, ports: ports), Interpreter(ruleset, ports: ports), before, ingress: 0)
            try #require(found.program == found.interpreter, "\(text)")
            try #require(found.program.bytes.finished() == found.program.bytes, "\(text)")
        }
    }
}
