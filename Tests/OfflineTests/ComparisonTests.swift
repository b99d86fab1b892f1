import Capture
import Foundation
import FrameBuilder
import Offline
import Reporting
import Testing

/// Replays beside other rules, and beside the report of a run.
@Suite("Compared replays") struct ComparisonTests {
    private static let start = ReplayRunTests.start
    private static func tcp(_ port: UInt16) -> [UInt8] {
        Frame.ethernet(to: 2, from: 1).ipv4("10.0.0.1", "10.0.0.2").tcp(4000, port).finished.bytes
    }

    private static let capture = CaptureBytes.pcap().record(tcp(80), at: start).record(tcp(22), at: start + 1).record(
        tcp(23), at: start + 2
    )
    .record(tcp(23), at: start + 3).record(tcp(443), at: start + 4)

    private struct Compared: Decodable {
        struct Group: Decodable {
            var here, there: String
            var frames, bytes: UInt64
            var firstFile: Int
            var firstFrame: UInt64
            var flows: UInt64
        }
        struct Rules: Decodable {
            var with: String
            var frames: UInt64
            var groups: [Group]
            var areFlowsLeftOut: Bool
        }
        struct Counters: Decodable {
            struct Difference: Decodable {
                var counter: String
                var here, there: UInt64
            }
            var with: String
            var counters: Int
            var differences: [Difference]
        }
        var comparison: Rules?
        var counterComparison: Counters?
    }

    /// What is listed, the report in both forms, and whether there is a difference.
    private static func run(
        _ captures: [CaptureBytes], rules: String, listing: ReplayListing = .text, change: (inout ReplaySettings) throws -> Void
    ) throws -> (list: String, compared: Compared, text: String, json: String, isDifferent: Bool) {
        let folder = try Folder()
        let files = try captures.enumerated().map { try folder.write($1.bytes, "\($0).pcap") }
        let list = open(try folder.write([], "list"), O_WRONLY)
        defer { close(list) }
        var settings = ReplaySettings(try compiled(rules), files: files)
        settings.ingress = .port(0)
        settings.descriptor = list
        settings.listing = listing
        try change(&settings)
        var run = ReplayRun(settings)
        for index in files.indices { try run.read(index, isStopping: { false }, progress: { _ in }) }
        let report = run.finish()
        let json = report.text(json: true)
        return (
            try folder.text("list"), try JSONDecoder().decode(Compared.self, from: Data(json.utf8)), report.text(json: false), json,
            report.hasDifferences
        )
    }

    @Test func `frames with another verdict are listed and counted by the rules that decide`() throws {
        let other = try compiled("tcp dport 22 drop comment \"no ssh\"\ntcp dport 443 drop")
        let result = try Self.run([Self.capture], rules: "tcp dport { 22, 23 } drop\ntcp dport 443 counter") { settings in
            settings.compared = (other, "old.nft")
        }
        let lines = result.list.split(separator: "\n")
        #expect(lines.count == 5 && lines.indices.filter { lines[$0].contains("; with old.nft: ") } == [2, 3, 4], "\(result.list)")
        #expect(lines[2].hasSuffix("reason=rule; with old.nft: accept by policy of chain c (table bridge t) reason=accept-by-policy"))
        let comparison = try #require(result.compared.comparison)
        #expect(comparison.with == "old.nft" && comparison.frames == 3 && result.isDifferent)
        #expect(comparison.groups.map(\.frames) == [2, 1] && comparison.groups.map(\.firstFrame) == [3, 5])
        #expect(comparison.groups[0].here.hasPrefix("drop by rule r.nft:5") && comparison.groups[0].bytes == 108)
        #expect(comparison.groups[1].there.hasPrefix("drop by rule r.nft:6"))
        #expect(result.text.contains("\ncompared with old.nft: 3 frames have another verdict\n"), "\(result.text)")
    }

