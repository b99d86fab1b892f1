import Foundation
import FragmentCases
import FrameBuilder
import Testing

/// A datagram to be cut into fragments.
struct Fragmented: Sendable, CustomStringConvertible {
    let description: String
    var isIPv6 = false
    /// The types of its VLAN tags, the outermost first.
    var tags: [UInt16] = []

    static let all = [
        Fragmented(description: "IPv4"), Fragmented(description: "IPv6", isIPv6: true),
        Fragmented(description: "IPv4 in a VLAN", tags: [0x8100]), Fragmented(description: "IPv6 in a VLAN", isIPv6: true, tags: [0x8100]),
        Fragmented(description: "IPv4 in QinQ", tags: [0x88a8, 0x8100]),
        Fragmented(description: "IPv6 in QinQ", isIPv6: true, tags: [0x88a8, 0x8100]),
    ]

    /// A UDP datagram of that many bytes behind its header.
    static func udp(to port: UInt16, length: Int) -> [UInt8] {
        (40000 as UInt16).networkBytes + port.networkBytes + UInt16(8 + length).networkBytes + [0, 0]
            + (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    }

    /// One fragment, from `near` to `far`.
    func fragment(
        _ payload: [UInt8], at offset: Int, more: Bool, identification: Int, number: UInt8 = 17, source: Int = 1
    ) -> String {
        let hosts = Lab.hosts(source)
        var frame = Frame.ethernet(to: hosts.destinationMAC, from: hosts.sourceMAC)
        for tag in tags { frame = frame.vlan(5, tpid: tag) }
        if isIPv6 {
            frame = frame.ipv6(hosts.address(6), "fd77::2").fragmentHeader(
                offset: offset, more: more, identification: UInt32(identification))
        } else {
            frame = frame.ipv4(
                hosts.address(4), "10.77.0.2", identification: UInt16(identification), more: more, fragmentOffset: offset)
        }
        return frame.ipPayload(number, payload).bytes.hexadecimal
    }

    /// All fragments of a datagram, in order.
    func fragments(of datagram: [UInt8], every step: Int, identification: Int, source: Int = 1) -> [String] {
        stride(from: 0, to: datagram.count, by: step).map { offset in
            let end = min(datagram.count, offset + step)
            return fragment(
                Array(datagram[offset..<end]), at: offset, more: end < datagram.count, identification: identification, source: source)
        }
    }
}

extension UntimedLabTests {
    /// The rules' verdict on a datagram holds for all of its fragments.
    @Suite("Rules and fragments", .needsWeir)
    struct FragmentRuleTests {
        private static let modes = ["reassemble", "track"]
        private static let dropsPort9 = Weir.chain(["udp dport 9 counter drop", "udp dport 10 counter accept"])

        /// The datagram that makes room dies in the turn of a frame that came by the other port.
        @Test("a held fragment that dies while the other port is served is told of by its own port")
        func diesInAnothersTurn() throws {
            let lab = try Lab(bare: true)
            let drops = lab.directory.appending(path: "drops.pcapng")
            let weir = try Weir(
                in: lab, rules: Weir.chain(["counter"]), options: ["--fragment-datagrams", "1", "--drops", drops.path])
            let wiretap = try Wiretap(lab)
            let datagram = Fragmented.udp(to: 9, length: 100)
            func fragments(_ identification: Int) -> [String] {
                Fragmented.all[0].fragments(of: datagram, every: 56, identification: identification)
            }
            let near = fragments(1)
            var far = "far/IP(src='10.77.0.2', dst='10.77.0.1', id=2, flags='MF')/Raw(bytes(56))"
            _ = try wiretap.exchange([OutgoingFrame(from: .near, frame: near[0])])
            #expect(try weir.counters().held.frames == 1)
            _ = try wiretap.exchange([OutgoingFrame(from: .far, frame: far)])
            #expect(try weir.counters().frames(for: "fragment-limit-datagrams") == 1)
            // And the other way round.
            _ = try wiretap.exchange([OutgoingFrame(from: .near, frame: fragments(3)[0])])
            let counters = try weir.counters()
            #expect(counters.frames(for: "fragment-limit-datagrams") == 2 && counters.held.frames == 1)
            // What goes on is not confused with what went.
            far = "far/far4/UDP(dport=9)/data(30)"
            #expect(try wiretap.send(far, from: .far, awaiting: 1).near.count == 1)
            #expect(try wiretap.exchange([OutgoingFrame(from: .near, frame: fragments(3)[1])], awaiting: 2).far.count == 2)
            #expect(weir.stop().status == 0)
            let fields = ["-e", "frame.interface_name", "-e", "ip.src", "-e", "frame.comment"]
            let told = try Command.require(["tshark", "-r", drops.path, "-T", "fields"] + fields).lines
            #expect(told.count == 2 && told[0].hasPrefix("eth1\t10.77") && told[1].hasPrefix("eth2\t10.77.0.2"), "\(told)")
            #expect(told.allSatisfy { $0.contains("fragment-limit-datagrams") }, "\(told)")
        }

