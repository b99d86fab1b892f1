import Foundation
import Testing

extension UntimedLabTests {
    /// What `weir check` and `weir rules` say to machines.
    @Suite("Rule files, for machines")
    struct CheckTests {
        private static let folder = Bundle.module.bundleURL.appending(path: "Support/check")

        @Test("diagnostics as JSON", .needsWeir, arguments: ["wrong", "warned", "tags", "unhooked", "good"])
        func json(_ name: String) throws {
            let file = Self.folder.appending(path: "\(name).nft").path
            let result = try Command.run([Weir.binary, "check", "--json", file])
            let expected = try String(contentsOf: Self.folder.appending(path: "\(name).json"), encoding: .utf8)
            #expect(result.output.replacing(file, with: "\(name).nft") == expected)
            #expect(result.error.isEmpty)
            #expect(result.status == (name == "wrong" ? 65 : 0))
        }

        /// What is wrong with a file as a whole.
        static let idle: [(name: String, text: String)] = [
            ("empty", ""), ("without a hook", "table bridge t {\n chain c {\n drop\n }\n}\n"),
            ("only NAT", "table ip t {\n chain c {\n type nat hook postrouting priority 100;\n masquerade\n }\n}\n"),
            ("only the host's", "table inet t {\n chain c {\n type filter hook input priority 0; policy drop;\n }\n}\n"),
            ("asleep", "table bridge t {\n flags dormant\n chain c {\n type filter hook forward priority 0; policy drop;\n }\n}\n"),
        ]

        @Test("rules that no frame comes to are a warning, with --strict an error", .needsWeir, arguments: idle)
        func noFrames(name: String, text: String) throws {
            let file = FileManager.default.temporaryDirectory.appending(path: "weir-\(UUID().uuidString).nft")
            defer { try? FileManager.default.removeItem(at: file) }
            try text.write(to: file, atomically: true, encoding: .utf8)
            let words = "no chain sees the frames between the ports, so all of them pass"
            let loose = try Command.run([Weir.binary, "check", file.path])
            #expect(loose.status == 0 && loose.error.contains("\(file.path): warning: \(words)"), "\(loose.error)")
            #expect(loose.output.contains(": nothing is judged, ") && !loose.output.contains("good"), "\(loose.output)")
            let strict = try Command.run([Weir.binary, "check", "--strict", file.path])
            #expect(strict.status == 65 && strict.output.isEmpty, "\(strict.output)")
            let isSetAside = name != "empty" && name != "without a hook"
            #expect(strict.error.contains("error: ") && (isSetAside || strict.error.contains("error: \(words)")), "\(strict.error)")
            let json = try Command.run([Weir.binary, "check", "--strict", "--json", file.path])
            #expect(json.status == 65 && json.output.contains("\"severity\" : \"error\""), "\(json.output)")
        }

        @Test("the rules that are advised where no frame comes to any are rules, for nft too", .needsWeir)
        func advice() throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "weir-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let (empty, advised) = (folder.appending(path: "empty.nft"), folder.appending(path: "advised.nft"))
            try "".write(to: empty, atomically: true, encoding: .utf8)
            let said = try Command.run([Weir.binary, "check", empty.path]).error
            let text = try #require(said.lines.first { $0.contains("write a base chain: ") }?.split(separator: "write a base chain: ").last)
            try "\(text)\n".write(to: advised, atomically: true, encoding: .utf8)
            let result = try Command.run([Weir.binary, "check", "--strict", advised.path])
            #expect(result.status == 0 && result.error.isEmpty, "\(text): \(result.error)")
            #expect(try Command.run(["nft", "-c", "-f", advised.path]).isSuccess, "\(text)")
        }

        @Test("a run by rules that no frame comes to says so, and one with policy accept doesn't", .needsWeir)
        func run() throws {
            for (text, isTold) in [("", true), (Weir.passAll, false)] {
                let lab = try Lab()
                let weir = try Weir(in: lab, rules: text)
                #expect(weir.log.contains("rules.nft: no chain sees the frames between the ports") == isTold, "\(weir.log)")
                #expect(weir.stop().status == 0)
            }
        }

        @Test("a file that is not there, as JSON", .needsWeir)
        func missing() throws {
            let result = try Command.run([Weir.binary, "check", "--json", "/nowhere.nft"])
            let expected = """
                [
                  {
                    "file" : "/nowhere.nft",
                    "message" : "/nowhere.nft can't be read: No such file or directory",
                    "severity" : "error"
                  }
                ]

                """
            #expect(result.output == expected)
            #expect(result.status == 66)
        }
    }
}
