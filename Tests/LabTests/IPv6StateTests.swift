import Foundation
import Testing

extension UntimedLabTests {
    /// All that IPv6 has on the ports is afterwards what it was before: addresses, routes, neighbours, the MTU of its packets.
    @Suite("IPv6 state", .needsWeir)
    struct IPv6StateTests {
        /// Commands in the firewall's namespace that make a state.
        struct Case: Sendable, CustomTestStringConvertible {
            var testDescription: String
            var commands: [String]
        }

        private static let cases = [
            Case(testDescription: "a link-local address of the operator's", commands: ["ip -6 addr add fe80::99/64 dev eth1"]),
            Case(
                testDescription: "addresses in an order",
                commands: (1...5).map { "ip -6 addr add fd01::\($0)/64 dev eth1" } + ["ip -6 addr add fe80::9/64 dev eth1"]),
            Case(
                testDescription: "addresses with flags, a peer and a metric",
                commands: [
                    "ip -6 addr add fd01::2/64 dev eth1 noprefixroute home", "ip -6 addr add fd01::3 peer fd02::3/128 dev eth1",
                    "ip -6 addr add fd04::1/64 dev eth1 metric 77", "ip -6 addr add fd01::5/64 dev eth1 preferred_lft 0",
                ]),
            Case(
                testDescription: "addresses and routes that end",
                commands: [
                    "ip -6 addr add fd01::6/64 dev eth1 valid_lft 2000 preferred_lft 1000",
                    "ip -6 route add fd15::/64 dev eth1 expires 1000",
                ]),
            Case(
                testDescription: "a route over both ports",
                commands: addresses + ["ip -6 route add fd13::/64 nexthop via fd01::99 nexthop via fd02::99"]),
            Case(
                testDescription: "a route over both ports and another interface",
                commands: addresses + third + [
                    "ip -6 route add fd13::/64 nexthop via fd01::99 nexthop via fd02::99 nexthop via fd03::99"
                ]),
            Case(
                testDescription: "a route with two gateways on one port",
                commands: addresses + ["ip -6 route add fd14::/64 nexthop via fd01::99 weight 3 nexthop via fd01::98"]),
            Case(
                testDescription: "a route with a gateway that another route leads to",
                commands: [
                    "ip -6 route add fd50::1 dev eth1", "ip -6 route add fd51::1 via fd50::1",
                    "ip -6 route add default via fd51::1 dev eth1 onlink",
                ]
                    + addresses + ["ip -6 route add fd52::/64 via fd50::1", "ip -6 route add ::/1 via fd50::1 metric 5"]),
            Case(
                testDescription: "a route with a source address, which is checked for others that have it",
                commands: ["sysctl -qw net.ipv6.conf.eth1.accept_dad=1"] + addresses + [
                    "sleep 2.5", "ip -6 route add fd16::/64 via fd01::99 src fd01::1",
                ]),
            Case(
                testDescription: "routes that both ports have",
                commands: ["ip -6 route add fd17::/64 dev eth1", "ip -6 route append fd17::/64 dev eth2"]),
            Case(
                testDescription: "routes in other tables, of other kinds, with metrics",
                commands: addresses + [
                    "ip -6 route add fd18::/64 via fd01::99 table 77 mtu 1300 advmss 1200 pref high",
                    "ip -6 route add local fd19::1 dev eth1",
                    "ip -6 route add fd1b::/64 from fd01::/64 via fd01::99", "ip -6 route add fd1c::/64 dev eth1 proto ra",
                ]),
            Case(
                testDescription: "a nexthop object",
                commands: addresses + ["ip nexthop add id 5 via fd01::99 dev eth1", "ip -6 route add fd1a::/64 nhid 5"]),
            Case(
                testDescription: "neighbours",
                commands: addresses + [
                    "ip -6 neigh add fd01::77 lladdr 02:00:00:00:00:77 dev eth1 nud permanent",
                    "ip -6 neigh add fd01::7a lladdr 02:00:00:00:00:7a dev eth1 nud noarp router",
                    "ip -6 neigh add proxy fd01::80 dev eth1", "ip -6 neigh add proxy fd01::81 dev eth2",
                ]),
            Case(
                testDescription: "an MTU of its own",
                commands: [
                    "sysctl -qw net.ipv6.conf.eth1.mtu=1400", "sysctl -qw net.ipv6.conf.eth2.disable_ipv6=1",
                    "sysctl -qw net.ipv6.conf.eth2.mtu=1300",
                ]),
            Case(
                testDescription: "a port without IPv6, and one that gives itself no address",
                commands: ["sysctl -qw net.ipv6.conf.eth2.disable_ipv6=1", "ip link set eth1 addrgenmode none"] + Array(addresses.prefix(1))
            ),
        ]

