import Foundation
import Glibc
import Testing

extension LabTests {
    /// Rules on trial: who has cut himself off gets his connection back.
    @Suite("Rules on trial", .needsWeir)
    struct TrialTests {
        private static let probe = "near/near4/UDP(dport=9)/data(30)"
        private static let dropsAll = Weir.chain(["counter name \"bad\"", "drop"]).replacing(
            "    chain", with: "    counter bad { }\n    chain")
        private static let followed = Weir.chain(["ct state established accept", "accept"])
        private static let fatal = dropsAll.replacing("drop\n", with: "ct state invalid accept\n        drop\n")

        private struct Run {
            let lab: Lab
            let file: URL
            var weir: Weir
            let socket: String

            init(_ text: String, bare: Bool = true, options: [String] = []) throws {
                lab = try Lab(bare: bare)
                file = try lab.write(text, to: "rules.nft")
                socket = lab.directory.appending(path: "s").path
                weir = try Weir(in: lab, rules: file, workers: 2, options: ["--control", socket] + options)
            }

            func ask(_ words: [String]) throws -> CommandResult { try Command.run([Weir.binary] + words + ["--run", socket]) }

            func apply(_ text: String, _ options: [String] = [], to name: String = "new.nft") throws -> CommandResult {
                try ask(["apply", try lab.write(text, to: name).path] + options)
            }

            func history() throws -> [[String: Any]] {
                try ask(["history", "--json"]).output.lines.compactMap {
                    try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
                }
            }

            func status() throws -> [String: Any] {
                let output = try ask(["status", "--json"]).output
                return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(output)")
            }
        }

        @Test(
            "an operator's own connection outlives fatal rules, which go back by themselves",
            arguments: [[], ["--abort-on", "drops of established > 0"]])
        func cutOff(conditions: [String]) throws {
            let run = try Run(Self.followed, bare: false)
            let connection = try LongConnection(run.lab)
            #expect(connection.goesOn())
            // Far longer than the test where a condition ends it.
            let applied = try run.apply(Self.fatal, ["--confirm", conditions.isEmpty ? "2s" : "1h"] + conditions)
            #expect(applied.status == 0 && applied.output.contains("is on trial for "), "\(applied)")
            if conditions.isEmpty { #expect(connection.stands(), "the rules are fatal") }
            #expect(connection.goesOn(within: .seconds(20)), "\(run.weir.log)")
            let reason = conditions.isEmpty ? "nobody confirmed it in time" : "drops of established > 0: "
            #expect(run.weir.log.contains("change 2 is taken back") && run.weir.log.contains(reason), "\(run.weir.log)")
            let history = try run.history()
            #expect(
                history.map { $0["state"] as? String } == ["done", "returned"] && history.map { $0["inForce"] as? Bool } == [true, false])
            #expect((try run.status()["warnings"] as? [String])?.contains { $0.hasPrefix("change 2 was taken back: \(reason)") } == true)
            #expect(try run.ask(["confirm"]).status == 1)
        }

