import Foundation
import Testing

extension LabTests {
    /// TCP in tunnels, merged at Weir's port or sent as super-frames: `virtio_net_hdr` has no word for tunnels (fact 9).
    @Suite("Tunnels")
    struct TunnelTests {
        /// Segments of a connection in a tunnel, as a sender without offloads sends them.
        struct Tunnel: Sendable, CustomStringConvertible {
            let description: String
            /// The headers before the TCP header, in the words of Support/frames.py; N is the segment's number.
            let headers: String
            /// The kernel merges it only if it knows of such a socket.
            var needsVXLAN = false

            func segments(_ count: Int) -> [String] {
                (0..<count).map { number in
                    let flags = number + 1 == count ? "PA" : "A"
                    return headers.replacing("id=N", with: "id=\(number + 100)")
                        + "/TCP(sport=4000, dport=5001, seq=\(1 + 1300 * number), flags='\(flags)')/data(1300)"
                }
            }
        }

        private static let inner4 = "IP(src='10.99.0.1', dst='10.99.0.2', id=N, flags='DF')"
        private static let inner6 = "IPv6(src='fd99::1', dst='fd99::2')"
        private static let outer4 = "IP(src='10.77.0.1', dst='10.77.0.2', id=N, flags='DF')"
        private static let outer6 = "IPv6(src='fd77::1', dst='fd77::2')"
        private static let link = "Ether(src='02:99:00:00:00:01', dst='02:99:00:00:00:02')"

        static let tunnels: [Tunnel] = [
            Tunnel(description: "no tunnel", headers: "near/\(outer4)"),
            Tunnel(description: "GRE", headers: "near/\(outer4)/GRE()/\(inner4)"),
            Tunnel(description: "GRE with a key, IPv6 in it", headers: "near/\(outer4)/GRE(key_present=1, key=7)/\(inner6)"),
            Tunnel(
                description: "GRE with a checksum", headers: "near/\(outer4)/GRE(chksum_present=1)/\(inner4)"),
            Tunnel(description: "IPIP", headers: "near/\(outer4)/\(inner4)"),
            Tunnel(description: "6in4", headers: "near/\(outer4)/\(inner6)"),
            Tunnel(description: "IP6IP6", headers: "near/\(outer6)/\(inner6)"),
            Tunnel(description: "IP4IP6", headers: "near/\(outer6)/\(inner4)"),
            Tunnel(
                description: "VXLAN", headers: "near/\(outer4)/UDP(sport=50000, dport=4789, chksum=0)/VXLAN(vni=42)/\(link)/\(inner4)",
                needsVXLAN: true),
            Tunnel(
                description: "VXLAN with a checksum",
                headers: "near/\(outer4)/UDP(sport=50000, dport=4789)/VXLAN(vni=42)/\(link)/\(inner6)", needsVXLAN: true),
            Tunnel(
                description: "VXLAN over IPv6", headers: "near/\(outer6)/UDP(sport=50000, dport=4789)/VXLAN(vni=42)/\(link)/\(inner4)",
                needsVXLAN: true),
        ]

        static let tags = ["", "/Dot1Q(vlan=5, prio=3)", "/Dot1AD(vlan=6)/Dot1Q(vlan=5)"]

