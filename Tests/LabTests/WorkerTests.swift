import Foundation
import Testing

extension LabTests {
    /// Several workers keep what one would: each frame once, in its order, both directions and all fragments together.
    @Suite("Workers")
    struct WorkerTests {
        /// As many pairs of hosts as it takes to keep both workers busy.
        private static func flows(_ count: Int) -> [String] {
            (1...count).map { "near/IP(src='10.77.1.\($0)', dst='10.77.0.2')/UDP(sport=4000, dport=9, chksum=0)/data(26)" }
        }

        @Test("each flow's frames come out in order, none twice", arguments: Side.allCases, [1, 2])
        func order(from side: Side, workers: Int) throws {
            let lab = try Lab(bare: true)
            let weir = try lab.startMiddle(workers: workers, options: ["--slots", "4096", "--slot-bytes", "2048"])
            let flows = Self.flows(8)
            let result = try Wiretap(lab).sequence(of: flows, from: side, count: 2000)
            #expect(result.duplicates == 0)
            #expect(result.reordered == 0)
            #expect(result.returned == 0)
            // On a busy machine a ring may run full; then the counters say so.
            let lost = try weir.map { try Int($0.counters().port(side.port)?.kernelDrops ?? 0) } ?? 0
            #expect(result.received == 8 * 2000 - lost)
            #expect(lost < 8000)
        }

        /// Fact 12: in a fanout group the socket's own PACKET_IGNORE_OUTGOING counts for nothing.
        @Test("two workers do not forward their own frames", .needsWeir)
        func noLoop() throws {
            let lab = try Lab(bare: true)
            let weir = try Weir(in: lab, workers: 2)
            let frames = Self.flows(100).flatMap { flow in Side.allCases.map { OutgoingFrame(from: $0, frame: flow) } }
            let exchange = try Wiretap(lab).exchange(frames, quiet: .milliseconds(200), awaiting: frames.count)
            #expect(exchange.near.count == 100 && exchange.far.count == 100)
            let counters = try weir.counters()
            #expect(counters.ports.map(\.received.frames) == [100, 100])
            #expect(counters.ports.map(\.sent.frames) == [100, 100])
        }

        /// Fact 14: the kernel's own flow hash would send fragments and whole packets of a pair to different workers.
        @Test("fragments and whole packets of a pair of hosts keep their order")
        func fragments() throws {
            let lab = try Lab(bare: true)
            let weir = try lab.startMiddle(workers: 2)
            let pair = "src='10.77.0.1', dst='10.77.0.2'"
            let kinds = [
                "near/IP(\(pair))/UDP(sport=4000, dport=9)",
                "near/IP(\(pair), id=ID, flags='MF')/UDP(sport=4000, dport=9, len=1008)/data(500)",
                "near/IP(\(pair), id=ID, frag=64, proto=17)/data(300)",
                "near/IP(\(pair))/TCP(sport=4001, dport=80)",
                "near/near6/UDP(sport=4000, dport=9)",
                "near/near6/IPv6ExtHdrFragment(id=ID, m=1, offset=0)/UDP(sport=4000, dport=9, len=1008, chksum=1)/data(500)",
                "near/near6/IPv6ExtHdrFragment(id=ID, m=0, offset=64, nh=17)/data(300)",
            ]
            for family in [kinds[..<4], kinds[4...]] {
                // The kinds in turn, so that each datagram is whole with its second fragment; held by two workers it never were.
                let frames = (0..<400).map { number in
                    let kind = Array(family)[number % family.count].replacing("=ID", with: "=\(number / family.count)")
                    return OutgoingFrame(from: .near, frame: "\(kind)/number(\(number))")
                }
                let exchange = try Wiretap(lab).exchange(frames, quiet: .milliseconds(150), awaiting: frames.count)
                #expect(exchange.frames(at: .far) == exchange.sent.compactMap { $0 })
            }
            withExtendedLifetime(weir) {}
        }
    }
}
