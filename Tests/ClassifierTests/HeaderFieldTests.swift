import Classifier
import Decisions
import FrameBuilder
import Interpreter
import Ruleset
import Testing
import Wire

/// Octets that say their place, in hexadecimal digits: 0xa0 and up.
private let counting = (0xa0..<0xd0).map { String($0, radix: 16) }.joined()

/// Behind the addresses 0xa0… and 0xa6…, priority 5, drop eligible, number 0x123, and a type of 0xa0a1.
private let linkFrame =
    "ether a6:a7:a8:a9:aa:ab > a0:a1:a2:a3:a4:a5 vlan 0x123 pcp 5 dei type 0xa0a1 payload 0x\(counting.dropFirst(4))"
private let networkFrame = "ether type 0x88b5 payload 0x\(counting)"
private let transportFrame = "\(ip) payload 0x\(counting)"

/// Every named field of a header, with what stands in its place in such a frame.
private let linkFields: [(Field, UInt128)] = [
    (.etherDaddr, 0xa0a1_a2a3_a4a5),
    (.etherSaddr, 0xa6a7_a8a9_aaab),
    (.etherType, 0x8100),
    (.vlanPcp, 0x5),
    (.vlanDei, 0x1),
    (.vlanCfi, 0x1),
    (.vlanId, 0x123),
    (.vlanType, 0xa0a1),
    (raw(.link, 80, 48), 0xaaab_8100_b123),
    (raw(.link, 96, 64), 0x8100_b123_a0a1_a2a3),
    (raw(.link, 88, 128), 0xab81_00b1_23a0_a1a2_a3a4_a5a6_a7a8_a9aa),
    (raw(.link, 144, 16), 0xa2a3),
    (raw(.link, 143, 2), 3),
]

private let networkFields: [(Field, UInt128)] = [
    (.arpHtype, 0xa0a1),
    (.arpPtype, 0xa2a3),
    (.arpHlen, 0xa4),
    (.arpPlen, 0xa5),
    (.arpOperation, 0xa6a7),
    (.arpSaddrEther, 0xa8a9_aaab_acad),
    (.arpSaddrIp, 0xaeaf_b0b1),
    (.arpDaddrEther, 0xb2b3_b4b5_b6b7),
    (.arpDaddrIp, 0xb8b9_babb),
    (.ipVersion, 0xa),
    (.ipHdrlength, 0x0),
    (.ipDscp, 0x28),
    (.ipEcn, 0x1),
    (.ipLength, 0xa2a3),
    (.ipId, 0xa4a5),
    (.ipFragOff, 0xa6a7),
    (.ipTtl, 0xa8),
    (.ipProtocol, 0xa9),
    (.ipChecksum, 0xaaab),
    (.ipSaddr, 0xacad_aeaf),
    (.ipDaddr, 0xb0b1_b2b3),
    (.ip6Version, 0xa),
    (.ip6Dscp, 0x2),
    (.ip6Ecn, 0x2),
    (.ip6Flowlabel, 0x1_a2a3),
    (.ip6Length, 0xa4a5),
    (.ip6Nexthdr, 0xa6),
    (.ip6Hoplimit, 0xa7),
    (.ip6Saddr, 0xa8a9_aaab_acad_aeaf_b0b1_b2b3_b4b5_b6b7),
    (.ip6Daddr, 0xb8b9_babb_bcbd_bebf_c0c1_c2c3_c4c5_c6c7),
    (raw(.network, 0, 24), 0xa0_a1a2),
    (raw(.network, 4, 12), 0x0a1),
    (raw(.network, 376, 8), 0xcf),
]

