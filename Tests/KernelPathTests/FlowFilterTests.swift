import Flows
import FrameBuilder
import Glibc
import Testing
import Wire

import KernelPath

@Suite("Flow filter", .enabled(if: geteuid() == 0, "BPF programs need root"))
struct FlowFilterTests {
    @Test("the verifier takes the program for packet sockets")
    func socketFilter() throws {
        _ = try FlowMaps(flows: 16).filter()
    }

    /// Conntrack's windows are the tracker's, which others hold to the kernel's: whatever is carried must be nothing to it but one more
    /// segment of something established, and what comes afterwards must be judged as if the tracker had seen all.
    @Test("TCP that is carried is tracked as exactly as TCP that isn't")
    func windows() throws {
        var (carried, handovers) = (0, 0 as UInt64)
        for seed in 0..<24 as Range<UInt64> {
            let traffic = try CarriedTraffic()
            var hosts = TCPTraffic(seed: seed)
            func take(_ segment: TCPTraffic.Segment) throws {
                let fate = try traffic.take(
                    segment.bytes, side: segment.side, segmentSize: segment.segmentSize, isChecksumKnown: segment.isChecksumKnown)
                let isSame =
                    fate.packet.state == fate.reference.state && fate.packet.cause == fate.reference.cause
                    && fate.packet.direction == fate.reference.direction
                    && (!fate.isCarried || (fate.reference.state == .established && fate.reference.cause == nil))
                try #require(isSame, "seed \(seed): \(fate)")
            }
            for segment in hosts.begin() { try take(segment) }
            for number in 0..<300 {
                try take(hosts.next())
                if number % 3 == 0 { traffic.handOver() }
            }
            let flows = traffic.flows()
            try #require(flows.carried == flows.reference, "seed \(seed)")
            carried += traffic.carriedFrames
            handovers += traffic.handovers
        }
        #expect(carried > 1000 && handovers > 100)
    }

    private static func frames(_ write: (Frame) -> Frame, _ answer: (Frame) -> Frame, isIPv6: Bool = false) -> [[UInt8]] {
        let (there, back) = (
            Frame.ethernet(to: 0x0200_0000_0002, from: 0x0200_0000_0001), Frame.ethernet(to: 0x0200_0000_0001, from: 0x0200_0000_0002)
        )
        return isIPv6
            ? [write(there.ipv6("2001:db8::1", "2001:db8::2")).bytes, answer(back.ipv6("2001:db8::2", "2001:db8::1")).bytes]
            : [write(there.ipv4("10.0.0.1", "10.0.0.2")).bytes, answer(back.ipv4("10.0.0.2", "10.0.0.1")).bytes]
    }

    private static let datagrams = frames({ $0.udp(4000, 53).payload(30).finished }, { $0.udp(53, 4000).payload(90).finished })

