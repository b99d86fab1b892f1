import Ruleset
import Testing

private let addresses = "c0000201c0000202"
/// 192.0.2.1 to 192.0.2.2, port 80 of TCP, inside of Ethernet.
private let ipv4 = "45000028000100004006b6f5\(addresses)00140050000000000000000050022000e15a0000"
private let ethernet = "0200000000020200000000010800\(ipv4)"
private let tagged = "0200000000020200000000018100000a0800\(ipv4)"
private let outer = "ip 10.0.0.1 > 10.0.0.2"
/// 2001:db8::1 to 2001:db8::2 with a hop-by-hop header before port 80 of TCP.
private let ipv6 =
    "60000000001c004020010db800000000000000000000000120010db8000000000000000000000002"
    + "0600010400000000" + "00140050000000000000000050022000e15a0000"

private func inner(_ words: String) -> Field { Field.allCases.first { $0.words == words } ?? .metaLength }

/// A field inside of a tunnel, the frame, and whether Linux 6.18 with nft 1.1.6 matches the number there.
private let cases: [(words: String, number: UInt128, frame: String, isMatch: Bool)] = [
    ("vxlan vni", 10, "\(outer) udp 1 > 4789 payload 0x0800000000000a00\(ethernet)", true),
    ("vxlan ip saddr", 0xc000_0201, "\(outer) udp 1 > 4789 payload 0x0800000000000a00\(ethernet)", true),
    ("vxlan tcp dport", 80, "\(outer) udp 1 > 4789 payload 0x0800000000000a00\(ethernet)", true),
    ("vxlan vlan id", 10, "\(outer) udp 1 > 4789 payload 0x0800000000000a00\(tagged)", true),
    ("vxlan ip saddr", 0xc000_0201, "\(outer) udp 1 > 4789 payload 0x0800000000000a00\(tagged)", true),
    ("vxlan ip saddr", 0xc000_0201, "\(outer) udp 1 > 4789 payload 0x0800000000000a00", false),
    ("vxlan ip saddr", 0xc000_0201, "\(outer) tcp 1 > 4789 payload 0x0800000000000a00\(ethernet)", false),
    ("geneve ip saddr", 0xc000_0201, "\(outer) udp 1 > 6081 payload 0x0000655800000a00\(ethernet)", true),
    ("geneve tcp dport", 80, "\(outer) udp 1 > 6081 payload 0x0200655800000a000000000000000000\(ethernet)", true),
    ("geneve vni", 10, "\(outer) udp 1 > 6081 payload 0x0200655800000a000000000000000000\(ethernet)", true),
    ("gretap ether saddr", 0x0200_0000_0001, "\(outer) proto 47 payload 0x00006558\(ethernet)", true),
    ("gretap ip daddr", 0xc000_0202, "\(outer) proto 47 payload 0x2000655800000005\(ethernet)", true),
    ("gre ip saddr", 0xc000_0201, "\(outer) proto 47 payload 0x00000800\(ipv4)", true),
    ("gre tcp dport", 80, "\(outer) proto 47 payload 0x000086dd\(ipv6)", true),
    ("gre ip saddr", 0xc000_0201, "\(outer) proto 47 payload 0x00010800\(ipv4)", false),
    ("gre ip saddr", 0xc000_0201, "\(outer) proto 47 payload 0x40000800\(ipv4)", false),
    ("gre version", 1, "\(outer) proto 47 payload 0x00010800\(ipv4)", true),
]

@Suite struct InnerHeaderTests {
    @Test("a field inside of a tunnel is read where the kernel reads it", arguments: cases)
    func field(words: String, number: UInt128, frame: String, isMatch: Bool) throws {
        let field = inner(words)
        try #require(field.words == words)
        try FieldTests().field(FieldCase(words, Build.match(field, .number(number)), frame, isMatch))
    }
}
