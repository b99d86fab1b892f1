import Foundation
import Testing

extension UntimedLabTests {
    /// What `weir` says and how it ends when it can't start, and what it warns of when it can.
    @Suite("Start", .needsWeir)
    struct StartTests {
        /// A start that must not succeed.
        struct BadStart: Sendable, CustomStringConvertible {
            let description: String
            /// `GOOD`, `BAD` and `STATE` stand for a rule file, one with an error in it, and a folder.
            let arguments: String
            var prefix: [String] = []
            /// What the machine's firewall host is like before.
            var preparation: [String] = []
            let status: Int32
            let says: [String]
        }

        private static let withoutCapabilities = ["setpriv", "--bounding-set=-net_admin,-net_raw", "--inh-caps=-all"]

        static let badStarts: [BadStart] = [
            BadStart(
                description: "no such interface: those that there are",
                arguments: "run --ports eth1,eth9 --rules GOOD --state-directory STATE",
                status: 1, says: ["no interface eth9", "eth1", "eth2"]),
            BadStart(
                description: "the same port twice", arguments: "run --ports eth1,eth1 --rules GOOD --state-directory STATE", status: 64,
                says: ["both ports are eth1"]),
            BadStart(
                description: "the loopback interface", arguments: "run --ports lo,eth2 --rules GOOD --state-directory STATE", status: 1,
                says: ["lo is the loopback"]),
            BadStart(
                description: "without capabilities", arguments: "run --ports eth1,eth2 --rules GOOD --state-directory STATE",
                prefix: withoutCapabilities, status: 1, says: ["CAP_NET_ADMIN", "CAP_NET_RAW", "root"]),
            BadStart(
                description: "no rule file", arguments: "run --ports eth1,eth2 --rules /nowhere/x.nft --state-directory STATE", status: 66,
                says: ["/nowhere/x.nft can't be read"]),
            BadStart(
                description: "a folder for a rule file", arguments: "run --ports eth1,eth2 --rules / --state-directory STATE", status: 66,
                says: ["/ can't be read"]),
            BadStart(
                description: "no file of names",
                arguments: "run --ports eth1,eth2 --rules GOOD --state-directory STATE --drops DROPS --drops-names /nowhere/hosts",
                status: 66, says: ["/nowhere/hosts can't be read"]),
            BadStart(
                description: "a state folder that can't be",
                arguments: "run --ports eth1,eth2 --rules GOOD --state-directory /nowhere/weir",
                status: 1, says: ["/nowhere/weir", "--state-directory"]),
            BadStart(
                description: "a file for a state folder",
                arguments: "run --ports eth1,eth2 --rules GOOD --state-directory GOOD",
                status: 1, says: ["good.nft is not a folder; name one with --state-directory"]),
            BadStart(
                description: "a capture that can't be written",
                arguments: "run --ports eth1,eth2 --rules GOOD --state-directory STATE --drops /nowhere/x.pcap", status: 1,
                says: ["/nowhere/x.pcap"]),
            // The other port has been taken by then, and is given back.
            BadStart(
                description: "a qdisc without a place for the egress rule",
                arguments: "run --ports eth1,eth2 --rules GOOD --state-directory STATE", prefix: GuardKind.filters.prefix,
                preparation: ["tc qdisc add dev eth2 ingress"], status: 1, says: ["eth2", "\"ingress\"", "clsact"]),
            BadStart(
                description: "a macvlan that gets frames to its own address only",
                arguments: "run --ports mv1,eth2 --rules GOOD --state-directory STATE",
                preparation: ["ip link add link eth1 name mv1 type macvlan mode bridge", "ip link set mv1 up"], status: 1,
                says: ["mv1 is a macvlan in bridge mode", "mode passthru"]),
            BadStart(
                description: "a macvtap that gets frames to its own address only",
                arguments: "run --ports mt1,eth2 --rules GOOD --state-directory STATE",
                preparation: ["ip link add link eth1 name mt1 type macvtap mode vepa"], status: 1,
                says: ["mt1 is a macvtap in vepa mode", "mode passthru"]),
            BadStart(
                description: "an ifb", arguments: "run --ports ifb9,eth2 --rules GOOD --state-directory STATE",
                preparation: ["ip link add ifb9 type ifb", "ip link set ifb9 up"], status: 1, says: ["ifb9 is an ifb"]),
            BadStart(
                description: "a bridge with its member", arguments: "run --ports br7,eth1 --rules GOOD --state-directory STATE",
                preparation: ["ip link add br7 type bridge", "ip link set br7 up", "ip link set eth1 master br7"], status: 1,
                says: ["eth1 is a member of br7", "nomaster"]),
            BadStart(
                description: "an interface with the one below it",
                arguments: "run --ports eth1,mp1 --rules GOOD --state-directory STATE",
                preparation: ["ip link add link eth1 name mp1 type macvlan mode passthru"], status: 1, says: ["mp1 runs on top of eth1"]),
            BadStart(
                description: "two ends of one veth", arguments: "run --ports v0,v1 --rules GOOD --state-directory STATE",
                preparation: ["ip link add v0 type veth peer name v1"], status: 1, says: ["v0 and v1 are the two ends of one veth"]),
            BadStart(
                description: "one interface by two names", arguments: "run --ports eth1,uplink0 --rules GOOD --state-directory STATE",
                preparation: ["ip link property add dev eth1 altname uplink0"], status: 1, says: ["eth1 and uplink0 are the same"]),
            BadStart(
                description: "a /proc/sys that can't be written",
                arguments: "run --ports eth1,eth2 --rules GOOD --state-directory STATE",
                prefix: [
                    "unshare", "-m", "sh", "-c", "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec \"$@\"",
                    "sh",
                ],
                status: 1, says: ["IPv6 can't be switched off on eth1", "Read-only file system", "disable_ipv6=1"]),
            BadStart(
                description: "one port", arguments: "run --ports eth1 --rules GOOD", status: 64, says: ["two interfaces"]),
            BadStart(description: "no ports", arguments: "run --rules GOOD", status: 64, says: ["--ports"]),
            BadStart(
                description: "no workers", arguments: "run --ports eth1,eth2 --rules GOOD --workers 0", status: 64, says: ["--workers"]),
            BadStart(
                description: "a timeout that there isn't", arguments: "run --ports eth1,eth2 --rules GOOD --flow-timeout x=1", status: 64,
                says: ["--flow-timeout", "there is no timeout x"]),
            BadStart(
                description: "a timeout of no length", arguments: "run --ports eth1,eth2 --rules GOOD --flow-timeout udp_timeout=0",
                status: 64, says: ["udp_timeout takes seconds from 1 to"]),
            BadStart(
                description: "a group without a file", arguments: "run --ports eth1,eth2 --rules GOOD --group 5", status: 64,
                says: ["--group", "write n=file"]),
            BadStart(
                description: "a size that is none", arguments: "run --ports eth1,eth2 --rules GOOD --reload-memory much", status: 64,
                says: ["--reload-memory", "100M"]),
            BadStart(
                description: "a filter of drops that is none",
                arguments: "run --ports eth1,eth2 --rules GOOD --drops STATE/drops.pcapng --drops-filter nonsense", status: 64,
                says: ["--drops-filter", "pcap-filter(7)"]),
            BadStart(
                description: "an address of metrics that is none", arguments: "run --ports eth1,eth2 --rules GOOD --metrics here:9",
                status: 64, says: ["--metrics", "127.0.0.1:9654"]),
            BadStart(description: "help with a command that there isn't", arguments: "help run2", status: 64, says: ["no command run2"]),
            BadStart(
                description: "an unknown option", arguments: "run --ports eth1,eth2 --rules GOOD --fast", status: 64, says: ["--fast"]),
        ]

