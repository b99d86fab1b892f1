import Appliance
import PacketIO
import Testing

@Suite struct PortSuitabilityTests {
    private static func link(
        _ index: Int32, _ name: String, kind: String = "", lower: Int32 = 0, master: Int32 = 0, mode: Link.MacvlanMode? = nil,
        hardware: UInt16 = 1
    ) -> Link {
        var link = Link(index: index, name: name, mtu: 1500, hardwareType: hardware, master: master)
        link.kind = kind
        link.lower = lower
        link.macvlanMode = mode
        return link
    }

    @Test(
        arguments: [
            (link(2, "eth1"), nil),
            (link(2, "eth1", kind: "veth", lower: 3), nil),
            (link(2, "tap0", kind: "tun"), nil),
            (link(2, "eth9.5", kind: "vlan", lower: 9), nil),
            (link(2, "mv1", kind: "macvlan", lower: 9, mode: .passthru), nil),
            (link(2, "mv1", kind: "macvlan", lower: 9, mode: .bridge), "link add link eth9 name mv1 type macvlan mode passthru"),
            (link(2, "mv1", kind: "macvtap", lower: 9, mode: .vepa), "mv1 is a macvtap in vepa mode"),
            (link(2, "mv1", kind: "macvtap", lower: 0, mode: .source), "make it again with \"mode passthru\""),
            (link(2, "iv1", kind: "ipvlan", lower: 9), "take eth9 itself"),
            (link(2, "ifb0", kind: "ifb"), "ifb0 is an ifb"),
            (link(2, "red", kind: "vrf"), "red is a VRF"),
            (link(2, "wg0", kind: "wireguard", hardware: 65534), "wg0 is not an Ethernet interface"),
        ] as [(Link, String?)])
    func aPort(_ link: Link, _ says: String?) {
        let obstacle = PortSuitability.obstacle(to: link, among: [link, Self.link(9, "eth9")])
        if let says { #expect(obstacle?.contains(says) == true, "\(obstacle ?? "none")") } else { #expect(obstacle == nil) }
    }

    /// 1 and 2 are hardware, 3 and 4 a veth, 5 a bridge with 1, 6 a VLAN on 1, 7 a bridge with 6, 8 a macvlan on 2, 10 and 11 veths to
    /// elsewhere, 12 a bridge with 4.
    private static let machine = [
        link(1, "eth1", master: 5), link(2, "eth2"), link(3, "ve0", kind: "veth", lower: 4),
        link(4, "ve1", kind: "veth", lower: 3, master: 12), link(12, "br9", kind: "bridge"),
        link(5, "br0", kind: "bridge"), link(6, "eth1.5", kind: "vlan", lower: 1, master: 7), link(7, "br5", kind: "bridge"),
        link(8, "mv2", kind: "macvlan", lower: 2, mode: .passthru), link(10, "x0", kind: "veth"), link(11, "x1", kind: "veth", master: 5),
    ]

    @Test(
        arguments: [
            (1, 2, nil), (10, 11, nil), (1, 11, nil), (1, 8, nil), (6, 2, nil), (5, 2, nil), (5, 6, nil), (3, 12, nil),
            (3, 4, "two ends of one veth"), (4, 3, "two ends of one veth"),
            (1, 5, "eth1 is a member of br0"), (5, 11, "x1 is a member of br0"),
            (1, 6, "eth1.5 runs on top of eth1"), (8, 2, "mv2 runs on top of eth2"), (1, 7, "br5 runs on top of eth1"),
        ] as [(Int32, Int32, String?)])
    func twoPorts(_ first: Int32, _ second: Int32, _ says: String?) throws {
        let all = Self.machine
        let ends = try [first, second].map { index in try #require(all.first { $0.index == index }) }
        let obstacle = PortSuitability.obstacle(between: ends[0], and: ends[1], among: all)
        if let says { #expect(obstacle?.contains(says) == true, "\(obstacle ?? "none")") } else { #expect(obstacle == nil) }
    }
}
