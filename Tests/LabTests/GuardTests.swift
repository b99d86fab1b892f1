import Foundation
import Testing

extension Lab {
    /// What a run may change of a port and has to put back: MTU, IPv6, offloads, qdiscs, filters, static addresses.
    func state(of port: String) throws -> String {
        try [
            require(in: .fw, "cat /sys/class/net/\(port)/mtu"),
            sysctl("net.ipv6.conf.\(port).disable_ipv6", in: .fw),
            require(in: .fw, "ethtool -k \(port)"),
            // noqueue stands there whether or not somebody asked for it.
            require(in: .fw, "tc qdisc show dev \(port)"),
            require(in: .fw, "tc filter show dev \(port) ingress"),
            require(in: .fw, "tc filter show dev \(port) egress"),
            tcx("list \(port) ingress"),
            tcx("list \(port) egress"),
            require(in: .fw, "ip -o address show dev \(port) scope global"),
            require(in: .fw, "ip -6 route show dev \(port)"),
        ].joined(separator: "\n")
    }

    func isOn(_ offload: String, port: String) throws -> Bool {
        try require(in: .fw, "ethtool -k \(port)").contains("\(offload): on")
    }

    /// A counter of the firewall's own stack, by its name in /proc/net/snmp.
    func hostCounter(_ group: String, _ name: String) throws -> Int {
        let lines = try require(in: .fw, "cat /proc/net/snmp").lines.filter { $0.hasPrefix("\(group): ") }.map { $0.split(separator: " ") }
        guard lines.count == 2, let column = lines[0].firstIndex(of: Substring(name)), let value = Int(lines[1][column]) else {
            throw CommandFailure(description: "no \(group) \(name) in /proc/net/snmp")
        }
        return value
    }

    /// Whether an echo request to an address is answered.
    func answers(_ address: String, from place: Place = .near) throws -> Bool { try ping(address, count: 1, from: place) == 1 }

    /// Whether one is not answered within a second.
    func isDeaf(_ address: String, from place: Place = .near) throws -> Bool { try ping(address, count: 1, from: place, patience: 1) == 0 }
}

extension UntimedLabTests {
    /// The host is not on the wire: it neither hears nor says anything on the two ports.
    @Suite("Guard", .needsWeir)
    struct GuardTests {
        private static let marker = "7765697277656972"
        private static let ports = [Lab.ports.near, Lab.ports.far]

        /// Fact 1: the tap comes before tc ingress, so a rule that drops everything there leaves the socket its copy.
        @Test("an ingress drop rule leaves the socket's copy and ends the kernel's own", arguments: GuardKind.allCases)
        func hostDoesNotAnswer(kind: GuardKind) throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip address add 10.77.0.254/24 dev eth1")
            #expect(try lab.answers("10.77.0.254"), "the test bed: without Weir the host does answer")
            let weir = try Weir(in: lab, guard: kind)
            // What the egress rule would keep in must not have been heard in the first place.
            let heard = try lab.hostCounter("Icmp", "InEchos")
            #expect(heard > 0, "the test bed: the counter counts")
            #expect(try lab.isDeaf("10.77.0.254"))
            #expect(try lab.hostCounter("Icmp", "InEchos") == heard)
            #expect(try lab.run(in: .near, ["arping", "-c", "1", "-w", "1", "-I", "near0", "10.77.0.254"]).isSuccess == false)
            #expect(try lab.answers("10.77.0.2"), "the socket has its copy")
            #expect(weir.stop().status == 0)
            #expect(try lab.answers("10.77.0.254"), "after the run the host answers again")
        }

        /// Fact 5: what a bypass can be made of. Redirected at tc ingress, frames cross without Weir and without the host.
        @Test("redirected at tc ingress, the two ports are a wire in the kernel")
        func wireInTheKernel() throws {
            let lab = try Lab()
            #expect(try lab.isDeaf("10.77.0.2"), "the test bed: nothing passes by itself")
            for (port, other) in [("eth1", "eth2"), ("eth2", "eth1")] {
                try lab.require(in: .fw, "tc qdisc add dev \(port) clsact")
                try lab.require(
                    in: .fw,
                    "tc filter add dev \(port) ingress protocol all u32 match u32 0 0 action mirred egress redirect dev \(other)")
            }
            // The echo request before left a neighbour entry that has failed, and is tried again after a second.
            #expect(try eventually(within: .seconds(15)) { try !lab.isDeaf("10.77.0.2") })
            #expect(try lab.iperf("-i 0", to: "10.77.0.2").megabits > Bench.standstill)
        }

