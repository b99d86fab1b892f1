import Foundation
import Testing

extension LabTests {
    /// What real programs make of Weir's answers.
    @Suite("Reject")
    struct RejectTests {
        private static let rules = """
            table bridge filter {
                chain forward {
                    type filter hook forward priority 0; policy accept;
                    tcp dport 22-79 counter reject with tcp reset
                    tcp dport 81 counter reject
                    tcp dport 82 counter reject with icmpx admin-prohibited
                    tcp dport 83 counter drop
                    udp dport 53 counter reject
                    udp dport 33434-33534 counter reject
                }
            }

            """

        /// How a connection to a port of `far` ends, in a word of python's, and after how many seconds.
        private func connect(_ lab: Lab, _ address: String, _ port: Int, limit: Double = 3) throws -> (String, Double) {
            let program = """
                import socket, sys, time
                start = time.monotonic()
                try:
                    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3])).close()
                    word = "connected"
                except OSError as error:
                    word = type(error).__name__ + " " + str(error.errno)
                print(word, time.monotonic() - start)
                """
            let result = try lab.run(in: .near, ["python3", "-c", program, address, "\(port)", "\(limit)"])
            let words = result.output.split(separator: " ").map(String.init)
            return (
                words.dropLast().joined(separator: " "), Double(words.last?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "") ?? -1
            )
        }

        @Test("a connection is refused at once", .needsWeir, .timeLimit(.minutes(2)), arguments: [true, false])
        func refused(offloads: Bool) throws {
            let lab = try Lab()
            if !offloads { try lab.turnOffloadsOff() }
            let weir = try Weir(in: lab, rules: Self.rules)
            for address in ["10.77.0.2", "fd77::2"] {
                // ECONNREFUSED, after a reset and after port unreachable; EHOSTUNREACH or EACCES after "prohibited".
                for (port, word) in [(22, "ConnectionRefusedError 111"), (81, "ConnectionRefusedError 111")] {
                    let (found, seconds) = try connect(lab, address, port)
                    #expect(found == word && seconds < 1, "\(address) \(port): \(found) after \(seconds) s")
                }
                let (prohibited, seconds) = try connect(lab, address, 82)
                #expect(["OSError 113", "PermissionError 13"].contains(prohibited) && seconds < 1, "\(address): \(prohibited)")
                #expect(try connect(lab, address, 83, limit: 1).0.hasPrefix("TimeoutError"), "\(address)")
            }
            let curl = try lab.run(in: .near, ["curl", "-sS", "--max-time", "3", "http://10.77.0.2:23/"])
            // CURLE_COULDNT_CONNECT; a timeout would be 28.
            #expect(curl.status == 7, "\(curl.error)")
            let counters = try weir.counters()
            counters.expectToAddUp()
            #expect(counters.frames(for: "reject") == 7, "one SYN each")
            #expect(counters.port("eth1")?.answers == 7 && counters.port("eth2")?.answers == 0)
        }

        @Test("clients in VLANs are refused at once too", .needsWeir, .timeLimit(.minutes(2)), arguments: ["8100:5", "88a8:5 8100:7"])
        func tagged(tags: String) throws {
            let lab = try Lab()
            for (place, interface, port) in [(Place.near, "near0", "eth1"), (.far, "far0", "eth2")] {
                try lab.require(in: place, "ip link set \(interface) mtu 1508")
                try lab.require(in: .fw, "ip link set \(port) mtu 1508")
                try lab.require(in: place, "python3 \(Lab.script("tags")) \(interface) \(tags)")
            }
            // Rules see the packet after one tag, and after two only that there is another one: then the hosts know each other.
            let isStacked = tags.contains(" ")
            if isStacked {
                try lab.require(in: .near, "ip neigh replace 10.77.0.2 lladdr 02:77:00:00:00:02 dev near0 nud permanent")
                try lab.require(in: .near, "ip neigh replace fd77::2 lladdr 02:77:00:00:00:02 dev near0 nud permanent")
            }
            let weir = try Weir(
                in: lab, rules: isStacked ? Weir.chain(["iifname eth1 ether type 8021ad vlan id 5 counter reject"]) : Self.rules)
            for address in ["10.77.0.2", "fd77::2"] {
                for port in isStacked ? [81] : [22, 81] {
                    let (found, seconds) = try connect(lab, address, port)
                    #expect(found == "ConnectionRefusedError 111" && seconds < 1, "\(address) \(port): \(found) after \(seconds) s")
                }
                let dig = try lab.run(in: .near, ["dig", "+tries=1", "+time=3", "@\(address)", "example.test"])
                #expect(dig.output.contains("connection refused"), "\(dig.output)")
            }
            #expect((try weir.counters().port("eth1")?.answers ?? 0) >= (isStacked ? 4 : 6))
        }

