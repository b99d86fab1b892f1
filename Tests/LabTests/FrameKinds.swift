/// One kind of frame that a wire carries, as a scapy expression in the words of Support/frames.py.
struct FrameKind: Sendable, CustomStringConvertible {
    let name: String
    let frame: String
    /// The kernel's bridge keeps these for itself (IEEE 802.1D 7.12.6); a piece of wire does not.
    var isKeptByBridges = false

    var description: String { name }
}

extension FrameKind {
    /// One of `all`; an empty frame, which no test passes with, if there is none.
    static func named(_ name: String) -> FrameKind {
        all.first { $0.name == name } ?? FrameKind(name: name, frame: "")
    }

    /// All of these leave a rule-less Weir as they came.
    static let all: [FrameKind] = [
        // Control protocols of the link, which end at a bridge but not at a wire.
        FrameKind(name: "STP", frame: "padded(Dot3(dst='01:80:c2:00:00:00', src=NEAR_MAC)/LLC()/STP())"),
        FrameKind(
            name: "pause", frame: "padded(Ether(dst='01:80:c2:00:00:01', src=NEAR_MAC, type=0x8808)/Raw(b'\\0\\1\\0\\xff'))",
            isKeptByBridges: true),
        FrameKind(
            name: "LACP", frame: "Ether(dst='01:80:c2:00:00:02', src=NEAR_MAC, type=0x8809)/Raw(b'\\1\\1'+bytes(108))",
            isKeptByBridges: true),
        FrameKind(
            name: "EAPOL", frame: "padded(Ether(dst='01:80:c2:00:00:03', src=NEAR_MAC)/EAPOL(version=2, type=1))",
            isKeptByBridges: true),
        FrameKind(
            name: "LLDP",
            frame: """
                padded(Ether(dst='01:80:c2:00:00:0e', src=NEAR_MAC)/LLDPDUChassisID(subtype=4, id=NEAR_MAC)\
                /LLDPDUPortID(subtype=7, id='eth1')/LLDPDUTimeToLive(ttl=120)/LLDPDUEndOfLLDPDU())
                """,
            isKeptByBridges: true),
        FrameKind(
            name: "CDP",
            frame: "Dot3(dst='01:00:0c:cc:cc:cc', src=NEAR_MAC)/LLC(dsap=0xaa, ssap=0xaa, ctrl=3)/SNAP(OUI=0xc, code=0x2000)/data(40)"),

        // What has no EtherType, or one that few know.
        FrameKind(name: "802.3 LLC", frame: "padded(Dot3(dst=FAR_MAC, src=NEAR_MAC)/LLC(dsap=0x42, ssap=0x42, ctrl=3)/data(20))"),
        FrameKind(name: "802.3 LLC, full size", frame: "Dot3(dst=FAR_MAC, src=NEAR_MAC)/LLC(dsap=0xf0, ssap=0xf0, ctrl=3)/data(1497)"),
        FrameKind(name: "802.3 raw IPX", frame: "Dot3(dst=FAR_MAC, src=NEAR_MAC)/Raw(b'\\xff\\xff')/data(60)"),
        FrameKind(
            name: "802.3 SNAP",
            frame: "Dot3(dst=FAR_MAC, src=NEAR_MAC)/LLC(dsap=0xaa, ssap=0xaa, ctrl=3)/SNAP(code=0x800)/near4/UDP()/data(30)"),
        FrameKind(name: "unknown EtherType", frame: "Ether(dst=FAR_MAC, src=NEAR_MAC, type=0x88b5)/data(60)"),
        FrameKind(name: "EtherType 0xffff", frame: "Ether(dst=FAR_MAC, src=NEAR_MAC, type=0xffff)/data(60)"),
        FrameKind(name: "EtherType 0x0600", frame: "Ether(dst=FAR_MAC, src=NEAR_MAC, type=0x0600)/data(60)"),
        FrameKind(name: "length 1501", frame: "Ether(dst=FAR_MAC, src=NEAR_MAC, type=1501)/data(60)"),
        FrameKind(
            name: "PPPoE discovery", frame: "padded(Ether(dst='ff:ff:ff:ff:ff:ff', src=NEAR_MAC)/PPPoED(code=9)/Raw(b'\\1\\1\\0\\0'))"),
        FrameKind(name: "PPPoE session", frame: "near/PPPoE(sessionid=7)/PPP()/near4/UDP()/data(30)"),
        FrameKind(name: "MPLS", frame: "near/MPLS(label=18, s=0, ttl=64)/MPLS(label=19, s=1, ttl=64)/near4/UDP()/data(30)"),
        FrameKind(name: "header and nothing more", frame: "Ether(dst=FAR_MAC, src=NEAR_MAC, type=0x88b5)"),
        FrameKind(name: "runt of 15 bytes", frame: "Ether(dst=FAR_MAC, src=NEAR_MAC, type=0x88b5)/data(1)"),

        // Tags.
        FrameKind(name: "priority tag", frame: "near/Dot1Q(vlan=0, prio=5)/near4/UDP(dport=9)/data(30)"),
        FrameKind(name: "TCI of 0", frame: "near/Dot1Q(vlan=0, prio=0)/near4/UDP(dport=9)/data(30)"),
        FrameKind(name: "VID 5", frame: "near/Dot1Q(vlan=5)/near4/UDP(dport=9)/data(30)"),
        FrameKind(name: "VID 4095, priority 7, drop eligible", frame: "near/Dot1Q(vlan=4095, prio=7, id=1)/near6/UDP(dport=9)/data(30)"),
        FrameKind(name: "802.1ad", frame: "near/Dot1AD(vlan=5)/near4/UDP(dport=9)/data(30)"),
        FrameKind(name: "802.1ad, TCI of 0", frame: "near/Dot1AD(vlan=0)/near4/UDP(dport=9)/data(30)"),
        FrameKind(name: "QinQ", frame: "near/Dot1AD(vlan=5)/Dot1Q(vlan=6)/near4/UDP(dport=9)/data(30)"),
        FrameKind(name: "QinQ of two 802.1Q", frame: "near/Dot1Q(vlan=5)/Dot1Q(vlan=6)/near6/UDP(dport=9)/data(30)"),
        FrameKind(name: "three tags", frame: "near/Dot1AD(vlan=5)/Dot1Q(vlan=6)/Dot1Q(vlan=7)/near4/UDP(dport=9)/data(30)"),
        FrameKind(name: "tag and two bytes", frame: "near/Dot1Q(vlan=5, type=0x88b5)/data(2)"),
        FrameKind(name: "tagged ARP", frame: "padded(near/Dot1Q(vlan=5)/ARP(psrc='10.77.0.1', pdst='10.77.0.2', hwsrc=NEAR_MAC))"),
        FrameKind(name: "tagged LLC", frame: "near/Dot1Q(vlan=5, type=38)/LLC(dsap=0x42, ssap=0x42, ctrl=3)/data(35)"),

        // IPv4.
        FrameKind(name: "ARP", frame: "padded(near/ARP(psrc='10.77.0.1', pdst='10.77.0.2', hwsrc=NEAR_MAC))"),
        FrameKind(name: "IPv4 with padding", frame: "padded(near/near4/UDP(dport=9)/data(1))"),
        FrameKind(name: "IPv4 without payload", frame: "padded(near/near4/Raw(b''))"),
        FrameKind(
            name: "IPv4 options",
            frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', options=IPOption(b'\\x94\\4\\0\\0'))/UDP(dport=9)/data(30)"),
        FrameKind(
            name: "IPv4 60-byte header", frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', options=IPOption(b'\\1'*40))/TCP(dport=80)"),
        FrameKind(name: "bad IPv4 checksum", frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', chksum=0x1234)/UDP(dport=9)/data(30)"),
        FrameKind(name: "bad UDP checksum", frame: "near/near4/UDP(dport=9, chksum=0x1234)/data(30)"),
        FrameKind(name: "no UDP checksum", frame: "near/near4/UDP(dport=9, chksum=0)/data(30)"),
        FrameKind(name: "bad TCP checksum", frame: "near/near4/TCP(dport=80, chksum=0x1234)/data(30)"),
        FrameKind(name: "IPv4 with TTL 0", frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', ttl=0)/UDP(dport=9)/data(30)"),
        FrameKind(
            name: "IPv4 broadcast",
            frame: "Ether(src=NEAR_MAC, dst='ff:ff:ff:ff:ff:ff')/IP(src='0.0.0.0', dst='255.255.255.255')/UDP(sport=68, dport=67)/data(240)"
        ),
        FrameKind(
            name: "IPv4 multicast",
            frame: "Ether(src=NEAR_MAC, dst='01:00:5e:00:00:fb')/IP(src='10.77.0.1', dst='224.0.0.251', ttl=1)/UDP(dport=5353)/data(30)"),
        FrameKind(name: "SCTP", frame: "near/near4/SCTP(sport=7, dport=8)/data(30)"),
        FrameKind(name: "ESP", frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', proto=50)/data(60)"),
        FrameKind(name: "protocol 253", frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', proto=253)/data(60)"),
        FrameKind(name: "TCP of 3 bytes", frame: "padded(near/IP(src='10.77.0.1', dst='10.77.0.2', proto=6)/data(3))"),

        // IPv6.
        FrameKind(name: "IPv6", frame: "near/near6/TCP(dport=80)"),
        FrameKind(name: "IPv6 without payload", frame: "padded(near/IPv6(src='fd77::1', dst='fd77::2', nh=59))"),
        FrameKind(name: "IPv6 hop-by-hop", frame: "near/near6/IPv6ExtHdrHopByHop(options=[RouterAlert()])/ICMPv6EchoRequest()/data(30)"),
        FrameKind(
            name: "IPv6 extension headers",
            frame:
                "near/near6/IPv6ExtHdrHopByHop()/IPv6ExtHdrDestOpt()/IPv6ExtHdrRouting(addresses=['fd77::9'])/UDP(dport=9)/data(30)"
        ),
        FrameKind(name: "atomic IPv6 fragment", frame: "near/near6/IPv6ExtHdrFragment(id=7, m=0, offset=0)/UDP(dport=9)/data(30)"),
        FrameKind(name: "neighbour solicitation", frame: "near/near6/ICMPv6ND_NS(tgt='fd77::2')"),
        FrameKind(name: "bad ICMPv6 checksum", frame: "near/near6/ICMPv6EchoRequest(cksum=0x1234)/data(30)"),
    ]

    /// As large as an MTU of 1,500 bytes allows, with any number of tags.
    static let fullSize: [FrameKind] = [
        FrameKind(name: "full size", frame: "near/near4/UDP(dport=9)/data(1472)"),
        FrameKind(name: "full size, tagged", frame: "near/Dot1Q(vlan=5)/near4/UDP(dport=9)/data(1472)"),
        FrameKind(name: "full size, 802.1ad", frame: "near/Dot1AD(vlan=5)/near4/UDP(dport=9)/data(1472)"),
        FrameKind(name: "full size, QinQ", frame: "near/Dot1AD(vlan=5)/Dot1Q(vlan=6)/near4/UDP(dport=9)/data(1472)"),
        FrameKind(name: "full size, unknown EtherType", frame: "Ether(dst=FAR_MAC, src=NEAR_MAC, type=0x88b5)/data(1500)"),
        FrameKind(name: "full size, IPv6", frame: "near/Dot1Q(vlan=5)/near6/UDP(dport=9)/data(1452)"),
    ]
}