        @Test("a named counter ends a trial, and one that stays below its number does not")
        func counters() throws {
            let run = try Run(Weir.passAll)
            let wiretap = try Wiretap(run.lab)
            #expect(try run.apply(Self.dropsAll, ["--confirm", "1h", "--abort-on", "counter bad > 2"]).status == 0)
            for _ in 0..<2 { #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty) }
            #expect(try run.history().last?["state"] as? String == "trial")
            #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty)
            #expect(try eventually(within: .seconds(5)) { try run.history().last?["state"] as? String == "returned" })
            #expect(try wiretap.send(Self.probe, from: .near, awaiting: 1).far.count == 1)
        }

        @Test("what is confirmed stays, also for the next start, until the rule file changes")
        func confirmed() throws {
            var run = try Run(Weir.passAll)
            let wiretap = try Wiretap(run.lab)
            #expect(try run.apply(Weir.chain(["udp dport 9 drop"]), ["--confirm", "3s", "--comment", "no nine"]).status == 0)
            #expect(try run.apply(Weir.passAll).error.contains("is on trial"))
            #expect(try run.ask(["reload"]).error.contains("is on trial"))
            #expect(try run.ask(["confirm", "3"]).error.contains("change 2 is on trial, not 3"))
            #expect(try run.ask(["confirm", "2"]).output == "change 2 is confirmed\n")
            sleep(for: .seconds(4))
            #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty)
            let last = try #require(try run.history().last)
            #expect(
                last["state"] as? String == "confirmed" && last["comment"] as? String == "no nine" && last["user"] as? Int == Int(geteuid())
            )
            #expect(run.weir.stop(SIGKILL).status != nil)
            run.weir = try Weir(in: run.lab, rules: run.file, options: ["--control", run.socket])
            #expect(run.weir.log.contains("the rules are those of change 2 of the history"), "\(run.weir.log)")
            #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty)
            #expect(run.weir.stop().status == 0)
            try (Weir.passAll + "# changed\n").write(to: run.file, atomically: true, encoding: .utf8)
            run.weir = try Weir(in: run.lab, rules: run.file, options: ["--control", run.socket])
            // What the kernel says of the ports between two runs.
            _ = try wiretap.listen(for: .milliseconds(500))
            #expect(try wiretap.send(Self.probe, from: .near, awaiting: 1).far.count == 1, "\(run.weir.log)")
        }

        @Test("a run that is killed during a trial begins with the rules before, also if the trial is of its own file")
        func killed() throws {
            var run = try Run(Weir.passAll)
            let wiretap = try Wiretap(run.lab)
            try Self.dropsAll.write(to: run.file, atomically: true, encoding: .utf8)
            #expect(try run.ask(["apply", "--confirm", "1h"]).status == 0)
            #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty)
            run.weir.stop(SIGKILL)
            run.weir = try Weir(in: run.lab, rules: run.file, options: ["--control", run.socket])
            #expect(run.weir.log.contains("the rules are those of change 1 of the history"), "\(run.weir.log)")
            #expect(try wiretap.send(Self.probe, from: .near, awaiting: 1).far.count == 1)
            #expect(try run.history().map { $0["state"] as? String } == ["done", "returned"])
            // The file is as it was; it counts again when somebody changes it, or applies it.
            #expect(try run.ask(["reload"]).output == "the rules are as they were\n")
            #expect(try run.ask(["apply"]).status == 0)
            #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty)
        }

        @Test("rules come back with what they had come to, from their texts as they were")
        func rollback() throws {
            let banning = Weir.chain(["ip saddr @banned drop"]).replacing(
                "    chain", with: "    set banned { type ipv4_addr; flags timeout; size 9; }\n    include \"more.nft\"\n    chain")
            let run = try Run(Weir.passAll)
            let wiretap = try Wiretap(run.lab)
            let more = try run.lab.write("set more { type mark; }\n", to: "more.nft")
            #expect(try run.apply(banning).status == 0)
            #expect(try run.ask(["sets", "add", "banned", "10.77.0.1"]).status == 0)
            // A trial of rules without the set, and back: the ban is there.
            #expect(try run.apply(Weir.passAll, ["--confirm", "1h"], to: "other.nft").status == 0)
            #expect(try wiretap.send(Self.probe, from: .near, awaiting: 1).far.count == 1)
            #expect(try run.ask(["rollback"]).output == "change 3 is taken back, and the rules before are in force again\n")
            #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty)
            #expect(try run.ask(["rollback"]).status == 0)
            #expect(try wiretap.send(Self.probe, from: .near, awaiting: 1).far.count == 1)
            try FileManager.default.removeItem(at: more)
            try FileManager.default.removeItem(at: run.lab.directory.appending(path: "new.nft"))
            #expect(try run.ask(["rollback", "2"]).status == 0)
            #expect(try run.ask(["sets", "list"]).output.contains("banned: 0 of 9"))
            #expect(try run.ask(["history", "2"]).output.contains("set more { type mark; }"))
            let unknown = try run.ask(["rollback", "99"])
            #expect(unknown.status == 1 && unknown.error.contains("the texts of change 99 are not kept"))
        }

