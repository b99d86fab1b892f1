import Foundation
import Testing

/// A tunnel between the hosts; its ends have addresses of their own.
enum Tunnel: String, Sendable, CaseIterable {
    case vxlan4 = "VXLAN over IPv4", vxlan6 = "VXLAN over IPv6"
    /// With a segment routing header, and plain IPv6 in IPv6 (RFC 8986, sections 5.1 and 5.2).
    case srv6 = "SRv6", srv6Reduced = "SRv6, reduced"
    /// One tag and two: the program on the port takes one off and puts it on again, and Weir itself writes the segments after two.
    case vxlanInVLAN = "VXLAN in a VLAN", vxlanInQinQ = "VXLAN in QinQ"

    /// Of the far end.
    var address: String {
        switch self {
        case .vxlan4, .vxlanInVLAN, .vxlanInQinQ: "10.88.0.2"
        case .vxlan6: "fd88::2"
        case .srv6, .srv6Reduced: "fd99::2"
        }
    }
}

extension Lab {
    /// Sets how large super-frames an interface sends and merges, of both IP versions.
    func setLimits(of interface: String, in place: Place, to bytes: Int, ipv4: Int? = nil) throws {
        let ipv4 = ipv4 ?? bytes
        try require(
            in: place,
            "python3 \(Lab.script("limits")) \(interface) gso_max_size=\(bytes) gro_max_size=\(bytes) "
                + "gso_ipv4_max_size=\(ipv4) gro_ipv4_max_size=\(ipv4)")
    }

    /// Makes a tunnel's ends on both hosts.
    func add(_ tunnel: Tunnel, options: String = "") throws {
        for (place, own, other) in [(Place.near, 1, 2), (.far, 2, 1)] {
            let interface = "\(place.rawValue)0"
            func run(_ commands: String...) throws { for command in commands { try require(in: place, command) } }
            switch tunnel {
            case .vxlan4:
                try run(
                    "ip link add vx0 type vxlan id 42 local 10.77.0.\(own) remote 10.77.0.\(other) dstport 4789 \(options)",
                    "ip address add 10.88.0.\(own)/24 dev vx0", "ip link set vx0 up")
            case .vxlan6:
                try run(
                    "ip link add vx0 type vxlan id 42 local fd77::\(own) remote fd77::\(other) dstport 4789 udp6zerocsumrx \(options)",
                    "ip address add fd88::\(own)/64 dev vx0 nodad", "ip link set vx0 up")
            case .vxlanInVLAN, .vxlanInQinQ:
                let tags = tunnel == .vxlanInVLAN ? "8100:6" : "88a8:5 8100:6"
                // A veth takes frames up to its MTU and 18 bytes, and these have both tags among them.
                try run(
                    "ip link set \(interface) mtu 1508", "python3 \(Lab.script("tags")) \(interface) \(tags)",
                    "ip link add vx0 mtu 1450 type vxlan id 42 local 10.77.0.\(own) remote 10.77.0.\(other) dstport 4789 \(options)",
                    "ip address add 10.88.0.\(own)/24 dev vx0", "ip link set vx0 up")
                try require(in: .fw, "ip link set \(place == .near ? "eth1" : "eth2") mtu 1508")
            case .srv6, .srv6Reduced:
                let mode = tunnel == .srv6 ? "encap" : "encap.red"
                try run(
                    "sysctl -qw net.ipv6.conf.all.seg6_enabled=1 net.ipv6.conf.\(interface).seg6_enabled=1 net.ipv6.conf.all.forwarding=1",
                    "ip address add fd99::\(own)/128 dev lo",
                    "ip -6 route add fd77:a\(own)::1/128 encap seg6local action End.DT6 table 255 dev \(interface)",
                    "ip -6 route add fd77:a\(other)::/64 via fd77::\(other) dev \(interface)",
                    "ip -6 route add fd99::\(other)/128 encap seg6 mode \(mode) segs fd77:a\(other)::1 dev \(interface) mtu 1400 "
                        + "src fd99::\(own)")
            }
        }
    }

    /// Has a port's receive offload merge what comes in, as batches of a network card do: veth hands over one frame at a time.
    func mergeAtPort(_ port: String) throws {
        // Without GRO a veth has no NAPI that could have a thread.
        try require(in: .fw, "ethtool -K \(port) gro on")
        for (file, value) in [("threaded", "1"), ("gro_flush_timeout", "2000000"), ("napi_defer_hard_irqs", "2")] {
            try Command.require(
                ["ip", "netns", "exec", namespace(of: .fw), "sh", "-c", "echo \(value) > /sys/class/net/\(port)/\(file)"])
        }
    }
}

