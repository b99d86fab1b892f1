import Foundation
import Testing

/// A connection that goes on until the lab ends: what is sent comes back.
final class LongConnection {
    private let process: Background

    /// To a server on `far`, which is started if there is none on this port.
    init(_ lab: Lab, to address: String = "10.77.0.2", port: Int = 22) throws {
        let script = try Lab.script("talk")
        if try lab.require(in: .far, "ss -Hltn sport = :\(port)").isEmpty {
            try lab.start(in: .far, ["/usr/bin/python3", script, "serve", "\(port)"])
            let listens = try eventually(within: .seconds(20)) { try !lab.require(in: .far, "ss -Hltn sport = :\(port)").isEmpty }
            guard listens else { throw CommandFailure(description: "the server does not listen on \(port)") }
        }
        process = try lab.start(in: .near, ["/usr/bin/python3", script, "talk", address, "\(port)"])
    }

    private var count: Int { process.outputText.completeLines.count }

    /// Whether something comes back from here on.
    func goesOn(within limit: Duration = .seconds(20)) -> Bool {
        let before = count
        return eventually(within: limit) { count > before + 5 }
    }

    /// Whether nothing comes back any more, soon. What was on its way may, however long a busy machine takes for it; a connection that goes
    /// on has something every 10 ms.
    func stands() -> Bool {
        (0..<10).contains { _ in
            let before = count
            sleep(for: .milliseconds(800))
            return count == before
        }
    }
}

extension UntimedLabTests {
    /// Rules that follow connections, and the connections of real hosts.
    @Suite("Connections", .needsWeir)
    struct ConnectionTests {
        /// Who begins a connection to one of these ports may go on with it.
        static func rules(_ ports: String) -> String {
            Weir.chain(
                [
                    "ct state established,related accept", "ct state invalid drop", "meta protocol arp accept",
                    "meta protocol ip6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
                    "ct state new iifname eth1 tcp dport { \(ports) } accept",
                    "ct state new iifname eth1 udp dport { \(ports) } accept",
                ], policy: "drop")
        }

        private func reload(_ weir: Weir, _ file: URL, _ text: String) throws {
            let words = "new rules are in force"
            let known = weir.log.components(separatedBy: words).count
            try text.write(to: file, atomically: true, encoding: .utf8)
            weir.signal(SIGHUP)
            #expect(eventually(within: .seconds(20)) { weir.log.components(separatedBy: words).count > known }, "\(weir.log)")
        }

        @Test("a connection outlives new rules that would not let it begin", arguments: [1, 2])
        func keptAtReload(workers: Int) throws {
            let lab = try Lab()
            let file = try lab.write(Self.rules("22"), to: "rules.nft")
            let weir = try Weir(in: lab, rules: file, workers: workers, options: ["--reload-flows", "keep"])
            let connection = try LongConnection(lab)
            #expect(connection.goesOn())
            try reload(weir, file, Self.rules("80"))
            #expect(connection.goesOn(), "it was there before")
            #expect(try !LongConnection(lab).goesOn(within: .seconds(1)), "it would begin now")
        }

        @Test("a connection that is checked again ends if the new rules don't let it begin")
        func recheckedAtReload() throws {
            let lab = try Lab()
            let file = try lab.write(Self.rules("22"), to: "rules.nft")
            let weir = try Weir(in: lab, rules: file, options: ["--reload-flows", "recheck", "--tcp", "strict", "--tcp-grace", "0"])
            let connection = try LongConnection(lab)
            #expect(connection.goesOn())
            try reload(weir, file, Self.rules("22, 80"))
            #expect(connection.goesOn(), "the new rules allow it")
            try reload(weir, file, Self.rules("80"))
            #expect(connection.stands(), "they don't")
        }

        @Test("a connection outlives a port that goes down and comes back")
        func portFlap() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.rules("22"), options: ["--tcp", "strict", "--tcp-grace", "0"])
            let connection = try LongConnection(lab)
            #expect(connection.goesOn())
            try lab.require(in: .fw, "ip link set eth1 down")
            #expect(connection.stands())
            try lab.require(in: .fw, "ip link set eth1 up")
            #expect(connection.goesOn(within: .seconds(30)))
            withExtendedLifetime(weir) {}
        }

        @Test(
            "a connection that runs when Weir is started is picked up, or it is not",
            arguments: [(["--tcp", "loose"], true), (["--tcp", "strict"], true), (["--tcp", "strict", "--tcp-grace", "0"], false)])
        func start(options: [String], isPickedUp: Bool) throws {
            let lab = try Lab()
            let first = try Weir(in: lab, rules: Self.rules("22"))
            let connection = try LongConnection(lab)
            #expect(connection.goesOn())
            #expect(first.stop().status == 0)
            let second = try Weir(in: lab, rules: Self.rules("22"), options: options)
            if isPickedUp {
                #expect(connection.goesOn(within: .seconds(30)))
            } else {
                #expect(connection.stands())
            }
            withExtendedLifetime(second) {}
        }

        @Test("pages come, pings are answered, neighbours are found", arguments: [1, 2])
        func everyday(workers: Int) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Lab.root.appending(path: "rules/stateful-edge.nft"), workers: workers)
            try lab.startWebServer(port: 80)
            for address in ["10.77.0.2", "[fd77::2]"] { #expect(try lab.fetch(from: address, port: 80) == 300_000, "\(address)") }
            for address in ["10.77.0.2", "fd77::2"] { #expect(try lab.ping(address) == 3, "\(address)") }
            #expect(try lab.ping("10.77.0.2", options: ["-s", "5000"]) == 3, "in fragments")
            #expect(try lab.ping("10.77.0.1", from: .far) == 3, "from the site")
            let arping = try lab.run(in: .near, ["arping", "-c", "2", "-w", "3", "-I", "near0", "10.77.0.2"])
            #expect(arping.isSuccess, "\(arping.output)")
            try lab.startWebServer(port: 8080)
            #expect(try lab.fetch(port: 8080, limit: 1) == 0, "not offered")
            try weir.counters().expectToAddUp()
        }

        @Test("iperf3 runs both ways under established alone")
        func bulk() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.rules("5201"), workers: 2)
            for options in ["-i 0", "-i 0 -R"] {
                #expect(try lab.iperf(options, to: "10.77.0.2").megabits > Bench.standstill, "\(options)")
            }
            try weir.counters().expectToAddUp()
        }
    }
}
