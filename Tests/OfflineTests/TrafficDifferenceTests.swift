import Capture
import Classifier
import Foundation
import FrameBuilder
import Offline
import Reporting
import Ruleset
import Testing

/// Recorded frames that two rule sets judge differently.
@Suite("Differences in traffic") struct TrafficDifferenceTests {
    private static let start = ReplayRunTests.start

    private static func tcp(_ source: UInt16, _ port: UInt16, flags: UInt8 = 0x02) -> [UInt8] {
        Frame.ethernet(to: 2, from: 1).ipv4("10.0.0.1", "10.0.0.2").tcp(source, port, flags: flags).finished.bytes
    }

    private static func ruleset(_ rules: String, _ name: String) throws -> Ruleset {
        let text =
            "table bridge t {\nset seen { type ipv4_addr; flags dynamic; size 10; }\n"
            + "chain c {\ntype filter hook forward priority 0; policy accept;\n\(rules)\n}\n}\n"
        return try Ruleset.read(SourceFile(name: name, text: text)).ruleset
    }

    private struct Report: Decodable {
        struct Rule: Decodable { var line: Int }
        struct Side: Decodable {
            var verdict, reason: String
            var rule: Rule?
            var chain: String?
        }
        struct Step: Decodable {
            var kind: String
            var rule: Rule?
            var matched: Bool?
        }
        struct Example: Decodable {
            var frame: String
            var old, new: [Step]?
        }
        struct Group: Decodable {
            var old, new: Side
            var frames, bytes, flows, frame: UInt64
            var firstSeen, lastSeen, file: String
            var example: Example?
        }
        struct Amount: Decodable { var frames: UInt64 }
        var old, new: String
        var isEqual, areFlowsLeftOut: Bool
        var different: Amount
        var groups: [Group]
    }

    private static func compare(
        _ capture: CaptureBytes, _ old: String, _ new: String
    ) throws -> (report: Report, text: String, short: String) {
        let folder = try Folder()
        let (before, after) = (try ruleset(old, "old.nft"), try ruleset(new, "new.nft"))
        var settings = ReplaySettings(
            try Program(compiling: before, ports: ["a", "b"]), files: [try folder.write(capture.bytes, "c.pcap")])
        settings.ingress = .port(0)
        let difference = TrafficDifference(before, after, comparing: try Program(compiling: after, ports: ["a", "b"]), &settings)
        var run = ReplayRun(settings)
        try run.read(0, isStopping: { false }, progress: { _ in })
        let report = difference.report(run.finish())
        let path = folder.url.path + "/"
        return (
            try JSONDecoder().decode(Report.self, from: Data(report.text(json: true).utf8)),
            report.text(limit: 100).replacingOccurrences(of: path, with: ""), report.text(limit: 1).replacingOccurrences(of: path, with: "")
        )
    }

    private static let capture = CaptureBytes.pcap().record(tcp(4000, 22), at: start).record(tcp(4000, 80), at: start + 1)
        .record(tcp(4001, 22), at: start + 2).record(tcp(4000, 22), at: start + 1_000_000).record(tcp(4000, 443), at: start + 5)

    @Test func `frames are counted by the rules that decide, with flows, times and the first one's way`() throws {
        let (report, text, short) = try Self.compare(
            Self.capture, "tcp dport 22 drop comment \"no ssh\"", "tcp dport 80 counter\ntcp dport 443 drop")
        #expect(report.old == "old.nft" && report.new == "new.nft" && !report.isEqual && report.different.frames == 4)
        #expect(report.groups.map(\.frames) == [3, 1] && report.groups.map(\.flows) == [2, 1] && report.groups.map(\.frame) == [1, 5])
        let first = try #require(report.groups.first)
        #expect(first.old.verdict == "drop" && first.old.rule?.line == 5 && first.new.verdict == "accept" && first.new.rule == nil)
        #expect(first.new.chain == "c" && first.old.reason == "rule" && first.bytes == 162)
        #expect(first.firstSeen == "2026-01-01T12:00:00.000000+0000" && first.lastSeen == "2026-01-01T12:00:01.000000+0000")
        #expect(first.example?.old?.compactMap(\.rule?.line) == [5] && first.example?.new?.compactMap(\.rule?.line) == [5, 6])
        #expect(first.example?.new?.compactMap(\.matched) == [false, false])
        #expect(
            text.contains(
                """
                4 frames have another verdict

                drop by rule old.nft:5 "no ssh" (chain c) reason=rule
                  → accept by policy of chain c (table bridge t) reason=accept-by-policy
                    3 frames, 162 bytes, 2 flows, from 2026-01-01T12:00:00.000000+0000 to 2026-01-01T12:00:01.000000+0000
                    first: frame 1 of c.pcap: a > b IP 10.0.0.1.4000 > 10.0.0.2.22: Flags [S], length 54
                      old.nft:
                        chain c (table bridge t, hook forward, priority 0)
                          old.nft:5: tcp dport 22 drop comment "no ssh"
                              yes: drop
                      new.nft:
                        chain c (table bridge t, hook forward, priority 0)
                          new.nft:5: tcp dport 80 counter
                              no: tcp dport 80, saw 22
                """), "\(text)")
        #expect(short.hasSuffix("\n… 1 more pair of rules\n"), "\(short)")
    }

    @Test func `the same meaning is no difference`() throws {
        let (report, text, _) = try Self.compare(
            Self.capture, "tcp dport { 22, 80 } drop", "tcp dport 80 drop\ntcp dport 22 counter drop")
        #expect(report.isEqual && report.groups.isEmpty)
        #expect(text.hasSuffix("old.nft and new.nft come to the same verdict on every frame\n"), "\(text)")
    }

    @Test func `each file has a state of its own, and a way that depends on it is not told`() throws {
        // The second frame comes from an address that the new file has noted.
        let (report, text, _) = try Self.compare(
            Self.capture, "counter", "ip saddr @seen tcp dport 80 drop\nadd @seen { ip saddr }")
        #expect(report.groups.map(\.frame) == [2] && report.groups.map(\.frames) == [1])
        #expect(report.groups.first?.example?.old != nil && report.groups.first?.example?.new == nil)
        #expect(text.contains("new.nft: no rule was asked, or the way depends on frames before it"), "\(text)")
    }

    @Test func `connections that one file follows are part of the way`() throws {
        let capture = CaptureBytes.pcap().record(Self.tcp(4000, 22), at: Self.start).record(
            Self.tcp(4000, 22, flags: 0x10), at: Self.start + 1)
        let (report, text, _) = try Self.compare(capture, "tcp flags ack drop", "ct state { new, invalid } accept")
        #expect(report.groups.map(\.frames) == [1], "\(text)")
        #expect(report.groups.first?.example?.new?.contains { $0.kind == "connection" } == true)
    }
}
