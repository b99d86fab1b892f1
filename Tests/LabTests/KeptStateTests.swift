import Foundation
import Testing

extension UntimedLabTests {
    /// What rules have come to, over a reload.
    @Suite("State over a reload", .needsWeir)
    struct KeptStateTests {
        private static let probe = "near/near4/UDP(dport=9)/data(30)"

        private static func rules(_ set: String, _ comment: String) -> String {
            """
            # \(comment)
            table bridge filter {
                set banned { type ipv4_addr; flags timeout; \(set) }
                set meters { type ipv4_addr; flags dynamic; size 100; }
                quota q { over 1 mbytes; }
                chain forward {
                    type filter hook forward priority 0; policy accept;
                    ip saddr @banned drop
                    limit rate over 5/hour burst 2 packets udp dport 7 drop
                    quota name "q" drop
                    add @meters { ip saddr }
                }
            }

            """
        }

        private struct Run {
            let lab: Lab
            let file: URL
            let weir: Weir
            let socket: String
            let wiretap: Wiretap

            init(_ text: String, workers: Int, options: [String] = []) throws {
                lab = try Lab(bare: true)
                file = try lab.write(text, to: "rules.nft")
                socket = lab.directory.appending(path: "s").path
                weir = try Weir(in: lab, rules: file, workers: workers, options: ["--control", socket] + options)
                wiretap = try Wiretap(lab)
            }

            func ask(_ words: [String]) throws -> CommandResult { try Command.run([Weir.binary] + words + ["--run", socket]) }

            func reload(_ text: String, _ options: [String] = []) throws -> String {
                try text.write(to: file, atomically: true, encoding: .utf8)
                let result = try ask(["reload"] + options)
                #expect(result.status == 0, "\(result)")
                return result.output
            }

            func passes(_ frame: String = KeptStateTests.probe) throws -> Bool {
                try !wiretap.send(frame, from: .near, awaiting: 1).far.isEmpty
            }
        }

        private static let usual = "size 100;"

        @Test("a ban outlives a comment that changes, and not another declaration or --reset-state", arguments: [1, 2])
        func ban(workers: Int) throws {
            let run = try Run(Self.rules(Self.usual, "first"), workers: workers)
            #expect(try run.passes())
            #expect(try run.ask(["sets", "add", "banned", "10.77.0.1 timeout 1h"]).status == 0)
            #expect(try !run.passes())
            let kept = try run.reload(Self.rules(Self.usual, "second"))
            #expect(kept.contains("new rules are in force") && kept.contains("kept: 2 sets with 2 elements, 1 limit, 1 quota"), "\(kept)")
            #expect(try !run.passes())
            #expect(try run.ask(["sets", "list", "banned"]).output.hasPrefix("10.77.0.1 expires 35"))
            let changed = try run.reload(Self.rules("size 101;", "second"))
            #expect(changed.contains("not kept: set bridge filter banned, since its declaration has changed"), "\(changed)")
            #expect(try run.passes())
            #expect(try run.ask(["sets", "add", "banned", "10.77.0.1"]).status == 0)
            #expect(try run.reload(Self.rules("size 101;", "second")).contains("the rules are as they were"))
            #expect(try !run.passes())
            let reset = try run.reload(Self.rules("size 101;", "second"), ["--reset-state"])
            #expect(reset.contains("not kept: set bridge filter banned, since it was asked for"), "\(reset)")
            #expect(try run.passes())
            #expect(run.weir.stop().status == 0)
        }

        @Test("elements of the file come and go, and the others stay")
        func fileElements() throws {
            let run = try Run(Self.rules("size 100; elements = { 10.77.0.1 }", "first"), workers: 2)
            #expect(try run.ask(["sets", "add", "banned", "192.0.2.9"]).status == 0)
            #expect(try !run.passes())
            _ = try run.reload(Self.rules("size 100; elements = { 192.0.2.1 }", "first"))
            #expect(try run.passes())
            #expect(try run.ask(["sets", "list", "banned"]).output.lines.sorted() == ["192.0.2.1", "192.0.2.9"])
            #expect(run.weir.stop().status == 0)
        }

        @Test("the setting has state start again with each reload, and the answer says it in JSON")
        func setting() throws {
            let run = try Run(Self.rules(Self.usual, "first"), workers: 1, options: ["--reset-state"])
            #expect(try run.ask(["sets", "add", "banned", "10.77.0.1"]).status == 0)
            let text = try run.reload(Self.rules(Self.usual, "second"), ["--json"])
            let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            let state = try #require(object["state"] as? [String: Any])
            let (kept, dropped) = (state["kept"] as? [String: Any], state["dropped"] as? [String: Any])
            #expect((kept?["sets"] as? [Any])?.isEmpty == true && kept?["limits"] as? Int == 0)
            #expect((dropped?["sets"] as? [[String: String]])?.map { $0["set"] } == ["bridge filter banned", "bridge filter meters"])
            #expect(dropped?["limits"] as? Int == 1 && dropped?["quotas"] as? Int == 1)
            #expect(try run.passes())
        }

        /// A limit of two packets an hour, and a reload after each.
        @Test("a limit does not begin again with each reload")
        func limits() throws {
            let run = try Run(Self.rules(Self.usual, "0"), workers: 2)
            var passed = 0
            for number in 1...6 {
                if try run.passes("near/near4/UDP(dport=7)/data(30)") { passed += 1 }
                _ = try run.reload(Self.rules(Self.usual, "\(number)"))
            }
            #expect(passed == 2)
        }
    }
}
