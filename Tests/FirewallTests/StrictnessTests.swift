import Classifier
import Decisions
import DescribedFrames
import Firewall
import FrameBuilder
import Ruleset
import Testing
import Wire

/// A frame that a Linux bridge or a receiving host drops before any rule, or doesn't.
struct StrictCase: Sendable, CustomTestStringConvertible {
    /// In the words of `weir help packets`.
    var frame: String
    var irregularity: Irregularity?

    init(_ frame: String, _ irregularity: Irregularity?) {
        self.frame = frame
        self.irregularity = irregularity
    }

    var testDescription: String { frame }
}

private let ip6 = "ip6 2001:db8::1 > 2001:db8::2"

private let cases: [StrictCase] = [
    StrictCase("ip 10.0.0.1 > 10.0.0.2 udp 1 > 2", nil),
    StrictCase("arp request", nil),
    StrictCase("ether 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff arp request", nil),
    StrictCase("ether 00:00:00:00:00:01 > 02:00:00:00:00:02 arp request", nil),
    StrictCase("ether 00:00:00:00:00:00 > 02:00:00:00:00:02 arp request", .sourceMAC),
    StrictCase("ether 03:00:00:00:00:01 > 02:00:00:00:00:02 arp request", .sourceMAC),
    StrictCase("ether ff:ff:ff:ff:ff:ff > 02:00:00:00:00:02 ip 10.0.0.1 > 10.0.0.2 udp 1 > 2", .sourceMAC),
    StrictCase("ether 03:00:00:00:00:01 > 02:00:00:00:00:02 vlan 5 arp request", .sourceMAC),

    StrictCase("ip 223.255.255.255 > 10.0.0.2 udp 1 > 2", nil),
    StrictCase("ip 224.0.0.0 > 10.0.0.2 udp 1 > 2", .sourceAddress),
    StrictCase("ip 239.255.255.255 > 10.0.0.2 udp 1 > 2", .sourceAddress),
    StrictCase("ip 240.0.0.1 > 10.0.0.2 udp 1 > 2", nil),
    StrictCase("ip 255.255.255.255 > 10.0.0.2 udp 1 > 2", .sourceAddress),
    StrictCase("ip 255.255.255.254 > 10.0.0.2 udp 1 > 2", nil),
    StrictCase("ip 0.0.0.0 > 255.255.255.255 udp 68 > 67", nil),
    StrictCase("ip 0.0.0.0 > 10.0.0.2 udp 68 > 67", .sourceAddress),
    StrictCase("ip 0.255.255.255 > 10.0.0.2 udp 68 > 67", .sourceAddress),
    StrictCase("ip 1.0.0.0 > 10.0.0.2 udp 68 > 67", nil),
    StrictCase("ip 0.0.0.0 > 224.0.0.22 udp 1 > 2", nil),
    StrictCase("ip 0.0.0.0 > 224.0.1.22 udp 1 > 2", .sourceAddress),
    StrictCase("ip 0.0.0.0 > 239.1.2.3 igmp 22", nil),
    StrictCase("ip 0.0.0.0 > 10.0.0.2 igmp 22", .sourceAddress),
    StrictCase("vlan 5 ip 224.0.0.1 > 10.0.0.2 udp 1 > 2", .sourceAddress),
    StrictCase("ip 224.0.0.1 > 10.0.0.2 udp 1 > 2 payload 24 fragment 1 of 2", .sourceAddress),

    StrictCase("\(ip6) udp 1 > 2", nil),
    StrictCase("ip6 ff02::1 > 2001:db8::2 udp 1 > 2", .sourceAddress),
    StrictCase("ip6 fe80::1 > ff02::1 udp 1 > 2", nil),
    StrictCase("ip6 :: > ff02::1:ff00:1 icmpv6 nd-neighbor-solicit", nil),
    StrictCase("ip6 :: > 2001:db8::2 udp 1 > 2", .sourceAddress),

    // Next header, length, then the options.
    StrictCase("\(ip6) nexthdr 0 payload 0x1100010400000000", nil),
    StrictCase("\(ip6) nexthdr 0 payload 0x1100000000000000", nil),
    StrictCase("\(ip6) nexthdr 0 payload 0x1100050200000100", nil),
    StrictCase("\(ip6) nexthdr 0 payload 0x1100010500000000", .hopByHopOptions),
    StrictCase("\(ip6) nexthdr 0 payload 0x1100000000000001", .hopByHopOptions),
    StrictCase("\(ip6) nexthdr 0 payload 0x1100c20400010000", .hopByHopOptions),
    StrictCase("\(ip6) nexthdr 60 payload 0x1100010500000000", nil),
    StrictCase("vlan 5 \(ip6) nexthdr 0 payload 0x1100010500000000", .hopByHopOptions),
]

@Suite struct StrictnessTests {
    @Test("what Linux drops before any rule", arguments: cases)
    func strict(_ test: StrictCase) throws {
        let bytes = try described(test.frame)
        #expect(ParsedFrame.parse(bytes.span.bytes, tag: nil).malformation == nil)
        let program = try program(policy: .accept, [])
        for isStrict in [false, true] {
            let counters = FirewallCounters(for: program)
            var firewall = Firewall(program: program, counters: counters, checks: FrameChecks(isStrict: isStrict))
            let judgement = judge(bytes, by: &firewall)
            if isStrict, let irregularity = test.irregularity {
                #expect(judgement.verdict == .drop && judgement.reason == Reason(irregularity))
                #expect(counters.snapshot()[Reason(irregularity)].frames == 1)
            } else {
                #expect(judgement.verdict != .drop)
            }
        }
    }

    @Test(
        "a jumbo option stands alone",
        arguments: [
            // Payload length, the option's data, octets of padding before it, whether it is dropped.
            (UInt16(0), UInt32(0x0001_0000), 0, false), (0, 0xffff, 0, true), (16, 0x0001_0000, 0, true),
            (0, 0x0001_0000, 2, true), (0, 0x0001_0000, 4, false),
        ])
    func jumbo(length: UInt16, size: UInt32, padding: Int, isDropped: Bool) throws {
        let option = [0xc2, 4] + (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) }
        let zeros = { (count: Int) in [UInt8](repeating: 0, count: count) }
        var bytes = Frame.ethernet().ipv6(nextHeader: 0, payloadLength: 16)
            .payload([59, 1] + zeros(padding) + option + zeros(8 - padding)).bytes
        let frame = ParsedFrame.parse(bytes.span.bytes, tag: nil)
        // A length of 0 is for another check to judge: here it is set after the frame was parsed.
        (bytes[18], bytes[19]) = (UInt8(length >> 8), UInt8(length & 0xff))
        #expect(frame.irregularity(in: bytes.span.bytes) == (isDropped ? .hopByHopOptions : nil))
    }

    @Test func `every irregularity stands in a table`() {
        #expect(Set(cases.compactMap(\.irregularity)).union([.vlanDepth]) == Set(Irregularity.allCases))
        #expect(Set(Irregularity.allCases.map(\.name)).count == Irregularity.allCases.count)
    }
}
