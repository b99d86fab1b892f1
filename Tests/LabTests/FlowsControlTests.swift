import Foundation
import Glibc
import Testing

extension LabTests {
    /// Connections of a run, listed and ended by its socket.
    @Suite("Flows by the control socket", .needsWeir)
    struct FlowsControlTests {
        private static let rules = Weir.chain(["ct state established accept", "ct state new accept"], policy: "drop")

        private func ask(_ socket: String, _ words: String) throws -> [String] {
            try Command.require([Weir.binary, "flows", "--run", socket] + words.split(separator: " ").map(String.init), limit: 60).lines
        }

        @Test("connections are chosen, counted, listed and ended", arguments: [1, 2])
        func filters(workers: Int) throws {
            let lab = try Lab(bare: true)
            let socket = lab.directory.appending(path: "s").path
            let weir = try Weir(in: lab, rules: Self.rules, workers: workers, options: ["--control", socket])
            let wiretap = try Wiretap(lab)
            for frame in [
                "near/near4/UDP(sport=4000, dport=9, chksum=0)/data(2)", "near/near6/TCP(sport=4001, dport=80, flags='S')",
                "near/Dot1Q(vlan=5)/near4/UDP(sport=4002, dport=10, chksum=0)/data(2)",
            ] { _ = try wiretap.send(frame, from: .near, awaiting: 1) }
            _ = try wiretap.send("far/far6/TCP(sport=80, dport=4001, flags='SA', ack=1)", from: .far, awaiting: 1)
            for (filter, count) in [
                ("", 3), ("all", 3), ("proto udp", 2), ("vlan 5", 1), ("not vlan 5", 2), ("port 4000-4001", 2), ("dport 80", 1),
                ("sport 80", 0), ("host 10.77.0.0/24", 2), ("src fd77::1", 1), ("dst fd77::1", 0), ("state syn_recv", 1), ("replied", 1),
                ("not replied proto udp not vlan 5", 1), ("assured", 0),
            ] { #expect(try ask(socket, filter + " --count") == ["\(count)"], "\(filter)") }
            let lines = try ask(socket, "dport 9")
            #expect(lines.count == 1 && lines[0].hasPrefix("udp      17 ") && lines[0].contains("sport=4000 dport=9 packets=1 bytes=30"))
            let tagged = try ask(socket, "vlan 5 --json")
            #expect(tagged.count == 1 && tagged[0].contains("\"vlans\":[5]"), "\(tagged)")
            let killed = try ask(socket, "proto udp --kill")
            #expect(killed.count == 3 && killed.last == "2 connections were ended", "\(killed)")
            #expect(try ask(socket, "--count") == ["1"])
            #expect(try weir.counters().flows?.followed == 1)
            // What was ended begins again.
            _ = try wiretap.send("near/near4/UDP(sport=4000, dport=9, chksum=0)/data(2)", from: .near, awaiting: 1)
            #expect(try ask(socket, "--count") == ["2"])
            let wrong = try Command.run([Weir.binary, "flows", "--run", socket, "nonsense"])
            #expect(wrong.status == 64 && wrong.error.contains("there is no condition nonsense"))
        }

        /// Each frame is numbered: none is missing, none comes twice, none out of order.
        @Test("200,000 connections are listed, by several clients at once and by one that does not read, and no frame is lost")
        func many() throws {
            let lab = try Lab(bare: true)
            let socket = lab.directory.appending(path: "s").path
            let weir = try Weir(
                in: lab, rules: Self.rules, workers: 2,
                options: ["--control", socket, "--flows", "262144", "--flow-share", "100", "--flow-timeout", "udp_timeout=600"])
            let flood = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Support/flood.py").path
            _ = try lab.run(in: .near, ["/usr/bin/python3", flood, "near0", "udp", "200000", "1"], limit: 120)
            let followed = try #require(Int(ask(socket, "--count").first ?? ""))
            #expect(followed > 190_000, "\(followed)")
            let flows = (1...8).map { "near/IP(src='10.77.1.\($0)', dst='10.77.0.2')/UDP(sport=4000, dport=9, chksum=0)/data(26)" }
            let wiretap = try Wiretap(lab)
            let listings = try (0..<3).map { number in
                let list = lab.directory.appending(path: "list\(number)").path
                return try lab.start(in: .fw, ["bash", "-c", "while :; do \(Weir.binary) flows --run \(socket) > \(list); done"])
            }
            let deaf = try lab.start(in: .fw, ["bash", "-c", "\(Weir.binary) flows --run \(socket) | sleep 30"])
            defer { for process in listings + [deaf] { process.end() } }
            let before = try weir.counters()
            let result = try wiretap.sequence(of: flows, from: .near, count: 4000)
            let after = try weir.counters()
            let lost = after.ports.reduce(0) { $0 + $1.kernelDrops } - before.ports.reduce(0) { $0 + $1.kernelDrops }
            #expect(lost == 0 && result.received == 8 * 4000 && result.reordered == 0 && result.duplicates == 0, "\(result), \(lost) lost")
            for process in listings + [deaf] { process.end() }
            let list = try ask(socket, "")
            #expect(list.count >= followed && Set(list).count == list.count)
        }
    }
}
