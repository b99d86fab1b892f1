import Foundation
import Testing

extension UntimedLabTests {
    /// Every file in rules/ does with real traffic what its head says.
    @Suite("Example rule files")
    struct RuleFilesTests {
        /// Their names, in order.
        static let files: [String] =
            ((try? FileManager.default.contentsOfDirectory(atPath: Lab.root.appending(path: "rules").path)) ?? [])
            .filter { $0.hasSuffix(".nft") }.sorted()

        /// Frames and whether they come out, for each file; from `near` unless they begin with `far`.
        static let expectations: [String: [(frame: String, passes: Bool)]] = [
            "pass-all.nft": [
                ("near/ARP(psrc='10.77.0.1', pdst='10.77.0.2', hwsrc=NEAR_MAC)", true),
                ("near/near4/TCP(dport=80)", true),
                ("near/Dot1Q(vlan=5)/near6/ICMPv6EchoRequest()", true),
                ("far/far4/UDP(dport=53)", true),
                ("Ether(src=NEAR_MAC, dst=FAR_MAC, type=0x88b5)/data(46)", true),
            ],
            "drop-arp.nft": [
                ("near/ARP(psrc='10.77.0.1', pdst='10.77.0.2', hwsrc=NEAR_MAC)", false),
                ("far/ARP(op=2, psrc='10.77.0.2', pdst='10.77.0.1', hwsrc=FAR_MAC)", false),
                ("near/Dot1Q(vlan=5)/ARP(psrc='10.77.0.1', pdst='10.77.0.2', hwsrc=NEAR_MAC)", false),
                ("near/Dot1AD(vlan=5)/ARP(psrc='10.77.0.1', pdst='10.77.0.2', hwsrc=NEAR_MAC)", false),
                ("near/near4/TCP(dport=80)", true),
                ("near/near6/ICMPv6ND_NS(tgt='fd77::2')", true),
            ],
            "drop-icmp-echo.nft": [
                ("near/near4/ICMP(type=8)", false),
                ("far/far4/ICMP(type=0)", false),
                ("near/Dot1Q(vlan=5)/near4/ICMP(type=8)", false),
                ("near/near6/ICMPv6EchoRequest()", false),
                ("far/far6/ICMPv6EchoReply()", false),
                ("near/Dot1Q(vlan=5)/near6/ICMPv6EchoRequest()", false),
                ("near/near4/ICMP(type=3, code=4)", true),
                ("near/near6/ICMPv6ND_NS(tgt='fd77::2')", true),
                ("near/near4/TCP(dport=80)", true),
            ],
            "drop-http-keep-8080.nft": [
                ("near/near4/TCP(dport=80)", false),
                ("near/near6/TCP(dport=80)", false),
                ("near/Dot1Q(vlan=5)/near4/TCP(dport=80)", false),
                ("near/near4/TCP(dport=8080)", true),
                ("near/near6/TCP(dport=8080)", true),
                ("near/Dot1Q(vlan=5)/near6/TCP(dport=8080)", true),
                ("near/near4/UDP(dport=80)", true),
            ],
            "subnet-web-dns.nft": [
                ("near/near4/TCP(sport=40000, dport=80)", true),
                ("near/near4/TCP(sport=40000, dport=443)", true),
                ("near/near4/UDP(sport=40000, dport=53)", true),
                ("near/near6/TCP(sport=40000, dport=443)", true),
                ("near/near6/UDP(sport=40000, dport=53)", true),
                ("near/ARP(psrc='10.77.0.1', pdst='10.77.0.2', hwsrc=NEAR_MAC)", true),
                ("near/near6/ICMPv6ND_NS(tgt='fd77::2')", true),
                ("near/near4/TCP(sport=40000, dport=22)", false),
                ("near/near4/UDP(sport=40000, dport=123)", false),
                ("near/near6/TCP(sport=40000, dport=22)", false),
                ("near/IP(src='192.168.1.1', dst='192.168.2.1')/TCP(sport=40000, dport=80)", false),
            ],
            "stateful-edge.nft": [
                ("near/ARP(psrc='10.77.0.1', pdst='10.77.0.2', hwsrc=NEAR_MAC)", true),
                ("near/near6/ICMPv6ND_NS(tgt='fd77::2')", true),
                ("far/far4/TCP(sport=22, dport=40000, flags='SA')", false),
                ("near/near4/TCP(sport=40000, dport=22)", true),
                ("far/far4/TCP(sport=22, dport=40000, flags='SA', seq=5, ack=1)", true),
                ("near/near6/TCP(sport=40000, dport=443)", true),
                ("near/Dot1Q(vlan=5)/near4/UDP(sport=40000, dport=53)", true),
                ("far/far4/UDP(sport=53, dport=40000)", true),
                ("near/near4/UDP(sport=53, dport=40001)", false),
                ("near/near4/TCP(sport=40000, dport=23)", false),
                ("near/near4/ICMP(type=8, id=7)", true),
                ("far/far4/ICMP(type=0, id=7)", true),
                ("far/far4/ICMP(type=0, id=8)", false),
                ("far/IP(src='10.77.0.9', dst='10.77.0.1')/ICMP(type=11)/near4/TCP(sport=40000, dport=22)", true),
                ("far/IP(src='10.77.0.9', dst='10.77.0.1')/ICMP(type=11)/near4/TCP(sport=40009, dport=22)", false),
            ],
            "refuse-and-clamp.nft": [
                ("near/ARP(psrc='10.77.0.1', pdst='10.77.0.2', hwsrc=NEAR_MAC)", true),
                ("near/near6/ICMPv6ND_NS(tgt='fd77::2')", true),
                ("near/near4/TCP(sport=40000, dport=80)", true),
                ("near/near4/TCP(sport=40000, dport=22)", false),
                ("near/near6/TCP(sport=40000, dport=22)", false),
                ("near/Dot1Q(vlan=5)/near4/TCP(sport=40000, dport=22)", false),
                ("near/near4/UDP(sport=40000, dport=5000)", false),
                ("near/near6/UDP(sport=40000, dport=5000)", false),
                ("far/far4/TCP(sport=40000, dport=22)", true),
            ],
            "services-by-prefix.nft": [
                ("near/IP(src='10.77.0.1', dst='10.77.1.9')/UDP(sport=40000, dport=53)", true),
                ("near/IP(src='10.77.0.1', dst='10.77.1.9')/TCP(sport=40000, dport=80)", false),
                ("near/IP(src='10.77.0.1', dst='10.77.2.9')/TCP(sport=40000, dport=80)", true),
                ("near/IP(src='10.77.0.1', dst='10.77.2.9')/UDP(sport=40000, dport=53)", false),
                ("near/IP(src='10.77.0.1', dst='10.77.3.9')/UDP(sport=40000, dport=5000)", true),
                ("near/Dot1Q(vlan=5)/IP(src='10.77.0.1', dst='10.77.3.9')/TCP(sport=40000, dport=5100)", true),
                ("near/Dot1Q(vlan=5)/IP(src='10.77.0.1', dst='10.77.3.9')/TCP(sport=40000, dport=5101)", false),
                ("near/IPv6(src='fd77::1', dst='fd77:0:0:1::9')/UDP(sport=40000, dport=53)", true),
                ("near/IPv6(src='fd77::1', dst='fd77:0:0:2::9')/TCP(sport=40000, dport=80)", true),
                ("near/IPv6(src='fd77::1', dst='fd77:0:0:2::9')/TCP(sport=40000, dport=81)", false),
                ("near/IPv6(src='fd77::1', dst='fd77:0:0:2::9')/ICMPv6ND_NS(tgt='fd77:0:0:2::9')", true),
                ("near/near4/TCP(sport=40000, dport=22)", true),
            ],
        ]

