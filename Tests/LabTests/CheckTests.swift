import Foundation
import Testing

extension LabTests {
    /// What `weir check` and `weir rules` say to machines.
    @Suite("Rule files, for machines")
    struct CheckTests {
        private static let folder = Bundle.module.bundleURL.appending(path: "Support/check")

        @Test("diagnostics as JSON", .needsWeir, arguments: ["wrong", "warned", "tags", "good"])
        func json(_ name: String) throws {
            let file = Self.folder.appending(path: "\(name).nft").path
            let result = try Command.run([Weir.binary, "check", "--json", file])
            let expected = try String(contentsOf: Self.folder.appending(path: "\(name).json"), encoding: .utf8)
            #expect(result.output.replacing(file, with: "\(name).nft") == expected)
            #expect(result.error.isEmpty)
            #expect(result.status == (name == "wrong" ? 65 : 0))
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