        @Test("the host routes no second copy of what is forwarded", arguments: GuardKind.allCases)
        func hostDoesNotRoute(kind: GuardKind) throws {
            let lab = try Lab(bare: true)
            for command in [
                "ip address add 10.77.0.254/24 dev eth1", "ip address add 10.88.0.254/24 dev eth2",
                "ip neighbour add 10.88.0.2 lladdr 02:77:00:00:00:02 dev eth2", "sysctl -qw net.ipv4.ip_forward=1",
            ] { try lab.require(in: .fw, command) }
            let frame = """
                Ether(src=NEAR_MAC, dst='\(try lab.address(of: "eth1"))')/IP(src='10.77.0.1', dst='10.88.0.2')/UDP(dport=9)\
                /Raw(bytes.fromhex('\(Self.marker)'))
                """
            let wiretap = try Wiretap(lab)
            let routed = try wiretap.send(frame, from: .near, quiet: .milliseconds(200), awaiting: 1)
            #expect(routed.frames(at: .far).filter { $0.contains(Self.marker) }.count == 1, "the test bed: the host does route")
            let weir = try Weir(in: lab, guard: kind)
            let before = try lab.hostCounter("Ip", "ForwDatagrams")
            #expect(before > 0, "the test bed: the counter counts")
            // Another wiretap: the first has heard what the host said before Weir took the ports.
            let forwarded = try Wiretap(lab).send(frame, from: .near, quiet: .milliseconds(200), awaiting: 1)
            #expect(forwarded.frames(at: .far) == forwarded.sent.compactMap { $0 })
            #expect(try lab.hostCounter("Ip", "ForwDatagrams") == before)
            withExtendedLifetime(weir) {}
        }

        /// Fact 3: somebody else's clsact stays, and of the filters only ours go.
        @Test("a foreign clsact and its filters are left alone", arguments: GuardKind.allCases, [1, 50])
        func foreignFilters(kind: GuardKind, preference: Int) throws {
            let lab = try Lab()
            // A program that returns TC_ACT_UNSPEC: looks on and decides nothing.
            let program = ["bpf", "da", "bytecode", "1,6 0 0 4294967295,"]
            try lab.require(in: .fw, "tc qdisc add dev eth1 clsact")
            for hook in ["ingress", "egress"] {
                let command = ["tc", "filter", "add", "dev", "eth1", hook, "pref", "\(preference)", "protocol", "all"]
                try #require(try lab.run(in: .fw, command + program).isSuccess)
            }
            let before = try Self.ports.map(lab.state)
            let weir = try Weir(in: lab, guard: kind)
            // The newest program of a preference comes first.
            #expect(try lab.guardIsFirst(kind, on: "eth1"))
            // Of one at the egress it is said that it sees what Weir sends, and of none that it comes before the guard.
            let told = weir.log.lines.filter { $0.contains("filter of preference") }
            #expect(told.count == 1 && told[0].contains("sees what Weir sends"), "\(weir.log)")
            #expect(try lab.answers("10.77.0.2"))
            #expect(weir.stop().status == 0)
            #expect(try Self.ports.map(lab.state) == before)
        }

        @Test("a filter that filters can't come before is told of, and refused under --guard strict")
        func unbeatableFilter() throws {
            let lab = try Lab()
            try lab.require(in: .fw, "tc qdisc add dev eth1 clsact")
            try lab.require(in: .fw, "tc filter add dev eth1 ingress pref 1 protocol all u32 match u32 0 0 classid 1:1")
            let before = try Self.ports.map(lab.state)
            let weir = try Weir(in: lab, guard: .filters)
            #expect(weir.log.contains("eth1 has a tc ingress filter of preference 1"), "\(weir.log)")
            #expect(weir.stop().status == 0)
            let strict = try Weir.launch(
                in: lab, rules: lab.write(Weir.passAll, to: "strict.nft"), options: ["--guard", "strict"], guard: .filters)
            #expect(strict.wait(limit: .seconds(15)) == 1)
            #expect(strict.errorText.contains("--guard strict"), "\(strict.errorText)")
            #expect(try Self.ports.map(lab.state) == before)
            let programs = try Weir(in: lab, options: ["--guard", "strict"])
            #expect(programs.stop().status == 0)
            #expect(try Self.ports.map(lab.state) == before)
        }

        /// Fact 4: router solicitations, MLD and neighbour discovery come out of any interface with an address family.
        @Test("the ports are silent, at link-up too", arguments: GuardKind.allCases)
        func silence(kind: GuardKind) throws {
            let lab = try Lab(bare: true)
            try lab.require(in: .fw, "ip address add 10.77.0.254/24 dev eth1")
            func heard() throws -> [Int] {
                try [lab.statistic("rx_packets", of: "near0", in: .near), lab.statistic("rx_packets", of: "far0", in: .far)]
            }
            let ping = ["ping", "-c", "2", "-i", "0.1", "-W", "1", "-I", "eth1", "10.77.0.1"]
            _ = try lab.run(in: .fw, ping)
            #expect(try heard()[0] > 0, "the test bed: without Weir the host is heard")

            let weir = try Weir(in: lab, guard: kind)
            let before = try heard()
            _ = try lab.run(in: .fw, ping)
            for port in Self.ports {
                try lab.require(in: .fw, "ip link set \(port) down")
                try lab.require(in: .fw, "ip link set \(port) up")
            }
            // MLD reports and router solicitations come within the first second.
            sleep(for: .milliseconds(1500))
            #expect(try heard() == before)
            withExtendedLifetime(weir) {}
        }

