import Decisions
import Firewall
import Flows
import FrameBuilder
import Offline
import Ruleset
import Testing

/// Explanations while connections make room for each other: the explainer compares program and interpreter, and throws where they differ.
@Suite("Explanations with a full table") struct FullTableTests {
    private static func explainer(_ rules: String, flows: Int) throws -> Explainer {
        let text = """
            table inet t {
            \tset sources {
            \t\ttype ipv4_addr
            \t\tsize 8
            \t\tflags dynamic
            \t}
            \tchain c {
            \t\ttype filter hook forward priority 0; policy accept;
            \(rules)
            \t}
            }

            """
        return try Explainer(
            Ruleset.read(SourceFile(name: "full.nft", text: text)).ruleset, ports: ["A", "B"], clock: CaseFile.standardClock,
            flows: FlowSettings(flows: flows, flowsPerSource: flows))
    }

    private func judgements(_ explainer: inout Explainer, _ texts: [String]) throws -> [Judgement] {
        var now: UInt64 = 0
        return try texts.flatMap { text in
            let packet = try PacketLanguage.packet(text, ports: ["A", "B"], after: &now)
            return try packet.frames.flatMap { frame in
                try explainer.explain(frame, ingress: packet.ingress, at: packet.time).outcomes.map(\.judgement)
            }
        }
    }

    @Test func `rules are asked before the oldest connection makes room`() throws {
        var explainer = try Self.explainer("ct count over 16 accept comment \"many\"\n\t\taccept", flows: 16)
        let found = try judgements(&explainer, (1...18).map { "A: ip 10.0.0.1 > 10.0.0.2 udp \($0) > 53" })
        #expect(found.map(\.rule) == [RuleIndex](repeating: 1, count: 16) + [0, 0])
        #expect(found.allSatisfy { $0.verdict == .accept })
    }

    @Test func `where nothing makes room, the packet that would begin a connection is dropped, whatever the rules said of it`() throws {
        var explainer = try Self.explainer("ct state new accept comment \"begins\"", flows: 16)
        let assured = (1...16).flatMap { port in
            ["A: ip 10.0.0.1 > 10.0.0.2 tcp \(port) > 80", "B: ip 10.0.0.2 > 10.0.0.1 tcp 80 > \(port)"].enumerated().map {
                $1 + ($0 == 0 ? " syn seq 0" : " syn,ack seq 0 ack 1")
            } + ["A: ip 10.0.0.1 > 10.0.0.2 tcp \(port) > 80 ack seq 1 ack 1"]
        }
        #expect(try judgements(&explainer, assured).allSatisfy { $0.verdict == .accept })
        let words = ExplanationText(explainer.program)
        var now: UInt64 = 0
        let packet = try PacketLanguage.packet("A: ip 10.0.0.1 > 10.0.0.2 udp 9 > 53", ports: ["A", "B"], after: &now)
        let explained = try explainer.explain(packet.frames[0], ingress: 0, at: 0)
        #expect(explained.outcomes.map(\.judgement.reason) == [.flowLimit])
        let text = words.text(of: "it", [explained])
        #expect(text.contains("connection: new") && text.hasSuffix("=> drop reason=flow-limit\n"), "\(text)")
    }

    @Test("what is said of any packets is what they were judged by", arguments: 1...6 as ClosedRange<UInt64>)
    func agreement(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let matches = ["", "ct state new", "ct state established", "udp sport < 6", "ip saddr 10.0.0.1"]
        let counts = ["ct count over 3", "ct count 5", "ct count over 15", "ct count over 16", "add @sources { ip saddr ct count over 7 }"]
        for _ in 0..<20 {
            let rules = (0..<4).map { _ in
                "\t\t\(random.pick(matches)) \(random.pick(counts)) \(random.pick(["accept", "drop", "counter"]))"
            }
            var explainer = try Self.explainer(rules.joined(separator: "\n"), flows: 16)
            let texts = (0..<120).map { _ in
                let port = Int.random(in: 1...30, using: &random)
                let host = "10.0.0.\(Int.random(in: 1...2, using: &random))"
                let time = random.oneIn(20) ? "+\(Int.random(in: 1...40, using: &random))s " : ""
                return random.oneIn(3)
                    ? "B: \(time)ip 10.0.0.9 > \(host) udp 53 > \(port)" : "A: \(time)ip \(host) > 10.0.0.9 udp \(port) > 53"
            }
            #expect(try judgements(&explainer, texts).count == texts.count)
        }
    }
}