        private func expanded(_ arguments: String, _ lab: Lab) throws -> [String] {
            let good = try lab.write(Weir.passAll, to: "good.nft").path
            let bad = try lab.write(Weir.chain(["tcp dport 80 drop", "tcp dport htp drop"]), to: "bad.nft").path
            return arguments.split(separator: " ").map {
                switch $0 {
                case "GOOD": good
                case "BAD": bad
                case "STATE": lab.directory.appending(path: "state").path
                case "DROPS": lab.directory.appending(path: "drops.pcapng").path
                default: String($0)
                }
            }
        }

        @Test("a bad start is told in one sentence", arguments: badStarts)
        func badStart(_ start: BadStart) throws {
            let lab = try Lab()
            for command in start.preparation { try lab.require(in: .fw, command) }
            let before = try ["eth1", "eth2"].map(lab.state)
            let result = try lab.run(in: .fw, start.prefix + [Weir.binary] + expanded(start.arguments, lab))
            #expect(result.status == start.status, "\(result.error)")
            for word in start.says { #expect(result.error.contains(word), "\(result.error)") }
            if start.status != 64 {
                #expect(result.error.lines.count == 1, "\(result.error)")
                #expect(result.output.isEmpty)
            }
            #expect(try ["eth1", "eth2"].map(lab.state) == before, "it changed something")
            let state = lab.directory.appending(path: "state").path
            #expect((try? FileManager.default.contentsOfDirectory(atPath: state)) ?? [] == [], "it left a note")
        }

        @Test("a state folder that is full: the reason first, then what was put back")
        func fullFolder() throws {
            let lab = try Lab()
            let before = try ["eth1", "eth2"].map(lab.state)
            let folder = lab.directory.appending(path: "full")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            // The folder itself takes the only inode.
            let mount = [
                "unshare", "-m", "sh", "-c", "mount -t tmpfs -o nr_inodes=1 none \"$1\" && shift && exec \"$@\"", "sh", folder.path,
            ]
            let arguments = try expanded("run --ports eth1,eth2 --rules GOOD --control off --state-directory", lab) + [folder.path]
            let result = try lab.run(in: .fw, mount + [Weir.binary] + arguments)
            #expect(result.status == 1)
            let lines = result.error.lines
            #expect(lines.count == 3, "\(result.error)")
            #expect(lines.first?.contains("can't be written (No space left on device)") ?? false, "\(result.error)")
            for (line, port) in zip(lines.dropFirst(), ["eth1", "eth2"]) {
                #expect(line.contains("\(port) had been taken, and is as it was before"), "\(result.error)")
            }
            #expect(try ["eth1", "eth2"].map(lab.state) == before)
        }

        @Test(
            "rules with an error are refused where the error stands",
            arguments: ["run --ports eth1,eth2 --rules BAD", "check BAD", "check GOOD BAD", "rules BAD"])
        func badRules(arguments: String) throws {
            let lab = try Lab()
            let result = try lab.run(in: .fw, [Weir.binary] + expanded(arguments, lab))
            #expect(result.status == 65)
            #expect(result.error.contains("bad.nft:5:19: error:"), "\(result.error)")
        }

        @Test("good rules are checked without privileges")
        func check() throws {
            let lab = try Lab()
            let files = RuleFilesTests.files.map { Lab.root.appending(path: "rules/\($0)").path }
            let result = try Command.run(["setpriv", "--bounding-set=-all", "--inh-caps=-all", Weir.binary, "check"] + files)
            #expect(result.isSuccess && !files.isEmpty, "\(result.error)")
            withExtendedLifetime(lab) {}
        }

        @Test("two runs do not share a port")
        func twice() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            let second = try Weir.launch(in: lab, rules: lab.write(Weir.passAll, to: "second.nft"))
            #expect(second.wait(limit: .seconds(15)) == 1)
            #expect(second.errorText.contains("another Weir runs on eth1"), "\(second.errorText)")
            #expect(try lab.answers("10.77.0.2"), "the first goes on")
            #expect(weir.stop().status == 0)
        }

