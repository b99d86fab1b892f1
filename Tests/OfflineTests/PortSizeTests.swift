import Capture
import Decisions
import Firewall
import Foundation
import FrameBuilder
import Offline
import Ruleset
import Testing

/// The ports' MTUs on paper: what `--mtu` and `--too-big` make of recorded and described packets.
@Suite("Ports' MTUs") struct PortSizeTests {
    /// 1,500 bytes at the near port, 1,000 at the far one.
    private static func links(_ handling: TooBigHandling) -> LinkLimits { LinkLimits(mtus: (1_500, 1_000), handling: handling) }

    private static let free = Frame.ethernet(to: 2, from: 1).ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(1_200).bytes
    private static let fixed = Frame.ethernet(to: 2, from: 1).ipv4("10.0.0.1", "10.0.0.2", doNotFragment: true).udp(3, 4).payload(1_200)
        .bytes
    private static let six = Frame.ethernet(to: 2, from: 1).ipv6().udp(5, 6).payload(1_200).bytes
    private static let small = Frame.ethernet(to: 2, from: 1).ipv4("10.0.0.1", "10.0.0.2").udp(7, 8).payload(900).bytes
    private static let back = Frame.ethernet(to: 1, from: 2).ipv4("10.0.0.2", "10.0.0.1").udp(2, 1).payload(1_200).bytes

    struct Replayed: Sendable {
        var handling: TooBigHandling
        /// The last words of the lines of the first three.
        var outcomes: [String]
        /// Bytes of the frames that leave by the far port, and of the answers.
        var leaving: [Int]
        var answers: [Int]
    }

    static let replays = [
        Replayed(
            handling: .fragment, outcomes: ["reason=accept-by-policy, in fragments", "reason=too-big", "reason=too-big"],
            // 976 bytes of payload, which is a multiple of 8, and the rest of the datagram's 1,208.
            leaving: [14 + 20 + 976, 14 + 20 + 232, small.count],
            // All that a datagram of 576 has room for, and 1,280.
            answers: [14 + 576, 14 + 1_280]),
        Replayed(
            handling: .answer, outcomes: ["reason=too-big", "reason=too-big", "reason=too-big"], leaving: [small.count],
            answers: [14 + 576, 14 + 1_280]),
        Replayed(handling: .drop, outcomes: ["reason=too-big", "reason=too-big", "reason=too-big"], leaving: [small.count], answers: []),
    ]

    private static func lengths(_ path: String) throws -> [Int] {
        var reader = try CaptureReader(path: path)
        var lengths: [Int] = []
        while let frame = try reader.next() { lengths.append(frame.bytes.count) }
        return lengths
    }

    @Test("recorded packets that are too big become what was asked for", arguments: replays)
    func replayed(_ test: Replayed) throws {
        var capture = CaptureBytes.pcapng().interface("a").interface("b")
        for (place, frame) in [Self.free, Self.fixed, Self.six, Self.small].enumerated() {
            capture = capture.packet(frame, at: ReplayRunTests.start + UInt64(place), options: [capture.flags(1)])
        }
        // By the near port it fits.
        capture = capture.packet(Self.back, interface: 1, at: ReplayRunTests.start + 9, options: [capture.flags(1)])
        let result = try ReplayRunTests.run([capture], rules: "counter") { settings, folder in
            settings.links = Self.links(test.handling)
            settings.accepted = try CaptureFile(CaptureSettings(path: folder.path("accepted.pcap")))
            settings.answers = try CaptureFile(CaptureSettings(path: folder.path("answers.pcap")))
        }
        let lines = result.list.split(separator: "\n")
        #expect(lines.count == 5 && zip(lines, test.outcomes).allSatisfy { $0.hasSuffix($1) }, "\(result.list)")
        #expect(lines[3...].allSatisfy { $0.hasSuffix("reason=accept-by-policy") }, "\(result.list)")
        #expect(try Self.lengths(result.folder.path("accepted.pcap")) == test.leaving + [Self.back.count])
        #expect(try Self.lengths(result.folder.path("answers.pcap")) == test.answers)
        #expect(result.report.reasons["too-big"]?.frames == UInt64(test.outcomes.count { $0.contains("too-big") }))
        #expect(result.report.ports.map(\.sent.frames) == [1, UInt64(test.leaving.count)])
        #expect(result.report.rules.map(\.frames) == [5], "the rules saw them all")
    }

    @Test func `what passes has no trailer that doesn't fit, and an answer to a datagram in fragments has the datagram's verdict`() throws {
        var now: UInt64 = 0
        let fragments = try PacketLanguage.packet(
            "A: ip 10.0.0.1 > 10.0.0.2 df udp 1 > 9 payload 100 fragments 3", ports: ["A", "B"], after: &now
        ).frames
        #expect(fragments.count == 3 && fragments.allSatisfy { $0[20] & 0x40 != 0 }, "DF stays")
        var capture = CaptureBytes.pcapng().interface("a").interface("b")
        for (place, frame) in ([Self.small + Array(repeating: 0, count: 90)] + fragments).enumerated() {
            capture = capture.packet(frame, at: ReplayRunTests.start + UInt64(place), options: [capture.flags(1)])
        }
        let result = try ReplayRunTests.run([capture], rules: "udp dport 9 reject") { settings, folder in
            settings.links = Self.links(.fragment)
            settings.accepted = try CaptureFile(CaptureSettings(path: folder.path("accepted.pcap")))
            settings.answers = try CaptureFile(CaptureSettings(path: folder.path("answers.pcapng"))) { "reason=\($0.decision.reason.name)" }
        }
        #expect(result.list.contains("reason=accept-by-policy, without its trailer\n"), "\(result.list)")
        #expect(try Self.lengths(result.folder.path("accepted.pcap")) == [Self.small.count])
        let answers = String(decoding: FileManager.default.contents(atPath: result.folder.path("answers.pcapng")) ?? Data(), as: UTF8.self)
        #expect(answers.contains("reason=reject") && !answers.contains("reason=held"))
    }