extension LabTests {
    /// Super-frames of tunnels, which a `virtio_net_hdr` describes as plain TCP, and those longer than 65,535 bytes.
    @Suite("Super-frames")
    struct SuperFrameTests {
        private static let seesLargeFrames = Weir.chain(["meta length > 3000 counter"])

        @Test("TCP runs in tunnels, both ways", arguments: Tunnel.allCases, Bench.all)
        func tcp(_ tunnel: Tunnel, _ bench: Bench) throws {
            let lab = try Lab()
            if !bench.offloads { try lab.turnOffloadsOff() }
            try lab.add(tunnel)
            let weir = try lab.startMiddle(rules: Self.seesLargeFrames, workers: bench.workers)
            for direction in ["", "-R"] {
                #expect(try lab.iperf("-i 0 \(direction)", to: tunnel.address).megabits > Bench.standstill, "\(direction)")
            }
            guard let weir else { return }
            let counters = try weir.counters()
            #expect(bench.offloads == (counters.rules[0].frames > 0), "the rules saw super-frames whole, if there were any")
            #expect(counters.ports.allSatisfy { $0.sendFailures.isEmpty && $0.truncated == 0 }, "\(counters.ports)")
            guard bench.offloads else { return }
            // They leave whole, after one tag too, for which the program on the port takes it off and puts it on again.
            let sent = counters.ports.reduce(into: Tally(frames: 0, bytes: 0)) {
                $0.frames += $1.sent.frames
                $0.bytes += $1.sent.bytes
            }
            #expect((sent.bytes / sent.frames > 2000) == (tunnel != .vxlanInQinQ), "\(sent)")
        }

        /// Fact 9: with default offloads, on any port and without a tunnel device there.
        @Test("what GRO merges in tunnels at the port leaves as segments", .needsWeir, arguments: [Tunnel.srv6, .srv6Reduced])
        func merged(_ tunnel: Tunnel) throws {
            let lab = try Lab()
            try lab.require(in: .near, "ethtool -K near0 tso off")
            try lab.add(tunnel)
            try lab.mergeAtPort("eth1")
            let weir = try Weir(in: lab, rules: lab.write(Self.seesLargeFrames, to: "rules.nft"))
            #expect(try lab.iperf("-i 0", to: tunnel.address).megabits > Bench.standstill)
            let counters = try weir.counters()
            #expect(counters.rules[0].frames > 0, "GRO merged")
            #expect(counters.port("eth2")?.sendFailures == [:])
        }