        /// A container's folders are its own, and its network may be another's.
        @Test("two runs with different state folders do not share a port, and the second says who has it")
        func differentFolders() throws {
            let lab = try Lab()
            let before = try ["eth1", "eth2"].map(lab.state)
            let weir = try Weir(in: lab)
            let other = lab.directory.appending(path: "other").path
            // The last of two options of one kind counts.
            let second = try Weir.launch(
                in: lab, rules: lab.write(Weir.passAll, to: "second.nft"), options: ["--state-directory", other])
            #expect(second.wait(limit: .seconds(15)) == 1)
            #expect(
                second.errorText.contains("another Weir runs on eth1 (process \(weir.processIdentifier)); stop it first"),
                "\(second.errorText)")
            #expect(try lab.answers("10.77.0.2"), "the first goes on")
            #expect(try lab.guardIsFirst(.tcx, on: "eth1"), "its guard stands")
            #expect(weir.stop().status == 0)
            #expect(try ["eth1", "eth2"].map(lab.state) == before)
        }

        @Test("a start that is refused leaves an interface guarded that a killed run has left so")
        func refusedAfterCrash() throws {
            let lab = try Lab()
            let before = try ["eth1", "eth2"].map(lab.state)
            try Weir(in: lab).stop(SIGKILL)
            let killed = try ["eth1", "eth2"].map(lab.state)
            try lab.require(in: .fw, "ip link set eth2 name lan2")
            let refused = try Weir.launch(in: lab, rules: lab.write(Weir.passAll, to: "rules.nft"))
            #expect(refused.wait(limit: .seconds(15)) == 1)
            try lab.require(in: .fw, "ip link set lan2 name eth2")
            #expect(try ["eth1", "eth2"].map(lab.state) == killed)
            try Weir(in: lab).stop()
            #expect(try ["eth1", "eth2"].map(lab.state) == before)
        }

