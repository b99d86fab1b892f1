import Appliance
import Foundation
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
            "", "{", "{\"version\":2,\"changes\":[]}", "[]", "{\"version\":1,\"changes\":[],\"decision\":{\"file\":\"x\",\"change\":7}}",
        ])
    func damaged(_ index: String) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        _ = try RuleArchive(folder.path)
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
}
