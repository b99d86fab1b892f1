import Foundation
import Testing

extension UntimedLabTests {
    /// Many connections, floods, and what stands behind a connection's key.
    @Suite("Connection table", .needsWeir)
    struct ConnectionLimitTests {
        private func flood(_ lab: Lab, _ kind: String, _ count: Int, times: Int = 1) throws {
            _ = try lab.run(
                in: .near, ["/usr/bin/python3", try Lab.script("flood"), "near0", kind, "\(count)", "\(times)"], limit: 120)
        }

        @Test("100,000 connections at a time are followed, in memory that was there from the start")
        func many() throws {
            let lab = try Lab(bare: true)
            let rules = Weir.chain(["ct state established accept", "ct state new udp dport 9 accept"], policy: "drop")
            let weir = try Weir(
                in: lab, rules: rules, options: ["--flow-timeout", "udp_timeout=600", "--flows", "131072", "--flow-share", "100"])
            // What a busy machine loses comes with the next time.
            try flood(lab, "udp", 100_000, times: 3)
            #expect(try eventually(within: .seconds(10), every: .milliseconds(50)) { try weir.counters().flows?.followed == 100_000 })
            let counters = try weir.counters()
            #expect(counters.flows?.events["confirmed"] == 100_000 && counters.flows?.events["evicted"] ?? 0 == 0)
            // One of each kind comes back, and one does not.
            let exchange = try Wiretap(lab).exchange(
                ["198.18.0.0", "198.18.0.1"].flatMap { address in
                    [10_000, 59_999].map { port in
                        OutgoingFrame(from: .far, frame: "far/IP(src='10.77.0.2', dst='\(address)')/UDP(sport=9, dport=\(port))")
                    }
                } + [OutgoingFrame(from: .far, frame: "far/IP(src='10.77.0.2', dst='198.18.0.2')/UDP(sport=9, dport=10000)")],
                awaiting: 4)
            #expect(exchange.near.count == 4)
            let before = try weir.residentMemory()
            try flood(lab, "udp", 131_000)
            #expect(try weir.residentMemory() - before < 8_000, "KiB")
        }