private let transportFields: [(Field, UInt128)] = [
    (.icmpType, 0xa0),
    (.icmpCode, 0xa1),
    (.icmpChecksum, 0xa2a3),
    (.icmpId, 0xa4a5),
    (.icmpSequence, 0xa6a7),
    (.icmpGateway, 0xa4a5_a6a7),
    (.icmpMtu, 0xa6a7),
    (.icmpv6Type, 0xa0),
    (.icmpv6Code, 0xa1),
    (.icmpv6Checksum, 0xa2a3),
    (.icmpv6ParamProblem, 0xa4a5_a6a7),
    (.icmpv6Mtu, 0xa4a5_a6a7),
    (.icmpv6Id, 0xa4a5),
    (.icmpv6Sequence, 0xa6a7),
    (.icmpv6MaxDelay, 0xa4a5),
    (.icmpv6Taddr, 0xa8a9_aaab_acad_aeaf_b0b1_b2b3_b4b5_b6b7),
    (.icmpv6Daddr, 0xb8b9_babb_bcbd_bebf_c0c1_c2c3_c4c5_c6c7),
    (.igmpType, 0xa0),
    (.igmpMrt, 0xa1),
    (.igmpChecksum, 0xa2a3),
    (.igmpGroup, 0xa4a5_a6a7),
    (.tcpSport, 0xa0a1),
    (.tcpDport, 0xa2a3),
    (.tcpSequence, 0xa4a5_a6a7),
    (.tcpAckseq, 0xa8a9_aaab),
    (.tcpDoff, 0xa),
    (.tcpReserved, 0xc),
    (.tcpFlags, 0xad),
    (.tcpWindow, 0xaeaf),
    (.tcpChecksum, 0xb0b1),
    (.tcpUrgptr, 0xb2b3),
    (.udpSport, 0xa0a1),
    (.udpDport, 0xa2a3),
    (.udpLength, 0xa4a5),
    (.udpChecksum, 0xa6a7),
    (.udpliteSport, 0xa0a1),
    (.udpliteDport, 0xa2a3),
    (.udpliteCsumcov, 0xa4a5),
    (.udpliteChecksum, 0xa6a7),
    (.sctpSport, 0xa0a1),
    (.sctpDport, 0xa2a3),
    (.sctpVtag, 0xa4a5_a6a7),
    (.sctpChecksum, 0xa8a9_aaab),
    (.dccpSport, 0xa0a1),
    (.dccpDport, 0xa2a3),
    (.dccpType, 0x4),
    (.thSport, 0xa0a1),
    (.thDport, 0xa2a3),
    (.espSpi, 0xa0a1_a2a3),
    (.espSequence, 0xa4a5_a6a7),
    (.ahNexthdr, 0xa0),
    (.ahHdrlength, 0xa1),
    (.ahReserved, 0xa2a3),
    (.ahSpi, 0xa4a5_a6a7),
    (.ahSequence, 0xa8a9_aaab),
    (.compNexthdr, 0xa0),
    (.compFlags, 0xa1),
    (.compCpi, 0xa2a3),
    (.greFlags, 0x14),
    (.greVersion, 1),
    (.greProtocol, 0xa2a3),
    (raw(.transport, 3, 2), 0),
    (raw(.transport, 1, 2), 1),
    (raw(.transport, 0, 64), 0xa0a1_a2a3_a4a5_a6a7),
    (raw(.transport, 4, 124), 0xa1_a2a3_a4a5_a6a7_a8a9_aaab_acad_aeaf),
]

private func raw(_ header: Field.Header, _ offset: Int, _ width: Int) -> Field {
    Field.raw(header, bitOffset: offset, bitWidth: width) ?? .metaIifname
}

private let cases: [FieldCase] = [(linkFields, linkFrame), (networkFields, networkFrame), (transportFields, transportFrame)]
    .flatMap { fields, frame in
        fields.flatMap { field, value in
            [
                FieldCase("\(field.words)", Build.match(field, .number(value)), frame, true),
                FieldCase("\(field.words), another", Build.match(field, .number(value ^ 1)), frame, false),
                FieldCase("\(field.words) != itself", Build.match(field, .number(value), not: true), frame, false),
                FieldCase(
                    "\(field.words), masked", Build.match(field, .number(value & 1), mask: 1), frame, true),
                FieldCase("\(field.words), in a range", Build.match(field, .range(value, .max)), frame, true),
                FieldCase(
                    "\(field.words), beyond the field", Build.match(field, .range(field.allOnes, .max)), frame, value == field.allOnes),
                FieldCase(
                    "\(field.words), in a set", Build.match(field, in: [.number(value), .range(value &+ 2, .max)]), frame, true),
            ]
        }
    }