    /// Sends the two in turn until the flow is carried.
    private func carried(_ frames: [[UInt8]], mtu: UInt32 = 1500) throws -> CarriedTraffic {
        let traffic = try CarriedTraffic(mtu: mtu)
        for _ in 0..<8 {
            for side in [0, 1] as [UInt8] { #expect(try !traffic.take(frames[Int(side)], side: side).isCarried) }
        }
        traffic.handOver()
        traffic.handOver()
        #expect(traffic.handovers == 1)
        return traffic
    }

    @Test("UDP, echoes, GRE and other protocols are carried, with and without checksums", arguments: [false, true])
    func protocols(isIPv6: Bool) throws {
        let kinds: [(String, [[UInt8]])] = [
            ("UDP", Self.frames({ $0.udp(4000, 53).payload(30).finished }, { $0.udp(53, 4000).payload(91).finished }, isIPv6: isIPv6)),
            ("UDP without a checksum", Self.frames({ $0.udp(4000, 53).payload(30) }, { $0.udp(53, 4000).payload(90) }, isIPv6: isIPv6)),
            (
                "GRE",
                Self.frames(
                    { $0.ipPayload(47, [0, 0, 8, 0, 1, 2, 3, 4]) }, { $0.ipPayload(47, [0, 0, 8, 0, 4, 3, 2, 1]) }, isIPv6: isIPv6)
            ),
            (
                "IPv4 in it",
                Self.frames(
                    { $0.ipPayload(4, [UInt8](repeating: 0x45, count: 40)) }, { $0.ipPayload(4, [UInt8](repeating: 0x45, count: 50)) },
                    isIPv6: isIPv6)
            ),
        ]
        for (name, frames) in kinds {
            let traffic = try carried(frames)
            for side in [0, 1, 1] as [UInt8] { #expect(try traffic.take(frames[Int(side)], side: side).isCarried, "\(name)") }
            let flows = traffic.flows()
            #expect(flows.carried == flows.reference, "\(name)")
            let (there, back) = (traffic.carried(side: 0), traffic.carried(side: 1))
            #expect(there.frames == 1 && back.frames == 2)
            #expect(there.frameBytes == UInt64(frames[0].count) && back.frameBytes == 2 * UInt64(frames[1].count))
            #expect(back.packetBytes == 2 * UInt64(frames[1].count - 14), "\(name)")
        }
    }

    @Test("echoes of both sides are two flows")
    func echoes() throws {
        func echo(_ type: UInt8) -> (Frame) -> Frame {
            { frame in
                var octets: [UInt8] = [type, 0, 0, 0, 0, 7, 0, 1]
                octets.replaceSubrange(2..<4, with: plainChecksum(octets).networkBytes)
                return frame.ipPayload(1, octets)
            }
        }
        let frames = Self.frames(echo(8), echo(0))
        let traffic = try carried(frames)
        #expect(try traffic.take(frames[0], side: 0).isCarried)
        #expect(try traffic.take(frames[1], side: 1).isCarried)
        let others = Self.frames(echo(0), echo(8))
        #expect(try !traffic.take(others[1], side: 1).isCarried)
        #expect(try !traffic.take(others[0], side: 0).isCarried)
        #expect(try traffic.take(frames[0], side: 0).isCarried)
    }

    @Test("what is not plain goes up")
    func goesUp() throws {
        let there = Frame.ethernet(to: 0x0200_0000_0002, from: 0x0200_0000_0001)
        var wrong = Self.datagrams[0]
        wrong[wrong.count - 1] ^= 1
        let kinds: [(String, [UInt8], UInt8)] = [
            ("a fragment", there.ipv4("10.0.0.1", "10.0.0.2", more: true).udp(4000, 53).payload(32).bytes, 0),
            ("a later one", there.ipv4("10.0.0.1", "10.0.0.2", fragmentOffset: 64).udp(4000, 53).payload(32).bytes, 0),
            ("options", there.ipv4("10.0.0.1", "10.0.0.2", options: [1, 1, 1, 1]).udp(4000, 53).payload(30).bytes.finished(), 0),
            ("a wrong checksum", wrong, 0),
            ("another port", Self.datagrams[0], 1),
            (
                "other MAC addresses",
                Frame.ethernet(to: 0x0200_0000_0002, from: 0x0200_0000_0009).ipv4("10.0.0.1", "10.0.0.2").udp(4000, 53).payload(30).finished
                    .bytes, 0
            ),
            ("a packet that is too long", there.ipv4("10.0.0.1", "10.0.0.2").udp(4000, 53).payload(200).finished.bytes, 0),
        ]
        for (name, frame, side) in kinds {
            let traffic = try carried(Self.datagrams, mtu: 200)
            #expect(try traffic.take(Self.datagrams[0], side: 0).isCarried)
            #expect(try !traffic.take(frame, side: side).isCarried, "\(name)")
        }
    }

    @Test("once a flow is answered, both directions go by the rules again")
    func answered() throws {
        let traffic = try CarriedTraffic()
        for _ in 0..<17 { #expect(try !traffic.take(Self.datagrams[0], side: 0).isCarried) }
        for _ in 0..<2 { traffic.handOver() }
        #expect(try traffic.take(Self.datagrams[0], side: 0).isCarried)
        #expect(try !traffic.take(Self.datagrams[1], side: 1).isCarried)
        for _ in 0..<2 { traffic.handOver() }
        #expect(try !traffic.take(Self.datagrams[0], side: 0).isCarried)
    }

    @Test("a generation that isn't in force is not carried")
    func generations() throws {
        let traffic = try carried(Self.datagrams)
        #expect(try traffic.take(Self.datagrams[0], side: 0).isCarried)
        traffic.maps.setGeneration(8)
        #expect(try !traffic.take(Self.datagrams[1], side: 1).isCarried)
        traffic.maps.setGeneration(7)
        // It was the worker's from then on.
        #expect(try !traffic.take(Self.datagrams[1], side: 1).isCarried)
    }
}