        @Test("datagrams that leave as one arrive as what they were", arguments: [Tunnel.vxlan4, .vxlan6, .vxlanInQinQ], [1, 2])
        func datagrams(_ tunnel: Tunnel, workers: Int) throws {
            let lab = try Lab()
            try lab.add(tunnel)
            let weir = try lab.startMiddle(rules: Self.seesLargeFrames, workers: workers)
            let script = try Lab.script("datagrams")
            let receiver = try lab.start(in: .far, ["python3", script, "receive", "5300", "4"])
            #expect(eventually(within: .seconds(10)) { receiver.outputText.contains("listening") })
            // Neighbours first: what waits for an answer is kept up to some 200 kB, and a burst is longer.
            try lab.require(in: .near, "ping -q -c 3 -i 0.2 -w 10 \(tunnel.address)")
            try lab.require(in: .near, "python3 \(script) send \(tunnel.address) 1200 20 50")
            #expect(receiver.wait(limit: .seconds(20)) == 0)
            #expect(receiver.outputText.lines.dropFirst() == ["1000 1200"])
            if let weir { #expect(try weir.counters().rules[0].frames >= 50) }
        }

        /// Fact 25. Slots of 68 KiB and of 2 KiB: BIG TCP takes the second way in both.
        @Test(
            "BIG TCP comes through whole, or in super-frames that the other port takes", arguments: ["10.77.0.2", "fd77::2"],
            [(180_000, 131_072), (180_000, 2048), (65_536, 69_632), (30_000, 69_632)])
        func bigTCP(_ address: String, _ shape: (limit: Int, slotBytes: Int)) throws {
            let lab = try Lab()
            for (place, interface) in [(Place.near, "near0"), (.far, "far0"), (.fw, "eth1")] {
                try lab.setLimits(of: interface, in: place, to: 180_000)
            }
            try lab.setLimits(of: "eth2", in: .fw, to: shape.limit)
            let weir = try lab.startMiddle(
                rules: Weir.chain(["meta length > 100000 ct state established counter", "ct state invalid counter"]),
                options: ["--slot-bytes", "\(shape.slotBytes)"])
            let refused = try lab.headerErrors()
            #expect(try lab.iperf("-i 0", to: address).megabits > Bench.standstill)
            #expect(try lab.headerErrors() == refused, "the far host takes what comes")
            guard let weir else { return }
            let counters = try weir.counters()
            #expect(counters.rules.map { $0.frames > 0 } == [true, false], "\(counters.rules.map(\.frames))")
            let (near, far) = try (#require(counters.port("eth1")), #require(counters.port("eth2")))
            #expect(near.truncated == 0 && near.tooBig == 0 && far.sendFailures.isEmpty)
            #expect((far.sent.frames > near.received.frames) == (shape.limit < 180_000 || address.contains(":")))
        }

        /// Facts 9 and 17: the sender's stack looks for the packet that the answer quotes.
        @Test("a tunnel's super-frame that is too big is answered about the outer packet", .needsWeir)
        func tooBig() throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip link set eth2 mtu 1400")
            try lab.add(.vxlan4, options: "df set")
            let weir = try Weir(in: lab)
            #expect(try lab.iperf("-i 0", to: Tunnel.vxlan4.address).megabits > Bench.standstill)
            #expect(try lab.require(in: .near, "ip route get 10.77.0.2").contains("mtu 1400"))
            #expect(try weir.counters().port("eth1").map { $0.tooBig > 0 } == true)
        }

        /// tshark looks at the checksums of all layers.
        @Test("a dropped super-frame of a tunnel is captured with right checksums", .needsWeir, arguments: [Tunnel.vxlan4, .vxlan6, .srv6])
        func captured(_ tunnel: Tunnel) throws {
            let lab = try Lab()
            try lab.add(tunnel, options: tunnel == .vxlan4 ? "udpcsum" : "")
            let file = lab.directory.appending(path: "drops.pcapng").path
            let weir = try Weir(
                in: lab, rules: lab.write(Weir.chain(["meta length > 3000 drop"]), to: "rules.nft"), options: ["--drops", file])
            // Its super-frames are lost, so that it comes to no end.
            _ = try? lab.iperf("-i 0", to: tunnel.address)
            #expect(weir.stop().status == 0)
            let options = ["ip", "udp", "tcp"].flatMap { ["-o", "\($0).check_checksum:TRUE"] }
            func count(_ filter: String) throws -> Int {
                try Command.require(["tshark", "-n", "-r", file] + options + ["-Y", filter]).lines.count
            }
            #expect(try count("frame.len > 3000 && tcp.checksum.status == 1") > 0)
            let wrong = ["ip.checksum.status == 0", "udp.checksum.status == 0", "tcp.checksum.status == 0"].joined(separator: " || ")
            #expect(try count(wrong) == 0)
        }

        /// GRO in TCP that came with constant identifications leaves them counting up.
        @Test("with --gro off what the wire brings leaves byte for byte", .needsWeir, arguments: ["keep", "off"])
        func receiveOffloadOff(mode: String) throws {
            let lab = try Lab(bare: true)
            try lab.require(in: .near, "ethtool -K near0 tso off")
            try lab.require(in: .far, "ethtool -K far0 gro off")
            try lab.mergeAtPort("eth1")
            func merges() throws -> Bool {
                try lab.require(in: .fw, "ethtool -k eth1").contains("generic-receive-offload: on")
            }
            #expect(try merges())
            let weir = try Weir(in: lab, options: ["--gro", mode])
            #expect(try merges() == (mode == "keep"))
            let frames = (0..<8).map { number in
                OutgoingFrame(
                    from: .near,
                    frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', id=0, flags='DF')"
                        + "/TCP(sport=4000, dport=81, flags='A', seq=\(1 + 1000 * number))/data(1000)")
            }
            let exchange = try Wiretap(lab).exchange(frames, awaiting: 8)
            let counters = try weir.counters()
            let port = try #require(counters.port("eth1"))
            if mode == "off" {
                #expect(exchange.frames(at: .far) == exchange.sent.compactMap { $0 })
                #expect(port.received.frames == 8)
            } else {
                #expect(port.received.frames < 8, "GRO merged")
            }
            #expect(weir.stop().status == 0)
            #expect(try merges(), "put back")
        }
    }
}

extension Lab {
    /// Packets that the far host refused for their IP headers.
    fileprivate func headerErrors() throws -> [String] {
        try require(in: .far, "cat /proc/net/snmp6").lines.filter { $0.hasPrefix("Ip6InHdrErrors") || $0.hasPrefix("Ip6InTruncatedPkts") }
            + [require(in: .far, "nstat -asz IpInHdrErrors IpInTruncatedPkts")]
    }
}
