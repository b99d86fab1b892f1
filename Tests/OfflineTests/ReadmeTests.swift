import Foundation
import Offline
import Ruleset
import Testing

/// The README's examples of `weir explain` and `weir test`, held to what comes of them.
@Suite struct ReadmeTests {
    /// The first stretch of lines of code that begins so, without its indentation.
    private static func block(beginning start: String) throws -> [String] {
        let text = try String(contentsOf: packageRoot.appending(path: "README.md"), encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let first = try #require(lines.firstIndex { $0.hasPrefix("    " + start) }, "no example begins with '\(start)'")
        let block = lines[first...].prefix { $0.isEmpty || $0.hasPrefix("    ") }
        return block.reversed().drop(while: \.isEmpty).reversed().map { String($0.dropFirst(4)) }
    }

    private static func ruleset(_ name: String) throws -> Ruleset {
        let text = try String(contentsOf: packageRoot.appending(path: name), encoding: .utf8)
        return try Ruleset.read(SourceFile(name: name, text: text)).ruleset
    }

    @Test("the way of a packet")
    func explanation() throws {
        let block = try Self.block(beginning: "$ weir explain ")
        let words = block[0].split(separator: "'")
        let options = words[0].split(separator: " ")
        let rules = try #require(options.firstIndex(of: "--rules"))
        let ruleset = try Self.ruleset(String(options[rules + 1]))
        let description = String(words[1])
        var now: UInt64 = 0
        let packet = try PacketLanguage.packet(description, ports: ["eth1", "eth2"], after: &now)
        var explainer = try Explainer(ruleset, ports: ["eth1", "eth2"], clock: 0)
        let frames = try packet.frames.map { try explainer.explain($0, ingress: packet.ingress, at: packet.time) }
        var printed = ExplanationText(explainer.program).text(of: description, frames).split(separator: "\n")[...]
        var isGap = false
        for line in block.dropFirst() {
            if line.contains("…") {
                isGap = true
                continue
            }
            let place = try #require(
                isGap ? printed.firstIndex { $0 == line } : printed.first == line[...] ? printed.startIndex : nil, "\(line)")
            printed = printed[(place + 1)...]
            isGap = false
        }
        #expect(printed.isEmpty)
    }

    @Test("unit tests of a rule file")
    func cases() throws {
        let block = try Self.block(beginning: "ports eth1,eth2")
        let file = try CaseFile(SourceFile(name: "README.md", text: block.joined(separator: "\n")), ports: nil)
        var run = try CaseRun(try Self.ruleset("rules/subnet-web-dns.nft"))
        try run.run(file)
        #expect(run.results.count == 3)
        #expect(run.failures.isEmpty, "\(run.text())")
    }
}