        @Test("a rule for a port stops or passes every fragment, in whatever order they come", arguments: modes, [1, 2])
        func everyFragment(mode: String, workers: Int) throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab, rules: Self.dropsPort9, workers: workers, options: ["--fragments", mode])
            var frames: [String] = []
            var passing: [[String]] = []
            var dropped = 0
            for kind in Fragmented.all {
                for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
                    for port in [9, 10] as [UInt16] {
                        let whole = kind.fragments(
                            of: Fragmented.udp(to: port, length: 300), every: 128, identification: frames.count)
                        frames += order.map { whole[$0] }
                        // As nft's, rules look behind one tag: to them QinQ has no ports.
                        if port == 10 || kind.tags.count > 1 { passing.append(order.map { whole[$0] }) } else { dropped += 3 }
                    }
                }
            }
            let exchange = try Wiretap(lab).exchange(
                frames.map { OutgoingFrame(from: .near, frame: $0) }, awaiting: passing.joined().count)
            #expect(exchange.errors.isEmpty && exchange.near.isEmpty)
            let came = exchange.frames(at: .far)
            #expect(came.sorted() == passing.joined().sorted())
            // What is held is released in the order in which it came.
            if mode == "reassemble", workers == 1 { #expect(came == Array(passing.joined())) }
            let counters = try weir.counters()
            #expect(counters.frames(for: "rule") == UInt64(dropped))
            #expect(counters.frames(for: "accept-by-rule") == UInt64(dropped))
            #expect(counters.rules.map(\.frames) == [UInt64(dropped / 3), UInt64(dropped / 3)], "each datagram judged once")
            #expect(counters.held.frames == 0)
            counters.expectToAddUp()
        }

        /// Sequences that get a header past who judges fragments one by one.
        private static let sneaks: [(name: String, parts: [(offset: Int, bytes: [UInt8], more: Bool)])] = {
            func tcp(_ port: UInt8, flags: UInt8 = 2) -> [UInt8] {
                [0x9c, 0x40, 0, port, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0, 1, 2, 3, 4]
            }
            let (wanted, allowed) = (tcp(22), tcp(80))
            return [
                ("tiny", [(0, Array(wanted[..<8]), true), (8, Array(wanted[8...]), false)]),
                ("tiny, backwards", [(8, Array(wanted[8...]), false), (0, Array(wanted[..<8]), true)]),
                ("the ports rewritten", [(0, allowed, true), (0, Array(wanted[..<8]), true), (24, wanted, false)]),
                ("the ports rewritten by a longer one", [(0, Array(allowed[..<16]), true), (0, wanted, false)]),
                ("the ports rewritten backwards", [(24, wanted, false), (0, Array(wanted[..<8]), true), (0, allowed, true)]),
                ("the flags rewritten", [(0, tcp(80, flags: 0x10), true), (8, Array(wanted[8...]), false), (24, wanted, false)]),
                ("the first once more behind the end", [(8, Array(wanted[8...]), false), (0, allowed, true), (0, wanted, true)]),
                ("an end in the middle", [(0, allowed, false), (0, wanted, true), (24, wanted, false)]),
            ]
        }()

