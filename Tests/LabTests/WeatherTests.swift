import Foundation
import Testing

extension Lab {
    /// The cable between `eth2` and `far0`, laid anew after either was deleted.
    func layFarCable() throws {
        try Command.require([
            "ip", "link", "add", "far0", "netns", namespace(of: .far), "address", "02:77:00:00:00:02", "type", "veth", "peer", "name",
            "eth2",
            "netns", namespace(of: .fw),
        ])
        try require(in: .fw, "ip link set eth2 up")
        try require(in: .far, "ip address add 10.77.0.2/24 dev far0")
        try require(in: .far, "ip link set far0 up")
    }
}

extension LabTests {
    /// Fact 20: ENETDOWN, ENXIO, ENOBUFS and POLLERR are weather, not errors.
    @Suite("Weather", .needsWeir)
    struct WeatherTests {
        /// Expects `near` to reach `far` soon: Weir looks at ports that it can't use once a second.
        private func expectForwarding(_ lab: Lab, _ comment: Comment) throws {
            #expect(
                try eventually(within: .seconds(10)) { try lab.run(in: .near, ["ping", "-c", "1", "-W", "0.2", "10.77.0.2"]).isSuccess },
                comment)
        }

        /// Expects the log to have grown by exactly the lines that contain these words, in this order.
        private func expectLog(_ weir: Weir, after lines: Int, _ words: [String]) {
            // Between two changes of MTUs it may be seen that they differ, or not.
            func added() -> [String] { weir.log.lines.dropFirst(lines).filter { !$0.contains("the MTUs differ") } }
            #expect(eventually(within: .seconds(10)) { added().count >= words.count })
            sleep(for: .milliseconds(100))
            let new = added()
            #expect(new.count == words.count, "\(new)")
            for (line, word) in zip(new, words) { #expect(line.contains(word)) }
        }

        @Test("a port goes down and comes up", arguments: ["eth1", "eth2"])
        func downAndUp(port: String) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, workers: 2)
            try expectForwarding(lab, "at the start")
            for _ in 0..<2 {
                let before = weir.log.lines.count
                try lab.require(in: .fw, "ip link set \(port) down")
                expectLog(weir, after: before, ["\(port) is down"])
                #expect(try lab.isDeaf("10.77.0.2"))
                try lab.require(in: .fw, "ip link set \(port) up")
                try expectForwarding(lab, "after \(port) came up")
                expectLog(weir, after: before, ["\(port) is down", "\(port) is up"])
            }
            #expect(weir.stop().status == 0)
        }

        @Test("the cable of a port is pulled and put back")
        func carrier() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            try expectForwarding(lab, "at the start")
            let before = weir.log.lines.count
            try lab.require(in: .far, "ip link set far0 down")
            expectLog(weir, after: before, ["eth2 has no carrier"])
            try lab.require(in: .far, "ip link set far0 up")
            try expectForwarding(lab, "after the cable is back")
            expectLog(weir, after: before, ["eth2 has no carrier", "eth2 is up"])
        }

        @Test("a port is deleted and made again under its name", arguments: [1, 2])
        func remade(workers: Int) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, workers: workers)
            try expectForwarding(lab, "at the start")
            let before = weir.log.lines.count
            try lab.require(in: .fw, "ip link delete eth2")
            expectLog(weir, after: before, ["eth2 is gone"])
            #expect(try lab.isDeaf("10.77.0.2"))
            let frames = try weir.counters().port("eth1")?.received.frames ?? 0
            try lab.layFarCable()
            try expectForwarding(lab, "after eth2 is there again")
            #expect(try lab.guardIsFirst(.tcx, on: "eth2"), "the new one is guarded too")
            #expect((try weir.counters().port("eth1")?.received.frames ?? 0) > frames, "the counters go on")
            #expect(weir.stop().status == 0)
            #expect(try lab.require(in: .fw, "cat /sys/class/net/eth2/mtu").trimmingCharacters(in: .newlines) == "1500")
        }

        @Test("the MTU changes while Weir runs")
        func mtu() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            let before = weir.log.lines.count
            try lab.require(in: .fw, "ip link set eth1 mtu 9000")
            try lab.require(in: .fw, "ip link set eth2 mtu 9000")
            expectLog(weir, after: before, ["eth1 has an MTU of 9000", "eth2 has an MTU of 9000"])
            try lab.require(in: .near, "ip link set near0 mtu 9000")
            try lab.require(in: .far, "ip link set far0 mtu 9000")
            #expect(try lab.ping("10.77.0.2", options: ["-s", "8972", "-M", "do"]) == 3)
            #expect(weir.stop().status == 0)
            for port in ["eth1", "eth2"] {
                #expect(
                    try lab.require(in: .fw, "cat /sys/class/net/\(port)/mtu").trimmingCharacters(in: .newlines) == "9000",
                    "the operator's stays")
            }
        }

        @Test("a full sending queue loses frames, counted, and nothing else")
        func fullQueue() throws {
            let lab = try Lab(bare: true)
            // Room in the ring for all of them, also when Weir doesn't get its turn.
            let weir = try Weir(in: lab, options: ["--slots", "4096", "--slot-bytes", "2048"])
            let wiretap = try Wiretap(lab)
            let flow = ["near/near4/UDP(sport=4000, dport=9, chksum=0)/data(1000)"]
            try lab.require(in: .fw, "tc qdisc replace dev eth2 root tbf rate 1mbit burst 2000 limit 3000")
            let throttled = try wiretap.sequence(of: flow, from: .near, count: 500)
            let counters = try weir.counters()
            let port = try #require(counters.port("eth2"))
            #expect(throttled.received < 500 && throttled.reordered == 0)
            #expect((port.sendFailures["queue-full"] ?? 0) > 0, "\(port.sendFailures)")
            #expect(port.sent.frames + port.sendFailures.values.reduce(0, +) == 500)
            try lab.require(in: .fw, "tc qdisc delete dev eth2 root")
            #expect(try wiretap.sequence(of: flow, from: .near, count: 500).received == 500)
        }

        @Test("an idle Weir uses no processor time, whatever state its ports are in")
        func idle() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, workers: 2)
            func expectIdle(_ comment: Comment) throws {
                // A busy machine may take a while for what was changed; who never comes to rest is found at every look.
                let isIdle = try (0..<4).contains { _ in
                    let before = try weir.processorTicks()
                    sleep(for: .seconds(2))
                    return try weir.processorTicks() - before < 3
                }
                #expect(isIdle, comment)
            }
            try expectForwarding(lab, "at the start")
            try expectIdle("both ports up")
            try lab.require(in: .fw, "ip link set eth2 down")
            try expectIdle("eth2 down")
            try lab.require(in: .fw, "ip link set eth2 up")
            try lab.require(in: .far, "ip link set far0 down")
            try expectIdle("eth2 without carrier")
            try lab.require(in: .fw, "ip link delete eth2")
            try expectIdle("eth2 gone")
            try lab.layFarCable()
            try expectForwarding(lab, "afterwards")
        }

        @Test("ports that flap under load")
        func flapping() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, workers: 2)
            let load = try lab.start(in: .near, ["timeout", "20", "ping", "-q", "-f", "10.77.0.2"])
            for round in 0..<10 {
                let port = round % 2 == 0 ? "eth1" : "eth2"
                try lab.require(in: .fw, "ip link set \(port) down")
                sleep(for: .milliseconds(30))
                try lab.require(in: .fw, "ip link set \(port) up")
                sleep(for: .milliseconds(100))
            }
            for _ in 0..<3 {
                try lab.require(in: .fw, "ip link delete eth2")
                try lab.layFarCable()
                sleep(for: .milliseconds(200))
            }
            load.end()
            try expectForwarding(lab, "after the storm")
            #expect(try lab.iperf("-i 0", to: "10.77.0.2").megabits > Bench.standstill)
            #expect(weir.stop().status == 0)
        }
    }
}
