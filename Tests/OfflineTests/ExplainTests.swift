import Decisions
import Firewall
import Foundation
import FrameBuilder
import Offline
import Ruleset
import Testing

@Suite("Explanations") struct ExplainTests {
    /// A rule set with a bit of everything, the packets of a file one after the other, and what is said of them.
    private func explain(_ texts: [String], json: Bool = false) throws -> String {
        let source = SourceFile(name: "ways.nft", text: try golden("ways.nft"))
        let ruleset = try Ruleset.read(source).ruleset
        var explainer = try Explainer(ruleset, ports: ["A", "B"], clock: CaseFile.standardClock)
        let words = ExplanationText(explainer.program)
        var now: UInt64 = 0
        var all = ""
        for text in texts {
            let packet = try PacketLanguage.packet(text, ports: ["A", "B"], after: &now)
            var frames: [ExplainedFrame] = []
            for frame in packet.frames { frames.append(try explainer.explain(frame, ingress: packet.ingress, at: packet.time)) }
            all += json ? ExplanationJSON(text, frames, explainer.program, words).text : words.text(of: text, frames)
        }
        return all
    }

    private var packets: [String] {
        get throws { try golden("ways.packets").split(separator: "\n").map(String.init) }
    }

    @Test func `the way of packets is told in these words`() throws {
        #expect(try explain(packets) == golden("ways.explained"))
    }

    @Test func `and in JSON an object a line, with what it saw`() throws {
        let lines = try explain(packets, json: true).split(separator: "\n")
        #expect(lines.count == (try packets.count))
        let objects = try lines.map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
        let first = try #require((objects[2]["frames"] as? [[String: Any]])?.first)
        let trace = try #require(first["trace"] as? [[String: Any]])
        let failed = try #require(trace[3]["failed"] as? [String: Any])
        #expect(failed["statement"] as? String == "tcp dport 22" && failed["saw"] as? String == "81")
        let outcome = try #require((first["outcomes"] as? [[String: Any]])?.first)
        #expect(outcome["verdict"] as? String == "drop" && outcome["reason"] as? String == "policy" && outcome["frame"] as? Int == 3)
    }

    @Test(
        "a rule that matches a set says by which element",
        arguments: [
            ("tcp dport { 22, 80-90 } counter", "tcp 4000 > 85", "yes: tcp dport is 85, in 80-90, counted"),
            ("tcp dport { 22, 80-90 } counter", "tcp 4000 > 22", "yes: tcp dport is 22, counted"),
            ("tcp dport != { 22, 80-90 } counter", "tcp 4000 > 23", "yes: tcp dport is 23, counted"),
            ("tcp dport != { 22, 80-90 } counter", "tcp 4000 > 85", "no: tcp dport != { 22, 80-90 }, saw 85"),
            (
                "ip saddr . tcp dport { 10.0.0.0/8 . 80-90 } counter", "tcp 4000 > 85",
                "yes: ip saddr . tcp dport is 10.0.0.1 . 85, in 10.0.0.0/8 . 80-90, counted"
            ),
            ("tcp dport vmap { 1-100 : drop, * : accept }", "tcp 4000 > 85", "yes: tcp dport is 85, in 1-100, drop"),
            ("tcp dport vmap { 1-100 : drop, * : accept }", "tcp 4000 > 185", "yes: tcp dport is 185, in *, accept"),
        ])
    func elements(_ rule: String, _ transport: String, _ line: String) throws {
        let text = "table bridge t { chain c { type filter hook forward priority 0;\n \(rule)\n }\n }\n"
        let explainer = try Explainer(Ruleset.read(SourceFile(name: "r.nft", text: text)).ruleset, ports: ["A", "B"], clock: 0)
        let said = try Self.explain("A: ip 10.0.0.1 > 10.0.0.2 \(transport)", explainer)
        #expect(said.contains("          \(line)\n"), "\(said)")
    }

