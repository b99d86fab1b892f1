import Foundation
import Testing

/// The fields of `struct virtio_net_hdr` that say what is left to do (include/uapi/linux/virtio_net.h).
private enum Offload {
    static let needsChecksum = 1
    static let tcp4 = 1, tcp6 = 4, udp = 5
}

extension LabTests {
    /// Super-frames and unfinished checksums keep their offload state on the way through.
    @Suite("Offloads")
    struct OffloadTests {
        /// A frame whose transport checksum is left to the hardware, and maybe its segmentation.
        struct SuperFrame: Sendable, CustomStringConvertible {
            let description: String
            let frame: String
            /// Bytes of the transport payload.
            let payload: Int
            let headers: Int
            let gsoType, segment: Int
            let transport: Int
            let checksum: Int

            /// flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
            var offload: [Int] { [Offload.needsChecksum, gsoType, headers, segment, transport, checksum] }
        }

        static let superFrames: [SuperFrame] = [
            SuperFrame(
                description: "TCP over IPv4", frame: "unfinished(near/near4/TCP(dport=81, flags='A')/data(20000))", payload: 20000,
                headers: 54,
                gsoType: Offload.tcp4, segment: 1448, transport: 34, checksum: 16),
            SuperFrame(
                description: "TCP over IPv6", frame: "unfinished(near/near6/TCP(dport=81, flags='A')/data(60000))", payload: 60000,
                headers: 74,
                gsoType: Offload.tcp6, segment: 1428, transport: 54, checksum: 16),
            SuperFrame(
                description: "TCP over IPv4, 802.1Q", frame: "unfinished(near/Dot1Q(vlan=5)/near4/TCP(dport=81, flags='A')/data(20000))",
                payload: 20000, headers: 58, gsoType: Offload.tcp4, segment: 1448, transport: 38, checksum: 16),
            SuperFrame(
                description: "TCP over IPv6, 802.1ad", frame: "unfinished(near/Dot1AD(vlan=5)/near6/TCP(dport=81, flags='A')/data(20000))",
                payload: 20000, headers: 78, gsoType: Offload.tcp6, segment: 1428, transport: 58, checksum: 16),
            SuperFrame(
                description: "TCP over IPv4, QinQ",
                frame: "unfinished(near/Dot1AD(vlan=5)/Dot1Q(vlan=6)/near4/TCP(dport=81, flags='A')/data(20000))", payload: 20000,
                headers: 62,
                gsoType: Offload.tcp4, segment: 1448, transport: 42, checksum: 16),
            SuperFrame(
                description: "UDP over IPv4", frame: "unfinished(near/near4/UDP(dport=9)/data(6000))", payload: 6000, headers: 42,
                gsoType: Offload.udp,
                segment: 1200, transport: 34, checksum: 6),
            SuperFrame(
                description: "one datagram, its checksum unfinished", frame: "unfinished(near/near4/UDP(dport=9)/data(1000))",
                payload: 1000, headers: 0,
                gsoType: 0, segment: 0, transport: 34, checksum: 6),
            SuperFrame(
                description: "one tagged segment, its checksum unfinished",
                frame: "unfinished(near/Dot1Q(vlan=5)/near6/TCP(dport=81)/data(1000))", payload: 1000, headers: 0, gsoType: 0, segment: 0,
                transport: 58,
                checksum: 16),
        ]

