import Classifier
import Decisions
import DescribedFrames
import FrameBuilder
import Interpreter
import Ruleset
import Testing
import Wire

/// One match, one frame: does the rule match?
struct FieldCase: Sendable, CustomTestStringConvertible {
    var description: String
    var match: Statement
    /// In the words of `weir help packets`.
    var frame: String
    var isMatch: Bool
    var ingress: UInt8

    init(_ description: String, _ match: Statement, _ frame: String, _ isMatch: Bool, ingress: UInt8 = 0) {
        self.description = description
        self.match = match
        self.frame = frame
        self.isMatch = isMatch
        self.ingress = ingress
    }

    var testDescription: String { description }
}

private let tcp = "\(ip) tcp 1024 > 443 syn,ack"
private let tcp6 = "\(ip6) tcp 1024 > 443"
private let tagged = "vlan 5 pcp 3 \(ip) udp 1024 > 53"
private let twice = "vlan 5 tpid 8021ad vlan 6 \(ip) udp 1024 > 53"
private let priority = "vlan 0 pcp 3 \(ip) udp 1024 > 53"
private let llc = "ether llc payload 0x424203\(String(repeating: "00", count: 35))"

private func match(_ field: Field, _ number: UInt128, not: Bool = false, mask: UInt128? = nil) -> Statement {
    Build.match(field, .number(number), not: not, mask: mask)
}

private let interfaceCases: [FieldCase] = [
    FieldCase("iifname of the first port", Build.match(.metaIifname, .interface("near0", isPrefix: false)), tcp, true),
    FieldCase("iifname of the second port", Build.match(.metaIifname, .interface("far0", isPrefix: false)), tcp, true, ingress: 1),
    FieldCase("iifname of the other port", Build.match(.metaIifname, .interface("far0", isPrefix: false)), tcp, false),
    FieldCase("oifname", Build.match(.metaOifname, .interface("far0", isPrefix: false)), tcp, true),
    FieldCase("oifname the other way", Build.match(.metaOifname, .interface("near0", isPrefix: false)), tcp, true, ingress: 1),
    FieldCase("iifname != the other port", Build.match(.metaIifname, .interface("far0", isPrefix: false), not: true), tcp, true),
    FieldCase("iifname by prefix", Build.match(.metaIifname, .interface("near", isPrefix: true)), tcp, true),
    FieldCase("iifname is no prefix", Build.match(.metaIifname, .interface("near", isPrefix: false)), tcp, false),
    FieldCase("iifname of neither port", Build.match(.metaIifname, .interface("eth7", isPrefix: false)), tcp, false),
    FieldCase("iifname != neither port", Build.match(.metaIifname, .interface("eth7", isPrefix: false), not: true), tcp, true),
    FieldCase(
        "iifname in a set",
        Build.match(.metaIifname, in: [.interface("eth7", isPrefix: false), .interface("far", isPrefix: true)]), tcp, true, ingress: 1),
]

