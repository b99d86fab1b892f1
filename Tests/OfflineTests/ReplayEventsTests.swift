import Capture
import Classifier
import Foundation
import FrameBuilder
import Offline
import Reporting
import Testing

/// What `log` statements say of recorded frames, and where their frames go.
@Suite struct ReplayEventsTests {
    private static let start = ReplayRunTests.start
    private static let rules = """
        udp dport 6 log prefix "six " drop
        tcp dport 80 log group 5 snaplen 60 log group 9
        """

    /// Replays one capture with an events file, and two groups of which one is named.
    private static func run(
        _ captures: [CaptureBytes], rules: String = rules, includesDrops: Bool = false, rate: Int = .max,
        change: (inout ReplaySettings, Folder) throws -> Void = { _, _ in }
    ) throws -> (lines: [[String: Any]], report: ReadReport, text: String, folder: Folder) {
        let result = try ReplayRunTests.run(captures, rules: rules) { settings, folder in
            settings.ingress = .port(0)
            var group = CaptureSettings(path: folder.path("group"))
            group.origin.ports = settings.program.ports
            settings.groups = GroupOutputs([5: try CaptureFile(group)], settings.program)
            let events = EventSettings(path: folder.path("events"), includesDrops: includesDrops, linesPerSecond: rate)
            settings.events = try EventFile(events, settings.program, captureFile: "drops.pcapng")
            try change(&settings, folder)
        }
        let lines = try result.folder.text("events").split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        return (lines, result.report, result.text, result.folder)
    }

    private static func file(_ frames: [UInt8]..., every microseconds: UInt64 = 1) -> CaptureBytes {
        frames.enumerated().reduce(CaptureBytes.pcap()) { $0.record($1.element, at: start + UInt64($1.offset) * microseconds) }
    }

    @Test("events are those of a run, with the frame's time and its place in the capture", arguments: [false, true])
    func events(includesDrops: Bool) throws {
        let (lines, _, text, folder) = try Self.run(
            [Self.file(ReplayRunTests.third), Self.file(ReplayRunTests.far, ReplayRunTests.near, ReplayRunTests.third)],
            includesDrops: includesDrops)
        // The statement whose group has a file is no event, the other one is.
        #expect(
            lines.map { $0["event_type"] as? String }
                == (includesDrops ? ["alert", "drop", "alert", "alert", "drop"] : ["alert", "alert", "alert"]))
        #expect(lines.map { $0["pcap_cnt"] as? Int } == (includesDrops ? [1, 1, 2, 3, 3] : [1, 2, 3]))
        let files = lines.map { ($0["pcap_filename"] as? String)?.suffix(6) }
        #expect(files == (includesDrops ? ["0.pcap", "0.pcap", "1.pcap", "1.pcap", "1.pcap"] : ["0.pcap", "1.pcap", "1.pcap"]))
        #expect(lines.first?["timestamp"] as? String == "2026-01-01T12:00:00.000000+0000")
        #expect(lines.first?["in_iface"] as? String == "a" && lines.first?["src_ip"] as? String == "10.0.0.3")
        #expect(lines.allSatisfy { $0["verdict"] == nil }, "a run's events have none")
        for line in lines {
            #expect(line["capture_file"] as? String == (line["event_type"] as? String == "drop" ? "drops.pcapng" : nil))
        }
        #expect(text.contains("\nevents: \(lines.count) written, 0 left out\n"), "\(text)")
        withExtendedLifetime(folder) {}
    }

    @Test("a group's file has its frames, as long as the statement wants them")
    func groups() throws {
        let long = Frame.ethernet().ipv4().tcp(1, 80).payload(100).bytes
        let (_, _, text, folder) = try Self.run([Self.file(long, ReplayRunTests.far, ReplayRunTests.third)])
        var reader = try CaptureReader(path: folder.path("group"))
        let frame = try #require(try reader.next())
        #expect(Array(frame.bytes) == Array(long.prefix(60)) && frame.length == long.count && frame.time == Self.start * 1000)
        #expect(reader.interface(frame.interface).name == "a")
        #expect(try reader.next() == nil)
        #expect(text.contains("\ngroup 5: 1 written, 0 lost\n"), "\(text)")
    }

    @Test("groups that no rule names are known")
    func unused() throws {
        let folder = try Folder()
        let files = try [1, 5, 7].reduce(into: [UInt16: CaptureFile]()) {
            $0[$1] = try CaptureFile(CaptureSettings(path: folder.path("\($1)")))
        }
        #expect(GroupOutputs(files, try compiled(Self.rules)).unused == [1, 7])
    }

    @Test("a second of the capture's has so many events, and the others' number is said")
    func rate() throws {
        let third = ReplayRunTests.third
        // Four in the first second, then four in the next but one; the second file begins where the first did.
        let first = CaptureBytes.pcap().records(third, at: [0, 1, 2, 3].map { Self.start + $0 })
            .records(third, at: [0, 1, 2, 3].map { Self.start + 2_000_000 + $0 })
        let lines = try Self.run([first, Self.file(third, third, third)], rate: 3).lines
        let alert = "alert"
        #expect(
            lines.map { $0["event_type"] as? String } == [alert, alert, alert, "stats", alert, alert, alert, "stats", alert, alert, alert])
        let stats = lines.filter { $0["event_type"] as? String == "stats" }
        #expect(stats.map { ($0["weir"] as? [String: Int])?["events_left_out"] } == [1, 1])
        #expect(stats.map { $0["timestamp"] as? String } == ["2026-01-01T12:00:02.000000+0000", "2026-01-01T12:00:00.000000+0000"])
    }

    @Test("a frame with a time from far ahead takes no other's allowance")
    func farAhead() throws {
        let decade: UInt64 = 10 * 365 * 86_400 * 1_000_000
        let capture = CaptureBytes.pcap().records(
            ReplayRunTests.third, at: [0, decade, 1_000_000, 1_000_001, 1_000_002, 1_000_003].map { Self.start + $0 })
        let lines = try Self.run([capture], rate: 3).lines
        #expect(lines.map { $0["event_type"] as? String } == ["alert", "alert", "alert", "alert", "alert", "stats"])
    }

    @Test("of a frame that comes to many log statements the first sixteen are written, and the others counted")
    func many() throws {
        let rules = Array(repeating: "log", count: 20).joined(separator: "\n")
        let (lines, _, text, _) = try Self.run([Self.file(ReplayRunTests.near)], rules: rules)
        #expect(lines.count == 17 && (lines.last?["weir"] as? [String: Int])?["events_left_out"] == 4)
        #expect(text.contains("\nevents: 16 written, 4 left out\n"), "\(text)")
    }

    @Test("a file that takes no more is told of")
    func full() throws {
        let folder = try Folder()
        var settings = ReplaySettings(try compiled("log"), files: [try folder.write(Self.file(ReplayRunTests.near).bytes, "0.pcap")])
        settings.ingress = .port(0)
        settings.listing = .nothing
        settings.events = try EventFile(EventSettings(path: "/dev/full"), settings.program)
        var run = ReplayRun(settings)
        try run.read(0, isStopping: { false }, progress: { _ in })
        let report = run.finish()
        #expect(report.failures == ["/dev/full did not take 1 events; see that its disk has room"])
        #expect(report.text(json: true).contains(#""events":{"leftOut":1,"written":0}"#), "\(report.text(json: true))")
        withExtendedLifetime(folder) {}
    }
}

extension CaptureBytes {
    fileprivate func records(_ frame: [UInt8], at times: [UInt64]) -> CaptureBytes { times.reduce(self) { $0.record(frame, at: $1) } }
}