        private static let addresses = ["ip -6 addr add fd01::1/64 dev eth1", "ip -6 addr add fd02::1/64 dev eth2"]
        private static let third = [
            "ip link add other1 type veth peer name other2", "ip link set other1 up", "ip link set other2 up",
            "ip -6 addr add fd03::1/64 dev other1",
        ]

        /// What `ip` tells of it: times that run down to the nearest hundred seconds, and without what the host has learnt.
        private static func state(_ lab: Lab) throws -> String {
            let listings = try ["eth1", "eth2"].flatMap { port in
                try [
                    lab.require(in: .fw, "ip -6 addr show dev \(port)"),
                    lab.require(in: .fw, "ip -6 neigh show dev \(port) nud permanent"),
                    lab.require(in: .fw, "ip -6 neigh show dev \(port) nud noarp").lines.filter { !$0.hasPrefix("ff") }.sorted()
                        .joined(separator: "\n"),
                    lab.require(in: .fw, "sysctl net.ipv6.conf.\(port).mtu"),
                ]
            }
            let text = try
                (listings + [
                    lab.require(in: .fw, "ip -6 neigh show proxy").lines.sorted().joined(separator: "\n"),
                    lab.require(in: .fw, "ip -6 route show table all").lines.sorted().joined(separator: "\n"),
                ]).joined(separator: "\n")
            return text.replacing(/(_lft |expires )(\d+)sec/) { "\($0.1)\(((Int($0.2) ?? 0) + 99) / 100)00" }
        }

        @Test("after a run it is what it was", arguments: cases)
        func afterARun(_ each: Case) throws { try expectPutBack(each, guard: .tcx) { _ in } }

        @Test("after a run that was killed and the next it is what it was", arguments: cases, GuardKind.allCases)
        func afterAKill(_ each: Case, kind: GuardKind) throws {
            try expectPutBack(each, guard: kind) { lab in try Weir(in: lab, guard: kind).stop(SIGKILL) }
        }

        private func expectPutBack(_ each: Case, guard kind: GuardKind, after earlier: (Lab) throws -> Void) throws {
            let lab = try Lab()
            for command in each.commands {
                let result = try lab.run(in: .fw, command.split(separator: " ").map(String.init))
                try #require(result.isSuccess, "the test bed: \(command): \(result.error)")
            }
            let before = try Self.state(lab)
            try earlier(lab)
            let weir = try Weir(in: lab, guard: kind)
            #expect(try lab.require(in: .fw, "ip -6 addr show dev eth1") == "", "the test bed: IPv6 is off")
            #expect(weir.stop().status == 0)
            #expect(!weir.log.contains("is not as it was"), "\(weir.log)")
            // The kernel checks addresses, and looks for routers, first.
            var after = ""
            let isSame = try eventually(within: .seconds(5)) {
                after = try Self.state(lab)
                return after == before
            }
            #expect(isSame, "before:\n\(before)\nafter:\n\(after)")
        }

