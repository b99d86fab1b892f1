import Foundation
import Testing

extension UntimedLabTests {
    /// `weir doctor` on wires with something wrong about them, before a run and while Weir runs.
    @Suite("Doctor", .needsWeir)
    struct DoctorTests {
        struct Answer: Decodable {
            struct Finding: Decodable {
                let severity, topic, text: String
                var port, remedy: String?
            }

            struct Port: Decodable {
                let name, interface: String
                let index: Int32
                let alternativeNames: [String]
                let mtu: Int
                var weir: Int32?
                var `guard`: String?
                let guardIsFirst: Bool
            }

            let trustworthy, running: Bool
            let ports: [Port]
            let findings: [Finding]
        }

        private static func ask(_ lab: Lab, ports: String = "eth1,eth2", prefix: [String] = [], folder: String? = nil) throws -> (
            Int32, Answer
        ) {
            let folder = folder.map { ["--state-directory", $0] } ?? []
            let result = try lab.run(in: .fw, prefix + [Weir.binary, "doctor", "--ports", ports, "--json"] + folder)
            do {
                return (result.status, try JSONDecoder().decode(Answer.self, from: Data(result.output.utf8)))
            } catch {
                throw CommandFailure(description: "\(error): \(result.output)\(result.error)")
            }
        }

        /// Something that is wrong, and what is said of it.
        struct Ailment: Sendable, CustomTestStringConvertible {
            let testDescription: String
            /// In the firewall's namespace; split at blanks. `TCX` stands for Support/tcx.py.
            let commands: [String]
            let severity, topic: String
            let says: String
            var kind = GuardKind.tcx
        }

        private static let netdev = "nft add table netdev t"

        static let ailments: [Ailment] = [
            Ailment(
                testDescription: "an XDP program", commands: ["TCX xdp eth1 2"], severity: "fault", topic: "programs", says: "\"xdp_other\""
            ),
            Ailment(
                testDescription: "an nftables chain at the egress",
                commands: [netdev, "nft add chain netdev t out { type filter hook egress device eth1 priority 0 ; }"], severity: "fault",
                topic: "nftables", says: "chain out of table t"),
            Ailment(
                testDescription: "an nftables chain at the ingress",
                commands: [netdev, "nft add chain netdev t in { type filter hook ingress device eth1 priority 0 ; }"], severity: "note",
                topic: "nftables", says: "sees nothing while Weir runs"),
            Ailment(
                testDescription: "a TCX program of others", commands: ["TCX attach eth1 ingress 0"], severity: "note", topic: "programs",
                says: "the guard goes before it"),
            Ailment(
                testDescription: "a TCX program of others that sees what is sent", commands: ["TCX attach eth1 egress 0"],
                severity: "warning", topic: "programs", says: "\"other\" at the egress of eth1 sees what Weir sends"),
            Ailment(
                testDescription: "a tc filter of others that sees what is sent",
                commands: [
                    "tc qdisc add dev eth1 clsact", "tc filter add dev eth1 egress pref 50 protocol all bpf da bytecode 1,6_0_0_0,",
                ],
                severity: "warning", topic: "programs", says: "the tc egress filter of preference 50 (bpf) at the egress of eth1"),
            Ailment(
                testDescription: "a TCX program that filters don't come before", commands: ["TCX attach eth1 ingress 0"], severity: "fault",
                topic: "guard", says: "whose they are can't be seen", kind: .filters),
            Ailment(
                testDescription: "no right to load programs", commands: [], severity: "warning", topic: "guard",
                says: "is made of tc filters", kind: .filters),
            Ailment(
                testDescription: "a qdisc without a place for filters", commands: ["tc qdisc add dev eth1 ingress"], severity: "fault",
                topic: "guard", says: "\"ingress\"", kind: .filters),
            Ailment(
                testDescription: "an address", commands: ["ip address add 192.0.2.1/24 dev eth1"], severity: "warning", topic: "silence",
                says: "192.0.2.1"),
            Ailment(
                testDescription: "a bridge", commands: ["ip link add br7 type bridge", "ip link set eth1 master br7"], severity: "warning",
                topic: "stack", says: "eth1 is a member of br7"),
            Ailment(
                testDescription: "an interface on top", commands: ["ip link add link eth1 name above0 type macvlan mode bridge"],
                severity: "note",
                topic: "stack", says: "above0 on top of eth1"),
            Ailment(
                testDescription: "another MTU", commands: ["ip link set eth1 mtu 1400"], severity: "warning", topic: "mtu",
                says: "eth1 1400, eth2 1500"),
            Ailment(
                testDescription: "the largest MTU", commands: ["ip link set eth1 mtu 65535"], severity: "warning", topic: "mtu",
                says: "eth1 takes no MTU above 65535"),
            Ailment(
                testDescription: "an offload", commands: ["ethtool -K eth1 rx-gro-list on"], severity: "note", topic: "offloads",
                says: "rx-gro-list is on at eth1"),
            Ailment(
                testDescription: "a port that is down", commands: ["ip link set eth1 down"], severity: "warning", topic: "link",
                says: "eth1 is down"),
        ]

