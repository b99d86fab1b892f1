import Foundation
import FragmentCases
import FrameBuilder
import Testing

extension Lab {
    /// `near` and `far` as a frame builder knows them, the first under an address of its own for each number.
    static func hosts(_ number: Int = 1) -> FragmentCase.Hosts {
        var hosts = FragmentCase.Hosts()
        hosts.network = "10.77.0."
        hosts.network6 = "fd77::"
        hosts.source = number
        hosts.sourceMAC = macAddress("02:77:00:00:00:01")
        hosts.destinationMAC = macAddress("02:77:00:00:00:02")
        return hosts
    }
}

extension UntimedLabTests {
    /// A host's stack behind Weir puts together what Weir let through.
    @Suite("Fragment cases", .needsWeir)
    struct FragmentCaseTests {
        /// All but the one that waits 75 s, which the gatherer's own test takes in no time.
        private static let cases = FragmentCase.all.filter { $0.frames().last?.time == 0 }

        @Test("a Linux host behind Weir delivers what it would without, but for the differences", arguments: [1, 2])
        func delivered(workers: Int) throws {
            let cases = Self.cases
            #expect(cases.count == FragmentCase.all.count - 1)
            let lab = try Lab()
            let weir = try Weir(in: lab, workers: workers)
            let receiver = try Receiver(lab, udpPort: FragmentCase.udpPort, protocol: FragmentCase.opaqueProtocol)

            // Each from an address of its own, by which the deliveries are told apart.
            let hosts = cases.indices.map { Lab.hosts(10 + $0) }
            let frames = zip(cases, hosts).flatMap { fragmentCase, hosts in
                fragmentCase.frames(between: hosts).map { OutgoingFrame(from: .near, frame: $0.frame.hexadecimal) }
            }
            let expected = zip(cases, hosts).map { fragmentCase, hosts in
                // The socket delivers UDP without its header.
                fragmentCase.deliveredBehind(between: hosts).map { fragmentCase.isUDP ? Array($0.dropFirst(8)) : $0 }.map(\.hexadecimal)
            }
            #expect(try Wiretap(lab).exchange(frames).errors.isEmpty)
            let deliveries = try receiver.deliveries(awaiting: expected.reduce(0) { $0 + $1.count })
            for (number, fragmentCase) in cases.enumerated() {
                let sources = [hosts[number].address(4), hosts[number].address(6)]
                let came = deliveries.filter { sources.contains($0.from) }.map(\.payload)
                #expect(came.sorted() == expected[number].sorted(), "\(fragmentCase)")
            }

            let counters = try weir.counters()
            #expect(counters.port(Lab.ports.near)?.kernelDrops == 0)
            counters.expectToAddUp()
        }

        @Test("what is not whole in time is dropped, and what comes later is no part of it")
        func timeout() throws {
            let lab = try Lab()
            let weir = try Weir(in: lab, options: ["--fragment-timeout", "2"])
            let receiver = try Receiver(lab, udpPort: FragmentCase.udpPort, protocol: FragmentCase.opaqueProtocol)
            let wiretap = try Wiretap(lab)
            let case4 = try #require(FragmentCase.all.first { $0.id == "obsd4/frag" })
            let frames = case4.frames(between: Lab.hosts(10)).map(\.frame.hexadecimal)
            _ = try wiretap.send(frames[0], from: .near, quiet: .milliseconds(10))
            #expect(try weir.counters().held.frames == 1)
            #expect(
                try eventually(within: .seconds(10), every: .milliseconds(50)) { try weir.counters().frames(for: "fragment-timeout") == 1 })
            #expect(try weir.counters().held == Counters.Held(frames: 0, datagrams: 0, bytes: 0))
            _ = try wiretap.send(frames[1], from: .near, quiet: .milliseconds(50))
            #expect(try receiver.deliveries().isEmpty)
            // The second half waits now; its other half makes it whole.
            _ = try wiretap.send(frames[0], from: .near, quiet: .milliseconds(10))
            #expect(try receiver.deliveries(awaiting: 1).count == 1)
        }
    }
}
