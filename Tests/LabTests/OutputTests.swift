import FrameBuilder
import Foundation
import Testing

extension UntimedLabTests {
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
                ("test --junit S R C", 1, "S can't be opened: it is a symbolic link"),
                ("test --junit H R C", 1, "H can't be opened: it has 2 names"),
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
            let other = folder.appending(path: "other")
            try Self.cases.write(to: other, atomically: false, encoding: .utf8)
            try FileManager.default.createSymbolicLink(at: folder.appending(path: "S"), withDestinationURL: other)
            try FileManager.default.linkItem(at: other, to: folder.appending(path: "H"))
            let result = try Command.run(["bash", "-c", "cd \(folder.path) && \(Weir.binary) \(command)"])
            #expect(try String(contentsOf: other, encoding: .utf8) == Self.cases)
            #expect(result.status == status, "\(result.error)")
            #expect(words.isEmpty || result.error.contains(words), "\(result.error)")
            #expect(try String(contentsOf: rules, encoding: .utf8) == Self.rules)
            #expect(try String(contentsOf: cases, encoding: .utf8) == Self.cases)
        }

        /// What a capture calls its interfaces is anybody's, and a terminal obeys what it is shown.
        @Test(
            "a capture's interface name can't steer the terminal", .needsWeir,
            arguments: [
                ["--ports", "a,b"], ["--ports", "a,b", "--json"], ["--ports", "a,b", "--ingress", "a"], ["--ports", "NAME,b"],
                ["--ports", "NAME,b", "--json"], ["--ports", "NAME,b", "--ingress", "NAME"],
            ])
        func hostileName(_ options: [String]) throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "weir-output-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            // The title, a colour, C1's CSI, a new line, a tab, and one that turns the direction of what follows.
            let name = "e\u{1b}]0;x\u{07}\u{1b}[31m\u{9b}1m\n\t\u{202e}0"
            let frame = Frame.ethernet().ipv4().udp(1, 2).payload(20).bytes
            var capture = CaptureBytes.pcapng().interface(name)
            capture = capture.packet(frame, at: 1_000_000)
            try Data(capture.bytes).write(to: folder.appending(path: "P"))
            try "table bridge t { chain c { type filter hook forward priority 0; log; drop; }; }\n".write(
                to: folder.appending(path: "R"), atomically: false, encoding: .utf8)
            let result = try Command.run(
                [Weir.binary, "replay", "--rules", folder.appending(path: "R").path]
                    + options.map { $0.replacing("NAME", with: name) } + [folder.appending(path: "P").path])
            let printed = result.output + result.error
            #expect(!printed.isEmpty)
            for scalar in printed.unicodeScalars {
                let steers = scalar.value < 0x20 && scalar != "\n" || (0x7f...0x9f).contains(scalar.value) || scalar.value == 0x202e
                #expect(!steers, "U+\(String(scalar.value, radix: 16)) in \(printed.debugDescription)")
            }
            #expect(!printed.contains("1m\n\t"), "\(printed.debugDescription)")
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