/// Frames in which a field can't be read, or is what it seldom is.
private let edges: [FieldCase] = [
    FieldCase("bits at the frame's end", Build.match(raw(.network, 376, 8), .number(0xcf)), networkFrame, true),
    FieldCase("bits beyond the frame", Build.match(raw(.network, 376, 16), .number(0), not: true), networkFrame, false),
    FieldCase("bits far beyond", Build.match(raw(.network, 65535, 1), .number(0), not: true), networkFrame, false),
    FieldCase("bits far beyond, of the link", Build.match(raw(.link, 65535, 1), .number(0), not: true), linkFrame, false),
    FieldCase(
        "a prefix of whole octets, the rest cut off", Build.match(.arpSaddrIp, .prefix(0xaeaf_0000, length: 16)), "\(networkFrame) cut 30",
        true),
    FieldCase(
        "a prefix that ends within an octet, the rest cut off", Build.match(.arpSaddrIp, .prefix(0xaea0_0000, length: 12)),
        "\(networkFrame) cut 30", false),
    FieldCase("bits of the link beyond the frame", Build.match(raw(.link, 504, 16), .number(0), not: true), linkFrame, false),
    FieldCase(
        "bits beyond the packet, in the padding", Build.match(raw(.transport, 384, 8), .number(1), not: true),
        "\(transportFrame) pad 90", false),
    FieldCase("ether type and what is behind it, without a tag", Build.match(raw(.link, 96, 32), .number(0x88b5_a0a1)), networkFrame, true),
    FieldCase(
        "the inner of two tags", Build.match(raw(.link, 148, 12), .number(6)), "vlan 5 vlan 6 \(ip)", true),
    FieldCase("the type behind two tags", Build.match(raw(.link, 160, 16), .number(0x0800)), "vlan 5 vlan 6 \(ip)", true),
    FieldCase("iif", Build.match(.metaIif, .interface("near0", isPrefix: false)), networkFrame, true),
    FieldCase("oif", Build.match(.metaOif, .interface("near0", isPrefix: false)), networkFrame, true, ingress: 1),
    FieldCase("oif of neither port", Build.match(.metaOif, .interface("lo", isPrefix: false), not: true), networkFrame, true),
    FieldCase("meta length", Build.match(.metaLength, .number(48)), networkFrame, true),
    FieldCase("meta length counts padding", Build.match(.metaLength, .number(50)), "\(networkFrame) pad 64", true),
    FieldCase("meta length is behind the tag", Build.match(.metaLength, .number(46)), linkFrame, true),
    FieldCase(
        "meta length of two tags counts the inner", Build.match(.metaLength, .number(24)), "vlan 5 vlan 6 \(ip)", true),
    FieldCase("meta pkttype, one host", Build.match(.metaPkttype, .number(3)), networkFrame, true),
    FieldCase(
        "meta pkttype, broadcast", Build.match(.metaPkttype, .number(1)), "ether 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff type 0x88b5", true),
    FieldCase(
        "meta pkttype, multicast", Build.match(.metaPkttype, .number(2)), "ether 02:00:00:00:00:01 > 01:00:5e:00:00:01 type 0x88b5", true),
    FieldCase(
        "meta pkttype, nearly broadcast", Build.match(.metaPkttype, .number(2)), "ether 02:00:00:00:00:01 > ff:ff:ff:ff:ff:fe type 0x88b5",
        true),
    FieldCase("meta pkttype of no whole header", Build.match(.metaPkttype, .number(9), not: true), "\(networkFrame) cut 13", false),
]

@Suite struct HeaderFieldTests {
    @Test("a field is read where its header has it", arguments: cases + edges)
    func field(_ test: FieldCase) throws {
        try FieldTests().field(test)
    }

    @Test("every field of a header stands in the table", arguments: Field.allCases)
    func covered(_ field: Field) {
        guard case .payload = field.source else { return }
        #expect((linkFields + networkFields + transportFields).contains { $0.0 == field })
    }

    @Test(
        "what is no run of bits in 16 octets is no field", arguments: [(0, 0), (-1, 8), (65536, 8), (0, 129), (1, 128), (0, -1), (0, .max)])
    func refused(_ offset: Int, _ width: Int) {
        #expect(Field.raw(.network, bitOffset: offset, bitWidth: width) == nil)
    }

    @Test func `a program asks for as many fields as it likes`() throws {
        // Three times as many as have a slot, each right only in its own place; the last rule is the one that matches.
        let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let frame = Frame.ethernet().payload(bytes)
        var rules: [Rule] = []
        for (index, byte) in bytes.enumerated() {
            let value = UInt128(index == bytes.count - 1 ? byte : byte ^ 1)
            rules.append(Build.rule(Build.match(raw(.network, index * 8, 8), .number(value)), Build.verdict(.drop)))
        }
        let ruleset = Build.ruleset(Build.base(rules))
        let found = classifyBothWays(
            try Program(compiling: ruleset, ports: ports), Interpreter(ruleset, ports: ports), frame.bytes, ingress: 0)
        #expect(found.program.classification == Classification(verdict: .drop, rule: 199, baseChain: 0))
        #expect(found.interpreter == found.program)
    }
}
