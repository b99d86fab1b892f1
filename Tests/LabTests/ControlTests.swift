import Foundation
import Glibc
import Testing

extension UntimedLabTests {
    /// A run that is asked and told things by its socket.
    @Suite("Control", .needsWeir)
    struct ControlTests {
        private static let probe = "near/near4/UDP(dport=9)/data(30)"

        private struct Run {
            let lab: Lab
            let file: URL
            let weir: Weir
            let socket: String

            init(_ rules: [String], options: [String] = []) throws {
                lab = try Lab(bare: true)
                file = try lab.write(Weir.chain(rules), to: "rules.nft")
                socket = lab.directory.appending(path: "s").path
                weir = try Weir(in: lab, rules: file, options: ["--control", socket] + options)
            }

            func ask(_ words: [String]) throws -> CommandResult { try Command.run([Weir.binary] + words + ["--run", socket]) }

            func object(_ words: [String]) throws -> [String: Any] {
                let result = try ask(words + ["--json"])
                let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
                return try #require(object as? [String: Any], "\(result.output)\(result.error)")
            }

            func write(_ rules: [String]) throws { try Weir.chain(rules).write(to: file, atomically: true, encoding: .utf8) }
        }

        @Test("status says what runs, by which rules, and what is wrong")
        func status() throws {
            let run = try Run(["udp dport 9 drop"])
            _ = try Wiretap(run.lab).send(Self.probe, from: .near)
            var status = try run.object(["status"])
            #expect(status["state"] as? String == "forwarding" && status["process"] as? Int == Int(run.weir.processIdentifier))
            let rules = try #require(status["ruleset"] as? [String: Any])
            let hash = try Command.require(["sha256sum", run.file.path]).split(separator: " ").first.map(String.init)
            let files = rules["files"] as? [[String: String]]
            #expect(files == [["file": run.file.path, "sha256": hash ?? ""]])
            #expect(rules["generation"] as? Int == 0 && rules["rules"] as? Int == 1)
            let drops = try #require(status["drops"] as? [String: [String: Int]])
            #expect(drops["rule"]?["frames"] == 1)
            #expect((status["warnings"] as? [String])?.isEmpty == true)
            let text = try run.ask(["status"]).output
            #expect(text.contains("forwarding for 00:00:") && text.contains("dropped, rule: 1 frames"), "\(text)")
            // What is wrong stands there as long as it is.
            try run.lab.require(in: .far, "ip link set far0 down")
            #expect(
                try eventually(within: .seconds(5), every: .milliseconds(200)) {
                    try (run.object(["status"])["warnings"] as? [String])?.contains { $0.contains("has no carrier") } == true
                })
            status = try run.object(["status"])
            let links = (status["ports"] as? [[String: Any]])?.compactMap { $0["link"] as? String }
            #expect(status["state"] as? String == "waiting" && links?.last == "no carrier", "\(String(describing: links))")
            try run.lab.require(in: .far, "ip link set far0 up")
            #expect(
                try eventually(within: .seconds(5), every: .milliseconds(200)) {
                    try (run.object(["status"])["warnings"] as? [String])?.isEmpty == true
                })
        }

        @Test("reload waits until the new rules hold, and fails with the reason")
        func reload() throws {
            let run = try Run(["udp dport 9 accept"])
            let wiretap = try Wiretap(run.lab)
            #expect(try run.ask(["reload"]).output == "the rules are as they were\n")
            try run.write(["udp dport 9 drop"])
            let changed = try run.ask(["reload"])
            #expect(changed.status == 0 && changed.output == "new rules are in force (1 rule, generation 1)\n", "\(changed)")
            // In force when the command returns, not some time later.
            #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty)
            try run.write(["udp dprot 9 accept"])
            let refused = try run.ask(["reload"])
            #expect(refused.status == 1 && refused.output.isEmpty)
            #expect(refused.error.contains("the rules stay as they were") && refused.error.contains("rules.nft:4"), "\(refused.error)")
            #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty)
            let last = (try run.object(["status"])["ruleset"] as? [String: Any])?["lastReload"] as? [String: Any]
            #expect(last?["outcome"] as? String == "refused")
        }

        @Test("counters are told, and count from 0 after they were reset; reports go on")
        func counters() throws {
            let lab = try Lab(bare: true)
            let rules = """
                table bridge filter {
                    counter web { }
                    chain forward {
                        type filter hook forward priority 0; policy accept;
                        udp dport 9 counter name web drop
                    }
                }

                """
            let socket = lab.directory.appending(path: "s").path
            let weir = try Weir(in: lab, rules: rules, options: ["--control", socket])
            let wiretap = try Wiretap(lab)
            func lines(_ words: [String]) throws -> [String] { try Command.require([Weir.binary] + words + ["--run", socket]).lines }
            _ = try wiretap.send(Self.probe, from: .near)
            #expect(try lines(["counters"]) == ["counter bridge filter web packets 1 bytes 58"])
            #expect(try lines(["counters", "--reset"]) == ["counter bridge filter web packets 1 bytes 58"])
            #expect(try lines(["counters"]) == ["counter bridge filter web packets 0 bytes 0"])
            #expect(try lines(["rules", "--live"]).first?.hasPrefix("0 packets 0 bytes ") == true)
            _ = try wiretap.send(Self.probe, from: .near)
            #expect(try lines(["rules", "--live"]).first?.hasPrefix("1 packets 58 bytes ") == true)
            #expect(try weir.counters().rules.map(\.frames) == [2])
        }

        @Test("others of the group read and change nothing, and strangers can't connect")
        func peers() throws {
            let run = try Run(["udp dport 9 accept"])
            #expect(chown(run.socket, 0, 4242) == 0 && chmod(run.lab.directory.path, 0o755) == 0)
            func ask(_ words: [String], groups: String) throws -> CommandResult {
                try Command.run(
                    ["setpriv", "--reuid", "65534", "--regid", "65534", groups, Weir.binary] + words + ["--run", run.socket])
            }
            let member = "--groups=4242"
            #expect(try ask(["status"], groups: member).status == 0)
            #expect(try ask(["counters"], groups: member).status == 0)
            for words in [["reload"], ["counters", "--reset"]] {
                let denied = try ask(words, groups: member)
                #expect(denied.status == 1 && denied.error.contains("only root and the user of the process"), "\(denied)")
            }
            let stranger = try ask(["status"], groups: "--clear-groups")
            #expect(stranger.status == 1 && stranger.error.contains("for root and the socket's group"), "\(stranger)")
        }

        @Test("a socket left by a run that was killed is replaced, that of a run that goes on is not")
        func restart() throws {
            let run = try Run(["accept"])
            let other = try Weir.launch(in: run.lab, rules: run.file, workers: 1, options: ["--control", run.socket])
            #expect(other.wait(limit: .seconds(20)) == 1)
            #expect(try run.ask(["status"]).status == 0)
            run.weir.stop(SIGKILL)
            #expect(FileManager.default.fileExists(atPath: run.socket))
            let gone = try run.ask(["status"])
            #expect(gone.status == 1 && gone.error.contains("the run that made it is gone"), "\(gone)")
            let next = try Weir(in: run.lab, rules: run.file, options: ["--control", run.socket])
            #expect(try run.ask(["status"]).status == 0)
            #expect(next.stop().status == 0)
            #expect(!FileManager.default.fileExists(atPath: run.socket))
        }

        @Test("off makes no socket, and without the option it is named after the ports")
        func places() throws {
            let lab = try Lab(bare: true)
            let usual = lab.directory.appending(path: "state/eth1,eth2.sock").path
            let rules = try lab.write(Weir.passAll, to: "rules.nft")
            for isThere in [false, true] {
                let weir = try Weir.launch(in: lab, rules: rules, hasUsualSocket: isThere)
                #expect(eventually(within: .seconds(15)) { weir.errorText.contains("forwarding between") }, "\(weir.errorText)")
                #expect(FileManager.default.fileExists(atPath: usual) == isThere)
                weir.signal(SIGTERM)
                #expect(weir.wait(limit: .seconds(15)) == 0)
                #expect(!FileManager.default.fileExists(atPath: usual))
            }
        }
    }
}