        /// One that the rules reject, and one whose segments don't fit.
        @Test("a super-frame is answered once", .needsWeir, .timeLimit(.minutes(1)))
        func superFrame() throws {
            let lab = try Lab(bare: true)
            try lab.require(in: .fw, "ip link set eth2 mtu 1400")
            let weir = try Weir(in: lab, rules: Weir.chain(["tcp dport 81 reject with tcp reset"]))
            for port in [81, 82] {
                let frame = "unfinished(near/near4/TCP(dport=\(port), flags='A')/data(20000))"
                let exchange = try Wiretap(lab).exchange(
                    [OutgoingFrame(from: .near, frame: frame, offload: [1, 1, 54, 1448, 34, 16])], quiet: .milliseconds(100), awaiting: 0)
                #expect(exchange.errors.isEmpty && exchange.far.isEmpty && exchange.near.count == 1, "\(port): \(exchange.near)")
            }
            let counters = try weir.counters()
            counters.expectToAddUp()
            #expect(counters.frames(for: "reject") == 1 && counters.frames(for: "too-big") == 1 && counters.port("eth1")?.answers == 2)
        }

        @Test("a datagram's sender is told, and the path ends where it is refused", .needsWeir, .timeLimit(.minutes(2)))
        func unreachable() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.rules)
            for address in ["10.77.0.2", "fd77::2"] {
                let dig = try lab.run(in: .near, ["dig", "+tries=1", "+time=3", "@\(address)", "example.test"])
                #expect(dig.output.contains("connection refused"), "\(dig.output)")
                let trace = try lab.run(in: .near, ["traceroute", "-n", "-q", "1", "-w", "2", address])
                #expect(trace.output.lines.contains { $0.contains(" 1 ") && $0.contains(address) }, "\(trace.output)")
            }
            #expect((try weir.counters().port("eth1")?.answers ?? 0) >= 4)
        }

        @Test("a scanner finds closed ports, and those that drop filtered", .needsWeir, .timeLimit(.minutes(2)))
        func scanned() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.rules)
            let scan = try lab.run(
                in: .near, ["nmap", "-n", "-Pn", "-sS", "--max-retries", "1", "-p", "22-79,83", "-oG", "-", "10.77.0.2"], limit: 60)
            #expect(scan.output.contains("83/filtered/tcp"), "\(scan.output)")
            #expect(scan.output.contains("Ignored State: closed (58)") || scan.output.contains("22/closed/tcp"), "\(scan.output)")
            withExtendedLifetime(weir) {}
        }

        @Test("a storm of rejected frames stays within the rate", .needsWeir, .timeLimit(.minutes(2)), arguments: [1, 2])
        func storm(workers: Int) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.rules, workers: workers, options: ["--answer-rate", "200"])
            let program = """
                import socket, time
                sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                end = time.monotonic() + 3
                sent = 0
                while time.monotonic() < end:
                    try:
                        sender.sendto(b"x", ("10.77.0.2", 53))
                        sent += 1
                    except OSError:
                        pass
                print(sent)
                """
            let start = ContinuousClock.now
            let sent = Int(try lab.run(in: .near, ["python3", "-c", program]).output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
            let seconds = Double((ContinuousClock.now - start).components.seconds) + 1
            let port = try weir.counters().port("eth1")
            let answers = Double(port?.answers ?? 0)
            #expect(sent > 3_000 && answers >= 300 && answers <= 200 * seconds + 21, "\(answers) answers to \(sent) in \(seconds) s")
            #expect((port?.answersOverRate ?? 0) > 1_000)
            // The wire is as it was for others.
            #expect(try lab.ping("10.77.0.2") == 3)
        }

        /// The storm takes a part of the machine whatever becomes of it, so that dropped frames are the measure. A machine that does other
        /// things meanwhile gets three rounds.
        @Test("a storm of rejected frames costs established traffic at most 10 %", .needsWeir, .timeLimit(.minutes(4)))
        func stormCost() throws {
            let addresses = "eth(da=02:77:00:00:00:02, sa=02:77:00:00:00:01), ipv4(sa=10.77.0.1, da=10.77.0.2, ttl=64)"
            let storm = "{ \(addresses), udp(sp=4000, dp=9), fill('x', 18) }\n"
            func megabits(_ verdict: String) throws -> Double {
                let lab = try Lab()
                let weir = try Weir(in: lab, rules: Weir.chain(["udp dport 9 counter \(verdict)"]))
                let configuration = try lab.write(storm, to: "storm.trafgen")
                let generator = try lab.start(
                    in: .near,
                    ["trafgen", "--dev", "near0", "--conf", configuration.path, "--cpus", "1", "--rate", "20000pps", "--no-sock-mem"])
                defer { generator.end() }
                let megabits = try lab.iperf("-i 0", to: "10.77.0.2").megabits
                let counters = try weir.counters()
                // The storm was there.
                #expect(counters.rules.map(\.frames).allSatisfy { $0 > 5_000 }, "\(counters.rules)")
                #expect(((counters.port("eth1")?.answers ?? 0) > 0) == (verdict == "reject"))
                return megabits
            }
            var best = 0.0
            for _ in 0..<3 where best < 0.9 {
                let dropped = try megabits("drop")
                best = max(best, try megabits("reject") / dropped)
            }
            #expect(best >= 0.9, "TCP beside rejected frames has \(best) of what it has beside dropped ones")
        }

        @Test("rules without it say nothing", .needsWeir, .timeLimit(.minutes(1)))
        func silent() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Weir.chain(["tcp dport 22 drop", "udp dport 53 drop"]))
            #expect(try connect(lab, "10.77.0.2", 22, limit: 1).0.hasPrefix("TimeoutError"))
            let counters = try weir.counters()
            #expect(counters.ports.allSatisfy { $0.answers == 0 && $0.answersOverRate == 0 })
        }

        @Test("captures, events and counters say what it was", .needsWeir, .timeLimit(.minutes(1)))
        func told() throws {
            let lab = try Lab()
            let (drops, events) = (lab.directory.appending(path: "drops.pcapng"), lab.directory.appending(path: "events.json"))
            let weir = try Weir(
                in: lab, rules: Self.rules, options: ["--drops", drops.path, "--events", events.path, "--events-drops"])
            _ = try connect(lab, "10.77.0.2", 22)
            _ = try connect(lab, "10.77.0.2", 81)
            #expect(weir.stop().status == 0)
            let comments = try Command.require(["tshark", "-r", drops.path, "-T", "fields", "-e", "frame.comment"])
            #expect(comments.contains("reject with tcp reset by rule"), "\(comments)")
            #expect(comments.contains("reject by rule"), "\(comments)")
            let lines = try String(contentsOf: events, encoding: .utf8)
            #expect(lines.contains("\"reject\":\"tcp-reset\"") && lines.contains("\"reject\":\"icmp-port-unreachable\""), "\(lines)")
        }
    }
}
