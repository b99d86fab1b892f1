import Foundation
import Testing

extension UntimedLabTests {
    /// The last dropped frames, without a capture.
    @Suite("Recent drops", .needsWeir)
    struct RecentDropsTests {
        @Test("each with its rule and reason, chosen by filter, reason and rule", arguments: [1, 2])
        func explained(workers: Int) throws {
            let lab = try Lab(bare: true)
            let socket = lab.directory.appending(path: "s").path
            let rules = Weir.chain(
                ["udp dport 9 drop comment \"no discard\"", "udp dport 10 reject", "udp dport 11 accept"], policy: "drop")
            let weir = try Weir(in: lab, rules: rules, workers: workers, options: ["--control", socket, "--answer-rate", "0"])
            let wiretap = try Wiretap(lab)
            for (port, size) in [(9, 30), (10, 30), (11, 30), (12, 1400)] {
                _ = try wiretap.send("near/near4/UDP(sport=4000, dport=\(port), chksum=0)/data(\(size))", from: .near)
            }
            _ = try wiretap.send("near/Dot1Q(vlan=5)/near4/UDP(sport=4000, dport=9, chksum=0)/data(30)", from: .near)
            func drops(_ words: [String]) throws -> [String] {
                try Command.require([Weir.binary, "drops", "--run", socket] + words).lines
            }
            let all = try drops([])
            #expect(all.count == 4, "\(all)")
            #expect(all[0].contains("IN=eth1 OUT=eth2") && all[0].contains("SRC=10.77.0.1 DST=10.77.0.2 LEN=58 PROTO=UDP SPT=4000 DPT=9"))
            #expect(
                all[0].contains("drop by rule ") && all[0].contains("rules.nft:4 \"no discard\" (chain forward) reason=rule"), "\(all[0])")
            #expect(all[1].contains("reject") && all[1].contains("rules.nft:5"))
            #expect(all[2].contains("LEN=1428 ") && all[2].contains("DPT=12") && all[2].contains("by policy of chain forward"), "\(all[2])")
            #expect(all[3].contains("VID=5") && all[3].contains("DPT=9"), "\(all[3])")
            for (words, count) in [
                (["udp", "port", "9"], 1), (["vlan", "5"], 1), (["greater", "1000"], 1), (["tcp"], 0), (["--reason", "policy"], 1),
                (["--rule", "no discard"], 2), (["--last", "1"], 1), (["--last", "0"], 0), (["--reason", "rule", "udp port 9"], 1),
            ] { #expect(try drops(words).count == count, "\(words)") }
            let object = try JSONSerialization.jsonObject(with: Data(drops(["--json", "--last", "1"])[0].utf8)) as? [String: Any]
            #expect(
                object?["reason"] as? String == "rule" && object?["comment"] as? String == "no discard" && object?["length"] as? Int == 76)
            let wrong = try Command.run([Weir.binary, "drops", "--run", socket, "no", "filter"])
            #expect(wrong.status == 64 && wrong.error.contains("pcap-filter"))
            withExtendedLifetime(weir) {}
        }

        @Test("follow goes on, and rules that are gone say no more than they know")
        func follow() throws {
            let lab = try Lab(bare: true)
            let socket = lab.directory.appending(path: "s").path
            let weir = try Weir(in: lab, rules: Weir.chain(["udp dport 9 drop"]), options: ["--control", socket])
            let wiretap = try Wiretap(lab)
            let probe = "near/near4/UDP(sport=4000, dport=9, chksum=0)/data(30)"
            _ = try wiretap.send(probe, from: .near)
            let follower = try lab.start(in: .fw, [Weir.binary, "drops", "--run", socket, "--follow", "--last", "0"])
            sleep(for: .milliseconds(500))
            #expect(follower.outputText.isEmpty)
            for count in 1...3 {
                _ = try wiretap.send(probe, from: .near)
                #expect(eventually(within: .seconds(3)) { follower.outputText.completeLines.count == count }, "\(follower.outputText)")
            }
            weir.stop()
            #expect(follower.wait(limit: .seconds(5)) == 1 && follower.errorText.contains("closed the connection"))
        }

        @Test("none are kept where none are asked for")
        func none() throws {
            let lab = try Lab(bare: true)
            let socket = lab.directory.appending(path: "s").path
            let weir = try Weir(in: lab, options: ["--control", socket, "--recent-drops", "0"])
            let result = try Command.run([Weir.binary, "drops", "--run", socket])
            #expect(result.status == 1 && result.error.contains("--recent-drops"))
            withExtendedLifetime(weir) {}
        }
    }
}
