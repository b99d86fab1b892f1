import Capture
import Foundation
import FrameBuilder
import Offline
import Testing

/// Captures of both ports, as dumpcap writes them: out of order, each frame that passes twice, and no directions.
@Suite struct TwoPortsTests {
    private static let both = CaptureBytes.pcapng().interface("a").interface("b")
    private static let start = ReplayRunTests.start

    private static func frame(_ number: UInt16, from sender: UInt64 = 1) -> [UInt8] {
        Frame.ethernet(to: 9, from: sender).ipv4("10.0.0.1", "10.0.0.2", identification: number).udp(4000, number).bytes
    }

    /// The numbers of the frames that are judged, with their ports: `1a 4b`.
    private static func judged(_ capture: CaptureBytes, change: (inout ReplaySettings) -> Void = { _ in }) throws -> (
        String, ReadReport.Frames
    ) {
        let result = try ReplayRunTests.run([capture], rules: "accept") { settings, _ in change(&settings) }
        #expect(result.problems.isEmpty)
        let list = result.list.split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            return "\(words[0])\(words[2])"
        }
        return (list.joined(separator: " "), result.report.frames)
    }

    @Test("the earlier of two copies came in, wherever it stands")
    func copies() throws {
        let capture = Self.both.packet(Self.frame(1), interface: 1, at: Self.start + 5).packet(
            Self.frame(2), interface: 1, at: Self.start + 25
        )
        .packet(Self.frame(1), at: Self.start).packet(Self.frame(2), at: Self.start + 20)
        let (list, frames) = try Self.judged(capture)
        #expect(list == "3a 4a")
        #expect(frames == .init(read: 4, judged: 2, leaving: 2, backwardSteps: 2, reordered: 2))
    }

    @Test("a station that moves to the other port is followed")
    func moved() throws {
        var capture = Self.both
        for number in 0..<4 as Range<UInt16> {
            let time = Self.start + UInt64(number) * 1000
            let near = number < 2 ? 0 : 1
            capture = capture.packet(Self.frame(number), interface: UInt32(near), at: time)
                .packet(Self.frame(number), interface: UInt32(1 - near), at: time + 5)
        }
        // It is dropped there, and by its last place known to have come in.
        capture = capture.packet(Self.frame(9), interface: 1, at: Self.start + 9000)
        let (list, _) = try Self.judged(capture)
        #expect(list == "1a 3a 5b 7b 9b")
    }

    @Test("frames with the same bytes are paired one by one, within a quarter of a second")
    func alike() throws {
        var capture = Self.both
        for number in 0..<3 as Range<UInt64> {
            capture = capture.packet(Self.frame(1), at: Self.start + number * 1000)
                .packet(Self.frame(1), interface: 1, at: Self.start + number * 1000 + 5)
        }
        #expect(try Self.judged(capture).0 == "1a 3a 5a")
        let late = Self.both.packet(Self.frame(1, from: 1), at: Self.start)
            .packet(Self.frame(2, from: 2), interface: 1, at: Self.start + 5)
            .packet(Self.frame(1, from: 1), interface: 1, at: Self.start + 300_000)
        let (list, frames) = try Self.judged(late)
        #expect(list == "1a 2b", "by its sender's place it leaves")
        #expect(frames.leaving == 1)
    }

    @Test("directions and --ingress win, and stations are put in order")
    func wins() throws {
        let capture = Self.both.packet(Self.frame(1), interface: 1, at: Self.start, options: [Self.both.flags(1)])
            .packet(Self.frame(1), at: Self.start + 5, options: [Self.both.flags(2)])
        #expect(try Self.judged(capture).0 == "1b")
        #expect(try Self.judged(capture) { $0.ingress = .port(0) }.0 == "1a 2a")
        let mixed = Self.both.packet(Self.frame(2), at: Self.start + 5).packet(Self.frame(1, from: 2), interface: 1, at: Self.start)
        #expect(try Self.judged(mixed) { $0.ingress = .stations([1: 0, 2: 1], others: nil) }.0 == "2b 1a")
    }

    @Test("what waits before a fault, and beyond all room, is judged")
    func rest() throws {
        var capture = Self.both
        for number in 0..<9000 as Range<UInt16> { capture = capture.packet(Self.frame(number), at: Self.start + UInt64(number)) }
        let (_, frames) = try Self.judged(capture)
        #expect(frames.judged == 9000)
        var cut = Self.both.packet(Self.frame(1), at: Self.start).packet(Self.frame(1), interface: 1, at: Self.start + 1)
        cut.bytes.removeLast(4)
        let result = try ReplayRunTests.run([cut], rules: "accept")
        #expect(result.problems.count == 1 && result.report.frames.judged == 1)
    }

    /// What came in by which port is known, and what the capture's writer makes of it is not.
    @Test("of random traffic in random blocks exactly what came in is judged", arguments: [1, 2, 3, 4] as [UInt64])
    func random(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var seen: [(time: UInt64, port: UInt32, frame: [UInt8], isIngress: Bool)] = []
        var time = Self.start
        for number in 0..<3000 as Range<UInt16> {
            time += random.next() % 300
            let port = UInt32(random.next() % 2)
            let length = Int(random.next() % 600)
            // Stations stay, so that a frame without a copy has a place.
            let frame = Frame.ethernet(to: 9, from: 10 + UInt64(port)).ipv4(identification: number).udp(4, 53).payload(length).bytes
            seen.append((time, port, frame, true))
            if !random.oneIn(4) { seen.append((time + 1 + random.next() % 2000, 1 - port, frame, false)) }
        }
        // Each port's frames in order, written in blocks.
        var queues = [0, 1].map { port in seen.filter { $0.port == port }.sorted { $0.time < $1.time }[...] }
        var capture = Self.both
        var expected: [(UInt64, String)] = []
        var number = 0
        while !queues[0].isEmpty || !queues[1].isEmpty {
            let port = queues[0].isEmpty ? 1 : queues[1].isEmpty ? 0 : queues[0].first!.time <= queues[1].first!.time ? 0 : 1
            for _ in 0..<Int(1 + random.next() % 40) {
                guard let next = queues[port].popFirst() else { break }
                number += 1
                capture = capture.packet(next.frame, interface: next.port, at: next.time)
                if next.isIngress { expected.append((next.time, "\(number)\(port == 0 ? "a" : "b")")) }
            }
        }
        let (list, frames) = try Self.judged(capture)
        #expect(Set(list.split(separator: " ").map(String.init)) == Set(expected.map(\.1)))
        let times = Dictionary(uniqueKeysWithValues: expected.map { ($0.1, $0.0) })
        let judged = list.split(separator: " ").compactMap { times[String($0)] }
        #expect(judged == judged.sorted())
        #expect(frames.reordered > 0 && frames.backwardSteps > 0)
    }
}
