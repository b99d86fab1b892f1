import Capture
import Decisions
import FrameBuilder
import Synchronization
import Testing

@Suite struct PcapngTests {
    /// Block by block against the draft: section header (4.1), two interface descriptions (4.2), an enhanced packet (4.3), two
    /// interface statistics (4.6).
    @Test func isWhatTheDraftSays() throws {
        let folder = try TemporaryFolder()
        var settings = CaptureSettings(path: folder["d.pcapng"])
        settings.origin.application = "weir 1"
        settings.origin.operatingSystem = "Linux"
        settings.origin.hardware = "x86"
        settings.origin.comments = ["rules"]
        settings.origin.ports = ["eth1", "p2"]
        let running = RunningCapture(try DropCapture(settings, workers: 1) { "rule \($0.rule)" })
        running.offer(1, [0xde, 0xad, 0xbe, 0xef, 0x55])
        #expect(running.finish())
        let bytes = try folder.bytes(of: "d.pcapng")

        var expected: [UInt8] = []
        // Section header: type, length, byte order, version 1.0, section length unknown.
        expected +=
            [0x0a, 0x0d, 0x0d, 0x0a] + [80, 0, 0, 0] + [0x4d, 0x3c, 0x2b, 0x1a] + [1, 0, 0, 0] + [UInt8](repeating: 0xff, count: 8)
        expected += [1, 0, 5, 0] + Array("rules".utf8) + [0, 0, 0]
        expected += [2, 0, 3, 0] + Array("x86".utf8) + [0]
        expected += [3, 0, 5, 0] + Array("Linux".utf8) + [0, 0, 0]
        expected += [4, 0, 6, 0] + Array("weir 1".utf8) + [0, 0]
        // The end of the options, again up to a multiple of 16 octets.
        expected += [0, 0, 0, 0] + [0, 0, 0, 0] + [80, 0, 0, 0]
        // Interface descriptions: link type Ethernet, snap length 262144; name, resolution 10^-9.
        for name in ["eth1", "p2\0\0"] {
            expected += [1, 0, 0, 0] + [48, 0, 0, 0] + [1, 0, 0, 0] + [0, 0, 4, 0]
            expected += [2, 0, name == "eth1" ? 4 : 2, 0] + Array(name.utf8) + [9, 0, 1, 0, 9, 0, 0, 0]
            expected += [UInt8](repeating: 0, count: 12) + [48, 0, 0, 0]
        }
        // Enhanced packet: interface 1, time 1,700,000,000.000000001 s (0x17979cfe_362a0001), 5 of 5 bytes, padded; comment; inbound.
        expected += [6, 0, 0, 0] + [64, 0, 0, 0] + [1, 0, 0, 0] + [0xfe, 0x9c, 0x97, 0x17] + [0x01, 0x00, 0x2a, 0x36]
        expected += [5, 0, 0, 0] + [5, 0, 0, 0] + [0xde, 0xad, 0xbe, 0xef, 0x55, 0, 0, 0]
        expected += [1, 0, 6, 0] + Array("rule 1".utf8) + [0, 0] + [2, 0, 4, 0] + [1, 0, 0, 0]
        expected += [0, 0, 0, 0] + [64, 0, 0, 0]
        #expect(Array(bytes.prefix(expected.count)) == expected)

        // Interface statistics, whose times are the clock's: length, interface, begin and end, frames delivered.
        let rest = Array(bytes.dropFirst(expected.count))
        try #require(rest.count == 2 * 64)
        for (port, frames) in [(0, 0), (1, 1)] as [(UInt8, UInt8)] {
            let block = Array(rest[Int(port) * 64..<Int(port + 1) * 64])
            #expect(block[..<12] == [5, 0, 0, 0, 64, 0, 0, 0, port, 0, 0, 0])
            #expect(block[20..<24] == [2, 0, 8, 0] && block[32..<36] == [3, 0, 8, 0])
            #expect(block[36..<44] == block[12..<20], "the block's time is the end's")
            #expect(block[44...] == [8, 0, 8, 0, frames, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0])
        }
    }

    @Test("frames of every length come out whole, padded to 32 bits", arguments: [0, 1, 2, 3, 4, 59, 60, 1514, 4096, 65_549])
    func lengths(_ length: Int) throws {
        let folder = try TemporaryFolder()
        let running = RunningCapture(try DropCapture(CaptureSettings(path: folder["d"]), workers: 1))
        let frame = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for number in 0..<3 { running.offer(number, frame) }
        #expect(running.finish())
        let file = try PcapngReader(folder.bytes(of: "d"))
        #expect(file.packets.map(\.frame) == [frame, frame, frame])
        #expect(file.packets.map(\.interface) == [0, 1, 0])
        #expect(file.packets.allSatisfy { $0.comment == nil && $0.originalLength == length })
    }