        /// Facts 7 and 8. Fact 11: with slots of 2 KiB a super-frame takes the way over the socket's queue.
        @Test("a super-frame comes out with its offload state", arguments: superFrames, [131_072, 2048])
        func superFrame(_ frame: SuperFrame, slotBytes: Int) throws {
            let lab = try Lab(bare: true)
            let weir = try lab.startMiddle(options: ["--slot-bytes", "\(slotBytes)"])
            let exchange = try Wiretap(lab).exchange(
                [OutgoingFrame(from: .near, frame: frame.frame, offload: frame.offload)], quiet: .milliseconds(50), awaiting: 1)
            try #require(exchange.errors.isEmpty)
            #expect(exchange.frames(at: .far) == exchange.sent.compactMap { $0 })
            #expect(exchange.near.isEmpty)
            let came = try #require(exchange.far.first)
            #expect(came.partial)
            // The length of the headers is a hint, which the kernel fills in as it likes.
            for field in [0, 1, 3, 4, 5] { #expect(came.offload[field] == frame.offload[field], "field \(field) of \(came.offload)") }
            if let weir { #expect(try weir.counters().ports.map(\.truncated) == [0, 0]) }
        }

        /// It is no Internet checksum, which is what the sending port's kernel would put in its place.
        @Test(
            "an unfinished checksum of SCTP is finished", .needsWeir, arguments: ["near/near4", "near/Dot1Q(vlan=5)/near6", "near/near6"],
            [true, false])
        func cyclicChecksum(_ link: String, offloads: Bool) throws {
            let lab = try Lab(bare: true)
            if !offloads { try lab.turnOffloadsOff(hosts: false) }
            let weir = try Weir(in: lab)
            let chunk = "Raw(b'\\0\\3\\0\\x10' + bytes(12))"
            let start = (link.contains("Dot1Q") ? 4 : 0) + (link.hasSuffix("4") ? 34 : 54)
            let exchange = try Wiretap(lab).exchange(
                [
                    OutgoingFrame(
                        from: .near, frame: "\(link)/SCTP(sport=7, dport=8, chksum=0)/\(chunk)",
                        offload: [Offload.needsChecksum, 0, 0, 0, start, 8]),
                    OutgoingFrame(from: .near, frame: "\(link)/SCTP(sport=7, dport=8)/\(chunk)"),
                ], quiet: .milliseconds(50), awaiting: 2)
            try #require(exchange.errors.isEmpty && exchange.far.count == 2)
            #expect(exchange.far[0].frame == exchange.far[1].frame && !exchange.far[0].partial)
            #expect(exchange.far[1].frame == exchange.sent[1])
            withExtendedLifetime(weir) {}
        }

        /// Fact 15: with `PACKET_QDISC_BYPASS` the frames that the kernel had to segment would be lost.
        @Test("a sending port without offloads gets segments with right checksums", arguments: superFrames)
        func segmented(_ frame: SuperFrame) throws {
            let lab = try Lab(bare: true)
            try lab.turnOffloadsOff(hosts: false)
            // The far end must not merge again what was segmented for it.
            try lab.require(in: .far, "ethtool -K far0 gro off")
            let weir = try lab.startMiddle()
            let pieces = frame.segment == 0 ? 1 : (frame.payload + frame.segment - 1) / frame.segment
            let exchange = try Wiretap(lab).exchange(
                [OutgoingFrame(from: .near, frame: frame.frame, offload: frame.offload)], quiet: .milliseconds(50), awaiting: pieces)
            try #require(exchange.errors.isEmpty)
            #expect(exchange.far.count == pieces)
            for piece in exchange.far { #expect(!piece.partial && piece.sound == true) }
            withExtendedLifetime(weir) {}
        }

        @Test("TCP runs through ports without segmentation offload", arguments: ["", "-R"])
        func segmentationOff(direction: String) throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ethtool -K eth1 tso off")
            try lab.require(in: .fw, "ethtool -K eth2 tso off")
            let weir = try lab.startMiddle()
            #expect(try lab.iperf("-i 0 \(direction)", to: "10.77.0.2").megabits > Bench.standstill)
            withExtendedLifetime(weir) {}
        }

        @Test("TCP runs through slots smaller than its super-frames", .needsWeir, arguments: [1, 2])
        func smallSlots(workers: Int) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, workers: workers, options: ["--slot-bytes", "2048"])
            for options in ["-i 0", "-i 0 -R"] {
                #expect(try lab.iperf(options, to: "10.77.0.2").megabits > Bench.standstill, "\(options)")
            }
            withExtendedLifetime(weir) {}
        }