        @Test("elements of the rule file that a trial takes out of a set come back", arguments: [[], ["--abort-on", "drops > 2/s"]])
        func elements(conditions: [String]) throws {
            func text(_ elements: String) -> String {
                Weir.chain(["ip saddr @admitted accept", "udp dport 9 drop"]).replacing(
                    "    chain", with: "    set admitted { type ipv4_addr; flags dynamic; size 9; elements = { \(elements) }; }\n    chain")
            }
            let run = try Run(text("10.77.0.1"))
            let wiretap = try Wiretap(run.lab)
            #expect(try wiretap.send(Self.probe, from: .near, awaiting: 1).far.count == 1)
            #expect(try run.ask(["sets", "add", "admitted", "10.77.0.5"]).status == 0)
            #expect(try run.apply(text("10.77.0.9"), ["--confirm", "1h"] + conditions).status == 0)
            for _ in 0..<3 { #expect(try wiretap.send(Self.probe, from: .near).far.isEmpty) }
            if conditions.isEmpty { #expect(try run.ask(["rollback"]).status == 0) }
            #expect(try eventually(within: .seconds(5)) { try run.history().last?["state"] as? String == "returned" })
            #expect(try wiretap.send(Self.probe, from: .near, awaiting: 1).far.count == 1)
            #expect(try run.ask(["sets", "list", "admitted"]).output.lines.sorted() == ["10.77.0.1", "10.77.0.5"])
        }

        @Test("the history is bounded, and only its owner and group read it")
        func files() throws {
            let run = try Run(Weir.passAll, options: ["--history", "3"])
            for number in 1...5 { #expect(try run.apply(Weir.chain(["udp dport \(number) drop"])).status == 0) }
            #expect(try run.history().map { $0["change"] as? Int } == [4, 5, 6])
            let folder = run.lab.directory.appending(path: "state/eth1,eth2.history").path
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names.count == 4 && names.contains("history.json"), "\(names)")
            for name in names + ["."] {
                var status = stat()
                #expect(lstat("\(folder)/\(name)", &status) == 0)
                #expect(status.st_mode & 0o777 == (name == "." ? 0o750 : 0o640), "\(name)")
            }
            // Nobody's link is followed.
            let victim = try run.lab.write("victim", to: "victim")
            try FileManager.default.removeItem(atPath: "\(folder)/history.json")
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/history.json", withDestinationPath: victim.path)
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/history.json.new", withDestinationPath: victim.path)
            #expect(try run.apply(Weir.passAll).status == 0)
            #expect(try String(contentsOf: victim, encoding: .utf8) == "victim")
            #expect(try run.history().count == 3)
        }

        @Test(
            "what can't be done is refused, and changes nothing",
            arguments: [
                (["--confirm", "0s"], ""), (["--abort-on", "drops > 1"], "--abort-on needs --confirm"),
                (["--confirm", "9s", "--abort-on", "drops of invalid > 1"], "--abort-on takes"),
                (["--confirm", "9s", "--abort-on", "counter none > 1"], "the new rules have no counter none"),
                (["--confirm", "9s", "--abort-on", "drops of established > 1"], "no rule asks for connections"),
            ])
        func refused(_ options: [String], _ reason: String) throws {
            let run = try Run(Weir.passAll)
            let result = try run.apply(Weir.chain(["drop"]), options)
            #expect(result.status != 0 && (reason.isEmpty || result.error.contains(reason)), "\(result)")
            #expect(try run.apply("nonsense").status == 1)
            #expect(try run.ask(["apply", "/nowhere.nft"]).error.contains("can't be read"))
            #expect(try Wiretap(run.lab).send(Self.probe, from: .near, awaiting: 1).far.count == 1)
            #expect(try run.history().count == 1)
        }
    }
}
