import Decisions
import Firewall
import Foundation
import Offline
import Ruleset
import Testing

/// The README and the documentation catalogue: examples held to what comes of them, links, and lists that have to be complete.
@Suite struct DocumentationTests {
    private static let catalogue = "Sources/weir/Weir.docc"

    private static func text(of name: String) throws -> String {
        try String(contentsOf: packageRoot.appending(path: name), encoding: .utf8)
    }

    /// Paths of all pages, seen from the package's root.
    private static func pages() throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: packageRoot.appending(path: catalogue).path)
        let pages = names.filter { $0.hasSuffix(".md") }.map { catalogue + "/" + $0 }
        return ["README.md", ".github/CONTRIBUTING.md"] + pages.sorted()
    }

    /// The first stretch of lines of code that begins with `start` in the page about replay, explain and test, without its indentation.
    private static func block(beginning start: String) throws -> [String] {
        let text = try text(of: catalogue + "/ReplayExplainTest.md")
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let first = try #require(lines.firstIndex { $0.hasPrefix("    " + start) }, "no example begins with '\(start)'")
        let block = lines[first...].prefix { $0.isEmpty || $0.hasPrefix("    ") }
        return block.reversed().drop(while: \.isEmpty).reversed().map { String($0.dropFirst(4)) }
    }

    private static func ruleset(_ name: String) throws -> Ruleset {
        try Ruleset.read(SourceFile(name: name, text: text(of: name))).ruleset
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
        let file = try CaseFile(SourceFile(name: "ReplayExplainTest.md", text: block.joined(separator: "\n")), ports: nil)
        var run = try CaseRun(try Self.ruleset("rules/subnet-web-dns.nft"))
        try run.run(file)
        #expect(run.results.count == 3)
        #expect(run.failures.isEmpty, "\(run.text())")
    }

    @Test("the README is short")
    func length() throws {
        #expect(try Self.text(of: "README.md").split(separator: "\n", omittingEmptySubsequences: false).count <= 150)
    }

    @Test("links lead to files", arguments: try pages())
    func links(_ page: String) throws {
        let folder = packageRoot.appending(path: page).deletingLastPathComponent()
        for match in try Self.text(of: page).matches(of: /\]\((?<target>[^)\s]+)\)/) where !match.target.contains("://") {
            let path = String(match.target.prefix { $0 != "#" })
            #expect(FileManager.default.fileExists(atPath: folder.appending(path: path).path), "\(page) links to \(path)")
        }
    }

    @Test("the catalogue's first page and the README lead to every other page")
    func completeness() throws {
        for page in try Self.pages() where page.hasPrefix(Self.catalogue) && !page.hasSuffix("/Weir.md") {
            let name = page.dropFirst(Self.catalogue.count + 1)
            #expect(try Self.text(of: Self.catalogue + "/Weir.md").contains("](\(name))"), "Weir.md has no link to \(name)")
            #expect(try Self.text(of: "README.md").contains("](\(page))"), "README.md has no link to \(page)")
        }
    }

    @Test("every reason is explained", arguments: Reason.allCases)
    func reasons(_ reason: Reason) throws {
        #expect(try Self.text(of: Self.catalogue + "/Reasons.md").contains("| `\(reason.name)` |"))
    }

    @Test("recipes name files that are there")
    func recipes() throws {
        let files = ["Sources", "Tests"].flatMap { folder in
            let found = FileManager.default.enumerator(atPath: packageRoot.appending(path: folder).path)
            return (found?.compactMap { $0 as? String } ?? []).map { folder + "/" + $0 }
        }
        for match in try Self.text(of: ".github/CONTRIBUTING.md").matches(of: /`(?<path>[A-Za-z\/]+\.swift)`/)
        where !match.path.hasSuffix("/NAME.swift") {
            #expect(files.contains { $0 == match.path || $0.hasSuffix("/" + match.path) }, "no file \(match.path)")
        }
    }
}