    @Test(
        "an IPv6 packet's extension headers are named, and where the walk ends",
        arguments: [
            ("hbh dst tcp 4000 > 80", "extension headers: hbh, dst, then tcp"),
            ("ah tcp 4000 > 80", "extension headers: ah, where matches of what follows end: nft walks no further"),
            ("hbh esp", "extension headers: hbh, esp, where matches of what follows end: nft walks no further"),
        ])
    func headers(_ packet: String, _ line: String) throws {
        let text = "table bridge t { chain c { type filter hook forward priority 0;\n tcp dport 80 accept\n }\n }\n"
        let explainer = try Explainer(Ruleset.read(SourceFile(name: "r.nft", text: text)).ruleset, ports: ["A", "B"], clock: 0)
        let said = try Self.explain("A: ip6 2001:db8::1 > 2001:db8::2 \(packet)", explainer)
        #expect(said.contains("    \(line)\n"), "\(said)")
        let plain = try Explainer(Ruleset.read(SourceFile(name: "r.nft", text: text)).ruleset, ports: ["A", "B"], clock: 0)
        #expect(!(try Self.explain("A: ip6 2001:db8::1 > 2001:db8::2 tcp 1 > 80", plain).contains("extension headers")))
    }

    private static func explain(_ text: String, _ explainer: consuming Explainer) throws -> String {
        var explainer = explainer
        var now: UInt64 = 0
        let packet = try PacketLanguage.packet(text, ports: ["A", "B"], after: &now)
        let words = ExplanationText(explainer.program)
        var frames: [ExplainedFrame] = []
        for frame in packet.frames { frames.append(try explainer.explain(frame, ingress: packet.ingress, at: packet.time)) }
        return words.text(of: text, frames)
    }