private let linkCases: [FieldCase] = [
    FieldCase("ether saddr", match(.etherSaddr, UInt128(Frame.near)), tcp, true),
    FieldCase("ether daddr", match(.etherDaddr, UInt128(Frame.far)), tcp, true),
    FieldCase("ether daddr, the source's", match(.etherDaddr, UInt128(Frame.near)), tcp, false),
    FieldCase("ether saddr, masked", match(.etherSaddr, 0x0200_0000_0000, mask: 0xffff_0000_0000), tcp, true),
    FieldCase("ether type of an untagged frame", match(.etherType, 0x0800), tcp, true),
    FieldCase("ether type of a tagged frame is the tag's", match(.etherType, 0x8100), tagged, true),
    FieldCase("ether type of a tagged frame is not the packet's", match(.etherType, 0x0800), tagged, false),
    FieldCase("ether type of two tags is the outer's", match(.etherType, 0x88a8), twice, true),
    FieldCase("ether type of LLC is the length", match(.etherType, 38), llc, true),
    FieldCase("vlan id", match(.vlanId, 5), tagged, true),
    FieldCase("vlan id takes no notice of the priority", match(.vlanId, 0x6005), tagged, false),
    FieldCase("vlan id of the outer tag", match(.vlanId, 5), twice, true),
    FieldCase("vlan id, masked", match(.vlanId, 4, mask: 6), tagged, true),
    FieldCase("vlan id of an untagged frame reads what stands there", match(.vlanId, 0x500), tcp, true),
    FieldCase("vlan id beyond the frame", match(.vlanId, 5, not: true), "\(tcp) cut 15", false),
    FieldCase("vlan id of a priority tag", match(.vlanId, 0), priority, true),
    FieldCase("vlan pcp of a priority tag", match(.vlanPcp, 3), priority, true),
    FieldCase("vlan pcp of two priority tags is the outermost's", match(.vlanPcp, 3), "vlan 0 pcp 3 vlan 0 pcp 5 \(ip)", true),
    FieldCase("vlan id behind a priority tag", match(.vlanId, 5), "vlan 0 pcp 3 vlan 5 pcp 1 \(ip)", true),
    FieldCase("vlan pcp behind a priority tag", match(.vlanPcp, 1), "vlan 0 pcp 3 vlan 5 pcp 1 \(ip)", true),
    FieldCase("vlan type in front of a priority tag", match(.vlanType, 0x0800), "vlan 5 vlan 0 \(ip)", true),
    FieldCase("ether type of a priority tag", match(.etherType, 0x8100), priority, true),
    FieldCase("vlan type", match(.vlanType, 0x0800), tagged, true),
    FieldCase("vlan type between two tags", match(.vlanType, 0x8100), twice, true),
    FieldCase("vlan type of tagged LLC", match(.vlanType, 4), "vlan 5 type 3 payload 0x424203", true),
    FieldCase("vlan type of tagged raw IPX", match(.vlanType, 1), "vlan 5 type 2 payload 0xffff", true),
    FieldCase("vlan type of an untagged frame reads what stands there", match(.vlanType, 60), "\(ip) length 60 tcp 1024 > 443", true),
    FieldCase("vlan type beyond the frame", match(.vlanType, 5, not: true), "ether type 0x88b5 payload 3", false),
    FieldCase("meta protocol", match(.metaProtocol, 0x0800), tcp, true),
    FieldCase("meta protocol is behind the tag", match(.metaProtocol, 0x0800), tagged, true),
    FieldCase("meta protocol behind the outer of two tags", match(.metaProtocol, 0x8100), twice, true),
    FieldCase("meta protocol of LLC", match(.metaProtocol, 4), llc, true),
    FieldCase("meta protocol of raw IPX", match(.metaProtocol, 1), "ether llc payload 0xffff", true),
]

