import Foundation
import Testing

extension LabTests {
    /// What runs before any guard: it is found whenever it comes, said, counted, and said again when it is gone.
    @Suite("Before the guard", .needsWeir)
    struct BypassTests {
        /// Something that comes while Weir runs.
        struct Arrival: Sendable, CustomTestStringConvertible {
            let testDescription: String
            /// In the firewall's namespace, split at blanks; `TCX` stands for Support/tcx.py.
            let commands: [String]
            /// Takes it away again.
            let departure: String
            /// What the log calls it, and what it advises.
            let title: String
            let advice: String
            let isIngress: Bool
            var kind = GuardKind.tcx
        }

        private static let chain = "{ type filter hook egress device eth2 priority 0 ; }"

        static let arrivals: [Arrival] = [
            Arrival(
                testDescription: "a generic XDP program", commands: ["TCX xdp eth1 2"], departure: "TCX xdp eth1 off",
                title: "\"xdp_other\" runs at eth1 before Weir", advice: "ip link set dev eth1 xdpgeneric off", isIngress: true),
            Arrival(
                testDescription: "an XDP program of the driver's", commands: ["TCX xdp eth1 2 driver"],
                departure: "ip link set dev eth1 xdpdrv off", title: "\"xdp_other\" runs at eth1 before Weir",
                advice: "ip link set dev eth1 xdpdrv off", isIngress: true),
            Arrival(
                testDescription: "a generic XDP program before a guard of filters", commands: ["TCX xdp eth1 2"],
                departure: "TCX xdp eth1 off", title: "runs at eth1 before Weir", advice: "ip link set dev eth1 xdpgeneric off",
                isIngress: true, kind: .filters),
            Arrival(
                testDescription: "a chain of nftables at the egress",
                commands: ["nft add table netdev t", "nft add chain netdev t out \(chain)"], departure: "nft delete table netdev t",
                title: "the nftables chain out of table t runs at the egress of eth2", advice: "nft delete chain netdev t out",
                isIngress: false),
            Arrival(
                testDescription: "a chain of a table that sleeps at first",
                commands: [
                    "nft add table netdev t { flags dormant ; }", "nft add chain netdev t out \(chain)", "nft add table netdev t",
                ], departure: "nft add table netdev t { flags dormant ; }",
                title: "the nftables chain out of table t runs at the egress of eth2", advice: "nft delete chain netdev t out",
                isIngress: false),
        ]

        private func perform(_ command: String, _ lab: Lab) throws {
            if command.hasPrefix("TCX ") { try lab.tcx(String(command.dropFirst(4))) } else { try lab.require(in: .fw, command) }
        }