        /// The kernel's bridge does the same with them: with $LAB_MIDDLE "bridge" this is its test.
        @Test("what was merged at the port leaves as it came", arguments: tunnels, tags)
        func merged(_ tunnel: Tunnel, tag: String) throws {
            let lab = try Lab(bare: true)
            try lab.merge(at: Lab.ports.near)
            try lab.turnSegmentationOff(at: Lab.ports.far)
            if tunnel.needsVXLAN {
                try lab.require(in: .fw, "ip link add vxlan9 type vxlan id 9 dstport 4789 local 127.0.0.1 udp6zerocsumrx")
                try lab.require(in: .fw, "ip link set vxlan9 up")
                try lab.require(in: .fw, "ip link add vxlan8 type vxlan id 8 dstport 4789 local ::1 udp6zerocsumrx")
                try lab.require(in: .fw, "ip link set vxlan8 up")
            }
            let weir = try lab.startMiddle()
            let frames = tunnel.segments(30).map { OutgoingFrame(from: .near, frame: $0.replacing("near/", with: "near\(tag)/")) }
            // How much comes together at the port is a matter of time, and a busy machine has little.
            for _ in 0..<5 {
                let before = try weir?.counters().ports[0].received.frames ?? 0
                let exchange = try Wiretap(lab).exchange(frames, quiet: .milliseconds(100), awaiting: frames.count)
                try #require(exchange.errors.isEmpty)
                #expect(exchange.frames(at: .far) == exchange.sent.compactMap { $0 })
                #expect(exchange.near.isEmpty)
                guard let weir else { return }
                let counters = try weir.counters()
                for port in counters.ports { #expect(port.sendFailures.isEmpty) }
                // A tag in the bytes keeps the kernel from merging: then only the way through is tested.
                if !tag.isEmpty || counters.ports[0].received.frames - before < UInt64(frames.count) { return }
            }
            Issue.record("nothing was merged")
        }

        /// The oracle: the kernel's own segments. What super-frames of a tunnel device, of SRv6 and of UDP_SEGMENT become, whoever is in the
        /// middle, and what rules count of them. The reference of SegmentReferenceTests is held to the same segments.
        @Test(
            "a super-frame from a tunnel becomes the segments that the kernel's bridge sends", .needsWeir,
            arguments: ["vxlan4", "vxlan4-checksum", "vxlan4-tagged", "vxlan6", "vxlan6-zero", "srv6", "srv6-long"])
        func superFrames(tunnel: String) throws {
            let bridge = try SuperFrameRun(tunnel, isBridge: true)
            let weir = try SuperFrameRun(tunnel, isBridge: false)
            #expect(bridge.segments.count == 6 && bridge.segments.values.allSatisfy { $0.count == 9 })
            for (name, frames) in bridge.segments { #expect(weir.segments[name] == frames, "\(name)") }
            // Both count the whole super-frame once, with one set of headers.
            #expect(bridge.counted?.frames == 6)
            #expect(weir.counted == bridge.counted)

            let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
            try JSONEncoder().encode(bridge.segments).write(to: file)
            defer { try? FileManager.default.removeItem(at: file) }
            let reference = Lab.root.appending(path: "Tests/SegmentationTests/Reference/segments.py")
            #expect(try Command.require(["sh", "-c", "/usr/bin/python3 \(reference.path) check <\(file.path)"]) == "")
        }
    }
}

/// Six super-frames in a tunnel through a bridge or through Weir, to a port that can't send them whole.
private struct SuperFrameRun {
    /// By the super-frame's name, in hexadecimal.
    let segments: [String: [String]]
    /// What the rule `meta length > 3000` counted.
    let counted: Tally?

    init(_ tunnel: String, isBridge: Bool) throws {
        let lab = try Lab()
        try lab.turnSegmentationOff(at: Lab.ports.far)
        _ = try lab.run(in: .far, ["ethtool", "-K", Lab.interfaces.far, "gro", "off"])
        let rules = try lab.write(Weir.chain(["meta length > 3000 counter"]), to: "rules.nft")
        let weir = isBridge ? nil : try Weir(in: lab, rules: rules)
        if isBridge { try lab.startBridge(rules: rules) }
        let output = try Command.require(
            [
                "/usr/bin/python3", Lab.script("superframes"), lab.namespace(of: .near), lab.namespace(of: .far), tunnel,
            ], limit: 60)
        segments = try JSONDecoder().decode([String: [String]].self, from: Data(output.utf8))
        guard let weir else {
            counted = try lab.ruleCounts().first?.tally
            return
        }
        let counters = try weir.counters()
        for port in counters.ports { #expect(port.sendFailures.isEmpty) }
        // They came whole, or there was nothing to test.
        #expect(counters.ports[0].received.frames < 54)
        counted = counters.rules.first.map { Tally(frames: $0.frames, bytes: $0.bytes) }
    }
}

extension Lab {
    /// Has a veth port merge what comes at once, as a network card's does: by a thread that waits a little.
    fileprivate func merge(at port: String) throws {
        _ = try run(in: .fw, ["ethtool", "-K", port, "gro", "on"])
        for (file, value) in [("threaded", "1"), ("gro_flush_timeout", "20000000"), ("napi_defer_hard_irqs", "10")] {
            _ = try run(in: .fw, ["sh", "-c", "echo \(value) >/sys/class/net/\(port)/\(file)"])
        }
        _ = try run(in: .near, ["ethtool", "-K", Lab.interfaces.near, "tso", "off"])
        _ = try run(in: .far, ["ethtool", "-K", Lab.interfaces.far, "gro", "off"])
    }

    /// Has the kernel segment all that leaves by a port.
    fileprivate func turnSegmentationOff(at port: String) throws {
        for feature in [
            "tx", "tso", "tx-udp-segmentation", "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation", "tx-gre-segmentation",
            "tx-gre-csum-segmentation", "tx-ipxip4-segmentation", "tx-ipxip6-segmentation",
        ] {
            _ = try run(in: .fw, ["ethtool", "-K", port, feature, "off"])
        }
    }
}
