import Foundation
import Testing

extension LabTests {
    /// Ports with different MTUs, and what real hosts make of it.
    @Suite("Too big", .needsWeir)
    struct TooBigTests {
        /// `near` with jumbo frames, `far` with ordinary ones.
        private static func lab(near: Int = 9_000, far: Int = 1_500) throws -> Lab {
            let lab = try Lab()
            for (place, interface, mtu) in [(Place.near, "near0", near), (.fw, "eth1", near), (.fw, "eth2", far), (.far, "far0", far)] {
                try lab.require(in: place, "ip link set \(interface) mtu \(mtu)")
            }
            return lab
        }

        @Test("UDP of 4,000 bytes without DF arrives through an MTU of 1,500", .timeLimit(.minutes(2)), arguments: [1, 2])
        func datagrams(workers: Int) throws {
            let lab = try Self.lab()
            // Linux sets DF otherwise.
            try lab.require(in: .near, "sysctl -qw net.ipv4.ip_no_pmtu_disc=1")
            let weir = try Weir(in: lab, workers: workers)
            let (megabits, lost) = try lab.iperf("-u -l 4000 -b 20M", to: "10.77.0.2", seconds: 2)
            #expect(megabits > 10 && lost < 20, "\(megabits) Mbit/s, \(lost) % lost")
            let counters = try weir.counters()
            counters.expectToAddUp()
            let port = try #require(counters.port("eth2"))
            #expect(port.fragmented > 500 && port.fragments == 3 * port.fragmented, "\(port)")
            #expect(counters.frames(for: "too-big") == 0)
        }

        @Test("what is dropped has a reason, in counters, captures and events", .timeLimit(.minutes(1)), arguments: ["drop", "answer"])
        func dropped(handling: String) throws {
            let lab = try Self.lab()
            let (drops, events) = (lab.directory.appending(path: "drops.pcapng"), lab.directory.appending(path: "events.json"))
            let weir = try Weir(
                in: lab, options: ["--too-big", handling, "--drops", drops.path, "--events", events.path, "--events-drops"])
            for discovery in ["do", "dont"] {
                _ = try lab.run(
                    in: .near, ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-M", discovery, "-s", "3000", "10.77.0.2"])
            }
            let counters = try weir.counters()
            counters.expectToAddUp()
            let port = try #require(counters.port("eth1"))
            // Who is told sends no second one of that size.
            let isTold = handling == "answer"
            #expect(port.answers == (isTold ? 1 : 0))
            #expect(try lab.require(in: .near, "ip route get 10.77.0.2").contains("mtu 1500") == isTold)
            #expect(counters.frames(for: "too-big") >= (isTold ? 1 : 2) && counters.frames(for: "too-big") == port.tooBig)
            #expect(counters.port("eth2")?.fragmented == 0)
            #expect(weir.stop().status == 0)
            let comments = try Command.require(["tshark", "-r", drops.path, "-T", "fields", "-e", "frame.comment"])
            #expect(comments.lines.count { $0.contains("reason=too-big") } == Int(port.tooBig), "\(comments)")
            #expect(try String(contentsOf: events, encoding: .utf8).lines.count { $0.contains("too-big") } >= Int(port.tooBig))
        }

        @Test("of a datagram in fragments all leave, or none", .timeLimit(.minutes(1)))
        func together() throws {
            let lab = try Self.lab(near: 1_500, far: 1_300)
            // Its stack gives fragments the size of its own link until it is told.
            let weir = try Weir(in: lab)
            let before = try lab.statistic("rx_packets", of: "far0", in: .far)
            let first = try lab.run(in: .near, ["ping", "-n", "-c", "1", "-W", "1", "-s", "3000", "fd77::2"])
            #expect(!first.isSuccess)
            #expect(try weir.counters().frames(for: "too-big") == 3)
            #expect(try weir.counters().port("eth1")?.answers == 1, "one answer to a datagram")
            #expect(try lab.statistic("rx_packets", of: "far0", in: .far) - before <= 3, "neighbours only")
            #expect(try lab.ping("fd77::2", options: ["-s", "3000"]) == 3, "the sender has learnt the path's MTU")
            // IPv4 without DF: each fragment that doesn't fit becomes two.
            try lab.require(in: .near, "sysctl -qw net.ipv4.ip_no_pmtu_disc=1")
            #expect(try lab.ping("10.77.0.2", options: ["-M", "dont", "-s", "4000"]) == 3)
            let counters = try weir.counters()
            counters.expectToAddUp()
            #expect((counters.port("eth2")?.fragmented ?? 0) >= 6)
        }

        /// The segment size that both ends of a connection use, as their stacks say it, and bytes that arrive.
        private func connect(_ lab: Lab, _ address: String, bytes: Int = 300_000) throws -> Int {
            let server = """
                import socket, sys
                family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
                listener = socket.socket(family)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((sys.argv[1], 5000))
                listener.listen()
                peer, _ = listener.accept()
                while peer.recv(65536): pass
                """
            let client = """
                import socket, sys
                peer = socket.create_connection((sys.argv[1], 5000), timeout=10)
                print(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))
                peer.sendall(bytes(int(sys.argv[2])))
                """
            let process = try lab.start(in: .far, ["/usr/bin/python3", "-c", server, address])
            defer { process.end() }
            _ = try eventually(within: .seconds(10)) { try !lab.require(in: .far, "ss -Hltn sport = :5000").isEmpty }
            let result = try lab.run(in: .near, ["/usr/bin/python3", "-c", client, address, "\(bytes)"])
            return Int(result.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
        }

        @Test("TCP is clamped to the path, and follows an MTU that changes", .timeLimit(.minutes(2)))
        func clamped() throws {
            let lab = try Self.lab(near: 9_000, far: 9_000)
            try lab.require(in: .fw, "ip link set eth2 mtu 1400")
            let rules = Weir.chain(["tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu counter"])
            let weir = try Weir(in: lab, rules: rules)
            // Less the headers, and 12 bytes of time stamps.
            for (address, headers) in [("10.77.0.2", 52), ("fd77::2", 72)] {
                #expect(try connect(lab, address) == 1_400 - headers, "\(address)")
            }
            #expect(try weir.counters().frames(for: "too-big") == 0)
            try lab.require(in: .fw, "ip link set eth2 mtu 1300")
            #expect(eventually(within: .seconds(10)) { weir.log.contains("1300") })
            #expect(try connect(lab, "10.77.0.2") == 1_300 - 52)
            let counters = try weir.counters()
            #expect(counters.frames(for: "too-big") == 0 && counters.rules.map(\.frames) == [6])
        }
    }
}