    @Test func `frames that differ by their numbers are counted together`() throws {
        func wrong(_ difference: UInt8) -> [UInt8] {
            var bytes = Self.tcp(80)
            bytes[50] ^= difference
            return bytes
        }
        let capture = CaptureBytes.pcap().record(wrong(1), at: Self.start).record(wrong(2), at: Self.start + 1)
        let other = try compiled("tcp dport 22 counter")
        let result = try Self.run([capture], rules: "ct state invalid drop") { settings in settings.compared = (other, "old.nft") }
        #expect(result.compared.comparison?.groups.map(\.frames) == [2], "\(result.text)")
        #expect(result.list.split(separator: "\n").allSatisfy { $0.contains("invalid=") && $0.contains("; with old.nft: accept") })
        #expect(result.compared.comparison?.groups[0].flows == 1 && result.compared.comparison?.areFlowsLeftOut == false)
    }

    @Test func `the same rules find nothing, whatever they change`() throws {
        // Each has connections, sets and limits of its own, and its own frame to change.
        let rules = "ip ttl set 9\nct state new limit rate 2/hour burst 1 packets accept\nip ttl 9 tcp dport 80-100 drop"
        let other = try compiled(rules)
        let result = try Self.run([Self.capture, Self.capture], rules: rules) { settings in settings.compared = (other, "same.nft") }
        #expect(result.compared.comparison?.frames == 0 && !result.isDifferent)
        #expect(result.text.contains("\ncompared with same.nft: every frame has the same verdict\n"), "\(result.text)")
    }

    @Test func `fragments are compared when their datagram is whole`() throws {
        let parts = try [0, 16, 32].map(ReplayTests.part)
        let capture = CaptureBytes.pcap().record(parts[2], at: Self.start).record(Self.tcp(22), at: Self.start).record(
            parts[0], at: Self.start
        )
        .record(parts[1], at: Self.start)
        let other = try compiled("udp dport 53 drop")
        let result = try Self.run([capture], rules: "tcp dport 22 counter") { settings in settings.compared = (other, "old.nft") }
        #expect(result.compared.comparison?.frames == 3 && result.compared.comparison?.groups.count == 1)
        #expect(result.compared.comparison?.groups[0].firstFrame == 1)
    }

    @Test func `a report is compared counter by counter, wherever its file lay`() throws {
        let rules = "ct state new counter\ntcp dport 23 drop\ntcp dport 23 drop"
        let whole = try Self.run([Self.capture], rules: rules, listing: .nothing) { _ in }
        let recorded = try RecordedReport("noise\n{\"a\":1}\n" + whole.json + "\n", name: "live.json")
        let same = try Self.run([Self.capture], rules: rules) { $0.comparedReport = recorded }
        #expect(same.compared.counterComparison?.differences.isEmpty == true && !same.isDifferent)
        #expect((same.compared.counterComparison?.counters ?? 0) > 6)
        #expect(same.text.contains("compared with live.json: all "), "\(same.text)")

        let less = try Self.run([CaptureBytes.pcap().record(Self.tcp(23), at: Self.start)], rules: rules) { $0.comparedReport = recorded }
        #expect(less.isDifferent)
        let differences = Dictionary(
            uniqueKeysWithValues: (less.compared.counterComparison?.differences ?? []).map { ($0.counter, [$0.here, $0.there]) })
        #expect(differences["rule, frames"] == [1, 2] && differences["bridge t c: tcp dport 23 drop, frames"] == [1, 2], "\(differences)")
        #expect(differences["bridge t c: tcp dport 23 drop (2), frames"] == nil, "0 in both")
        #expect(differences["connections new"]?.first == 1, "\(differences)")

        let others = try Self.run([Self.capture], rules: "tcp dport 23 counter drop") { $0.comparedReport = recorded }
        #expect(others.compared.counterComparison?.differences.contains { $0.counter.contains("counter drop") && $0.there == 0 } == true)
    }

    @Test("what has no report is refused", arguments: ["", "{}", "{\"reasons\":5}", "{\"reasons\":{\"a\":{}}}"])
    func refused(_ text: String) {
        let failure = #expect(throws: RecordedReport.Failure.self) { try RecordedReport(text, name: "x.json") }
        #expect(failure?.description.hasPrefix("x.json has no report") == true)
    }
}
