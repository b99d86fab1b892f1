import FrameBuilder
import Ruleset
import Testing

/// Texts from strangers: whatever they are, reading ends, soon, and with a rule set or diagnostics that can be shown.
struct RobustnessTests {
    /// Reads, and holds what is accepted to its promise: it prints as text that reads back as the same.
    private func read(_ text: String, _ comment: Comment) {
        do throws(RejectedRuleset) {
            let ruleset = try Ruleset.read(SourceFile(name: "f", text: text)).ruleset
            let printed = ruleset.printed()
            let again = try Ruleset.read(SourceFile(name: "f", text: printed)).ruleset
            #expect(again.meaning == ruleset.meaning, comment)
        } catch {
            #expect(error.diagnostics.contains { $0.severity == .error }, comment)
            #expect(error.diagnostics.allSatisfy { $0.location.line > 0 && $0.location.column > 0 && $0.location.length > 0 }, comment)
            #expect(!error.render().isEmpty, comment)
        }
    }

    @Test("mutations of the golden files", arguments: Golden.accepted + Golden.refused)
    func mutations(_ name: String) throws {
        let original = Array(try Golden.text("\(name).nft").utf8)
        for seed in 0..<200 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let start = Int.random(in: 0..<bytes.count, using: &generator)
                let end = min(bytes.count, start + Int.random(in: 1...12, using: &generator))
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: bytes.removeSubrange(start..<end)
                case 1: bytes.insert(contentsOf: bytes[start..<end], at: start)
                case 2: bytes[start] = UInt8.random(in: 0...255, using: &generator)
                case 3: bytes.insert(Array("{}();,\"\\#\n-/&|!".utf8).randomElement(using: &generator) ?? 0, at: start)
                default: bytes.removeSubrange(end..<bytes.count)
                }
                if bytes.isEmpty { bytes = [0] }
            }
            read(String(decoding: bytes, as: UTF8.self), "\(name), seed \(seed)")
        }
    }

    static let size = 1 << 20

    /// Made of one piece, over and over, within a frame.
    static let floods: [(description: String, head: String, piece: String, tail: String)] = [
        ("parentheses", "tcp dport ", "(", ""),
        ("braces in a rule", "tcp dport ", "{", ""),
        ("closing braces", "", "}", ""),
        ("operators", "tcp dport 1", "|1", ""),
        ("masks", "tcp dport ", "& 1 ", "== 1"),
        ("elements", "tcp dport { 1", ", 2", " }"),
        ("flags", "tcp flags syn", ",ack", ""),
        ("one long word", "", "a", ""),
        ("one long number", "tcp dport ", "1", ""),
        ("one long address", "ip6 saddr ", "1:", ""),
        ("groups", "ip6 saddr ", "a:b.", ""),
        ("addresses", "ip6 saddr ", "::1 1.2.3.4 1:2:3:4:5:6 ", ""),
        ("words that begin like addresses", "", "dead.:", ""),
        ("one long quotation", "counter comment \"", "x", "\""),
        ("an open quotation", "iifname \"", "x", ""),
        ("lines continued", "accept ", "\\\n", ""),
        ("tokens in one line", "accept", "\t;accept", ""),
        ("tags of tags", "", "ether type vlan ", "accept"),
        ("comments", "", "#\n", ""),
        ("zero bytes", "", "\0", ""),
    ]

    @Test("a megabyte of one thing", arguments: floods)
    func flood(description: String, head: String, piece: String, tail: String) {
        let count = Self.size / piece.utf8.count
        let rule = head + String(repeating: piece, count: count) + tail
        let clock = ContinuousClock()
        let time = clock.measure {
            do throws(RejectedRuleset) {
                _ = try Ruleset.read(SourceFile(name: "f", text: fileWith(rule: rule)))
            } catch {
                #expect(!error.render().isEmpty)
            }
        }
        #expect(time < .seconds(30), "\(description): \(time)")
    }

    @Test func manyChainsInALine() throws {
        var text = "table bridge t {\n"
        for index in 0..<20_000 { text += "chain c\(index) { jump c\(index + 1); }\n" }
        text += "chain c20000 { }\n"
        // No base chain leads there, so the depth is nobody's.
        #expect(try Ruleset.read(SourceFile(name: "f", text: text + "}\n")).ruleset.tables.first?.chains.count == 20_001)
        let rejection = #expect(throws: RejectedRuleset.self) {
            try Ruleset.read(SourceFile(name: "f", text: text + "chain b { type filter hook forward priority 0; jump c0; }\n}\n"))
        }
        #expect(rejection?.diagnostics.count == 1)
    }

    @Test func nestedTables() {
        let text = String(repeating: "table bridge t { chain c { ", count: 20_000)
        let rejection = #expect(throws: RejectedRuleset.self) { try Ruleset.read(SourceFile(name: "f", text: text)) }
        #expect(rejection != nil)
    }
}
