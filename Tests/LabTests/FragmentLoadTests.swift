import Foundation
import Testing

extension LabTests {
    /// Many fragments at once, and fragments of those who mean no good.
    @Suite("Fragments under load", .needsWeir)
    struct FragmentLoadTests {
        /// More frames than a batch or a ring holds, all of which leave at once.
        @Test("no fragment of a long datagram is lost on its way out", arguments: [64, 512], ["reassemble", "track"])
        func burst(length: Int, mode: String) throws {
            let lab = try Lab(bare: true)
            // Room in the ring for all of a datagram, also when Weir doesn't get its turn.
            let weir = try Weir(in: lab, options: ["--fragments", mode, "--slots", "4096", "--slot-bytes", "2048"])
            let wiretap = try Wiretap(lab)
            for kind in Fragmented.all.prefix(3) {
                // With the header as long as an IP packet can be.
                let frames = kind.fragments(of: Fragmented.udp(to: 10, length: 65_507), every: length, identification: length)
                // The first comes last: in both modes all others wait for it.
                let exchange = try wiretap.exchange(
                    (frames.dropFirst() + frames.prefix(1)).map { OutgoingFrame(from: .near, frame: $0) }, awaiting: frames.count)
                #expect(exchange.errors.isEmpty)
                #expect(exchange.frames(at: .far).sorted() == frames.sorted(), "\(kind): \(frames.count) fragments")
            }
            let counters = try weir.counters()
            #expect(counters.port(Lab.ports.near)?.received.frames == counters.port(Lab.ports.far)?.sent.frames)
            #expect(counters.held.frames == 0)
            counters.expectToAddUp()
        }

        /// Where a flood comes from, as trafgen writes it, and the reason by which it is held in check.
        enum Flood: String, CaseIterable {
            case onePair = "10.77.0.99"
            case manyAddresses = "drnd()"

            func reason(_ counters: Counters) -> UInt64 {
                switch self {
                case .onePair: counters.frames(for: "fragment-limit-pair")
                case .manyAddresses: counters.frames(for: "fragment-limit-bytes") + counters.frames(for: "fragment-limit-datagrams")
                }
            }
        }

        @Test(
            "who floods with fragments of what is never whole doesn't stop the datagrams of others", arguments: ["reassemble", "track"],
            Flood.allCases)
        func flood(mode: String, flood: Flood) throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, options: ["--fragments", mode])
            // Each is the middle of another datagram, in both modes something that waits.
            let packet = "ipv4(sa=\(flood.rawValue), da=10.77.0.2, ttl=64, id=drnd(), mf, frag=100), fill('x', 800)"
            let configuration = try lab.write("{ eth(da=02:77:00:00:00:02, sa=02:77:00:00:00:01), \(packet) }\n", to: "flood.trafgen")
            let generator = try lab.start(
                in: .near,
                [
                    "trafgen", "--dev", "near0", "--conf", configuration.path, "--cpus", "1", "--rate", "20000pps",
                    "--no-sock-mem",
                ])
            #expect(
                try eventually(within: .seconds(20), every: .milliseconds(100)) {
                    try flood.reason(weir.counters()) > 0
                })
            // A busy machine may lose a frame of the many before Weir can take it.
            #expect(try lab.ping("10.77.0.2", count: 10, options: ["-s", "20000"]) >= 8)
            #expect(generator.process.isRunning, "the flood has lasted")
            try lab.endAll(in: .near)
            let counters = try weir.counters()
            #expect(counters.held.bytes <= (flood == .onePair ? 1 << 20 : 4 << 20), "no more than its share, or all there is")
            counters.expectToAddUp()
        }

        /// $WEIR_SOAK_SECONDS of it; a few where nobody asks for more.
        @Test(
            "good and hostile fragments: all are accounted for, the good ones pass, and memory stays", arguments: ["reassemble", "track"])
        func soak(mode: String) throws {
            let seconds = ProcessInfo.processInfo.environment["WEIR_SOAK_SECONDS"].flatMap { Int($0) } ?? 3
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab, options: ["--fragments", mode, "--fragment-timeout", "1", "--fragment-timeout-ipv6", "1"])
            guard let script = Bundle.module.url(forResource: "Support/soak", withExtension: "py") else {
                throw CommandFailure(description: "Support/soak.py is not among the test's resources")
            }
            /// What the script says at its end.
            struct Sent: Decodable {
                let good, hostile: UInt64
            }
            func run(_ seconds: Int, seed: Int) throws -> Sent {
                let output = try lab.require(
                    in: .near, "/usr/bin/python3 \(script.path) near0 \(seconds) \(seed)", limit: seconds + 30)
                return try JSONDecoder().decode(Sent.self, from: Data(output.utf8))
            }
            // What the firewall's own stack said before Weir took the ports.
            let earlier = try lab.statistic("rx_packets", of: Lab.interfaces.far, in: .far)
            var sent = [try run(1, seed: 1)]
            let before = try weir.residentMemory()
            sent.append(try run(seconds, seed: 2))
            let growth = try weir.residentMemory() - before
            #expect(growth < 1024, "KiB")
            // What is held for something that never comes goes of age.
            #expect(try eventually(within: .seconds(20), every: .milliseconds(50)) { try weir.counters().held.datagrams == 0 })

            let counters = try weir.counters()
            counters.expectToAddUp()
            let (good, hostile) = (sent.reduce(0) { $0 + $1.good }, sent.reduce(0) { $0 + $1.hostile })
            let lost = counters.port(Lab.ports.near)?.kernelDrops ?? 0
            #expect(counters.port(Lab.ports.near)?.received.frames == good + hostile - lost)
            let passed = counters.frames(for: "accept-by-policy")
            #expect(hostile > 1000 && good > 1000)
            if mode == "reassemble", lost == 0 { #expect(passed == good) } else { #expect(passed + 100 * lost >= good) }
            let left = try lab.statistic("rx_packets", of: Lab.interfaces.far, in: .far) - earlier
            #expect(counters.port(Lab.ports.far)?.sent.frames == UInt64(left), "what was sent has arrived")
        }
    }
}
