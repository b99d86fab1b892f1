/// Several hundred frames that between them touch every selector of the rule language, each with a number of its own.
enum Corpus {
    /// What stands between the Ethernet header and the packet.
    static let tags = [
        "", "Dot1Q(vlan=0)/", "Dot1Q(vlan=5)/", "Dot1Q(vlan=7, prio=3)/", "Dot1AD(vlan=5)/", "Dot1AD(vlan=5)/Dot1Q(vlan=6)/",
    ]

    /// Packets; `SIDE` stands for the sending host and `PEER` for the other one.
    static let packets: [String] = [
        "SIDE4/TCP(sport=40000, dport=80, flags='S')",
        "SIDE4/TCP(sport=80, dport=40000, flags='SA')",
        "SIDE4/TCP(sport=40000, dport=80, flags='A')",
        "SIDE4/TCP(sport=40000, dport=443, flags='FA')",
        "SIDE4/TCP(sport=40000, dport=8080, flags='PA')",
        "SIDE4/TCP(sport=40000, dport=8080, flags='')",
        "SIDE4/TCP(sport=40000, dport=22, flags='FPU')",
        "SIDE4/TCP(sport=22, dport=23, flags='R')",
        "SIDE4/UDP(sport=40000, dport=53)",
        "SIDE4/UDP(sport=53, dport=40000)",
        "SIDE4/UDP(sport=5353, dport=5353)",
        "SIDE4/UDP(sport=0, dport=65535)",
        "SIDE4/SCTP(sport=40000, dport=80)",
        "SIDE4/ICMP(type=8, id=1, seq=1)",
        "SIDE4/ICMP(type=0, id=1, seq=1)",
        "SIDE4/ICMP(type=3, code=4)",
        "IP(src='10.77.0.9', dst='192.168.7.1')/TCP(sport=40000, dport=80)",
        "IP(src='192.168.7.1', dst='10.77.0.9')/UDP(sport=40000, dport=53)",
        "IP(src='10.78.0.1', dst='255.255.255.255')/UDP(sport=68, dport=67)",
        "IP(src='10.77.0.1', dst='10.77.0.2', options=IPOption(b'\\x94\\4\\0\\0'))/TCP(sport=40000, dport=80)",
        "IP(src='10.77.0.1', dst='10.77.0.2', id=7, flags='MF')/UDP(sport=40000, dport=53, len=1008)/data(36)",
        "IP(src='10.77.0.1', dst='10.77.0.2', proto=47)/data(40)",
        "IP(src='10.77.0.1', dst='10.77.0.2', proto=50)/data(40)",
        "SIDE6/TCP(sport=40000, dport=80, flags='S')",
        "SIDE6/TCP(sport=40000, dport=8080, flags='SA')",
        "SIDE6/UDP(sport=40000, dport=53)",
        "SIDE6/SCTP(sport=40000, dport=80)",
        "SIDE6/ICMPv6EchoRequest()",
        "SIDE6/ICMPv6EchoReply()",
        "SIDE6/ICMPv6ND_NS(tgt='fd77::9')",
        "IPv6(src='fe80::1', dst='ff02::1')/ICMPv6ND_RA()",
        "IPv6(src='fd78::1', dst='fd77::2')/TCP(sport=40000, dport=443)",
        "SIDE6/IPv6ExtHdrHopByHop()/TCP(sport=40000, dport=80)",
        "SIDE6/IPv6ExtHdrHopByHop()/IPv6ExtHdrDestOpt()/IPv6ExtHdrRouting(addresses=['fd77::9'])/UDP(sport=40000, dport=53)",
        "SIDE6/IPv6ExtHdrFragment(id=7, m=1, offset=0)/UDP(sport=40000, dport=53, len=1008, chksum=1)/data(36)",
        "SIDE6/IPv6ExtHdrFragment(id=7, m=0, offset=0)/TCP(sport=40000, dport=80)",
        "IPv6(src='fd77::1', dst='fd77::2', nh=59)",
        "ARP(op=1, psrc='10.77.0.1', pdst='10.77.0.2', hwsrc=SIDE_MAC)",
        "ARP(op=2, psrc='10.77.0.2', pdst='10.77.0.1', hwsrc=SIDE_MAC, hwdst=PEER_MAC)",
        "MPLS(label=18, ttl=64)/SIDE4/UDP(sport=40000, dport=53)",
    ]

    /// Frames that are built whole; a tag would change what they are.
    static let others: [String] = [
        "Ether(src=SIDE_MAC, dst=PEER_MAC, type=0x88b5)/data(46)",
        "Ether(src=SIDE_MAC, dst='ff:ff:ff:ff:ff:ff', type=0x88b5)/data(46)",
        "Ether(src='02:00:00:00:00:99', dst=PEER_MAC)/SIDE4/TCP(sport=40000, dport=80)",
        "Dot3(src=SIDE_MAC, dst=PEER_MAC)/LLC(dsap=0x42, ssap=0x42, ctrl=3)/data(43)",
        "Dot3(src=SIDE_MAC, dst=PEER_MAC)/Raw(b'\\xff\\xff')/data(44)",
        "Dot3(src=SIDE_MAC, dst='01:00:0c:cc:cc:cc')/LLC(dsap=0xaa, ssap=0xaa, ctrl=3)/SNAP(OUI=0xc, code=0x2000)/data(38)",
    ]

    /// All of them, from both sides by turns.
    static func frames() -> [OutgoingFrame] {
        var frames: [OutgoingFrame] = []
        func add(_ expression: String) {
            for side in Side.allCases {
                let written = expression.replacing("SIDE_MAC", with: side.rawValue.uppercased() + "_MAC")
                    .replacing("PEER_MAC", with: side.other.rawValue.uppercased() + "_MAC")
                    .replacing("SIDE", with: side.rawValue)
                frames.append(OutgoingFrame(from: side, frame: "\(written)/number(\(frames.count))"))
            }
        }
        for tag in tags {
            // A priority tag names no VLAN to Weir: its fragments would be those of the untagged datagram.
            for packet in packets { add("SIDE/\(tag)\(tag.contains("vlan=0") ? packet.replacing("id=7", with: "id=8") : packet)") }
        }
        for frame in others { add(frame) }
        return frames
    }
}