    @Test func `mistakes are told in these words`() throws {
        var all = ""
        for text in try golden("mistakes.packets").split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            all += refusal(String(text)) ?? "accepted: \(text)\n"
        }
        #expect(all == (try golden("mistakes.errors")))
    }

    /// Words of the language and others, in any order.
    @Test("no line traps, whatever is in it", arguments: 1...4 as ClosedRange<UInt64>)
    func robustness(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let words =
            PacketLanguage.words + [
                "A:", "B:", ">", "(", ")", ",", "=>", "\"x\"", "\"", "0", "1", "7", "80", "65535", "4294967295", "18446744073709551616",
                "-1",
                "0x", "0xff", "0xfff", "10.0.0.1", "10.0.0.2", "fe80::1", "ff02::1", "02:00:00:00:00:01", "syn", "[S.]", "[", "]",
                "echo-request",
                "data", "1:2", ":", "@1s", "+1s", "+99999999d", "@", "+", "#", "hex", "of", "order", "accept", "é", "\\", "who-has", "ra",
                "ack",
            ]
        let starts = try golden("ways.packets").split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        var (accepted, refused) = (0, 0)
        for _ in 0..<4_000 {
            var line = random.oneIn(3) ? [] : random.pick(starts)
            if line.isEmpty { line = ["A:"] }
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let place = Int.random(in: 0...line.count, using: &random)
                switch Int.random(in: 0...2, using: &random) {
                case 0: line.insert(random.pick(words), at: place)
                case 1: if place < line.count { line[place] = random.pick(words) }
                default: if place < line.count { line.remove(at: place) }
                }
            }
            if refusal(line.joined(separator: " ")) == nil { accepted += 1 } else { refused += 1 }
        }
        for _ in 0..<500 {
            let bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 1...255, using: &random) }
            _ = refusal("A: " + String(decoding: bytes, as: UTF8.self))
        }
        #expect(accepted > 100 && refused > 500)
    }

    @Test func `lines that are too long are refused`() {
        #expect(refusal("A: hex " + String(repeating: "0", count: 1 << 19))?.contains("longer than") == true)
        #expect(refusal("A: hex " + String(repeating: "00", count: 66_000))?.contains("longer than") == true)
        #expect(refusal("A: " + String(repeating: "vlan 1 ", count: 40) + "payload 1")?.contains("more than 32 headers") == true)
        let quotes = String(repeating: "ip 10.0.0.1 > 10.0.0.2 icmp 3 (", count: 5000)
        #expect(refusal("A: " + quotes)?.contains("4 deep") == true)
    }

    /// The explainer itself compares the two evaluations, and throws where they differ.
    @Test("a packet is explained as it is judged, by rules of all kinds", arguments: 1...3 as ClosedRange<UInt64>)
    func agreement(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let selectors = [
            "ip saddr 10.0.0.0/8", "ip daddr 10.0.0.2", "tcp dport 22", "tcp dport != 80", "udp dport { 53, 100-200 }",
            "ip6 saddr fe80::/16",
            "meta l4proto udp", "meta protocol arp", "vlan id 5", "tcp flags syn / syn,ack", "icmp type echo-request", "meta length > 100",
            "iifname \"A\"", "ip ttl < 10", "tcp option maxseg exists", "meta mark 1", "ether saddr 02:00:00:00:00:01", "ip6 nexthdr 0",
        ]
        let statements = [
            "counter", "limit rate 2/second burst 2 packets", "limit rate over 1/minute", "quota 500 bytes", "meta mark set 1", "log",
            "add @hosts { ip saddr }", "ip ttl set 9", "ip saddr @hosts",
        ]
        let verdicts = ["accept", "drop", "jump other", "goto other", "continue", "return", "", ""]
        let packets = PacketLanguage.help.split(separator: "\n").filter { $0.hasPrefix("    A:") || $0.hasPrefix("    B:") }
        var verdictCount: [String: Int] = [:]
        for _ in 0..<60 {
            /// Of the combinations those that contradict neither themselves nor their table.
            func rules(_ verdicts: [String], family: String) -> String {
                var rules = ""
                while rules.isEmpty || random.oneIn(4) == false {
                    let parts = [random.pick(selectors), random.oneIn(2) ? random.pick(statements) : "", random.pick(verdicts)]
                    let rule = "\t\t" + parts.filter { !$0.isEmpty }.joined(separator: " ") + "\n"
                    let sets = "\tset hosts {\n\t\ttype ipv4_addr\n\t\tsize 2\n\t\tflags dynamic\n\t}\n"
                    let text = "table \(family) t {\n\(sets)\tchain other {\n\t}\n\tchain c {\n\(rule)\t}\n}\n"
                    if (try? Ruleset.read(SourceFile(name: "rule.nft", text: text))) != nil { rules += rule }
                }
                return rules
            }
            let text = """
                table bridge t {
                \tset hosts {
                \t\ttype ipv4_addr
                \t\tsize 2
                \t\tflags dynamic
                \t}
                \tchain other {
                \(rules(["accept", "drop", "return", "", ""], family: "bridge"))\t}
                \tchain first {
                \t\ttype filter hook prerouting priority 0; policy accept;
                \(rules(verdicts, family: "bridge"))\t}
                \tchain second {
                \t\ttype filter hook forward priority 0; policy \(random.pick(["accept", "drop"]));
                \(rules(verdicts, family: "bridge"))\t}
                }
                table inet u {
                \tset hosts {
                \t\ttype ipv4_addr
                \t\tsize 2
                \t\tflags dynamic
                \t}
                \tchain c {
                \t\ttype filter hook forward priority 0; policy accept;
                \(rules(["accept", "drop", ""], family: "inet"))\t}
                }

                """
            let ruleset = try Ruleset.read(SourceFile(name: "random.nft", text: text)).ruleset
            var explainer = try Explainer(ruleset, ports: ["A", "B"], clock: CaseFile.standardClock)
            var now: UInt64 = 0
            for _ in 0..<40 {
                // Times that count from the start would go back.
                let description = random.pick(packets).replacing("@", with: "+")
                let packet = try PacketLanguage.packet(description, ports: ["A", "B"], after: &now)
                for frame in packet.frames {
                    let explained = try explainer.explain(frame, ingress: packet.ingress, at: packet.time)
                    for outcome in explained.outcomes { verdictCount["\(outcome.judgement.reason)", default: 0] += 1 }
                }
            }
        }
        #expect(verdictCount.count >= 5, "\(verdictCount)")
    }
}