        @Test("IPv6 is off for the run, and put back with its static addresses and routes")
        func ipv6() throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip address add fd77::fe/64 dev eth1 nodad")
            try lab.require(in: .fw, "ip route add fd99::/64 via fd77::1 dev eth1")
            try lab.require(in: .fw, "sysctl -qw net.ipv6.conf.eth2.disable_ipv6=1")
            let before = try Self.ports.map(lab.state)
            let weir = try Weir(in: lab)
            for port in Self.ports { #expect(try lab.sysctl("net.ipv6.conf.\(port).disable_ipv6", in: .fw) == "1") }
            #expect(weir.stop().status == 0)
            #expect(try Self.ports.map(lab.state) == before)
        }

        /// Fact 9: what merges frames in ways that a `virtio_net_hdr` can't say has to be off.
        @Test("offloads that can't be forwarded are off for the run and put back")
        func offloads() throws {
            let lab = try Lab()
            let names = ["rx-gro-list", "rx-udp-gro-forwarding"]
            for name in names { try lab.require(in: .fw, "ethtool -K eth1 \(name) on") }
            let before = try Self.ports.map(lab.state)
            for name in names { try #require(try lab.isOn(name, port: "eth1")) }
            let weir = try Weir(in: lab)
            for name in names { #expect(try lab.isOn(name, port: "eth1") == false, "\(name)") }
            #expect(weir.stop().status == 0)
            #expect(try Self.ports.map(lab.state) == before)
        }

        @Test("a run that ends leaves the ports as they were", arguments: [SIGTERM, SIGINT], GuardKind.allCases)
        func restored(signal: Int32, kind: GuardKind) throws {
            let lab = try Lab()
            let before = try Self.ports.map(lab.state)
            let weir = try Weir(in: lab, workers: 2, guard: kind)
            #expect(try Self.ports.map(lab.state) != before, "nothing was changed, so nothing is shown")
            let (status, counters) = weir.stop(signal)
            #expect(status == 0)
            #expect(counters != nil, "the end prints the counters")
            #expect(try Self.ports.map(lab.state) == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: lab.directory.appending(path: "state").path) == [])
        }

        @Test("killed, nothing passes and the host stays mute; the next run takes over and puts back", arguments: GuardKind.allCases)
        func killed(kind: GuardKind) throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip address add 10.77.0.254/24 dev eth1")
            try lab.require(in: .fw, "ip address add fd77::fe/64 dev eth1 nodad")
            try lab.require(in: .fw, "sysctl -qw net.ipv4.ip_forward=1")
            try lab.require(in: .fw, "ethtool -K eth1 rx-gro-list on")
            try lab.require(in: .near, "ip neighbour replace 10.77.0.254 lladdr \(try lab.address(of: "eth1")) dev near0")
            #expect(try lab.answers("10.77.0.254"), "the test bed: without Weir the host does answer")
            let before = try Self.ports.map(lab.state)
            for _ in 0..<2 {
                let killed = try Weir(in: lab, guard: kind)
                #expect(try lab.answers("10.77.0.2"))
                #expect(killed.stop(SIGKILL).status == 128 + SIGKILL)
                #expect(try lab.isDeaf("10.77.0.2"), "nothing passes")
                let heard = try lab.hostCounter("Icmp", "InEchos")
                #expect(try lab.isDeaf("10.77.0.254"), "the host stays mute")
                #expect(try lab.hostCounter("Icmp", "InEchos") == heard, "and deaf")
            }
            let next = try Weir(in: lab, guard: kind)
            #expect(try lab.answers("10.77.0.2"), "the next run forwards")
            #expect(next.stop().status == 0)
            #expect(try Self.ports.map(lab.state) == before)
        }

        /// Fact 13: a packet socket bound late and opened with protocol 0 never holds a frame of another interface.
        @Test("no frame of another interface comes out at the start")
        func otherInterfaces() throws {
            let lab = try Lab(bare: true)
            let wiretap = try Wiretap(lab)
            let flood = try lab.start(in: .fw, ["timeout", "20", "ping", "-q", "-i", "0.002", "127.0.0.1"])
            for _ in 0..<3 {
                let weir = try Weir(in: lab, workers: 2)
                let heard = try wiretap.listen(for: .milliseconds(100))
                // 127.0.0.1 in an IPv4 header.
                for side in Side.allCases { #expect(heard.frames(at: side).contains { $0.contains("7f000001") } == false) }
                #expect(try weir.counters().ports.map(\.received.frames) == [0, 0])
                weir.stop()
            }
            flood.end()
        }
    }
}
