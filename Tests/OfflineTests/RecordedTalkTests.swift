import Capture
import Flows
import FrameBuilder
import Offline
import Testing
import Wire

/// Healthy traffic, recorded where it isn't as on a wire.
@Suite struct RecordedTalkTests {
    static let rules = "ct state invalid counter drop"
    static let byStation = IngressChoice.stations([1: 0], others: 1)

    /// Frames, milliseconds apart.
    private static func capture(_ frames: [[UInt8]], cut: Int = .max) -> CaptureBytes {
        frames.enumerated().reduce(CaptureBytes.pcap()) { capture, frame in
            capture.record(
                Array(frame.element.prefix(cut)), at: ReplayRunTests.start + UInt64(frame.offset) * 1000,
                length: UInt32(frame.element.count))
        }
    }

    private static func run(_ capture: CaptureBytes, change: (inout ReplaySettings) -> Void = { _ in }) throws -> (
        report: ReadReport, text: String, list: String
    ) {
        let result = try ReplayRunTests.run([capture], rules: rules) { settings, _ in
            settings.ingress = byStation
            change(&settings)
        }
        #expect(result.problems.isEmpty)
        return (result.report, result.text, result.list)
    }

    @Test("a checksum that hardware was to finish is right, unless it is asked for", arguments: ChecksumTrust.allCases)
    func offload(_ trust: ChecksumTrust) throws {
        let result = try Self.run(Self.capture(RecordedTalk(isPartial: true).frames)) { $0.checksums = trust }
        #expect(result.report.frames.judged == 21)
        // Without the client's SYN the server's begins nothing; what it sends then is picked up in the middle.
        #expect(result.report.rules[0].frames == (trust == .verify ? 15 : 0))
        #expect(result.report.frames.unfinishedChecksums == (trust == .offload ? 14 : 0))
        #expect(result.text.contains("\nwith a checksum that hardware was to finish: 14 (captured on") == (trust == .offload))
    }

    @Test("a checksum that is wrong otherwise is wrong, unless none is looked at", arguments: ChecksumTrust.allCases)
    func wrong(_ trust: ChecksumTrust) throws {
        var frames = RecordedTalk().frames
        frames[20][50] ^= 0xff
        let result = try Self.run(Self.capture(frames)) { $0.checksums = trust }
        #expect(result.report.rules[0].frames == (trust == .ignore ? 0 : 1))
        #expect(result.report.frames.unfinishedChecksums == 0)
        guard trust != .ignore else { return }
        let line = result.list.split(separator: "\n")[20]
        #expect(line.contains("reason=rule invalid=bad-checksum (checksum 0x"), "\(line)")
    }

    @Test("rules that change what such a checksum covers leave it unfinished")
    func changed() throws {
        let capture = Self.capture(RecordedTalk(isPartial: true).frames)
        let folder = try ReplayRunTests.run([capture], rules: "tcp dport 80 tcp dport set 8080") { settings, folder in
            settings.ingress = Self.byStation
            settings.accepted = try CaptureFile(CaptureSettings(path: folder.path("accepted.pcap")))
        }.folder
        var reader = try CaptureReader(path: folder.path("accepted.pcap"))
        let first = try #require(try reader.next())
        // Only the pseudo header counts, and the port is none of it.
        var expected = RecordedTalk(isPartial: true).frames[0]
        expected.replaceSubrange(36..<38, with: [0x1f, 0x90])
        #expect(Array(first.bytes) == expected)
    }

    @Test("frames cut off are followed by the lengths in their headers", arguments: [true, false])
    func cut(fills: Bool) throws {
        let capture = Self.capture(RecordedTalk().frames, cut: 96)
        let result = try Self.run(capture) { $0.fillsCutFrames = fills }
        #expect(result.report.rules[0].frames == 0)
        #expect(result.report.frames.judged == (fills ? 21 : 11))
        #expect(result.report.frames.cut == (fills ? 0 : 10))
        #expect(result.report.frames.filled == (fills ? 10 : 0))
    }

    @Test("a capture of one direction, or with gaps, says what to do about it")
    func missing() throws {
        let talk = RecordedTalk().segments
        let whole = try Self.run(Self.capture(talk.dropLast(3).map(\.bytes)))
        #expect(!whole.text.contains(" missing: "))
        // Without its SYN, which would have to be answered first.
        let oneWay = Self.capture(talk.dropFirst().dropLast(3).filter(\.isFromClient).map(\.bytes))
        #expect(
            try Self.run(oneWay).text.contains(
                "\nmost of one direction is missing: of 1 of 1 TCP connections only one was seen; use --tcp off\n"))
        #expect(!(try Self.run(oneWay) { $0.flows.tcp = .off }.text.contains(" missing: ")))
        let answers = Self.capture(talk.dropLast(3).filter { !$0.isFromClient }.map(\.bytes))
        let strict = try Self.run(answers) { settings in
            settings.flows.tcp = .strict
            settings.flows.graceTime = 0
        }
        #expect(
            strict.text.contains(
                "\nframes are missing: 6 TCP packets fit no connection that the capture shows; use --tcp loose or --tcp off\n"),
            "\(strict.text)")
    }

    @Test("a conversation goes on after what was left out")
    func followed() throws {
        // Without following, the acknowledgement of what was left out is of nothing that was sent.
        let result = try ReplayRunTests.run([Self.capture(RecordedTalk().frames, cut: 53)], rules: Self.rules) { settings, _ in
            settings.ingress = Self.byStation
        }
        // Not even the TCP header is there, so nothing is followed, and nothing is judged.
        #expect(result.report.frames.judged == 0 && result.report.frames.cut == 21)
        var frames = RecordedTalk().frames
        frames.removeSubrange(3...5)
        let gap = try Self.run(Self.capture(frames))
        #expect(gap.report.rules[0].frames > 0, "with a gap in place of them")
        let line = try #require(gap.list.split(separator: "\n").first { $0.contains("invalid=") })
        #expect(line.contains("invalid=tcp-acknowledgement (ack 10001 not in ") || line.contains("(seq "), "\(line)")
    }
}
