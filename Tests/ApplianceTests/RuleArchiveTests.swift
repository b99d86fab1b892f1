import Appliance
import Foundation
import PacketIO
import Ruleset
import Testing

/// What a start finds in a folder that somebody may have damaged, or put something into.
@Suite struct RuleArchiveTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "weir-archive-\(UInt64.random(in: .min ... .max))")

    private func content(_ text: String) -> RulesContent {
        var content = RulesContent(SourceFile(name: "r", text: text))
        content.include("more", [SourceFile(name: "m", text: "m")])
        return content
    }

    @Test("texts come back as they were included")
    func contents() {
        let content = content("x")
        #expect(content.main.text == "x" && content.included("more")?.map(\.text) == ["m"] && content.included("other") == nil)
    }

    @Test(
        "a start goes by its rule file where the folder has nothing that can be trusted",
        arguments: [
            "", "{", String(repeating: "[", count: 100_000),
            index(number: Int.max), index(number: 0), index(content: "../../etc/shadow"), index(content: String(repeating: "A", count: 64)),
            index(number: 1) + "x", "{\"version\":2,\"changes\":[]}", "[]",
            "{\"version\":1,\"changes\":[],\"decision\":{\"file\":\"x\",\"change\":7}}",
        ])
    func damaged(_ index: String) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        _ = try RuleArchive(folder.path)
        #expect(!FileManager.default.fileExists(atPath: folder.path), "only a change makes the folder")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o750])
        try index.write(to: folder.appending(path: "history.json"), atomically: true, encoding: .utf8)
        let archive = try RuleArchive(folder.path)
        #expect(archive.changes.isEmpty && archive.standing(for: content("x")) == nil && archive.content(of: 7) == nil)
    }

    @Test("a folder in which others may write, or that is a link, is refused")
    func unsafe() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o777])
        #expect(throws: StartProblem.self) { try RuleArchive(folder.path) }
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path)
        let link = folder.path + ".link"
        defer { try? FileManager.default.removeItem(atPath: link) }
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.path)
        #expect(throws: StartProblem.self) { try RuleArchive(link) }
        _ = try RuleArchive(folder.path)
    }

    @Test("the oldest changes make room, then their texts, and what a start needs stays")
    func bounds() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let archive = try RuleArchive(folder.path, limit: 3)
        let own = content("own")
        for number in 1...6 {
            let entry = RuleArchive.Entry(command: "apply", content: content("rules \(number)"), comment: "\(number)")
            _ = try archive.add(entry) { number in StandingDecision(file: own.hash, change: number < 3 ? number : 2) }
        }
        for archive in [archive, try RuleArchive(folder.path, limit: 3)] {
            #expect(archive.changes.map(\.number) == [2, 5, 6] && archive.changes.map(\.comment) == ["2", "5", "6"])
            #expect(archive.content(of: 6) == content("rules 6") && archive.content(of: 4) == nil)
            #expect(archive.standing(for: own)?.change.number == 2 && archive.standing(for: own)?.content == content("rules 2"))
            #expect(archive.standing(for: content("another file")) == nil)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 4)
    }

    @Test("texts that are too long are not kept, and of all only so much")
    func lengths() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let archive = try RuleArchive(folder.path)
        let text = String(repeating: "#\u{1}\n", count: RuleArchive.largestContent / 3 - 100)
        for number in 1...3 { _ = try archive.add(RuleArchive.Entry(command: "apply", content: content("\(number)" + text))) { _ in nil } }
        // A control character takes six bytes there.
        #expect(archive.changes.map(\.isKept) == [false, false, true] && archive.content(of: 3) == content("3" + text))
        _ = try archive.add(RuleArchive.Entry(command: "apply", content: content(text + text))) { _ in nil }
        #expect(archive.changes.map(\.isKept) == [false, false, true, false] && archive.content(of: 4) == nil)
    }

    @Test("an index is never longer than what a start reads")
    func manyFiles() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let archive = try RuleArchive(folder.path, limit: 1_000)
        for number in 1...5 {
            var content = content("\(number)")
            content.include("*", (0..<12_000).map { SourceFile(name: "/a/folder/of/rules/\($0)", text: "") })
            _ = try archive.add(RuleArchive.Entry(command: "apply", content: content)) { _ in nil }
        }
        let numbers = archive.changes.map(\.number)
        #expect(numbers.last == 5 && numbers.count < 5)
        #expect(try RuleArchive(folder.path).changes.map(\.number) == numbers)
    }

    @Test("a trial that a run has left has ended, and texts that somebody has changed are none")
    func leftovers() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        var archive = try RuleArchive(folder.path)
        let (before, after) = (content("before"), content("after"))
        _ = try archive.add(RuleArchive.Entry(command: "start", content: before)) { _ in nil }
        _ = try archive.add(RuleArchive.Entry(command: "apply", content: after, state: .trial)) { _ in
            StandingDecision(file: after.hash, change: 1)
        }
        archive = try RuleArchive(folder.path)
        #expect(archive.standing(for: after)?.content == before)
        try archive.endTrials()
        #expect(archive.changes.map(\.state) == [.done, .returned])
        try archive.settle(2, .confirmed, decision: StandingDecision(file: before.hash, change: 2))
        #expect(archive.standing(for: after) == nil && archive.standing(for: before)?.content == after)
        let file = folder.appending(path: after.hash + ".rules.json")
        try String(contentsOf: file, encoding: .utf8).replacing("after", with: "evil!").write(to: file, atomically: true, encoding: .utf8)
        #expect(archive.content(of: 2) == nil && archive.standing(for: before) == nil)
        // Applying them again keeps them again.
        _ = try archive.add(RuleArchive.Entry(command: "apply", content: after)) { _ in nil }
        #expect(archive.content(of: 3) == after)
        #expect(try archive.keep(after, of: 3) == 3)
        try FileManager.default.removeItem(at: file)
        #expect(try archive.keep(after, of: 3) == 4 && archive.content(of: 4) == after)
        #expect(try archive.keep(before, of: nil) == 5 && archive.content(of: 5) == before)
        let long = content(String(repeating: "#", count: RuleArchive.largestContent))
        #expect(throws: SystemCallError.self) { _ = try archive.keep(long, of: 5) }
    }

    @Test("a folder that is gone is said, and what was known stays known")
    func gone() throws {
        let archive = try RuleArchive(folder.path)
        _ = try archive.add(RuleArchive.Entry(command: "start", content: content("1"))) { _ in nil }
        try FileManager.default.removeItem(at: folder)
        #expect(throws: SystemCallError.self) {
            _ = try archive.add(RuleArchive.Entry(command: "apply", content: content("2"))) { _ in nil }
        }
        #expect(throws: SystemCallError.self) { try archive.settle(1, .returned, decision: nil) }
        #expect(archive.changes.map(\.state) == [.returned])
    }
}

private func index(number: Int = 1, content: String = String(repeating: "a", count: 64)) -> String {
    let change =
        #"{"command":"start","content":"\#(content)","files":[],"isKept":true,"number":\#(number),"state":"done","time":1}"#
    return #"{"changes":[\#(change)],"version":1}"#
}
