import Foundation
import Testing

extension UntimedLabTests {
    /// Answers of a name server of 4,000 bytes, in fragments that rules change: the receiving host's stack looks at them.
    @Suite("Changed fragments", .needsWeir)
    struct FragmentChangeTests {
        private static let texts = (0..<19).map { number in String(repeating: "\(number % 10)", count: 200) }

        private static func nameServer(_ lab: Lab) throws -> Background {
            // It closes all descriptors that it inherits, and by one of them its end would be noticed: so `timeout` stands in between.
            let server = try lab.start(
                in: .far,
                [
                    "timeout", "90", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=53", "--no-resolv", "--no-hosts",
                    "--user=root", "--pid-file=", "--bind-interfaces", "--interface=far0", "--edns-packet-max=4096",
                    "--txt-record=long.test,\(texts.joined(separator: ","))",
                ])
            let listens = try eventually(within: .seconds(20)) { try !lab.require(in: .far, "ss -Hlun sport = :53").isEmpty }
            try #require(listens, "\(server.errorText)")
            return server
        }

        /// Asks from one port and hears the answer on another; prints its length, and the DSCP of its first fragment.
        private static let client = """
            import socket, struct, sys
            address, asking, hearing = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            asker = socket.socket(family, socket.SOCK_DGRAM)
            asker.bind(("", asking))
            hearer = asker
            if hearing != asking:
                hearer = socket.socket(family, socket.SOCK_DGRAM)
                hearer.bind(("", hearing))
            hearer.settimeout(3)
            if family == socket.AF_INET:
                hearer.setsockopt(socket.IPPROTO_IP, 13, 1)
            else:
                hearer.setsockopt(socket.IPPROTO_IPV6, 66, 1)
            name = b"".join(bytes([len(part)]) + part for part in (b"long", b"test")) + b"\\0"
            query = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 1) + name + struct.pack(">HH", 16, 1) + struct.pack(">BHHIH", 0, 41, 4096, 0, 0)
            for attempt in range(3):
                asker.sendto(query, (address, 53))
                try:
                    answer, ancillary, _, _ = hearer.recvmsg(65535, 1024)
                    break
                except TimeoutError:
                    answer, ancillary = b"", []
            service = [data[0] for _, _, data in ancillary]
            print(len(answer), all(str(digit).encode() * 200 in answer for digit in range(10)), service[0] >> 2 if service else -1)
            """

        private static let rules = Weir.chain([
            "udp sport 53 ip dscp set ef counter", "udp sport 53 ip6 dscp set ef counter",
            "udp sport 53 udp dport 40000 udp dport set 40001 counter",
        ])

        @Test(
            "answers of almost 4,000 bytes arrive changed, in fragments", .timeLimit(.minutes(2)),
            arguments: ["reassemble", "track"], [1, 2])
        func names(mode: String, workers: Int) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, rules: Self.rules, workers: workers, options: ["--fragments", mode])
            let server = try Self.nameServer(lab)
            let before = try lab.require(in: .near, "nstat -asz UdpInCsumErrors Udp6InCsumErrors")
            for address in ["10.77.0.2", "fd77::2"] {
                for (asking, hearing) in [(40_000, 40_001), (40_002, 40_002)] {
                    let result = try lab.run(in: .near, ["/usr/bin/python3", "-c", Self.client, address, "\(asking)", "\(hearing)"])
                    let words = result.output.split(separator: " ").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
                    #expect(
                        words.count == 3 && (Int(words[0]) ?? 0) > 3_800 && words[1] == "True" && words[2] == "46", "\(address): \(result)")
                }
            }
            #expect(try lab.require(in: .near, "nstat -asz UdpInCsumErrors Udp6InCsumErrors") == before)
            let counters = try weir.counters()
            counters.expectToAddUp()
            #expect(counters.frames(for: "fragment-changed") == 0)
            #expect((counters.port("eth2")?.received.frames ?? 0) >= 12, "three fragments each")
            #expect(counters.rules.map { $0.frames > 0 } == [true, true, true])
            withExtendedLifetime(server) {}
        }
    }
}