        @Test("what comes during the run is said, counted and shown, and so is its end", arguments: arrivals)
        func arrival(_ arrival: Arrival) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, guard: arrival.kind)
            let port = arrival.isIngress ? "eth1" : "eth2"
            for command in arrival.commands { try perform(command, lab) }
            #expect(eventually(within: .seconds(2)) { weir.log.contains(arrival.title) }, "\(weir.log)")
            #expect(weir.log.contains("error: the ") && weir.log.contains(arrival.advice), "\(weir.log)")
            let present = try #require(try weir.counters().port(port)).guard
            #expect(!present.first && present.bypass?.found == 1 && present.bypass?.present.count == 1, "\(present)")
            #expect(present.restored == 0)
            #expect(try lab.answers("10.77.0.2"), "what the rules allow goes on")
            try perform(arrival.departure, lab)
            #expect(eventually(within: .seconds(2)) { weir.log.contains("no longer runs at \(port); in ") }, "\(weir.log)")
            let past = try #require(try weir.counters().port(port)).guard
            #expect(past.first && past.bypass?.found == 1 && past.bypass?.present == [], "\(past)")
            let other = try #require(try weir.counters().port(arrival.isIngress ? "eth2" : "eth1")).guard
            #expect(other.first && other.bypass?.found == 0)
            #expect(weir.stop().status == 0)
        }

        @Test("an XDP program that a link attaches is found, though the kernel announces none", arguments: [true, false])
        func link(isBrief: Bool) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            let holder = try lab.tcxProcess("xdplink eth1 2 \(isBrief ? 0.2 : 30)")
            #expect(eventually(within: .seconds(2)) { weir.log.contains("\"xdp_other\" runs at eth1 before Weir") }, "\(weir.log)")
            if !isBrief { holder.end() }
            #expect(eventually(within: .seconds(2)) { weir.log.contains("\"xdp_other\" no longer runs at eth1") }, "\(weir.log)")
            #expect(weir.stop().status == 0)
        }

        @Test("what an XDP program takes is counted: no less than it is, and hardly more")
        func taken() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            let flood = try lab.start(in: .near, ["ping", "-q", "-i", "0.01", "10.77.0.2"])
            sleep(for: .milliseconds(1200))
            let before = try #require(try weir.counters().port("eth1"))
            #expect(before.guard.bypass?.received == 0)
            // XDP_DROP.
            try lab.tcx("xdp eth1 1")
            sleep(for: .milliseconds(1500))
            try lab.tcx("xdp eth1 off")
            #expect(eventually(within: .seconds(2)) { weir.log.contains("no longer runs at eth1") }, "\(weir.log)")
            flood.signal(SIGINT)
            #expect(flood.wait(limit: .seconds(5)) != nil)
            let words = flood.outputText.split(whereSeparator: \.isWhitespace).map(String.init)
            let sent = try #require(words.firstIndex(of: "packets").flatMap { UInt64(words[$0 - 1]) }, "\(flood.outputText)")
            let received = try #require(words.firstIndex(of: "received,").flatMap { UInt64(words[$0 - 1]) })
            let after = try #require(try weir.counters().port("eth1"))
            let told = try #require(after.guard.bypass).received
            #expect(sent - received > 50, "the test bed: \(flood.outputText)")
            #expect(told + 2 >= sent - received && told <= sent - received + 20, "\(told) told, \(sent - received) lost")
            #expect(after.guard.unguarded.received == 0)
            #expect(weir.log.contains("frames came in, at most \(told) of which didn't come to Weir"), "\(weir.log)")
            weir.stop()
        }

        @Test("who comes and goes all the time fills no log, and what was held back is said at the end")
        func restless() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            for _ in 0..<8 {
                try lab.tcx("xdp eth1 2")
                sleep(for: .milliseconds(150))
                try lab.tcx("xdp eth1 off")
                sleep(for: .milliseconds(150))
            }
            let found = try #require(try weir.counters().port("eth1")?.guard.bypass).found
            #expect(found >= 6)
            #expect(weir.stop().status == 0)
            let said = weir.log.lines.filter { $0.contains("runs at eth1") }
            #expect(said.count <= 5, "\(weir.log)")
            #expect(said.last?.contains("more times, and nothing does now") ?? false, "\(weir.log)")
        }

        /// What others have on a port, and the word by which it is refused.
        static let occupations: [(command: [String], says: String)] = [
            (["TCX xdp eth1 2"], "the XDP program"),
            (["nft add table netdev t", "nft add chain netdev t out \(chain)"], "the nftables chain out of table t at egress does"),
        ]

        @Test("--guard strict refuses to start beside it, and --guard normal says it", arguments: occupations)
        func strict(commands: [String], says: String) throws {
            let lab = try Lab()
            for command in commands { try perform(command, lab) }
            let before = try ["eth1", "eth2"].map(lab.state)
            let rules = try lab.write(Weir.passAll, to: "rules.nft")
            let strict = try Weir.launch(in: lab, rules: rules, options: ["--guard", "strict"])
            #expect(strict.wait(limit: .seconds(15)) == 1)
            #expect(strict.errorText.contains("with --guard strict") && strict.errorText.contains(says), "\(strict.errorText)")
            #expect(try ["eth1", "eth2"].map(lab.state) == before)
            let normal = try Weir(in: lab)
            let word = says.replacing(" at egress does", with: "")
            #expect(normal.log.lines.filter { $0.contains(word) }.count == 1, "said once: \(normal.log)")
            #expect(normal.log.contains("error: \(word)"), "\(normal.log)")
            #expect(normal.stop().status == 0)
        }
    }
}