        @Test("each file lets through what it should", arguments: files)
        func frames(name: String) throws {
            let expectations = try #require(Self.expectations[name], "a new example file needs its lines here")
            let lab = try Lab(bare: true)
            let weir = try lab.startMiddle(rules: Lab.root.appending(path: "rules/\(name)"), workers: 2)
            let wiretap = try Wiretap(lab)
            for (frame, passes) in expectations {
                let side: Side = frame.hasPrefix("far/") ? .far : .near
                let exchange = try wiretap.send(frame, from: side, quiet: .milliseconds(40), awaiting: passes ? 1 : 0)
                #expect(exchange.frames(at: side.other).count == (passes ? 1 : 0), "\(frame)")
                let isAnswered = !passes && name == "refuse-and-clamp.nft"
                #expect(exchange.frames(at: side).count == (isAnswered ? 1 : 0), "\(frame)")
            }
            let dropped = UInt64(expectations.count { !$0.passes })
            if let weir {
                let counters = try weir.counters()
                #expect(counters.frames(for: "rule") + counters.frames(for: "policy") + counters.frames(for: "reject") == dropped)
                #expect(counters.ports.reduce(0) { $0 + $1.sent.frames } == UInt64(expectations.count) - dropped)
            }
        }

        @Test("web pages on 80 are cut off and those on 8080 are not")
        func pages() throws {
            let lab = try Lab()
            let weir = try lab.startMiddle(rules: Lab.root.appending(path: "rules/drop-http-keep-8080.nft"))
            for port in [80, 8080] { try lab.startWebServer(port: port) }
            for address in ["10.77.0.2", "[fd77::2]"] {
                #expect(try lab.fetch(from: address, port: 8080) == 300_000)
                #expect(try lab.fetch(from: address, port: 80, limit: 1) == 0)
            }
            #expect(try lab.ping("10.77.0.2") == 3)
            if let weir { #expect(try weir.counters().frames(for: "rule") >= 2) }
        }

        @Test("without ARP no address is found")
        func addresses() throws {
            let lab = try Lab()
            let weir = try lab.startMiddle(rules: Lab.root.appending(path: "rules/drop-arp.nft"))
            #expect(try lab.run(in: .near, ["arping", "-c", "1", "-w", "1", "-I", "near0", "10.77.0.2"]).isSuccess == false)
            #expect(try lab.isDeaf("10.77.0.2"))
            #expect(try lab.ping("fd77::2") == 3, "IPv6 finds its neighbours without ARP")
            withExtendedLifetime(weir) {}
        }

        @Test("echo requests are not answered, pages are served")
        func echo() throws {
            let lab = try Lab()
            let weir = try lab.startMiddle(rules: Lab.root.appending(path: "rules/drop-icmp-echo.nft"))
            #expect(try lab.ping("10.77.0.2", count: 2, patience: 1) == 0)
            #expect(try lab.ping("fd77::2", count: 2, patience: 1) == 0)
            try lab.startWebServer(port: 80)
            #expect(try lab.fetch(from: "10.77.0.2", port: 80) == 300_000)
            #expect(try lab.fetch(from: "[fd77::2]", port: 80) == 300_000)
            withExtendedLifetime(weir) {}
        }
    }
}