        @Test("ports are found by alternative names, long ones too, which rules know")
        func alternativeNames() throws {
            let lab = try Lab()
            let names = ["uplink0", "the-port-that-leads-to-the-servers"]
            try lab.require(in: .fw, "ip link property add dev eth1 altname \(names[0])")
            try lab.require(in: .fw, "ip link property add dev eth2 altname \(names[1])")
            let before = try ["eth1", "eth2"].map(lab.state)
            let rules = try lab.write(
                Weir.chain(["iifname \"uplink0\" accept", "oifname \"uplink0\" accept"], policy: "drop"), to: "rules.nft")
            let weir = try Weir.launch(in: lab, rules: rules, options: ["--ports", names.joined(separator: ",")])
            #expect(
                eventually(within: .seconds(15)) {
                    weir.errorText.contains("forwarding between uplink0 (eth1) and \(names[1]) (eth2)")
                }, "\(weir.errorText)")
            #expect(try lab.answers("10.77.0.2"))
            weir.signal(SIGTERM)
            #expect(weir.wait(limit: .seconds(15)) == 0)
            #expect(try ["eth1", "eth2"].map(lab.state) == before)
        }

        @Test("a macvlan in passthru mode is a port")
        func passthru() throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip link add link eth1 name mp1 type macvlan mode passthru")
            try lab.require(in: .fw, "ip link set mp1 up")
            let weir = try Weir.launch(in: lab, rules: lab.write(Weir.passAll, to: "rules.nft"), options: ["--ports", "mp1,eth2"])
            #expect(eventually(within: .seconds(15)) { weir.errorText.contains("forwarding between mp1 and eth2") }, "\(weir.errorText)")
            #expect(try lab.answers("10.77.0.2"))
            weir.signal(SIGTERM)
            #expect(weir.wait(limit: .seconds(15)) == 0)
        }

        @Test("what run refuses of rules, check refuses at the same place")
        func checkIsRun() throws {
            let lab = try Lab()
            for (number, rules) in [
                """
                table bridge t {
                    set s { type ipv4_addr; size 5000000; flags dynamic; }
                    chain c { type filter hook forward priority 0; add @s { ip saddr } drop; }
                }

                """,
                """
                table bridge t {
                    set s { type ipv4_addr; size 1000000; flags dynamic; }
                    chain c { type filter hook forward priority 0; add @s { ip saddr ct count over 60000 } drop; }
                }

                """,
            ].enumerated() {
                let file = try lab.write(rules, to: "rules-\(number).nft")
                let check = try Command.run([Weir.binary, "check", file.path])
                let run = try Weir.launch(in: lab, rules: file)
                #expect(run.wait(limit: .seconds(30)) == 65, "\(run.errorText)")
                #expect(check.status == 65 && check.error.contains("\(file.path):"), "\(check.error)")
                #expect(run.errorText == check.error)
                let json = try Command.run([Weir.binary, "check", "--json", file.path])
                #expect(json.output.contains("\"severity\" : \"error\""))
            }
        }

        @Test(
            "what an operator should know of the ports is said, and does not hinder",
            arguments: [
                (["ip address add 192.0.2.1/24 dev eth1"], "eth1 has the address 192.0.2.1"),
                (["ip address add fd01::1/64 dev eth2 nodad"], "eth2 has the address fd01::1"),
                (["ip link add br7 type bridge", "ip link set br7 up", "ip link set eth1 master br7"], "eth1 is a member of br7"),
                (["ip link set eth2 mtu 1400"], "the MTUs differ (eth1 1500, eth2 1400)"),
            ])
        func warnings(commands: [String], says: String) throws {
            let lab = try Lab()
            for command in commands { try lab.require(in: .fw, command) }
            let weir = try Weir(in: lab)
            #expect(weir.log.contains(says), "\(weir.log)")
            #expect(try lab.answers("10.77.0.2"))
            #expect(weir.stop().status == 0)
        }

        @Test("a port that is down at the start is waited for")
        func waits() throws {
            let lab = try Lab()
            try lab.require(in: .fw, "ip link set eth2 down")
            let process = try Weir.launch(in: lab, rules: lab.write(Weir.passAll, to: "rules.nft"))
            #expect(eventually(within: .seconds(15)) { process.errorText.contains("eth2 is down") }, "\(process.errorText)")
            try lab.require(in: .fw, "ip link set eth2 up")
            #expect(try eventually(within: .seconds(15)) { try !lab.isDeaf("10.77.0.2") })
            process.signal(SIGTERM)
            #expect(process.wait(limit: .seconds(15)) == 0)
        }
    }
}
