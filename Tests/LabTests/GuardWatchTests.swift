import Foundation
import Testing

extension LabTests {
    /// What other agents do to the ports while Weir runs: the guard is back at once, and what may have passed is told.
    @Suite("Guard watch", .needsWeir)
    struct GuardWatchTests {
        /// Something that others do, and the guard that it is done to.
        struct Attack: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let kind: GuardKind
            /// In the firewall's namespace; `TCX` stands for Support/tcx.py.
            let commands: [String]
            /// The guard is found gone or overtaken.
            let isNoticed: Bool
            /// What the log says of it.
            var says = ""
        }

        static let attacks: [Attack] = [
            Attack(
                testDescription: "the clsact qdisc is deleted", kind: .filters, commands: ["tc qdisc del dev eth1 clsact"], isNoticed: true,
                says: "was gone at ingress and was gone at egress"),
            Attack(
                testDescription: "a filter of the guard's is deleted", kind: .filters, commands: ["tc filter del dev eth1 ingress"],
                isNoticed: true, says: "was gone at ingress"),
            Attack(
                testDescription: "a program that accepts comes before the filters of its preference", kind: .filters,
                commands: ["FILTER eth1 ingress", "FILTER eth1 egress"], isNoticed: true, says: "was overtaken by a tc filter at"),
            Attack(
                testDescription: "the clsact qdisc is made and deleted beside programs", kind: .tcx,
                commands: ["tc qdisc add dev eth1 clsact", "tc qdisc del dev eth1 clsact"], isNoticed: false),
            Attack(
                testDescription: "the guard's programs are detached", kind: .tcx,
                commands: ["TCX detach eth1 ingress weir", "TCX detach eth1 egress weir"], isNoticed: true, says: "was gone at"),
            Attack(
                testDescription: "a program that passes is attached last", kind: .tcx,
                commands: ["TCX attach eth1 ingress 0", "TCX attach eth1 egress 0"], isNoticed: false),
            Attack(
                testDescription: "a program that passes is attached first", kind: .tcx,
                commands: ["TCX attach eth1 ingress 0 before", "TCX attach eth1 egress 0 before"], isNoticed: true,
                says: "\"other\" at"),
            Attack(
                testDescription: "the port is set down and up", kind: .tcx,
                commands: ["ip link set eth1 down", "ip link set eth1 up"], isNoticed: false),
            Attack(
                testDescription: "the port is set down and up, with filters", kind: .filters,
                commands: ["ip link set eth1 down", "ip link set eth1 up"], isNoticed: false),
        ]

        private func perform(_ command: String, in lab: Lab) throws {
            if command.hasPrefix("TCX ") { return _ = try lab.tcx(String(command.dropFirst(4))) }
            guard command.hasPrefix("FILTER ") else { return _ = try lab.require(in: .fw, command) }
            let place = command.split(separator: " ").dropFirst().map(String.init)
            let arguments =
                ["tc", "filter", "add", "dev"] + place + ["pref", "1", "protocol", "all", "bpf", "da", "bytecode", "1,6 0 0 0,"]
            try #require(try lab.run(in: .fw, arguments).isSuccess)
        }

