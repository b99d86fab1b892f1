import Foundation
import FragmentCases
import FrameBuilder
import Testing

extension UntimedLabTests {
    /// Ways past the rules that frames might take.
    @Suite("Ways past the rules", .needsWeir)
    struct WayPastTests {
        private static let dropsWeb = Weir.chain(["tcp dport 80 counter drop"])

        @Test("tags don't hide a packet from the rules and show it to the host", arguments: [1, 2])
        func tags(workers: Int) throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab, rules: Self.dropsWeb, workers: workers, options: ["--max-tags", "1"])
            let wiretap = try Wiretap(lab)
            let cases: [(tags: String, reason: String)] = [
                ("", "rule"), ("Dot1Q(vlan=5)/", "rule"), ("Dot1Q(vlan=0, prio=3)/", "rule"), ("Dot1Q(vlan=0)/Dot1Q(vlan=0)/", "rule"),
                ("Dot1Q(vlan=0)/Dot1Q(vlan=0)/Dot1Q(vlan=0)/", "rule"), ("Dot1Q(vlan=0)/Dot1Q(vlan=5)/Dot1Q(vlan=0)/", "rule"),
                ("Dot1Q(vlan=5)/Dot1Q(vlan=6)/", "vlan-depth"), ("Dot1AD(vlan=5)/Dot1Q(vlan=6)/Dot1Q(vlan=7)/", "vlan-depth"),
            ]
            for (tags, reason) in cases {
                let before = try weir.counters().frames(for: reason)
                #expect(try wiretap.send("near/\(tags)near4/TCP(dport=80)", from: .near, quiet: .milliseconds(40)).far.isEmpty, "\(tags)")
                #expect(try weir.counters().frames(for: reason) == before + 1, "\(tags)")
                guard reason == "rule" else { continue }
                #expect(try wiretap.send("near/\(tags)near4/TCP(dport=81)", from: .near, awaiting: 1).far.count == 1, "\(tags)")
            }
        }

        @Test("what one Weir lets pass, another on the same machine judges by its own rules", arguments: GuardKind.allCases)
        func twoRuns(kind: GuardKind) throws {
            let lab = try Lab(bare: true)
            // eth1 - first Weir - vA = wA - bridge - wB = vB - second Weir - eth2, with eth1 and eth2 forgotten in the bridge.
            try lab.require(in: .fw, "ip link add br0 type bridge")
            for name in ["A", "B"] {
                try lab.require(in: .fw, "ip link add v\(name) type veth peer name w\(name)")
                for port in ["v\(name)", "w\(name)"] {
                    try lab.require(in: .fw, "sysctl -qw net.ipv6.conf.\(port).disable_ipv6=1")
                    try lab.require(in: .fw, "ip link set \(port) up")
                }
                try lab.require(in: .fw, "ip link set w\(name) master br0")
            }
            for port in ["eth1", "eth2"] { try lab.require(in: .fw, "ip link set \(port) master br0") }
            try lab.require(in: .fw, "sysctl -qw net.ipv6.conf.br0.disable_ipv6=1")
            try lab.require(in: .fw, "ip link set br0 up")
            let wiretap = try Wiretap(lab)
            let marker = "70617373696e67"
            let frame = "near/near4/UDP(sport=9, dport=9)/Raw(bytes.fromhex('\(marker)'))"
            func arrived(_ quiet: Duration, awaiting count: Int) throws -> Int {
                try wiretap.send(frame, from: .near, quiet: quiet, awaiting: count).frames(at: .far).count { $0.contains(marker) }
            }
            #expect(try arrived(.milliseconds(200), awaiting: 1) == 1, "the test bed: the bridge does forward")
            let first = try Weir(in: lab, options: ["--ports", "eth1,vA"], guard: kind)
            let second = try Weir(in: lab, rules: Weir.chain([], policy: "drop"), options: ["--ports", "eth2,vB"], guard: kind)
            #expect(try arrived(.milliseconds(300), awaiting: 0) == 0)
            #expect(try second.counters().frames(for: "policy") > 0, "the test bed: it came to the second Weir")
            withExtendedLifetime(first) {}
        }

        @Test("a mirrored frame leaves by no other port", arguments: GuardKind.allCases)
        func mirrored(kind: GuardKind) throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab, guard: kind)
            if kind == .tcx { try lab.require(in: .fw, "tc qdisc add dev eth2 clsact") }
            try lab.require(
                in: .fw, "tc filter add dev eth2 egress pref 5 protocol ip u32 match u32 0 0 action mirred egress mirror dev eth1")
            let wiretap = try Wiretap(lab)
            let heard = try wiretap.send("near/near4/UDP(sport=9, dport=9)", from: .near, quiet: .milliseconds(300), awaiting: 1)
            #expect(heard.far.count == 1)
            #expect(heard.near.isEmpty, "\(heard.near)")
            withExtendedLifetime(weir) {}
        }

        @Test("a host that sets the mark of an earlier version is kept in", arguments: GuardKind.allCases)
        func marked(kind: GuardKind) throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip address add 10.77.0.254/24 dev eth1")
            try lab.require(in: .fw, "ip neighbour replace 10.77.0.1 lladdr 02:77:00:00:00:01 dev eth1")
            #expect(try lab.run(in: .fw, ["ping", "-c", "1", "-W", "1", "10.77.0.1"]).isSuccess, "the test bed: the host is heard")
            let weir = try Weir(in: lab, guard: kind)
            for mark in [0x5765_6972, 0x5731_0014, 1] {
                #expect(!(try lab.run(in: .fw, ["ping", "-m", "\(mark)", "-c", "1", "-W", "0.3", "10.77.0.1"]).isSuccess), "\(mark)")
            }
            withExtendedLifetime(weir) {}
        }

        @Test("a host that sends priority tags and gets answers without is in one connection", arguments: [1, 2])
        func priority(workers: Int) throws {
            let lab = try Lab(bare: true)
            let rules = Weir.chain(["ct state established accept", "ct state new iifname eth1 accept"], policy: "drop")
            let weir = try Weir(in: lab, rules: rules, workers: workers)
            let wiretap = try Wiretap(lab)
            for (number, tags) in ["", "Dot1Q(vlan=0, prio=5)/", "Dot1Q(vlan=0)/Dot1Q(vlan=0)/"].enumerated() {
                let port = 4000 + number
                #expect(try wiretap.send("near/\(tags)near4/UDP(sport=\(port), dport=9)", from: .near, awaiting: 1).far.count == 1)
                #expect(try wiretap.send("far/far4/UDP(sport=9, dport=\(port))", from: .far, awaiting: 1).near.count == 1, "\(tags)")
            }
            withExtendedLifetime(weir) {}
        }

        @Test("a fragment header is seen wherever it stands, and none inside of a datagram", arguments: ["reassemble", "track"])
        func fragments(mode: String) throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab, rules: Weir.chain(["counter"]), options: ["--fragments", mode, "--fragment-timeout-ipv6", "1"])
            let wiretap = try Wiretap(lab)
            let hosts = Lab.hosts(1)
            func packet() -> Frame { Frame.ethernet(to: hosts.destinationMAC, from: hosts.sourceMAC).ipv6(hosts.address(6), "fd77::2") }
            func send(_ frames: [Frame], awaiting: Int = 0) throws -> Int {
                try wiretap.exchange(frames.map { OutgoingFrame(from: .near, frame: $0.bytes.hexadecimal) }, awaiting: awaiting).far.count
            }
            let half = [UInt8](repeating: 7, count: 16)
            for (number, chain) in [packet(), packet().authenticationHeader(), packet().extensionHeader(60).authenticationHeader()]
                .enumerated()
            {
                let parts = [true, false].map { more in
                    chain.fragmentHeader(offset: more ? 0 : 16, more: more, identification: UInt32(100 + number)).ipPayload(17, half)
                }
                // The last by itself is never let through.
                #expect(try send([parts[1]]) == 0)
                #expect(try send([parts[0]], awaiting: 2) == 2)
            }
            // A first fragment of another datagram inside of the datagram.
            let inner: [UInt8] = [17, 0, 0, 1, 0, 0, 0, 9] + half
            let outer = [true, false].map { more in
                packet().fragmentHeader(offset: more ? 0 : 24, more: more, identification: 200, nextHeader: 44).payload(more ? inner : half)
            }
            #expect(try send(outer.reversed()) == 0)
            #expect(try weir.counters().frames(for: "fragment-nested") == 2)
        }

        @Test(
            "what a bridge drops before any rule goes to the rules, and with --sanity strict it does not", arguments: ["basic", "strict"])
        func sanity(_ sanity: String) throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab, rules: Weir.chain(["counter"]), options: ["--sanity", sanity])
            let wiretap = try Wiretap(lab)
            let cases: [(frame: String, reason: String?)] = [
                ("near/near4/UDP(sport=1, dport=2)", nil),
                ("near/IP(src='0.0.0.0', dst='255.255.255.255')/UDP(sport=68, dport=67)", nil),
                ("Ether(src='03:00:00:00:00:01', dst=FAR_MAC)/near4/UDP(sport=1, dport=2)", "source-mac"),
                ("Ether(src='00:00:00:00:00:00', dst=FAR_MAC)/near4/UDP(sport=1, dport=2)", "source-mac"),
                ("near/IP(src='224.0.0.5', dst='10.77.0.2')/UDP(sport=1, dport=2)", "source-address"),
                ("near/IP(src='0.0.0.0', dst='10.77.0.2')/UDP(sport=1, dport=2)", "source-address"),
                ("near/IPv6(src='ff02::1', dst='fd77::2')/UDP(sport=1, dport=2)", "source-address"),
                ("near/IPv6(src='fd77::1', dst='fd77::2', nh=0)/Raw(bytes.fromhex('3b00010500000000'))", "hop-by-hop-options"),
            ]
            for (frame, reason) in cases {
                let passes = sanity == "basic" || reason == nil
                let exchange = try wiretap.send(frame, from: .near, quiet: .milliseconds(40), awaiting: passes ? 1 : 0)
                #expect(exchange.far.count == (passes ? 1 : 0), "\(frame)")
            }
            let counters = try weir.counters()
            #expect(counters.frames(for: "source-mac") == (sanity == "strict" ? 2 : 0))
            #expect(counters.frames(for: "source-address") == (sanity == "strict" ? 3 : 0))
        }

        /// Opens so many connections from an address at once, keeps them, and prints how many there are after two seconds.
        private static let connect = """
            import selectors, socket, sys, time
            address, count, hold = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
            sockets = []
            for _ in range(count):
                s = socket.socket(); s.setblocking(False); s.bind((address, 0)); s.connect_ex(("10.77.0.2", 7)); sockets.append(s)
            time.sleep(2)
            def is_open(s):
                try: s.getpeername(); return True
                except OSError: return False
            print(sum(is_open(s) for s in sockets), flush=True)
            time.sleep(hold)
            """

        private static let accept = """
            import socket
            s = socket.create_server(("10.77.0.2", 7), backlog=512); kept = []
            while True: kept.append(s.accept())
            """

        @Test("one source fills its share of the connection table, and another host gets ten of ten")
        func share() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: ConnectionTests.rules("7"), options: ["--flows", "128"])
            let server = try lab.start(in: .far, ["/usr/bin/python3", "-c", Self.accept])
            _ = try lab.require(in: .near, "ip address add 10.77.0.9/24 dev near0")
            let hog = try lab.start(in: .near, ["/usr/bin/python3", "-c", Self.connect, "10.77.0.1", "200", "60"])
            let isFull = try eventually(within: .seconds(20), every: .milliseconds(100)) {
                try weir.counters().frames(for: "flow-share") > 100
            }
            #expect(isFull)
            let other = try lab.run(in: .near, ["/usr/bin/python3", "-c", Self.connect, "10.77.0.9", "10", "0"])
            #expect(other.output.trimmingCharacters(in: .whitespacesAndNewlines) == "10")
            let counters = try weir.counters()
            #expect(counters.frames(for: "flow-limit") == 0)
            #expect(counters.flows?.followed ?? 0 <= 16 + 10 + 8)
            hog.end()
            server.end()
        }
    }
}