        @Test("a flood of SYNs leaves established connections alone, and others still begin")
        func synFlood() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: ConnectionTests.rules("22"), options: ["--flows", "1000"])
            let connection = try LongConnection(lab)
            #expect(connection.goesOn())
            let flood = try lab.start(
                in: .near, ["/usr/bin/python3", try Lab.script("flood"), "near0", "tcp", "50000", "1000"])
            let isFull = try eventually(within: .seconds(20), every: .milliseconds(100)) {
                try weir.counters().flows?.events["evicted"] ?? 0 > 1000
            }
            #expect(isFull)
            #expect(connection.goesOn())
            #expect(try LongConnection(lab).goesOn(), "a new one")
            #expect(connection.goesOn())
            #expect(flood.process.isRunning, "all of it during the flood")
            flood.end()
            let counters = try weir.counters()
            #expect(counters.flows?.followed ?? 0 <= 1000)
        }

        @Test("the same addresses in two VLANs are two connections")
        func vlans() throws {
            let lab = try Lab(bare: true)
            let rules = Weir.chain(["ct state established accept", "ct state new iifname eth1 accept"], policy: "drop")
            let weir = try Weir(in: lab, rules: rules, workers: 2)
            let wiretap = try Wiretap(lab)
            func back(_ tag: String, awaiting: Int = 0) throws -> Int {
                try wiretap.send("far/\(tag)far4/UDP(sport=9, dport=4000)", from: .far, awaiting: awaiting).near.count
            }
            #expect(try wiretap.send("near/Dot1Q(vlan=5)/near4/UDP(sport=4000, dport=9)", from: .near, awaiting: 1).far.count == 1)
            #expect(try back("Dot1Q(vlan=6)/") == 0)
            #expect(try back("") == 0)
            #expect(try back("Dot1Q(vlan=5)/", awaiting: 1) == 1)
            withExtendedLifetime(weir) {}
        }

        @Test("an error about a connection passes, whoever sends it, and one about none doesn't", arguments: [1, 2])
        func errors(workers: Int) throws {
            let lab = try Lab(bare: true)
            let rules = Weir.chain(["ct state established,related accept", "ct state new iifname eth1 accept"], policy: "drop")
            let weir = try Weir(in: lab, rules: rules, workers: workers)
            let wiretap = try Wiretap(lab)
            // Pairs of hosts enough for both workers; the routers' addresses would lead the errors to either.
            for host in 1...6 {
                let begun = "IP(src='10.77.0.\(host)', dst='192.0.2.\(host)')/UDP(sport=40000, dport=33434)"
                let other = "IP(src='10.77.0.\(host)', dst='192.0.2.\(host)')/UDP(sport=40000, dport=33435)"
                let router = "IP(src='198.51.100.\(host)', dst='10.77.0.\(host)')"
                #expect(try wiretap.send("near/\(begun)", from: .near, awaiting: 1).far.count == 1)
                let passing = ["far/\(router)/ICMP(type=11)/\(begun)", "far/\(router)/ICMP(type=3, code=4)/\(begun)"]
                let exchange = try wiretap.exchange(
                    (passing + ["far/\(router)/ICMP(type=11)/\(other)"]).map { OutgoingFrame(from: .far, frame: $0) },
                    quiet: .milliseconds(60), awaiting: 2)
                #expect(exchange.frames(at: .near) == exchange.sent.prefix(2).compactMap { $0 }, "host \(host)")
            }
            withExtendedLifetime(weir) {}
        }

        @Test("a datagram in fragments is one packet of its connection", arguments: ["reassemble", "track"])
        func fragments(mode: String) throws {
            let lab = try Lab(bare: true)
            let rules = Weir.chain(["ct state established accept", "ct state new iifname eth1 udp dport 9 accept"], policy: "drop")
            let weir = try Weir(in: lab, rules: rules, options: ["--fragments", mode])
            let wiretap = try Wiretap(lab)
            let parts = [
                "IP(src='10.77.0.1', dst='10.77.0.2', id=7, flags='MF')/UDP(sport=4000, dport=9, len=1008, chksum=0)/data(504)",
                "IP(src='10.77.0.1', dst='10.77.0.2', id=7, frag=64, proto=17)/data(496)",
            ]
            let there = try wiretap.exchange(parts.map { OutgoingFrame(from: .near, frame: "near/\($0)") }, awaiting: 2)
            #expect(there.far.count == 2)
            #expect(try wiretap.send("far/far4/UDP(sport=9, dport=4000)", from: .far, awaiting: 1).near.count == 1)
            #expect(try weir.counters().flows?.followed == 1)
        }

        @Test("connections are listed, for people and for machines", arguments: [false, true])
        func listing(json: Bool) throws {
            let lab = try Lab(bare: true)
            let rules = try lab.write(Weir.chain(["ct state established accept", "ct state new accept"], policy: "drop"), to: "rules.nft")
            let weir = try lab.start(
                in: .fw,
                [
                    Weir.binary, "run", "--ports", "\(Lab.ports.near),\(Lab.ports.far)", "--rules", rules.path, "--workers", "2",
                    "--state-directory", lab.directory.appending(path: "state").path, "--list-flows",
                ] + (json ? ["--json"] : []))
            try #require(eventually(within: .seconds(30)) { weir.errorText.contains("forwarding between") }, "\(weir.errorText)")
            let wiretap = try Wiretap(lab)
            _ = try wiretap.send("near/near4/UDP(sport=4000, dport=9, chksum=0)/data(2)", from: .near, awaiting: 1)
            _ = try wiretap.send("near/near6/TCP(sport=4000, dport=80, flags='S')", from: .near, awaiting: 1)
            _ = try wiretap.send("far/far6/TCP(sport=80, dport=4000, flags='SA', ack=1)", from: .far, awaiting: 1)
            weir.signal(SIGUSR1)
            func lines() -> [String] { weir.outputText.completeLines.filter { $0.contains("4000") } }
            #expect(eventually(within: .seconds(15)) { lines().count == 2 }, "\(weir.outputText)")
            let udp = try #require(lines().first { $0.contains("10.77.0.1") })
            let tcp = try #require(lines().first { $0.contains("fd77::1") })
            guard json else {
                #expect(udp.hasPrefix("udp      17 ") && udp.contains("src=10.77.0.1 dst=10.77.0.2 sport=4000 dport=9 packets=1 bytes=30"))
                #expect(udp.contains("[UNREPLIED]") && !udp.contains("[ASSURED]"))
                #expect(tcp.hasPrefix("tcp      6 "))
                #expect(tcp.contains("SYN_RECV src=fd77::1 dst=fd77::2 sport=4000 dport=80 packets=1 bytes=60"))
                #expect(!tcp.contains("[UNREPLIED]"))
                return
            }
            struct Line: Decodable {
                struct Flow: Decodable {
                    struct Direction: Decodable, Equatable { let source: String, source_port: Int, packets: Int, bytes: Int }
                    let `protocol`: Int, state: String?, original: Direction, reply: Direction, seen_reply: Bool, assured: Bool
                }
                let flow: Flow
            }
            let flow = try JSONDecoder().decode(Line.self, from: Data(tcp.utf8)).flow
            #expect(flow.protocol == 6 && flow.state == "SYN_RECV" && flow.seen_reply && !flow.assured)
            #expect(flow.original == .init(source: "fd77::1", source_port: 4000, packets: 1, bytes: 60))
            #expect(flow.reply == .init(source: "fd77::2", source_port: 80, packets: 1, bytes: 60))
            #expect(try JSONDecoder().decode(Line.self, from: Data(udp.utf8)).flow.state == nil)
        }
    }
}