    /// A write is cut short between two pages at the most: what stands there after SIGKILL is whole blocks.
    @Test("no block crosses a page's end that fits into a page", arguments: 0..<8)
    func pages(_ seed: Int) throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: UInt64(seed))
        let running = RunningCapture(
            try DropCapture(
                CaptureSettings(path: folder["d"]), workers: 1,
                explanation: { String(repeating: "x", count: Int($0.time % 83)) },
                origins: { generation in
                    var origin = CaptureOrigin()
                    origin.comments = [String(repeating: "y", count: Int(generation) * 41 % 2000)]
                    return origin
                }))
        var generation: UInt32 = 0
        for number in 0..<400 {
            let length = Int.random(in: 0..<[100, 1500, 1500, 9000].randomElement(using: &random)!, using: &random)
            if Int.random(in: 0..<10, using: &random) == 0 { generation += 1 }
            if Int.random(in: 0..<40, using: &random) == 0 { running.settle() }
            running.offer(number, [UInt8](repeating: 1, count: length), generation: generation)
        }
        #expect(running.finish())
        let file = try PcapngReader(folder.bytes(of: "d"))
        #expect(file.packets.count == 400)
        let crossing = file.extents.filter { $0.count <= 4096 && $0.lowerBound / 4096 != ($0.upperBound - 1) / 4096 }
        #expect(crossing.isEmpty)
        #expect(file.extents.contains { $0.count > 4096 })
    }

    @Test func aCommentOfAnyLengthFits() throws {
        let folder = try TemporaryFolder()
        let long = String(repeating: "ü€", count: 40_000)
        let running = RunningCapture(try DropCapture(CaptureSettings(path: folder["d"]), workers: 1) { _ in long })
        running.offer(0, [1, 2, 3])
        #expect(running.finish())
        let comment = try #require(try PcapngReader(folder.bytes(of: "d")).packets.first?.comment)
        #expect(comment.utf8.count > 30_000 && long.hasPrefix(comment))
    }

    /// What `DropCapture` is asked for, and the frames of ten that it then keeps: frame i is i times 100 bytes of IPv4 and, if i is even,
    /// UDP to port 53.
    static let selections: [(description: String, change: @Sendable (inout CaptureSettings) -> Void, kept: [Int], lengths: [Int])] = [
        ("everything", { _ in }, Array(1...10), (1...10).map { $0 * 100 }),
        ("the first bytes", { $0.snapLength = 250 }, Array(1...10), [100, 200] + [Int](repeating: 250, count: 8)),
        ("a filter", { $0.filter = "udp port 53" }, [2, 4, 6, 8, 10], [200, 400, 600, 800, 1000]),
        (
            "a filter by length, which is the frame's own",
            {
                $0.filter = "greater 900"; $0.snapLength = 64
            }, [9, 10], [64, 64]
        ),
        ("a rate", { $0.framesPerSecond = 3 }, [1, 2, 3, 6, 7, 8], [100, 200, 300, 600, 700, 800]),
        (
            "a rate of what the filter wants",
            {
                $0.framesPerSecond = 2; $0.filter = "udp"
            }, [2, 4, 6, 8], [200, 400, 600, 800]
        ),
    ]

    @Test("keeps what is asked for", arguments: selections.indices, ["pcapng", "pcap"])
    func selection(_ index: Int, _ format: String) throws {
        let selection = Self.selections[index]
        let folder = try TemporaryFolder()
        var settings = CaptureSettings(path: folder["d." + format])
        selection.change(&settings)
        let clock = TestClock()
        let running = RunningCapture(
            try DropCapture(settings, workers: 1, clock: { clock.seconds.load(ordering: .relaxed) * 1_000_000_000 }))
        for number in 1...10 {
            // Two seconds, of five frames each, whatever the frames' own times say: those go back.
            if number == 6 {
                running.settle()
                clock.seconds.store(8, ordering: .relaxed)
            }
            var frame: [UInt8] =
                [UInt8](repeating: 2, count: 12) + [0x08, 0, 0x45, 0, 0, 86, 0, 0, 0, 0, 64, number % 2 == 0 ? 17 : 6, 0, 0]
            frame += [10, 0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 53] + [UInt8](repeating: 1, count: number * 100 - 38)
            running.offer(number, frame, secondsLater: 20 - number)
        }
        #expect(running.finish())
        let capture = running.capture
        #expect(capture.written == UInt64(selection.kept.count), "\(selection.description)")
        #expect(capture.written + capture.leftOut + capture.unmatched == 10 && capture.lost == 0)
        let bytes = try folder.bytes(of: "d." + format)
        if format == "pcapng" {
            let packets = try PcapngReader(bytes).packets
            #expect(packets.map { Int($0.originalLength) } == selection.kept.map { $0 * 100 })
            #expect(packets.map(\.frame.count) == selection.lengths)
        } else {
            #expect(bytes.count == 24 + selection.lengths.reduce(0) { $0 + 16 + $1 })
        }
    }

    @Test func aFilterThatIsNoneIsToldAtTheStart() throws {
        let folder = try TemporaryFolder()
        var settings = CaptureSettings(path: folder["d.pcapng"])
        settings.filter = "tcp prot 23"
        let error = #expect(throws: CaptureError.self) { try DropCapture(settings, workers: 1) }
        #expect(error?.description.contains("tcp prot 23") == true && error?.description.contains("syntax error") == true)
        #expect(try folder.names().isEmpty)
    }
}

private final class TestClock: Sendable {
    let seconds = Atomic<UInt64>(7)
}
