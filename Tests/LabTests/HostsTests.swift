import Foundation
import Testing

/// A setting of the hosts' and the ports' offloads, and how many workers there are.
struct Bench: Sendable, CustomStringConvertible {
    let offloads: Bool
    let workers: Int

    var description: String { "offloads \(offloads ? "on" : "off"), \(workers) worker\(workers == 1 ? "" : "s")" }
    static let all = [true, false].flatMap { offloads in [1, 2].map { Bench(offloads: offloads, workers: $0) } }

    /// Megabits per second below which a path only lives on what is sent again: one that loses super-frames or breaks checksums. How
    /// fast a whole path is depends on what else the machine does, and is no test's business.
    static let standstill = 20.0
}

extension Lab {
    /// Turns segmentation, receive offload and checksumming in "hardware" off, on the hosts' and the ports' interfaces.
    func turnOffloadsOff(hosts: Bool = true, ports: Bool = true) throws {
        if hosts {
            try require(in: .near, "ethtool -K near0 tso off gso off gro off tx off rx off")
            try require(in: .far, "ethtool -K far0 tso off gso off gro off tx off rx off")
        }
        if ports {
            try require(in: .fw, "ethtool -K eth1 tso off gso off gro off tx off rx off")
            try require(in: .fw, "ethtool -K eth2 tso off gso off gro off tx off rx off")
        }
    }

    /// Runs iperf3 from `near` to `far` and returns the megabits per second that arrived, and of UDP the share that was lost.
    ///
    /// - Parameter options: iperf3's, split at blanks; `-R` turns the direction round.
    func iperf(_ options: String, to address: String, seconds: Int = 1) throws -> (megabits: Double, lost: Double) {
        let server = try start(in: .far, ["iperf3", "-s", "-1", "-p", "5201"])
        defer { server.end() }
        let listens = try eventually(within: .seconds(20)) {
            try require(in: .far, "ss -Hltn sport = :5201").isEmpty == false
        }
        guard listens else { throw CommandFailure(description: "iperf3 does not listen: \(server.errorText)") }
        let command = ["iperf3", "-c", address, "-t", "\(seconds)", "-J", "--connect-timeout", "10000"]
        let result = try run(in: .near, command + options.split(separator: " ").map(String.init), limit: seconds + 25)
        struct Report: Decodable {
            struct End: Decodable {
                struct Sum: Decodable {
                    let bits_per_second: Double?
                    let lost_percent: Double?
                }
                let sum_received: Sum?
                let sum: Sum?
            }
            let end: End
            let error: String?
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
        guard result.isSuccess, report.error == nil, let sum = report.end.sum_received ?? report.end.sum else {
            throw CommandFailure(description: "iperf3 \(options) to \(address): \(report.error ?? result.error)")
        }
        return ((sum.bits_per_second ?? 0) / 1e6, report.end.sum?.lost_percent ?? sum.lost_percent ?? 0)
    }

    /// Sends echo requests from `near` and returns how many were answered.
    ///
    /// - Parameter patience: Seconds in which an answer may come: it is not waited for longer than it takes. Where none is expected, one.
    func ping(_ address: String, count: Int = 3, from place: Place = .near, patience: Int = 5, options: [String] = []) throws -> Int {
        let command = ["ping", "-n", "-q", "-c", "\(count)", "-i", "0.05", "-W", "\(patience)"] + options + [address]
        let result = try run(in: place, command, limit: count / 10 + patience + 10)
        let line = result.output.lines.first { $0.contains("packets transmitted") } ?? ""
        return Int(line.split(separator: ",").dropFirst().first?.filter(\.isNumber) ?? "") ?? 0
    }

    /// Serves a page of `size` bytes on `far`, over both IP versions.
    func startWebServer(port: Int, size: Int = 300_000) throws {
        try Data(repeating: UInt8(ascii: "w"), count: size).write(to: directory.appending(path: "page"))
        try start(
            in: .far, ["/usr/bin/python3", "-m", "http.server", "--bind", "::", "--directory", directory.path, "\(port)"])
        let listens = try eventually(within: .seconds(30), every: .milliseconds(50)) {
            try require(in: .far, "ss -Hltn sport = :\(port)").isEmpty == false
        }
        guard listens else { throw CommandFailure(description: "the web server does not listen on \(port)") }
    }

    /// The bytes that curl got from `far`'s web server; 0 if it got none within so many seconds.
    func fetch(from address: String = "10.77.0.2", port: Int, limit: Int = 20) throws -> Int {
        let command = ["curl", "-sS", "-g", "-o", "/dev/null", "-w", "%{size_download}", "--max-time", "\(limit)"]
        return Int(try run(in: .near, command + ["http://\(address):\(port)/page"], limit: limit + 3).output) ?? 0
    }
}

extension LabTests {
    /// Two real hosts' stacks talk through the wire.
    @Suite("Hosts")
    struct HostsTests {
        @Test("ARP, ping and web pages pass, over IPv4 and IPv6", arguments: Bench.all)
        func everydayTraffic(bench: Bench) throws {
            let lab = try Lab()
            if !bench.offloads { try lab.turnOffloadsOff() }
            let weir = try lab.startMiddle(workers: bench.workers)
            let arping = try lab.run(in: .near, ["arping", "-c", "2", "-w", "3", "-I", "near0", "10.77.0.2"])
            #expect(arping.isSuccess, "\(arping.output)")
            #expect(try lab.ping("10.77.0.2") == 3)
            #expect(try lab.ping("fd77::2") == 3)
            #expect(try lab.ping("10.77.0.1", from: .far) == 3)
            #expect(try lab.ping("10.77.0.2", options: ["-s", "1472", "-M", "do"]) == 3, "full size")
            #expect(try lab.ping("10.77.0.2", options: ["-s", "20000"]) == 3, "IPv4 fragments")
            #expect(try lab.ping("fd77::2", options: ["-s", "20000"]) == 3, "IPv6 fragments")
            try lab.startWebServer(port: 8080)
            #expect(try lab.fetch(from: "10.77.0.2", port: 8080) == 300_000)
            #expect(try lab.fetch(from: "[fd77::2]", port: 8080) == 300_000)
            withExtendedLifetime(weir) {}
        }