        @Test("the guard stands again, and the host neither answers nor routes", arguments: attacks)
        func attack(_ attack: Attack) throws {
            let lab = try Lab()
            try lab.putHostOnTheWire()
            #expect(try lab.answersOfTheHost() == (3, 3), "the test bed: without Weir the host answers and routes")
            let weir = try Weir(in: lab, guard: attack.kind)
            #expect(try lab.answersOfTheHost() == (0, 0))
            for command in attack.commands { try perform(command, in: lab) }
            // GuardDelayTests measures it; here the commands take their time.
            #expect(try eventually(within: .milliseconds(500)) { try lab.guardIsFirst(attack.kind, on: "eth1") })
            #expect(try lab.answersOfTheHost() == (0, 0))
            #expect(try eventually(within: .seconds(5)) { try lab.answers("10.77.0.2") }, "what the rules allow goes on")
            let port = try weir.counters().port("eth1")
            #expect((port?.guard.restored ?? 0 > 0) == attack.isNoticed)
            #expect(port?.guard.first == true && port?.guard.kind == attack.kind.rawValue)
            #expect(try weir.counters().port("eth2")?.guard.restored == 0)
            #expect(weir.log.contains("stands first again") == attack.isNoticed, "\(weir.log)")
            #expect(weir.log.contains(attack.says) || attack.says.isEmpty, "\(weir.log)")
            #expect(weir.stop().status == 0)
            for name in ["eth1", "eth2"] { #expect(try lab.isWithoutGuard(name)) }
        }

        @Test("programs of others stay where they are", arguments: GuardKind.allCases)
        func foreignProgramsStay(kind: GuardKind) throws {
            let lab = try Lab()
            try lab.tcx("attach eth1 ingress -1")
            let weir = try Weir(in: lab, guard: kind)
            try lab.tcx("attach eth1 egress -1 before")
            sleep(for: .milliseconds(300))
            #expect(try lab.answers("10.77.0.2"))
            #expect(weir.stop().status == 0)
            #expect(try lab.programs("eth1", "ingress") == ["other"] && lab.programs("eth1", "egress") == ["other"])
        }

        @Test("what the host heard while there was no guard is no more than what is told")
        func unguardedFrames() throws {
            let lab = try Lab()
            try lab.putHostOnTheWire()
            let weir = try Weir(in: lab)
            // Somebody who pings the host all the time, a hundred times a second.
            let flood = try lab.start(in: .near, ["ping", "-q", "-i", "0.01", "10.77.0.254"])
            sleep(for: .seconds(2))
            #expect(try weir.counters().port("eth1")?.guard.unguarded.received == 0)
            let heard = try lab.hostCounter("Icmp", "InEchos")
            try lab.tcx("detach eth1 ingress weir")
            #expect(try eventually(within: .milliseconds(500)) { try lab.guardIsFirst(.tcx, on: "eth1") })
            let passed = try lab.hostCounter("Icmp", "InEchos") - heard
            let told = try #require(try weir.counters().port("eth1")).guard.unguarded.received
            #expect(told >= passed, "the host heard \(passed), the report says \(told)")
            #expect(told <= passed + 20, "the host heard \(passed), the report says \(told)")
            flood.end()
            #expect(weir.log.contains("frames came in, at most \(told) of which went past it"), "\(weir.log)")
            weir.stop()
        }

        @Test("without the right to see programs, those of others are told of, and refused under --guard strict")
        func programsBeforeFilters() throws {
            let lab = try Lab()
            let before = try ["eth1", "eth2"].map(lab.state)
            let rules = try lab.write(Weir.passAll, to: "strict.nft")
            let weir = try Weir(in: lab, options: ["--guard", "strict"], guard: .filters)
            #expect(weir.log.contains("made of tc filters"), "\(weir.log)")
            try lab.tcx("attach eth2 egress 0")
            #expect(
                eventually(within: .seconds(3)) { weir.log.contains("TCX programs of others run before the guard of eth2") }, "\(weir.log)")
            #expect(try weir.counters().port("eth2")?.guard.first == false)
            try lab.tcx("detach eth2 egress other")
            #expect(weir.log.contains("\"other\" at egress") == false && weir.log.contains(" at egress): frames that they"), "\(weir.log)")
            #expect(eventually(within: .seconds(3)) { weir.log.contains("no TCX program of others runs before the guard of eth2 now") })
            #expect(try weir.counters().port("eth2")?.guard.first == true)
            #expect(weir.stop().status == 0)
            #expect(try ["eth1", "eth2"].map(lab.state) == before)

            try lab.tcx("attach eth2 ingress 0")
            let occupied = try ["eth1", "eth2"].map(lab.state)
            let strict = try Weir.launch(in: lab, rules: rules, options: ["--guard", "strict"], guard: .filters)
            #expect(strict.wait(limit: .seconds(15)) == 1)
            #expect(strict.errorText.contains("--guard strict") && strict.errorText.contains("eth2"), "\(strict.errorText)")
            #expect(try ["eth1", "eth2"].map(lab.state) == occupied)
            let normal = try Weir(in: lab, guard: .filters)
            #expect(normal.log.contains("TCX programs of others run before the guard of eth2"), "\(normal.log)")
            #expect(normal.stop().status == 0)
            #expect(try ["eth1", "eth2"].map(lab.state) == occupied)
        }
    }
}
