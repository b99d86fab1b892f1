import Foundation
import Testing

extension UntimedLabTests {
    /// What hosts send in fragments arrives, as their own stacks cut it and put it together.
    @Suite("Fragmented traffic", .needsWeir)
    struct FragmentTrafficTests {
        struct Setting: Sendable, CustomStringConvertible {
            let mode: String
            var workers = 1

            var description: String { "\(mode), \(workers) worker\(workers == 1 ? "" : "s")" }
        }

        @Test(
            "echo requests of 60,000 bytes are answered both ways, over IPv4 and IPv6",
            arguments: [Setting(mode: "reassemble"), Setting(mode: "reassemble", workers: 2), Setting(mode: "track", workers: 2)])
        func ping(_ setting: Setting) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, workers: setting.workers, options: ["--fragments", setting.mode])
            for (address, place) in [("10.77.0.2", Place.near), ("fd77::2", .near), ("10.77.0.1", .far), ("fd77::1", .far)] {
                #expect(try lab.ping(address, from: place, options: ["-s", "60000"]) == 3, "\(address)")
            }
            let counters = try weir.counters()
            #expect(counters.held.frames == 0 && counters.held.datagrams == 0)
            counters.expectToAddUp()
        }

        @Test("without fragments what needs none still passes")
        func dropMode() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, options: ["--fragments", "drop"])
            #expect(try lab.ping("10.77.0.2", count: 1, patience: 1, options: ["-s", "2000"]) == 0)
            #expect(try lab.ping("10.77.0.2") == 3)
            #expect(try weir.counters().frames(for: "fragment-mode") == 2)
        }

        @Test("UDP of 64 KiB arrives byte for byte", arguments: ["reassemble", "track"])
        func longDatagrams(mode: String) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, options: ["--fragments", mode])
            let receiver = try Receiver(lab, udpPort: 7, protocol: 253)
            // The longest that each IP version's header can say.
            for (family, address, length) in [("AF_INET", "10.77.0.2", 65_507), ("AF_INET6", "fd77::2", 65_527)] {
                let before = try receiver.deliveries().count
                let program = """
                    import socket
                    socket.socket(socket.\(family), socket.SOCK_DGRAM).sendto(bytes(i * i & 255 for i in range(\(length))), ("\(address)", 7))
                    """
                #expect(try lab.run(in: .near, ["/usr/bin/python3", "-c", program]).isSuccess)
                let deliveries = try receiver.deliveries(awaiting: before + 1).dropFirst(before)
                let expected = (0..<length).map { UInt8(truncatingIfNeeded: $0 * $0) }.hexadecimal
                #expect(deliveries.count == 1 && deliveries.first?.payload == expected, "\(address)")
            }
            try weir.counters().expectToAddUp()
        }

        @Test("answers of a name server arrive in fragments", arguments: ["reassemble", "track"])
        func names(mode: String) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, options: ["--fragments", mode])
            let texts = (0..<14).map { number in String(repeating: "\(number % 10)", count: 200) }
            // It closes all descriptors that it inherits, and by one of them its end would be noticed: so `timeout` stands in between.
            let server = try lab.start(
                in: .far,
                [
                    "timeout", "60", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=53", "--no-resolv", "--no-hosts",
                    "--user=root",
                    "--pid-file=", "--bind-interfaces", "--interface=far0", "--edns-packet-max=4096",
                    "--txt-record=long.test,\(texts.joined(separator: ","))",
                ])
            let listens = try eventually(within: .seconds(20)) { try !lab.require(in: .far, "ss -Hlun sport = :53").isEmpty }
            try #require(listens, "\(server.errorText)")
            for address in ["10.77.0.2", "fd77::2"] {
                let answer = try lab.require(
                    in: .near, "dig +notcp +ignore +short +bufsize=4096 +tries=3 +time=3 @\(address) long.test TXT")
                #expect(texts.allSatisfy { answer.contains($0) }, "\(address): \(answer)")
            }
            #expect(try weir.counters().port(Lab.ports.far)?.received.frames ?? 0 >= 6, "in fragments")
        }
    }
}