private let networkCases: [FieldCase] = [
    FieldCase("arp operation", match(.arpOperation, 2), "arp reply", true),
    FieldCase("arp operation behind priority tags", match(.arpOperation, 2), "vlan 0 vlan 0 vlan 0 arp reply", true),
    FieldCase("arp operation behind a tag", match(.arpOperation, 2), "vlan 5 arp reply", true),
    FieldCase("arp operation cut off", match(.arpOperation, 2, not: true), "arp request cut 21", false),
    FieldCase("ip saddr", match(.ipSaddr, ipv4Address("10.0.0.1")), tcp, true),
    FieldCase("ip daddr", match(.ipDaddr, ipv4Address("10.0.0.2")), tcp, true),
    FieldCase("ip saddr != itself", match(.ipSaddr, ipv4Address("10.0.0.1"), not: true), tcp, false),
    FieldCase("ip saddr in a prefix", Build.match(.ipSaddr, .prefix(ipv4Address("10.0.0.0"), length: 31)), tcp, true),
    FieldCase("ip daddr behind a prefix", Build.match(.ipDaddr, .prefix(ipv4Address("10.0.0.0"), length: 31)), tcp, false),
    FieldCase("ip saddr in the empty prefix", Build.match(.ipSaddr, .prefix(0, length: 0)), tcp, true),
    FieldCase("ip saddr, masked", match(.ipSaddr, ipv4Address("10.0.0.0"), mask: 0xff00_0000), tcp, true),
    FieldCase("ip saddr behind two tags reads the second", match(.ipSaddr, ipv4Address("10.0.0.1")), twice, false),
    FieldCase("ip protocol", match(.ipProtocol, 6), tcp, true),
    FieldCase("ip protocol != behind two tags reads what stands there", match(.ipProtocol, 6, not: true), twice, true),
    FieldCase("ip6 saddr", match(.ip6Saddr, ipv6Address("2001:db8::1")), tcp6, true),
    FieldCase("ip6 daddr", match(.ip6Daddr, ipv6Address("2001:db8::2")), tcp6, true),
    FieldCase(
        "ip6 daddr in a range",
        Build.match(.ip6Daddr, .range(ipv6Address("2001:db8::"), ipv6Address("2001:db8::ffff"))), tcp6, true),
    FieldCase("ip6 daddr in the empty prefix", Build.match(.ip6Daddr, .prefix(0, length: 0)), tcp6, true),
    FieldCase("ip6 daddr in a prefix", Build.match(.ip6Daddr, .prefix(ipv6Address("2001:db8::"), length: 32)), tcp6, true),
    FieldCase("ip6 daddr in a whole prefix", Build.match(.ip6Daddr, .prefix(ipv6Address("2001:db8::2"), length: 128)), tcp6, true),
    FieldCase("ip6 daddr beyond the frame", match(.ip6Daddr, 0, not: true), "ether type 0x88b5 payload 39", false),
    FieldCase("ip6 nexthdr is the first header's", match(.ip6Nexthdr, 60), "\(ip6) dst udp 1 > 2", true),
    FieldCase("ip daddr in padding is read", match(.ipDaddr, 0), "ether type 0x88b5 payload 4 pad 60", true),
]