        @Test("temporary addresses are the kernel's own, and don't become more")
        func temporary() throws {
            let lab = try Lab()
            try lab.require(in: .fw, "sysctl -qw net.ipv6.conf.eth1.use_tempaddr=2")
            try lab.require(in: .fw, "ip -6 addr add fd01::1/64 dev eth1 mngtmpaddr")
            func addresses() throws -> [Bool] {
                try lab.require(in: .fw, "ip -6 -o addr show dev eth1 scope global").lines.map { $0.contains("temporary") }
            }
            #expect(try addresses().count == 2, "the test bed")
            for _ in 0..<2 { #expect(try Weir(in: lab).stop().status == 0) }
            #expect(try addresses().sorted { !$0 && $1 } == [false, true])
        }

        @Test("what a run has taken for long is not given back for longer")
        func lifetimes() throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip -6 addr add fd01::6/64 dev eth1 valid_lft 2000 preferred_lft 3")
            try lab.require(in: .fw, "ip -6 addr add fd01::7/64 dev eth1 valid_lft 3 preferred_lft 3")
            try lab.require(in: .fw, "ip -6 route add fd15::/64 dev eth1 expires 3")
            let weir = try Weir(in: lab)
            sleep(4)
            #expect(weir.stop().status == 0)
            #expect(!weir.log.contains("is not as it was"), "\(weir.log)")
            let addresses = try lab.require(in: .fw, "ip -6 addr show dev eth1 scope global")
            #expect(addresses.contains("fd01::6/64 scope global deprecated"), "\(addresses)")
            #expect(!addresses.contains("fd01::7") && !addresses.contains("valid_lft 2000sec"), "\(addresses)")
            #expect(try !lab.require(in: .fw, "ip -6 route show dev eth1").contains("fd15::"))
        }

        enum Loss: String, CaseIterable {
            case lost, damaged
        }

        /// What is noted on the interface itself is enough as long as there is room; what is lost is said by all that can know it.
        @Test(
            "many addresses after a run that was killed, and whose notes in the folder are gone", arguments: Loss.allCases,
            GuardKind.allCases)
        func withoutNotes(loss: Loss, kind: GuardKind) throws {
            let lab = try Lab()
            let batch = try lab.write((1...600).map { "addr add fd01::\(String($0, radix: 16))/64 dev eth1 nodad\n" }.joined(), to: "batch")
            try lab.require(in: .fw, "ip -6 -batch \(batch.path)")
            try Weir(in: lab, guard: kind).stop(SIGKILL)
            let folder = lab.directory.appending(path: "state")
            for note in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
                switch loss {
                case .lost: try FileManager.default.removeItem(at: note)
                case .damaged: try Data("garbage".utf8).write(to: note)
                }
            }
            let said = "the IPv6 addresses, routes and neighbours that it had before are noted nowhere"
            let doctor = try lab.run(in: .fw, [Weir.binary, "doctor", "--ports", "eth1,eth2", "--state-directory", folder.path]).output
            // Only the other port's note has room in a filter.
            #expect(doctor.contains(said) == (kind == .filters), "\(doctor)")
            #expect(doctor.contains("its guard has the same note\n") == (loss == .damaged), "\(doctor)")
            let weir = try Weir(in: lab, guard: kind)
            #expect(weir.log.contains("eth1 was taken by a run that was killed, and \(said)") == (kind == .filters), "\(weir.log)")
            #expect(weir.stop().status == (kind == .filters ? 1 : 0))
            #expect(weir.log.contains("eth1 is not as it was: \(said)") == (kind == .filters), "\(weir.log)")
            let count = try lab.require(in: .fw, "ip -6 -o addr show dev eth1 scope global").lines.count
            #expect(count == (kind == .tcx ? 600 : 0))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        }

        /// Processor time, since other tests may have the processors: without its pauses the end takes seconds of it in the kernel.
        @Test("two thousand addresses are put back in order, in little more time than ip takes, and are not all in a message")
        func many() throws {
            let lab = try Lab()
            let batch = try lab.write(
                (1...2000).map { "addr add fd01::\(String($0, radix: 16))/64 dev eth1 nodad\n" }.joined(), to: "batch")
            try lab.require(in: .fw, "ip -6 -batch \(batch.path)")
            let before = try lab.require(in: .fw, "ip -6 -o addr show dev eth1 scope global")
            let weir = try Weir(in: lab)
            #expect(weir.log.contains("has the address fd01::7d0, fd01::7cf, fd01::7ce, fd01::7cd and 1996 more, which"), "\(weir.log)")
            let ticks = try weir.processorTicks()
            weir.signal(SIGTERM)
            var last = ticks
            while weir.isRunning {
                last = max(last, (try? weir.processorTicks()) ?? 0)
                usleep(5_000)
            }
            #expect(weir.stop().status == 0)
            #expect(last - ticks < 350, "\(last - ticks) ticks of 10 ms")
            #expect(try lab.require(in: .fw, "ip -6 -o addr show dev eth1 scope global") == before)
        }
    }
}
