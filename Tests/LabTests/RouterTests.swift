import Foundation
import Testing

extension UntimedLabTests {
    /// Errors that a router behind Weir sends about connections: they are `related`, and without them networks break.
    @Suite("Routers", .needsWeir)
    struct RouterTests {
        /// - Parameter errors: What becomes of ICMP errors about connections.
        private static func rules(_ errors: String = "accept") -> String {
            Weir.chain(
                [
                    "ct state established accept", "ct state related counter \(errors) comment \"errors\"", "ct state invalid counter drop",
                    "meta protocol arp accept", "meta protocol ip6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
                    "ct state new iifname eth1 udp dport 33434-33534 accept", "ct state new iifname eth1 tcp dport 80 accept",
                    "ct state new iifname eth1 meta protocol ip icmp type echo-request accept",
                    "ct state new iifname eth1 meta protocol ip6 icmpv6 type echo-request accept",
                ], policy: "drop")
        }

        /// The hosts by which packets come to the address, as traceroute sees them; those that say nothing are "*".
        private func path(_ lab: Lab, to address: String, from source: String, _ kind: [String]) throws -> [String] {
            let command = ["traceroute", "-n", "-q", "1", "-m", "3", "-w", "1", "-s", source] + kind + [address]
            return try lab.run(in: .near, command).output.lines.dropFirst().map { line in
                let words = line.split(separator: " ")
                return words.count > 1 ? String(words[1]) : ""
            }
        }

        @Test("traceroute by UDP, ICMP and TCP shows each router", arguments: [1, 2])
        func traceroute(workers: Int) throws {
            let lab = try Lab()
            let network = try Network(lab)
            let weir = try Weir(in: lab, rules: Self.rules(), workers: workers)
            // Several pairs of hosts, so that the router's answers would come to either worker by their own addresses.
            for host in 11...13 {
                try lab.require(in: .near, "ip address add 10.77.0.\(host)/24 dev near0")
                try lab.require(in: .near, "ip address add fd77::\(host)/64 dev near0 nodad")
                for kind in [[], ["-I"], ["-T", "-p", "80"]] {
                    #expect(try path(lab, to: "10.78.0.2", from: "10.77.0.\(host)", kind) == ["10.77.0.2", "10.78.0.2"], "\(kind)")
                    #expect(try path(lab, to: "fd78::2", from: "fd77::\(host)", ["-6"] + kind) == ["fd77::2", "fd78::2"], "\(kind)")
                }
            }
            let counters = try weir.counters()
            // The router's error in each, and in those by UDP the end's own.
            let errors = counters.rules.first { $0.text.contains("errors") }?.frames ?? 0
            #expect(errors >= 3 * 2 * 4, "\(errors)")
            #expect(counters.rules.first { $0.text.contains("ct state invalid") }?.frames == 0)
            counters.expectToAddUp()
            withExtendedLifetime(network) {}
        }

        @Test("a router whose errors are dropped is not seen, and the end is")
        func hiddenRouter() throws {
            let lab = try Lab()
            let network = try Network(lab)
            let weir = try Weir(in: lab, rules: Self.rules("drop"))
            #expect(try path(lab, to: "10.78.0.2", from: "10.77.0.1", ["-I"]) == ["*", "10.78.0.2"])
            withExtendedLifetime((weir, network)) {}
        }

        /// RFC 1191, RFC 8201: a transfer whose segments are too large for a link on the way.
        @Test("path MTU discovery needs what is related, and gets it", arguments: Network.addresses, [true, false])
        func pathMTU(address: String, passes: Bool) throws {
            let lab = try Lab()
            let network = try Network(lab, mtu: 1300)
            let weir = try Weir(in: lab, rules: Self.rules(passes ? "accept" : "drop"), workers: 2)
            let script = try Lab.script("upload")
            try network.start(["/usr/bin/python3", script, "serve", "80"])
            try network.awaitListener(on: 80)
            let upload = try lab.run(
                in: .near, ["/usr/bin/python3", script, "send", address, "80", "1000000", passes ? "8" : "2"], limit: 10)
            let route = try lab.run(in: .near, ["ip", "route", "get", address]).output
            let errors = try weir.counters().rules.first { $0.text.contains("errors") }?.frames ?? 0
            #expect(errors > 0, "the router has said so")
            if passes {
                #expect(upload.output == "1000000 bytes have come\n", "\(upload.output)\(upload.error)")
                #expect(route.contains("mtu 1300"), "\(route)")
            } else {
                #expect(upload.output == "it stands\n", "\(upload.output)\(upload.error)")
                #expect(!route.contains("mtu"), "\(route)")
            }
        }
    }
}