        @Test("what is wrong is found and told with what to do", arguments: ailments)
        func ailment(_ ailment: Ailment) throws {
            let lab = try Lab()
            if ailment.kind == .tcx {
                let (status, healthy) = try Self.ask(lab)
                #expect(status == 0 && healthy.trustworthy && healthy.findings.isEmpty, "\(healthy.findings)")
            }
            for command in ailment.commands {
                if command.hasPrefix("TCX ") {
                    try lab.tcx(String(command.dropFirst(4)))
                    continue
                }
                let words = command.split(separator: " ").map { $0.replacingOccurrences(of: "_", with: " ") }
                try #require(try lab.run(in: .fw, words).isSuccess, "the test bed: \(command)")
            }
            let before = try ["eth1", "eth2"].map(lab.state)
            let (status, sick) = try Self.ask(lab, prefix: ailment.kind.prefix)
            let found = try #require(sick.findings.first { $0.text.contains(ailment.says) }, "\(sick.findings)")
            #expect(found.severity == ailment.severity && found.topic == ailment.topic)
            #expect(found.severity == "note" || found.topic == "silence" || found.remedy != nil || found.port == nil, "nothing to do?")
            #expect(status == (ailment.severity == "fault" ? 1 : 0) && sick.trustworthy == (status == 0), "\(sick.findings)")
            #expect(try ["eth1", "eth2"].map(lab.state) == before, "it changed something")
            let text = try lab.run(in: .fw, ailment.kind.prefix + [Weir.binary, "doctor", "--ports", "eth1,eth2"])
            #expect(text.status == status && text.output.contains("\(ailment.severity): "), "\(text.output)")
        }

        @Test("other software is named: who sets up interfaces, and who listens")
        func agents() throws {
            let lab = try Lab()
            let manager = lab.directory.appending(path: "NetworkManager")
            try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: manager.path)
            try lab.start(in: .fw, [manager.path, "60"])
            try lab.start(in: .fw, ["tcpdump", "-i", "eth2", "-w", "/dev/null"])
            var answer = try Self.ask(lab)
            let isThere = try eventually(within: .seconds(5), every: .milliseconds(100)) {
                answer = try Self.ask(lab)
                return answer.1.findings.contains { $0.topic == "packet-sockets" }
            }
            #expect(isThere)
            let listener = answer.1.findings.first { $0.topic == "packet-sockets" }
            #expect(listener?.port == "eth2" && listener?.text.contains("tcpdump") ?? false, "\(answer.1.findings)")
            #expect(answer.1.findings.filter { $0.topic == "manager" && $0.text.contains("NetworkManager") }.count == 2)
            #expect(answer.0 == 0)
            let weir = try Weir(in: lab)
            #expect(weir.log.contains("NetworkManager"), "a start says so too: \(weir.log)")
            weir.stop()
        }