        @Test("rules see into super-frames")
        func filtered() throws {
            let lab = try Lab(bare: true)
            let weir = try lab.startMiddle(rules: Weir.chain(["tcp dport 81 counter drop"]))
            let frame = Self.superFrames[0]
            let exchange = try Wiretap(lab).exchange([OutgoingFrame(from: .near, frame: frame.frame, offload: frame.offload)])
            #expect(exchange.errors.isEmpty && exchange.far.isEmpty)
            if let weir { #expect(try weir.counters().rules.map(\.frames) == [1]) }
        }

        /// Fact 17: what is too big for the other port is counted, and answered as RFC 1191 and RFC 8201 ask.
        @Test("packets too big for the other port are answered, and TCP finds the path's MTU", .needsWeir)
        func tooBig() throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip link set eth2 mtu 1400")
            let weir = try Weir(in: lab)
            #expect(weir.log.contains("MTUs differ"))
            for (address, size) in [("10.77.0.2", 1472), ("fd77::2", 1452)] {
                let result = try lab.run(
                    in: .near, ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "5", "-M", "do", "-s", "\(size)", address])
                let text = result.output + result.error
                #expect(text.contains("mtu") && text.contains("1400"), "\(text)")
                #expect(try lab.require(in: .near, "ip route get \(address)").contains("mtu 1400"))
                try lab.require(in: .near, "ip \(address.contains(":") ? "-6" : "-4") route flush cache")
                #expect(try lab.iperf("-i 0", to: address).megabits > Bench.standstill, "TCP to \(address)")
            }
            let counters = try weir.counters()
            #expect((counters.port("eth1")?.tooBig ?? 0) >= 4)
            #expect(counters.port("eth2")?.tooBig == 0)
        }

        /// Fact 19: of a frame from a TX ring only the Ethernet header is in the linear part.
        @Test("frames from a generator's TX ring are told apart", arguments: [1, 2])
        func transmitRing(workers: Int) throws {
            let lab = try Lab(bare: true)
            // Room in the ring for all of them, also when Weir doesn't get its turn.
            let weir = try lab.startMiddle(
                rules: Weir.chain(["udp dport 9 counter drop", "udp dport 10 counter"]), workers: workers,
                options: ["--slots", "4096", "--slot-bytes", "2048"])
            // What the firewall's own stack said before Weir took the ports.
            let earlier = try lab.statistic("rx_packets", of: "far0", in: .far)
            for port in [9, 10] {
                let packet = """
                    { eth(da=02:77:00:00:00:02, sa=02:77:00:00:00:01), ipv4(sa=10.77.0.1, da=10.77.0.2), \
                    udp(sp=4000, dp=\(port)), fill('x', 18) }
                    """
                let file = try lab.write(packet, to: "\(port).trafgen")
                try lab.require(in: .near, "trafgen --dev near0 --conf \(file.path) --num 1000 --cpus 1 --no-sock-mem")
            }
            func arrived() throws -> Int { try lab.statistic("rx_packets", of: "far0", in: .far) - earlier }
            guard let weir else {
                #expect(try eventually(within: .seconds(10)) { try arrived() == 1000 })
                return
            }
            #expect(try eventually(within: .seconds(10)) { try weir.counters().taken == 2000 })
            let counters = try weir.counters()
            let port = try #require(counters.port("eth1"))
            // The generator is faster than a busy machine gives Weir its turn; then the counters say what was lost.
            #expect(port.received.frames + port.kernelDrops == 2000, "\(port)")
            #expect(port.kernelDrops < 1000)
            #expect(counters.rules.map(\.frames).reduce(0, +) == port.received.frames, "\(counters.rules)")
            #expect(try arrived() == Int(counters.rules[1].frames))
            #expect((500...1000).contains(counters.rules[0].frames) && (500...1000).contains(counters.rules[1].frames))
        }
    }
}