        /// Facts 7 and 15: super-frames and partial checksums; a path that loses them stands still.
        @Test("iperf3 runs both ways, TCP and UDP, over IPv4 and IPv6", arguments: Bench.all)
        func bulk(bench: Bench) throws {
            let lab = try Lab()
            if !bench.offloads { try lab.turnOffloadsOff() }
            let weir = try lab.startMiddle(workers: bench.workers)
            for address in ["10.77.0.2", "fd77::2"] {
                for direction in ["", " -R"] {
                    let tcp = try lab.iperf("-i 0\(direction)", to: address)
                    #expect(tcp.megabits > Bench.standstill, "TCP\(direction) to \(address)")
                    try expectDatagrams(lab, "-l 1200\(direction)", to: address)
                }
            }
            try expectDatagrams(lab, "-l 8000", to: "10.77.0.2")
            if let weir {
                let counters = try weir.counters()
                #expect(counters.ports.map(\.tooBig) == [0, 0])
                #expect(counters.ports.map(\.truncated) == [0, 0])
            }
        }

        /// A path that is whole carries them, if not in the very second in which the machine has something else to do.
        private func expectDatagrams(_ lab: Lab, _ options: String, to address: String) throws {
            var results: [(megabits: Double, lost: Double)] = []
            while results.count < 4, !results.contains(where: { $0.megabits > Bench.standstill && $0.lost < 25 }) {
                results.append(try lab.iperf("-i 0 -u -b 40M \(options)", to: address))
            }
            #expect(results.count < 4, "UDP \(options) to \(address): \(results)")
        }

        /// Fact 10: through a TPACKET_V3 ring, whose blocks wait for their timer, the median is above 1 ms.
        @Test("ping takes microseconds, not a block timer's millisecond", .needsWeir)
        func latency() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab)
            _ = try lab.ping("10.77.0.2")
            // A block timer would show every time; a busy machine doesn't.
            var medians: [Double] = []
            while medians.count < 8, !medians.contains(where: { $0 < 0.7 }) {
                let text = try lab.require(in: .near, "ping -n -c 200 -i 0.002 10.77.0.2")
                let times = text.lines.compactMap { line in
                    line.range(of: "time=").flatMap { Double(line[$0.upperBound...].prefix { $0.isNumber || $0 == "." }) }
                }.sorted()
                try #require(times.count > 100)
                medians.append(times[times.count / 2])
            }
            #expect(medians.contains { $0 < 0.7 }, "medians in ms: \(medians)")
            withExtendedLifetime(weir) {}
        }
    }
}