        @Test("what frames can get past by is said at the start of a run")
        func start() throws {
            let lab = try Lab()
            try lab.tcx("xdp eth1 2")
            try lab.require(in: .fw, Self.netdev)
            try lab.require(in: .fw, "nft add chain netdev t out { type filter hook egress device eth2 priority 0 ; }")
            let weir = try Weir(in: lab)
            #expect(weir.log.contains("the XDP program") && weir.log.contains("the nftables chain out of table t"), "\(weir.log)")
            #expect(try lab.answers("10.77.0.2"))
            weir.stop()
        }

        @Test("while Weir runs, and when it was killed", arguments: GuardKind.allCases)
        func running(kind: GuardKind) throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip link property add dev eth1 altname inside-of-the-plant")
            let weir = try Weir(in: lab, guard: kind)
            let (status, answer) = try Self.ask(lab, ports: "inside-of-the-plant,eth2")
            #expect(status == 0 && answer.running)
            let material = "is made of tc filters: a TCX program of others comes before them"
            #expect(answer.findings.count == (kind == .tcx ? 0 : 2), "\(answer.findings)")
            #expect(answer.findings.allSatisfy { $0.severity == "warning" && $0.text.contains(material) }, "\(answer.findings)")
            #expect(answer.ports.map(\.weir) == [weir.processIdentifier, weir.processIdentifier])
            #expect(answer.ports.allSatisfy { $0.guard == kind.rawValue && $0.guardIsFirst && $0.mtu == 1500 }, "\(answer.ports)")
            #expect(answer.ports[0].alternativeNames == ["inside-of-the-plant"] && answer.ports[0].interface == "eth1")

            // Weir can't mend it while it is stopped.
            weir.signal(SIGSTOP)
            if kind == .tcx {
                try lab.tcx("attach eth1 egress 0 before")
                let overtaken = try Self.ask(lab)
                #expect(overtaken.0 == 1 && overtaken.1.findings.contains { $0.text.contains("\"other\" runs before the guard of eth1") })
                try lab.tcx("detach eth1 ingress weir")
                let half = try Self.ask(lab)
                #expect(half.1.findings.contains { $0.text.contains("the guard of eth1 is gone at ingress") }, "\(half.1.findings)")
                try lab.tcx("detach eth1 egress weir")
                try lab.tcx("detach eth1 egress other")
            } else {
                try lab.require(in: .fw, "tc qdisc del dev eth1 clsact")
            }
            let gone = try Self.ask(lab)
            #expect(gone.0 == 1 && gone.1.findings.contains { $0.text.contains("its guard is gone") }, "\(gone.1.findings)")
            weir.signal(SIGCONT)
            #expect(try eventually(within: .seconds(3), every: .milliseconds(100)) { try Self.ask(lab).0 == 0 })