private let transportCases: [FieldCase] = [
    FieldCase("meta l4proto", match(.metaL4proto, 6), tcp, true),
    FieldCase("meta l4proto behind a tag", match(.metaL4proto, 17), tagged, true),
    FieldCase("meta l4proto behind two tags", match(.metaL4proto, 17, not: true), twice, false),
    FieldCase(
        "meta l4proto behind IPv6 extension headers", match(.metaL4proto, 17), "\(ip6) hbh udp 1 > 2", true),
    FieldCase("meta l4proto of arp", match(.metaL4proto, 6, not: true), "arp request", false),
    FieldCase("meta l4proto of malformed IPv4", match(.metaL4proto, 6, not: true), "\(ip) version 5 tcp 1024 > 443", false),
    FieldCase(
        "meta l4proto of a later fragment", match(.metaL4proto, 17), "\(ip) offset 8 proto udp", true),
    FieldCase(
        "meta l4proto of a later IPv6 fragment", match(.metaL4proto, 17),
        "\(ip6) frag offset 8 nexthdr udp", true),
    FieldCase(
        "meta l4proto of IPv6's authentication header", match(.metaL4proto, 51),
        "\(ip6) hbh ah tcp 1 > 2", true),
    FieldCase(
        "meta l4proto of a later IPv6 fragment that goes on with an extension header", match(.metaL4proto, 17, not: true),
        "\(ip6) frag offset 8 nexthdr 60 payload 8", false),
    FieldCase(
        "th dport behind no next header", match(.thDport, 0x0203), "\(ip6) nexthdr 59 payload 4", true),
    FieldCase("tcp sport", match(.tcpSport, 1024), tcp, true),
    FieldCase("tcp dport", match(.tcpDport, 443), tcp, true),
    FieldCase("tcp dport over IPv6", match(.tcpDport, 443), tcp6, true),
    FieldCase("tcp dport in a range", Build.match(.tcpDport, .range(400, 443)), tcp, true),
    FieldCase("tcp dport behind a range", Build.match(.tcpDport, .range(400, 442)), tcp, false),
    FieldCase("tcp dport != a range", Build.match(.tcpDport, .range(444, 500), not: true), tcp, true),
    FieldCase("tcp dport in a set", Build.match(.tcpDport, in: [.number(8080), .range(440, 450), .number(22)]), tcp, true),
    FieldCase("tcp dport between a set's elements", Build.match(.tcpDport, in: [.number(442), .number(444)]), tcp, false),
    FieldCase("tcp dport != a set", Build.match(.tcpDport, in: [.number(442), .number(444)], not: true), tcp, true),
    FieldCase("tcp dport in a set of neighbours", Build.match(.tcpDport, in: [.number(443), .number(442)]), tcp, true),
    FieldCase("tcp dport in the empty set", Build.match(.tcpDport, in: []), tcp, false),
    FieldCase("tcp dport != the empty set", Build.match(.tcpDport, in: [], not: true), tcp, true),
    FieldCase("tcp flags", match(.tcpFlags, 0x12), tcp, true),
    FieldCase("tcp flags syn of syn, ack", match(.tcpFlags, 0x02, mask: 0x12), tcp, false),
    FieldCase("tcp flags & ack != 0", match(.tcpFlags, 0, not: true, mask: 0x10), tcp, true),
    FieldCase("udp sport", match(.udpSport, 1024), tagged, true),
    FieldCase("udp dport", match(.udpDport, 53), tagged, true),
    FieldCase("sctp sport", match(.sctpSport, 7), "\(ip) sctp 7 > 8", true),
    FieldCase("sctp dport", match(.sctpDport, 8), "\(ip) sctp 7 > 8", true),
    FieldCase("th sport", match(.thSport, 7), "\(ip) dccp 7 > 8", true),
    FieldCase("th dport", match(.thDport, 8), "\(ip) dccp 7 > 8", true),
    FieldCase("icmp type", match(.icmpType, 8), "\(ip) icmp echo-request", true),
    FieldCase("icmpv6 type", match(.icmpv6Type, 135), "\(ip6) icmpv6 nd-neighbor-solicit", true),
    FieldCase("th dport behind two tags", match(.thDport, 99, not: true), twice, false),
    FieldCase("th dport of a later fragment", match(.thDport, 99, not: true), "\(ip) offset 8 payload 8", false),
    FieldCase("th dport of a first fragment", match(.thDport, 53), "\(ip) mf udp 1 > 53", true),
    FieldCase("th dport in padding is not read", match(.thDport, 53), "\(ip) length 22 udp 1 > 53", false),
    FieldCase(
        "th dport != in padding is not read", match(.thDport, 54, not: true), "\(ip) length 22 udp 1 > 53", false),
    FieldCase("th sport before padding is read", match(.thSport, 1), "\(ip) length 22 udp 1 > 53", true),
    FieldCase("tcp flags of a short segment", match(.tcpFlags, 0, not: true), "\(ip) length 33 tcp 1 > 2", false),
    FieldCase("icmp type of an empty packet", match(.icmpType, 0, not: true), "\(ip) proto icmp", false),
    FieldCase("ether daddr of 13 bytes", match(.etherDaddr, 0, not: true), "\(tcp) cut 13", false),
]

private let cases = interfaceCases + linkCases + networkCases + transportCases

@Suite struct FieldTests {
    @Test("a match reads what nft reads", arguments: cases)
    func field(_ test: FieldCase) throws {
        let ruleset = Build.ruleset(Build.base([Build.rule(test.match, Build.verdict(.drop))]))
        let program = try Program(compiling: ruleset, ports: ports)
        let interpreter = Interpreter(ruleset, ports: ports)
        let expected = Classification(verdict: test.isMatch ? .drop : .accept, rule: test.isMatch ? 0 : .none, baseChain: 0)

        let frame = try described(test.frame)
        let found = classifyBothWays(program, interpreter, frame, ingress: test.ingress)
        #expect(found.program.classification == expected)
        #expect(found.interpreter == found.program)
        if let (bytes, tag) = takeOutTag(of: frame) {
            let apart = classifyBothWays(program, interpreter, bytes, tag: tag, ingress: test.ingress)
            #expect(apart.program == found.program)
            #expect(apart.interpreter == found.program)
        }
    }
}
