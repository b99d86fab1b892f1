import Foundation
import Testing

extension UntimedLabTests {
    /// Elements of sets, put in and taken out while a run goes on.
    @Suite("Sets by the control socket", .needsWeir)
    struct SetsControlTests {
        private static let rules = """
            table bridge filter {
                set banned4 { type ipv4_addr; flags timeout; size 4; }
                set banned6 { type ipv6_addr; flags timeout; size 4; }
                set pairs { type ipv4_addr . inet_service; flags dynamic; size 1000; }
                set ports { type ifname; flags dynamic; size 4; }
                set fixed { type ipv4_addr; elements = { 192.0.2.1 } }
                map where { type ipv4_addr : verdict; flags dynamic; size 4; }
                chain forward {
                    type filter hook forward priority 0; policy accept;
                    ip saddr @banned4 drop
                    ip6 saddr @banned6 drop
                    ip saddr . udp dport @pairs drop
                    iifname @ports meta length 1000 drop
                }
            }

            """
        private static let probe = "near/near4/UDP(dport=9)/data(30)"

        private struct Run {
            let lab: Lab
            let weir: Weir
            let socket: String
            let wiretap: Wiretap

            init() throws {
                lab = try Lab(bare: true)
                socket = lab.directory.appending(path: "s").path
                weir = try Weir(in: lab, rules: SetsControlTests.rules, workers: 2, options: ["--control", socket])
                wiretap = try Wiretap(lab)
            }

            func sets(_ words: [String]) throws -> CommandResult {
                try Command.run([Weir.binary, "sets"] + words + ["--run", socket])
            }

            func passes(_ frame: String) throws -> Bool { try !wiretap.send(frame, from: .near, awaiting: 1).far.isEmpty }
        }

        @Test("what is put in counts from the next frame on, and what is taken out no more")
        func changes() throws {
            let run = try Run()
            #expect(try run.passes(Self.probe))
            let added = try run.sets(["add", "banned4", "10.77.0.1,", "192.0.2.9", "timeout", "1h"])
            #expect(added.status == 0 && added.output.isEmpty, "\(added)")
            #expect(try !run.passes(Self.probe))
            let list = try run.sets(["list", "banned4"]).output.lines.sorted()
            #expect(list.count == 2 && list[0] == "10.77.0.1" && list[1].hasPrefix("192.0.2.9 expires 35"), "\(list)")
            #expect(try run.sets(["add", "banned4", "10.77.0.1"]).status == 0)
            #expect(try run.sets(["delete", "banned4", "10.77.0.1"]).status == 0)
            #expect(try run.passes(Self.probe))
            let gone = try run.sets(["delete", "banned4", "10.77.0.1"])
            #expect(gone.status == 1 && gone.error.contains("1 of 1 elements were not there"), "\(gone)")
            #expect(try run.sets(["add", "bridge filter pairs", "10.77.0.1 . 9, 10.77.0.1 . 10"]).status == 0)
            #expect(try !run.passes(Self.probe))
            #expect(try run.sets(["list", "pairs"]).output.lines.sorted() == ["10.77.0.1 . 10", "10.77.0.1 . 9"])
            #expect(try run.sets(["add", "ports", "eth1"]).status == 0)
            #expect(try run.sets(["list", "ports"]).output == "\"eth1\"\n")
            let all = try run.sets([]).output.lines
            #expect(
                all.contains("set bridge filter banned4: 1 of 4 elements") && all.contains("set bridge filter pairs: 2 of 1000 elements"))
        }

        @Test("an element's own timeout ends it")
        func timeouts() throws {
            let run = try Run()
            #expect(try run.sets(["add", "banned4", "10.77.0.1 timeout 2s"]).status == 0)
            #expect(try !run.passes(Self.probe))
            sleep(for: .seconds(3))
            #expect(try run.passes(Self.probe))
            #expect(try run.sets(["list", "banned4"]).output.isEmpty)
        }

        @Test(
            "what can't be done is refused, and changes nothing that it does not name",
            arguments: [
                (["add", "none", "10.0.0.1"], "no set of that name can be changed"),
                (["add", "fixed", "10.0.0.1"], "no set of that name can be changed"),
                (["add", "where", "10.0.0.1 : drop"], "is a map"),
                (["add", "banned4", "10.0.0.256"], ""), (["add", "banned4", "fd77::1"], ""), (["add", "banned4", "10.0.0.0/8"], ""),
                (["add", "banned4", "10.0.0.1 } ; include \"/etc/passwd\" ; add table ip x { "], ""),
                (["add", "banned4", "10.0.0.1 }; add rule bridge filter forward drop; add element bridge filter banned4 { 10.0.0.2"], ""),
                (["add", "banned4", "10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5"], "has more than its size of 4 elements"),
            ])
        func refused(_ words: [String], _ reason: String) throws {
            let run = try Run()
            let result = try run.sets(words)
            #expect(
                result.status == 1 && (reason.isEmpty ? !result.error.isEmpty : result.error.contains(reason)) && result.output.isEmpty,
                "\(result)")
            #expect(try run.passes(Self.probe))
        }

        @Test("fail2ban's action bans and unbans")
        func fail2ban() throws {
            let run = try Run()
            let file = Lab.root.appending(path: "tools/fail2ban/weir.conf").path
            let expand = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Support/ban.py").path
            func act(_ action: String, _ address: String, bantime: Int = 600) throws -> CommandResult {
                try Command.run(["/usr/bin/python3", expand, file, action, address, Weir.binary, run.socket, "\(bantime)"])
            }
            #expect(try act("actionstart", "10.77.0.1").status == 0)
            for (address, frame) in [("10.77.0.1", Self.probe), ("fd77::1", "near/near6/UDP(dport=9)/data(30)")] {
                #expect(try run.passes(frame))
                #expect(try act("actionban", address).status == 0)
                #expect(try act("actionban", address).status == 0)
                #expect(try !run.passes(frame))
                #expect(try act("actionunban", address).status == 0)
                #expect(try act("actionunban", address).status == 0)
                #expect(try run.passes(frame))
            }
            #expect(try act("actionban", "10.77.0.1", bantime: -1).status == 0)
            #expect(try run.sets(["list", "banned4"]).output == "10.77.0.1\n")
            run.weir.stop()
            #expect(try act("actionstart", "10.77.0.1").status != 0)
            #expect(try act("actionban", "10.77.0.1").status != 0)
        }
    }
}