            weir.stop(SIGKILL)
            let left = try Self.ask(lab)
            #expect(left.0 == 0 && left.1.findings.filter { $0.text.contains("a run that was killed") }.count == 2, "\(left.1.findings)")
            #expect(!left.1.running && left.1.trustworthy)
            #expect(left.1.ports.allSatisfy { $0.weir == nil && $0.guard == kind.rawValue })
            let next = try Weir(in: lab)
            #expect(next.stop().status == 0)
            #expect(try Self.ask(lab).1.findings.isEmpty)
        }

        @Test("a run that was killed and whose guard was taken away", arguments: GuardKind.allCases)
        func abandoned(kind: GuardKind) throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ethtool -K eth1 rx-gro-list on")
            let folder = lab.directory.appending(path: "state").path
            try Weir(in: lab, guard: kind).stop(SIGKILL)
            for port in ["eth1", "eth2"] {
                switch kind {
                case .tcx: for side in ["ingress", "egress"] { try lab.tcx("detach \(port) \(side) weir") }
                case .filters, .programFilters: try lab.require(in: .fw, "tc qdisc del dev \(port) clsact")
                }
            }
            let (status, answer) = try Self.ask(lab, folder: folder)
            let found = answer.findings.filter { $0.topic == "notes" }
            #expect(
                status == 0 && !answer.running && found.count == 2 && found.allSatisfy { $0.severity == "warning" }, "\(answer.findings)")
            #expect(
                found.first { $0.port == "eth1" }?.text.contains("its MTU is 1516 (it was 1500), IPv6 is off, rx-gro-list is off") ?? false,
                "\(found)")
            #expect(answer.ports.allSatisfy { $0.mtu == 1500 })
            #expect(try Weir(in: lab, guard: kind).stop().status == 0)
            #expect(try Self.ask(lab, folder: folder).1.findings.filter { $0.topic == "notes" }.isEmpty)
        }

        @Test("ports that were renamed while Weir runs are found by the names that it calls them")
        func renamed() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            let (one, two) = (try lab.index(of: "eth1"), try lab.index(of: "eth2"))
            try lab.require(in: .fw, "ip link set eth1 name lan0")
            let (status, answer) = try Self.ask(lab)
            #expect(status == 0 && answer.ports.map(\.interface) == ["lan0", "eth2"] && answer.running, "\(answer.findings)")
            #expect(answer.findings.map(\.text) == ["Weir has the interface lan0 as eth1, which was its name"])
            #expect(try Self.ask(lab, ports: "lan0,eth2").1.findings.count == 1)
            // Swapped.
            try lab.require(in: .fw, "ip link set eth2 name eth1")
            try lab.require(in: .fw, "ip link set lan0 name eth2")
            let swapped = try Self.ask(lab)
            #expect(swapped.1.ports.map { "\($0.index)" } == [one, two] && swapped.1.ports.map(\.interface) == ["eth2", "eth1"])
            #expect(swapped.1.findings.filter { $0.topic == "port" }.count == 2, "\(swapped.1.findings)")
            try lab.require(in: .fw, "ip link set eth1 name lan0")
            try lab.require(in: .fw, "ip link set eth2 name eth1")
            #expect(eventually(within: .seconds(3)) { weir.log.contains("eth1 has its name again") }, "\(weir.log)")
            #expect(weir.stop().status == 0)
        }

        @Test("what comes while Weir runs is said once, as the doctor says it")
        func interference() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            try lab.require(in: .fw, "ip link add br7 type bridge")
            for (command, says) in [
                ("ip link set eth1 master br7", "eth1 is a member of br7"),
                ("ip address add 192.0.2.1/24 dev eth2", "has the address 192.0.2.1"),
                ("ethtool -K eth1 rx-gro-list on", "rx-gro-list is on at eth1"),
                ("TCX attach eth2 egress 0", "\"other\" at the egress of eth2"),
            ] {
                if command.hasPrefix("TCX ") { try lab.tcx(String(command.dropFirst(4))) } else { try lab.require(in: .fw, command) }
                #expect(eventually(within: .seconds(8)) { weir.log.contains(says) }, "\(command): \(weir.log)")
            }
            // Each once, and again if it comes again.
            try lab.require(in: .fw, "ip link set eth1 nomaster")
            sleep(2)
            #expect(weir.log.components(separatedBy: "eth1 is a member of br7").count == 2, "\(weir.log)")
            try lab.require(in: .fw, "ip link set eth1 master br7")
            #expect(eventually(within: .seconds(3)) { weir.log.components(separatedBy: "eth1 is a member of br7").count == 3 })
            #expect(try Self.ask(lab).1.findings.filter { $0.severity == "warning" }.count == 4)
            #expect(weir.stop().status == 0)
        }

        @Test("ports that can't be are faults", arguments: ["eth1,eth9", "eth1,eth1", "lo,eth2"])
        func noPorts(ports: String) throws {
            let lab = try Lab()
            let (status, answer) = try Self.ask(lab, ports: ports)
            #expect(status == 1 && answer.findings.map(\.topic) == ["port"], "\(answer.findings)")
            #expect(try lab.run(in: .fw, [Weir.binary, "doctor", "--ports", "eth1"]).status == 64)
        }
    }
}
