import Foundation
import Testing

extension LabTests {
    /// `--fast-path`: the kernel carries what is already judged, and nothing else.
    @Suite("Fast path", .needsWeir)
    struct FastPathTests {
        private static let options = ["--fast-path", "require"]
        private static let stateful = Weir.chain(
            [
                "ct state established counter accept", "ct state invalid drop", "meta protocol arp accept", "ct state new counter accept",
                "ct state untracked accept", "ct state related accept",
            ],
            policy: "drop")

        /// Waits until as many frames were carried.
        private func carried(_ weir: Weir, atLeast count: UInt64 = 1) throws -> Counters.FastPath {
            var last = Counters.FastPath(flows: 0, carried: Tally(frames: 0, bytes: 0), keptBack: [:])
            _ = try eventually(within: .seconds(8), every: .milliseconds(100)) {
                last = try weir.counters().fastPath ?? last
                return last.carried.frames >= count
            }
            #expect(last.carried.frames >= count, "\(last)")
            return last
        }

        @Test(
            "TCP and UDP of real hosts are carried, and counted as if they weren't",
            arguments: [(1, GuardKind.tcx), (2, .tcx), (2, .programFilters)])
        func realHosts(workers: Int, kind: GuardKind) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.stateful, workers: workers, options: Self.options, guard: kind)
            #expect(weir.log.contains("the kernel carries flows that were judged"))
            let tcp = try lab.iperf("-i 0", to: "10.77.0.2", seconds: 2)
            #expect(tcp.megabits > Bench.standstill)
            _ = try lab.iperf("-i 0 -R -u -b 50M -l 1200", to: "fd77::2")
            _ = try carried(weir, atLeast: 1000)
            let counters = weir.stop().counters
            let last = try #require(counters)
            last.expectToAddUp()
            #expect(last.ports.map(\.received.frames).reduce(0, +) == last.ports.map(\.sent.frames).reduce(0, +), "\(last)")
            // Every packet of an established connection passes by the first rule, in the kernel too.
            #expect(last.rules.map(\.frames).reduce(0, +) - last.rules[1].frames == last.frames(for: "accept-by-rule"))
            #expect(try UInt64(lab.statistic("tx_packets", of: Lab.ports.far, in: .fw)) >= last.port(Lab.ports.far)?.sent.frames ?? .max)
        }

        @Test(
            "each flow's frames come out in order, none twice and none lost, while flows are handed over", arguments: Side.allCases, [1, 2])
        func order(from side: Side, workers: Int) throws {
            let lab = try Lab(bare: true)
            // The program runs once for each frame, whoever else has a packet socket there.
            if workers > 1 { try lab.start(in: .fw, ["tcpdump", "-n", "-i", side.port, "-w", "/dev/null"]) }
            let weir = try Weir(in: lab, rules: Self.stateful, workers: workers, options: Self.options)
            let flows = (1...8).map { "near/IP(src='10.77.1.\($0)', dst='10.77.0.2')/UDP(sport=4000, dport=9, chksum=0)/data(26)" }
            let result = try Wiretap(lab).sequence(of: flows, from: side, count: 3000)
            #expect(result.duplicates == 0 && result.reordered == 0 && result.returned == 0)
            let counters = try #require(weir.stop().counters)
            let lost = try #require(counters.port(side.port)).kernelDrops
            #expect(UInt64(result.received) == 8 * 3000 - lost)
            #expect(try #require(counters.fastPath).carried.frames > 1000)
            counters.expectToAddUp()
        }

        @Test("a tag stays, and flows of other tags are others")
        func tags() throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(
                in: lab, rules: Weir.chain(["vlan id 5 ct state new accept"], policy: "drop"), options: Self.options)
            let wiretap = try Wiretap(lab)
            let pair = "IP(src='10.77.0.1', dst='10.77.0.2')/UDP(sport=4000, dport=9, chksum=0)/data(26)"
            let frames = (0..<60).map { _ in OutgoingFrame(from: .near, frame: "near/Dot1Q(vlan=5)/\(pair)") }
            for _ in 0..<2 {
                let exchange = try wiretap.exchange(frames, awaiting: frames.count)
                #expect(exchange.frames(at: .far) == exchange.sent.compactMap { $0 })
            }
            _ = try carried(weir)
            #expect(try wiretap.exchange([OutgoingFrame(from: .near, frame: "near/Dot1Q(vlan=6)/\(pair)")]).far.isEmpty)
            #expect(try wiretap.exchange([OutgoingFrame(from: .near, frame: "near/\(pair)")]).far.isEmpty)
        }

        @Test("a flow whose packets the rules change is not carried, and each leaves changed")
        func changed() throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab, rules: Weir.chain(["ct state invalid drop", "vlan id 5 vlan id set 6"]), options: Self.options)
            let wiretap = try Wiretap(lab)
            let pair = "IP(src='10.77.0.1', dst='10.77.0.2')/UDP(sport=4000, dport=9, chksum=0)/data(26)"
            let frames = (0..<60).map { _ in OutgoingFrame(from: .near, frame: "near/Dot1Q(vlan=5)/\(pair)") }
            let expected = try wiretap.exchange([OutgoingFrame(from: .near, frame: "near/Dot1Q(vlan=6)/\(pair)")], awaiting: 1)
            for _ in 0..<3 {
                let exchange = try wiretap.exchange(frames, awaiting: frames.count)
                #expect(exchange.frames(at: .far) == Array(repeating: expected.frames(at: .far)[0], count: frames.count))
            }
            let counters = try weir.counters()
            #expect(counters.fastPath?.carried.frames == 0 && counters.fastPath?.keptBack["change"] ?? 0 > 0, "\(counters)")
        }

        @Test("what a rule looks at packet by packet stays with Weir, and the report says why")
        func keptBack() throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab, rules: Weir.chain(["ct state new ip ttl 1 drop"]), options: Self.options)
            let wiretap = try Wiretap(lab)
            let frames = (0..<80).map { _ in
                OutgoingFrame(from: .near, frame: "near/IP(src='10.77.0.1', dst='10.77.0.2', ttl=64)/UDP(sport=4000, dport=9)/data(26)")
            }
            #expect(try wiretap.exchange(frames, awaiting: frames.count).far.count == frames.count)
            let mortal = "near/IP(src='10.77.0.1', dst='10.77.0.2', ttl=1)/UDP(sport=4000, dport=9)/data(26)"
            #expect(try wiretap.send(mortal, from: .near).far.isEmpty)
            let report = try #require(try weir.counters().fastPath)
            #expect(report.carried.frames == 0 && report.keptBack["field"] == 1)
        }

        @Test("after a reload nothing passes by the rules before it")
        func reload() throws {
            let lab = try Lab()
            let file = try lab.write(Self.stateful, to: "rules.nft")
            let weir = try Weir(in: lab, rules: file, workers: 2, options: Self.options)
            let connection = try LongConnection(lab)
            #expect(connection.goesOn())
            _ = try carried(weir, atLeast: 20)
            try Weir.chain(["tcp dport 22 counter drop"]).write(to: file, atomically: true, encoding: .utf8)
            weir.signal(SIGHUP)
            #expect(eventually(within: .seconds(20)) { weir.log.contains("new rules are in force") })
            let before = try lab.statistic("rx_packets", of: Lab.interfaces.far, in: .far)
            #expect(connection.stands())
            #expect(try lab.statistic("rx_packets", of: Lab.interfaces.far, in: .far) - before < 20)
            // And back: the connection goes on, and is carried again.
            let carriedBefore = try carried(weir).carried.frames
            try Self.stateful.write(to: file, atomically: true, encoding: .utf8)
            weir.signal(SIGHUP)
            #expect(connection.goesOn())
            _ = try carried(weir, atLeast: carriedBefore + 20)
        }

        @Test("killed, nothing passes; the next start carries again")
        func killed() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.stateful, options: Self.options)
            let connection = try LongConnection(lab)
            #expect(connection.goesOn())
            _ = try carried(weir, atLeast: 20)
            weir.stop(SIGKILL)
            #expect(connection.stands())
            #expect(try lab.isDeaf("10.77.0.2"))
            let next = try Weir(in: lab, rules: Self.stateful, options: Self.options)
            #expect(connection.goesOn())
            _ = try carried(next, atLeast: 20)
            #expect(next.stop().status == 0)
            #expect(try lab.isWithoutGuard(Lab.ports.near) && lab.isWithoutGuard(Lab.ports.far))
        }

        @Test("a port that goes down, gets another MTU or is made again")
        func weather() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.stateful, options: Self.options)
            let connection = try LongConnection(lab)
            #expect(connection.goesOn())
            var count = try carried(weir, atLeast: 20).carried.frames
            try lab.require(in: .fw, "ip link set eth2 down")
            #expect(connection.stands())
            try lab.require(in: .fw, "ip link set eth2 up")
            #expect(connection.goesOn(within: .seconds(40)))
            count = try carried(weir, atLeast: count + 20).carried.frames
            // Larger packets than the port's new MTU are not carried past it.
            try lab.require(in: .fw, "ip link set eth2 mtu 1000")
            #expect(eventually(within: .seconds(5)) { weir.log.contains("eth2 has an MTU of 1000 now") })
            #expect(try lab.ping("10.77.0.2", count: 20, patience: 1, options: ["-s", "1200", "-M", "do"]) == 0)
            #expect(try lab.ping("10.77.0.2", count: 40, options: ["-s", "900", "-M", "do"]) == 40)
            #expect(connection.goesOn())
            _ = try carried(weir, atLeast: count + 20)
        }

        @Test("TCP that speaks out of turn is seen by the rules")
        func invalid() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.stateful, options: Self.options)
            let connection = try LongConnection(lab)
            #expect(connection.goesOn())
            _ = try carried(weir, atLeast: 20)
            let before = try weir.counters().rules[1].frames
            let port = try lab.require(in: .near, "ss -Htn dst 10.77.0.2:22").split(separator: " ").first { $0.hasPrefix("10.77.0.1:") }
            let number = try #require(port?.split(separator: ":").last)
            // A blind reset, and data far beyond any window.
            for flags in ["R", "A"] {
                _ = try Wiretap(lab).send(
                    "near/IP(src='10.77.0.1', dst='10.77.0.2')/TCP(sport=\(number), dport=22, flags='\(flags)', seq=1, ack=1)/data(10)",
                    from: .near)
            }
            #expect(connection.goesOn())
            #expect(try weir.counters().rules[1].frames > before)
        }
    }
}