    static let explanations: [(packet: String, handling: TooBigHandling, lines: [String], json: String)] = [
        (
            "ip 10.0.0.1 > 10.0.0.2 udp 1 > 2 payload 1200", .fragment, ["   leaves in fragments: too big for the other port"],
            "\"inFragments\":true"
        ),
        (
            "ip 10.0.0.1 > 10.0.0.2 udp 1 > 2 payload 1200", .answer, ["=> drop reason=too-big", "   not answered"],
            "\"reason\":\"too-big\""
        ),
        (
            "ip 10.0.0.1 > 10.0.0.2 df udp 1 > 2 payload 1200", .fragment,
            ["=> drop reason=too-big", "   answered: icmp frag-needed mtu 1000"], "\"answer\":\"icmp frag-needed mtu 1000\""
        ),
        ("ip 10.0.0.1 > 10.0.0.2 df udp 1 > 2 payload 1200", .drop, ["   not answered"], "\"reason\":\"too-big\""),
        (
            "ip6 2001:db8::1 > 2001:db8::2 udp 1 > 2 payload 1200", .answer, ["   answered: icmpv6 packet-too-big mtu 1000"],
            "\"answer\":\"icmpv6 packet-too-big mtu 1000\""
        ),
        ("ip 10.0.0.1 > 10.0.0.2 df udp 1 > 2 payload 900", .fragment, ["=> accept by policy"], "\"reason\":\"accept-by-policy\""),
        (
            "ip 10.0.0.1 > 10.0.0.2 df udp 1 > 2 payload 900 pad 1200", .fragment,
            ["=> accept by policy", "   leaves without its trailer, which is too much for the other port"],
            "\"reason\":\"accept-by-policy\""
        ),
    ]

    private static func explain(_ packet: String, _ links: LinkLimits, rules: String = "counter") throws -> (text: String, json: String) {
        let file = "table bridge t {\n chain c {\n type filter hook forward priority 0;\n \(rules)\n }\n}\n"
        var explainer = try Explainer(
            Ruleset.read(SourceFile(name: "r.nft", text: file)).ruleset, ports: ["A", "B"], clock: 0, links: links)
        var now: UInt64 = 0
        let described = try PacketLanguage.packet(packet, ports: ["A", "B"], after: &now)
        let words = ExplanationText(explainer.program)
        var frames: [ExplainedFrame] = []
        for frame in described.frames { frames.append(try explainer.explain(frame, ingress: described.ingress, at: described.time)) }
        return (words.text(of: packet, frames), ExplanationJSON(packet, frames, explainer.program, words).text)
    }

    @Test("described packets that are too big are explained", arguments: explanations.indices)
    func explained(_ index: Int) throws {
        let test = Self.explanations[index]
        let (text, json) = try Self.explain("A: " + test.packet, Self.links(test.handling))
        for line in test.lines { #expect(text.contains("    \(line)"), "\(text)") }
        #expect(json.contains(test.json), "\(json)")
        let without = try Self.explain("A: " + test.packet, LinkLimits(handling: test.handling)).text
        #expect(without.contains("=> accept by policy") && !without.contains("fragments"), "without MTUs all fits")
        #expect(try Self.explain("B: " + test.packet, Self.links(test.handling)).text.contains("=> accept by policy"), "1,500 is enough")
    }

    /// The smaller MTU less the headers, of IPv4 and of IPv6; without options there is no port, and Ethernet's.
    @Test(
        "rt mtu is the ports'",
        arguments: [
            ("ip 10.0.0.1 > 10.0.0.2 tcp 1 > 2 syn", true, "rt mtu 960"),
            ("ip6 2001:db8::1 > 2001:db8::2 tcp 1 > 2 syn", true, "rt mtu 940"),
            ("ip 10.0.0.1 > 10.0.0.2 tcp 1 > 2 syn", false, "rt mtu 1460"),
        ])
    func pathMTU(_ packet: String, _ isSaid: Bool, _ match: String) throws {
        let text = try Self.explain("A: \(packet)", isSaid ? Self.links(.fragment) : LinkLimits(), rules: "\(match) counter").text
        #expect(text.contains("yes: counted"), "\(text)")
    }

    @Test func `test cases expect it too`() throws {
        let file = "table bridge t {\n chain c {\n type filter hook forward priority 0;\n counter\n }\n}\n"
        var run = try CaseRun(Ruleset.read(SourceFile(name: "r.nft", text: file)).ruleset, links: Self.links(.fragment))
        let cases = """
            ports A,B
            A: ip 10.0.0.1 > 10.0.0.2 df udp 1 > 2 payload 1200 => drop reason too-big
            A: ip 10.0.0.1 > 10.0.0.2 udp 1 > 2 payload 1200 => accept
            B: ip 10.0.0.1 > 10.0.0.2 df udp 1 > 2 payload 1200 => accept
            """
        try run.run(CaseFile(SourceFile(name: "c.test", text: cases + "\n"), ports: nil))
        #expect(run.results.count == 3 && run.failures.isEmpty, "\(run.text())")
    }
}