        @Test("tiny and overlapping fragments sneak nothing past a rule", arguments: modes)
        func sneaking(mode: String) throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab, rules: Weir.chain(["tcp dport 22 drop"]), options: ["--fragments", mode])
            let wiretap = try Wiretap(lab)
            for (number, (name, parts)) in Self.sneaks.enumerated() {
                for kind in Fragmented.all.prefix(2) {
                    let frames = parts.map { kind.fragment($0.bytes, at: $0.offset, more: $0.more, identification: number, number: 6) }
                    let exchange = try wiretap.exchange(frames.map { OutgoingFrame(from: .near, frame: $0) }, quiet: .milliseconds(30))
                    // What is clean by itself may have gone on; the receiver must not have two bytes to choose from.
                    let came = Set(exchange.frames(at: .far))
                    let passed = zip(parts, frames).filter { came.contains($0.1) }.map(\.0)
                    func bytes(at place: Int) -> Set<UInt8> {
                        Set(passed.filter { ($0.offset..<$0.offset + $0.bytes.count).contains(place) }.map { $0.bytes[place - $0.offset] })
                    }
                    #expect(bytes(at: 3).isSubset(of: [80]), "\(kind), \(name)")
                    for place in 0..<48 { #expect(bytes(at: place).count <= 1, "\(kind), \(name): byte \(place)") }
                }
            }
            try weir.counters().expectToAddUp()
        }

        @Test("nmap and hping3 see a closed port closed, however they cut", arguments: modes)
        func scanners(mode: String) throws {
            let lab = try Lab()
            try lab.startWebServer(port: 80)
            try lab.startWebServer(port: 81)
            let weir = try Weir(in: lab, rules: Weir.chain(["tcp dport 80 drop"]), options: ["--fragments", mode])
            // Fragments of 8 bytes: what is judged by its first alone is too short then.
            let isJudgedWhole = mode == "reassemble"
            let scan = "nmap -n -Pn -sS --max-retries 2 --initial-rtt-timeout 500ms -p 80,81 10.77.0.2"
            let tiny = try lab.require(in: .near, "\(scan) -f")
            #expect(tiny.contains("80/tcp filtered") && tiny.contains("81/tcp \(isJudgedWhole ? "open" : "filtered")"), "\(tiny)")
            let small = try lab.require(in: .near, "\(scan) --mtu 24")
            #expect(small.contains("80/tcp filtered"), "\(small)")
            #expect(try weir.counters().frames(for: "fragment-header-chain") == 0 || !isJudgedWhole)
            for port in [80, 81] {
                // It waits for SIGALRM, which the threads of a test keep from themselves and from what they start.
                let command = "env --default-signal=ALRM hping3 -q -S -f -c 2 -i u50000 -p \(port) 10.77.0.2"
                let result = try lab.run(in: .near, command.split(separator: " ").map(String.init))
                let answered = result.error.contains(" 2 packets received")
                #expect(answered == (port == 81 && isJudgedWhole), "\(port): \(result.error)")
            }
        }

        @Test("all fragments of what is dropped are in the capture", arguments: modes)
        func captured(mode: String) throws {
            let lab = try Lab(bare: true)
            let file = lab.directory.appending(path: "drops.pcap")
            let weir = try Weir(
                in: lab, rules: Self.dropsPort9, options: ["--fragments", mode, "--fragment-timeout", "1", "--drops", file.path])
            let (v4, vlan) = (Fragmented.all[0], Fragmented.all[2])
            var dropped = v4.fragments(of: Fragmented.udp(to: 9, length: 300), every: 128, identification: 1)
            dropped += vlan.fragments(of: Fragmented.udp(to: 9, length: 300), every: 128, identification: 2).reversed()
            // Never whole, an overlap in front of the first, and one that dies alone.
            dropped.append(v4.fragment([UInt8](repeating: 1, count: 64), at: 64, more: true, identification: 3))
            dropped += [16, 24].map { v4.fragment([UInt8](repeating: 1, count: 64), at: $0, more: true, identification: 4) }
            dropped.append(v4.fragment([UInt8](repeating: 1, count: 63), at: 64, more: true, identification: 5))
            let passing = v4.fragments(of: Fragmented.udp(to: 10, length: 300), every: 128, identification: 6)
            let exchange = try Wiretap(lab).exchange((dropped + passing).map { OutgoingFrame(from: .near, frame: $0) }, awaiting: 3)
            #expect(exchange.frames(at: .far) == passing)
            #expect(try eventually(within: .seconds(15), every: .milliseconds(50)) { try weir.counters().held.frames == 0 })
            let (status, counters) = weir.stop()
            #expect(status == 0)
            let reasons = counters?.reasons.compactMapValues { $0.frames > 0 ? $0.frames : nil }
            #expect(
                reasons == [
                    "rule": 6, "accept-by-rule": 3, "fragment-timeout": 1, "fragment-overlap": 2, "fragment-bad-length": 1,
                ])
            #expect(try PcapReader(file).records.map(\.frame).sorted() == dropped.sorted())
        }

        /// Both ports' fragments die at once, with whichever port is served at that moment.
        @Test("the capture says by which port a fragment came that was never whole", arguments: modes)
        func portOfTheDead(mode: String) throws {
            let lab = try Lab(bare: true)
            let file = lab.directory.appending(path: "drops.pcapng")
            let weir = try Weir(in: lab, options: ["--fragments", mode, "--fragment-timeout", "1", "--drops", file.path])
            let sent = [Side.far, .near, .far].enumerated().map { number, side in
                let payload = [UInt8](repeating: 1, count: 64)
                return OutgoingFrame(
                    from: side, frame: Fragmented.all[0].fragment(payload, at: 64, more: true, identification: number + 1))
            }
            #expect(try Wiretap(lab).exchange(sent, awaiting: 0).errors.isEmpty)
            #expect(
                try eventually(within: .seconds(15), every: .milliseconds(50)) { try weir.counters().frames(for: "fragment-timeout") == 3 })
            #expect(weir.stop().status == 0)
            let fields = ["ip.id", "frame.interface_name"].flatMap { ["-e", $0] }
            let lines = try Command.require(["tshark", "-r", file.path, "-T", "fields", "-E", "separator=|"] + fields).lines
            #expect(lines.sorted() == ["0x0001|eth2", "0x0002|eth1", "0x0003|eth2"])
        }
    }
}
