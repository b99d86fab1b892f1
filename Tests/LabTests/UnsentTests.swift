import Foundation
import Testing

extension LabTests {
    /// Frames that the rules let pass and the kernel doesn't send: dropped, each with a reason, in counters, capture and events.
    @Suite("Frames that are not sent", .needsWeir)
    struct UnsentTests {
        struct Case: Sendable, CustomTestStringConvertible {
            var testDescription: String
            var commands: [String]
            var undo: [String]
            /// The cause in the port's counters.
            var cause: String
        }

        private static let cases = [
            Case(
                testDescription: "a chain of nftables at the egress drops them",
                commands: [
                    "nft add table netdev t",
                    "nft add chain netdev t c { type filter hook egress device eth2 priority 0 ; policy drop ; }",
                ], undo: ["nft delete table netdev t"], cause: "queue-full"),
            Case(
                testDescription: "the port is down", commands: ["ip link set eth2 down"], undo: ["ip link set eth2 up"],
                cause: "port-down"),
        ]

        /// The last becomes two fragments at an MTU of 1,390.
        private static let frames = [
            "near/near4/UDP(sport=4000, dport=9, chksum=0)/data(900)", "near/Dot1Q(vlan=5)/near4/UDP(dport=9)/data(30)", "near/ARP()",
            "near/near4/UDP(sport=4000, dport=9)/data(1372)",
        ].map { OutgoingFrame(from: .near, frame: $0) }

        @Test("each is in counters, capture and events under one reason", arguments: cases, [1, 2])
        func reasons(_ each: Case, workers: Int) throws {
            let lab = try Lab(bare: true)
            try lab.require(in: .fw, "ip link set eth2 mtu 1390")
            let drops = lab.directory.appending(path: "drops.pcap")
            let events = lab.directory.appending(path: "events.json")
            let weir = try Weir(
                in: lab, rules: Weir.chain(["udp dport 9 accept"]), workers: workers,
                options: ["--drops", drops.path, "--events", events.path, "--events-drops"])
            let wiretap = try Wiretap(lab)
            for command in each.commands { try lab.require(in: .fw, command) }
            let exchange = try wiretap.exchange(Self.frames)
            #expect(exchange.errors.isEmpty && exchange.far.isEmpty)

            let lost = try weir.counters()
            lost.expectToAddUp()
            #expect(lost.frames(for: "not-sent") == 4, "\(lost.reasons)")
            #expect(lost.frames(for: "accept-by-rule") == 0 && lost.frames(for: "accept-by-policy") == 0, "\(lost.reasons)")
            // The fragments of the last are two.
            #expect(lost.port("eth2")?.sendFailures == [each.cause: 5], "\(lost.ports)")

            for command in each.undo { try lab.require(in: .fw, command) }
            #expect(
                try eventually(within: .seconds(10)) {
                    try wiretap.exchange([Self.frames[0]], awaiting: 1).far.count == 1
                }, "frames pass again")
            let (status, counters) = weir.stop()
            counters?.expectToAddUp()
            #expect(status == 0 && (counters?.frames(for: "accept-by-rule") ?? 0) > 0)

            let records = try PcapReader(drops).records.map(\.frame)
            let sent = exchange.sent.compactMap { $0 }
            #expect(records.count == Int(counters?.frames(for: "not-sent") ?? 0) && Set(sent).isSubset(of: Set(records)))
            let told = try String(contentsOf: events, encoding: .utf8).lines.filter { $0.contains("\"reason\":\"not-sent\"") }
            #expect(told.count == records.count && told.allSatisfy { $0.contains("\"event_type\":\"drop\"") }, "\(told)")
        }

        @Test("the capture says why")
        func comment() throws {
            let lab = try Lab(bare: true)
            let drops = lab.directory.appending(path: "drops.pcapng")
            let weir = try Weir(in: lab, options: ["--drops", drops.path])
            let wiretap = try Wiretap(lab)
            try lab.require(in: .fw, "ip link set eth2 down")
            _ = try wiretap.exchange([Self.frames[0]])
            _ = try weir.counters()
            weir.stop()
            let comments = try Command.require(["tshark", "-r", drops.path, "-T", "fields", "-e", "frame.comment"]).lines
            #expect(comments == ["drop reason=not-sent"])
        }
    }
}
