import Foundation
import Testing

extension Lab {
    /// A name server on `far` that knows one name.
    func startNameServer() throws {
        try start(
            in: .far,
            [
                // It closes all descriptors that it inherits, and by one of them its end would be noticed: so `timeout` stands in between.
                "timeout", "60", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=",
                "--user=root",
                "--host-record=site.test,10.77.0.2,fd77::2",
            ])
        let listens = try eventually(within: .seconds(5)) { try !require(in: .far, "ss -Hltn sport = :53").isEmpty }
        guard listens else { throw CommandFailure(description: "dnsmasq does not listen") }
    }

    /// ntpd on `far`, which has nobody to ask and takes its own clock for the time. It may not set that.
    func startTimeServer() throws {
        let configuration = """
            disable ntp
            tos orphan 5 orphanwait 0
            interface ignore wildcard
            interface listen 10.77.0.2
            interface listen fd77::2

            """
        let file = try write(configuration, to: "ntp.conf")
        // The threads of tests block signals, which a child inherits; ntpd's seconds are SIGALRM.
        let unblocked = ["env", "--default-signal=ALRM", "setpriv", "--bounding-set", "-sys_time", "--inh-caps", "-sys_time"]
        let server = try start(in: .far, unblocked + ["ntpd", "-n", "-c", file.path])
        // A while after it listens it still says that it does not know.
        for address in ["10.77.0.2", "fd77::2"] {
            let knows = try eventually(within: .seconds(8), every: .milliseconds(200)) { try knowsTime(address, from: .far, patience: 1) }
            guard knows else { throw CommandFailure(description: "ntpd does not know the time: \(server.errorText)\(server.outputText)") }
        }
    }

    /// Whether the time server at the address tells its time.
    func knowsTime(_ address: String, from place: Place, patience: Int) throws -> Bool {
        let answer = try run(in: place, ["ntpdig", "-t", "\(patience)", address])
        return answer.isSuccess && answer.output.contains("s5 no-leap")
    }
}

extension UntimedLabTests {
    /// What nearly every network needs, through rules as nearly everybody writes them: servers and clients as they are in the world.
    @Suite("Services", .needsWeir)
    struct ServiceTests {
        private static let servers = [
            "web": "tcp dport 80", "names": "udp dport 53", "names over TCP": "tcp dport 53", "time": "udp dport 123",
        ]

        /// - Parameter closed: Of the servers the one that nobody may begin to talk with.
        private static func rules(closed: String? = nil) -> String {
            let open = servers.filter { $0.key != closed }.sorted { $0.key < $1.key }
            return Weir.chain(
                [
                    "ct state established,related counter accept", "ct state invalid counter drop", "meta protocol arp accept",
                    "meta protocol ip6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
                ] + open.map { "ct state new iifname eth1 \($0.value) counter accept comment \"\($0.key)\"" }, policy: "drop")
        }

        /// Whether each of the servers answers; by the names of `servers`.
        private func answers(_ lab: Lab, at address: String, patience: Int) throws -> Set<String> {
            var answers: Set<String> = []
            if try lab.fetch(from: address.contains(":") ? "[\(address)]" : address, port: 80, limit: patience) == 300_000 {
                answers.insert("web")
            }
            for (name, option) in [("names", "+notcp"), ("names over TCP", "+tcp")] {
                let query = ["dig", "+short", "+tries=1", "+time=\(patience)", option, "@\(address)", "site.test", "AAAA"]
                if try lab.run(in: .near, query).output == "fd77::2\n" { answers.insert(name) }
            }
            if try lab.knowsTime(address, from: .near, patience: patience) { answers.insert("time") }
            return answers
        }

        @Test("web pages, names and the time come, over IPv4 and IPv6", arguments: [1, 2])
        func services(workers: Int) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.rules(), workers: workers)
            try lab.startWebServer(port: 80)
            try lab.startNameServer()
            try lab.startTimeServer()
            for address in ["10.77.0.2", "fd77::2"] {
                #expect(try answers(lab, at: address, patience: 2) == Set(Self.servers.keys), "\(address)")
            }
            let counters = try weir.counters()
            // Each of them has begun as a new connection, once for each IP version, and went on as an established one.
            for name in Self.servers.keys {
                #expect(counters.rules.first { $0.text.contains("\"\(name)\"") }?.frames == 2, "\(name)")
            }
            #expect(counters.rules.first { $0.text.contains("ct state invalid") }?.frames == 0)
            counters.expectToAddUp()
        }

        @Test("the one that is not offered does not come, and the others do", arguments: ["names", "time"])
        func closed(name: String) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.rules(closed: name))
            try lab.startWebServer(port: 80)
            try lab.startNameServer()
            try lab.startTimeServer()
            #expect(try answers(lab, at: "10.77.0.2", patience: 1) == Set(Self.servers.keys).subtracting([name]))
            withExtendedLifetime(weir) {}
        }
    }
}
