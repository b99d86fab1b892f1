import Foundation
import Testing

extension LabTests {
    /// What the commands that need no interfaces do where they can't write, and with what must not be written.
    @Suite("What is written by commands")
    struct OutputTests {
        private static let rules = "table bridge t { chain c { type filter hook forward priority 0; accept; }; }\n"
        private static let cases = "ports a,b\na: arp request => accept\n"

        @Test(
            "an output that can't be written is a failure, and no input is written over", .needsWeir,
            arguments: [
                ("rules R >/dev/full", 1, "the output can't be written: No space left on device"),
                ("check --json R >/dev/full", 1, "the output can't be written: No space left on device"),
                ("explain --rules R --ports a,b 'a: arp request' >/dev/full", 1, "the output can't be written: No space left on device"),
                ("test R C >/dev/full", 1, "the output can't be written: No space left on device"),
                ("test --junit - R C >/dev/full", 1, "the output can't be written: No space left on device"),
                ("test --junit /dev/full R C", 1, "/dev/full can't be written: No space left on device"),
                ("help packets >/dev/full", 1, "the output can't be written: No space left on device"),
                ("test --junit C R C", 64, "C would be both read and written"),
                ("test --junit L R C", 64, "L would be both read and written"),
                ("run --ports a,b --rules R --drops R", 64, "R would be both read and written"),
                ("run --ports a,b --rules R --events L --drops C", 64, "L would be written by two outputs"),
                ("test R - C - <C", 64, "standard input can be read only once"),
                ("check - - <R", 64, "standard input can be read only once"),
                ("test R C", 0, ""),
            ])
        func output(_ command: String, _ status: Int32, _ words: String) throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "weir-output-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let (rules, cases) = (folder.appending(path: "R"), folder.appending(path: "C"))
            try Self.rules.write(to: rules, atomically: false, encoding: .utf8)
            try Self.cases.write(to: cases, atomically: false, encoding: .utf8)
            try FileManager.default.createSymbolicLink(at: folder.appending(path: "L"), withDestinationURL: cases)
            let result = try Command.run(["bash", "-c", "cd \(folder.path) && \(Weir.binary) \(command)"])
            #expect(result.status == status, "\(result.error)")
            #expect(words.isEmpty || result.error.contains(words), "\(result.error)")
            #expect(try String(contentsOf: rules, encoding: .utf8) == Self.rules)
            #expect(try String(contentsOf: cases, encoding: .utf8) == Self.cases)
        }

        /// As `weir … | head -1` has it once head has what it wants, but without a race: descriptor 5 is a pipe that nobody reads.
        @Test(
            "a reader that is gone ends a command without a word", .needsWeir,
            arguments: [
                "rules R", "check --json R", "explain --rules R --ports a,b 'a: arp request'", "test R C", "test --junit - R C",
                "help packets",
                "replay --rules R --ports a,b --ingress a P", "replay --json --rules R --ports a,b --ingress a P",
            ])
        func readerIsGone(_ command: String) throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "weir-output-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            try Self.rules.write(to: folder.appending(path: "R"), atomically: false, encoding: .utf8)
            try Self.cases.write(to: folder.appending(path: "C"), atomically: false, encoding: .utf8)
            let header: [UInt8] = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]
            try Data(header).write(to: folder.appending(path: "P"))
            let pipe = "mkfifo pipe && exec 4<>pipe 5>pipe 4<&-"
            let result = try Command.run(["bash", "-c", "cd \(folder.path) && \(pipe) && exec \(Weir.binary) \(command) >&5"])
            #expect(result.status == 141 && result.error.isEmpty, "\(result.status) \(result.error)")
        }
    }
}
