import Capture
import Foundation
import Glibc
import Testing

@Suite struct OutputAccessTests {
    private static let content = "what somebody else has written\n"

    /// What stands under the name of an output, and how its opening is refused.
    private static let obstacles: [(description: String, make: @Sendable (_ name: String, _ other: String) -> Void, says: String)] = [
        ("a symbolic link", { name, other in symlink(other, name) }, "it is a symbolic link"),
        ("a symbolic link to nothing", { name, other in symlink(other + ".none", name) }, "it is a symbolic link"),
        ("a file with another name", { name, other in link(other, name) }, "it has 2 names"),
        (
            "a file of another user",
            { name, other in
                try? FileManager.default.copyItem(atPath: other, toPath: name)
                chown(name, 4711, 4711)
            }, "it belongs to user 4711"
        ),
        (
            "a pipe of another user",
            { name, _ in
                mkfifo(name, 0o666)
                chown(name, 4711, 4711)
                // Somebody reads.
                _ = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            }, "it belongs to user 4711"
        ),
        ("a folder", { name, _ in mkdir(name, 0o755) }, "Is a directory"),
    ]

    @Test(
        "what others could have put under the name is refused, and unchanged",
        .enabled(if: geteuid() == 0, "needs root to give files away"),
        arguments: obstacles.indices, OutputFile.Older.allCases)
    func refused(_ index: Int, _ older: OutputFile.Older) throws {
        let obstacle = Self.obstacles[index]
        let folder = try TemporaryFolder()
        try Self.content.write(toFile: folder["other"], atomically: false, encoding: .utf8)
        obstacle.make(folder["name"], folder["other"])
        let error = #expect(throws: CaptureError.self) { try OutputFile(path: folder["name"], older: older) }
        // What must not exist at all is refused for that.
        let says = older == .isRefused ? "File exists" : obstacle.says
        #expect(error?.description.contains(says) == true, "\(obstacle.description): \(error?.description ?? "")")
        #expect(try String(contentsOfFile: folder["other"], encoding: .utf8) == Self.content)
        #expect(access(folder["other"] + ".none", F_OK) != 0)
    }

    @Test("a second writer is refused, until the first has closed the file")
    func locked() throws {
        let folder = try TemporaryFolder()
        var first: OutputFile? = try OutputFile(path: folder["name"])
        first?.begin()
        #expect(first?.write(Array(Self.content.utf8)) { true } == true)
        for older in [OutputFile.Older.isReplaced, .isAppendedTo] {
            let error = #expect(throws: CaptureError.self) { try OutputFile(path: folder["name"], older: older) }
            #expect(error?.description.contains("another process, or another option, writes to it") == true)
        }
        first = nil
        #expect(try String(contentsOfFile: folder["name"], encoding: .utf8) == Self.content)
        let second = try OutputFile(path: folder["name"])
        #expect(try String(contentsOfFile: folder["name"], encoding: .utf8) == Self.content, "not before something is written")
        second.begin()
        #expect(try String(contentsOfFile: folder["name"], encoding: .utf8) == "")
    }

    @Test("a file that wasn't there goes again if nothing was begun", arguments: OutputFile.Older.allCases)
    func nothingBegun(_ older: OutputFile.Older) throws {
        let folder = try TemporaryFolder()
        do { _ = try OutputFile(path: folder["name"], older: older) }
        #expect(access(folder["name"], F_OK) != 0)
        do {
            let begun = try OutputFile(path: folder["name"], older: older)
            begun.begin()
        }
        #expect(access(folder["name"], F_OK) == 0)
        // Nor one that was there, be it empty.
        if older != .isRefused { do { _ = try OutputFile(path: folder["name"], older: older) } }
        #expect(access(folder["name"], F_OK) == 0)
        // Nor what somebody else has put in its place.
        do {
            let moved = try OutputFile(path: folder["moved"], older: older)
            rename(folder["moved"], folder["elsewhere"])
            try Self.content.write(toFile: folder["moved"], atomically: false, encoding: .utf8)
            withExtendedLifetime(moved) {}
        }
        #expect(try String(contentsOfFile: folder["moved"], encoding: .utf8) == Self.content)
    }

    @Test("a ring whose newest file is being written is refused")
    func lockedRing() throws {
        let folder = try TemporaryFolder()
        var settings = CaptureSettings(path: folder["d.pcapng"])
        settings.ring = CaptureRing(fileBytes: CaptureRing.smallestFile)
        let running = RunningCapture(try DropCapture(settings, workers: 1))
        let error = #expect(throws: CaptureError.self) { try DropCapture(settings, workers: 1) }
        #expect(error?.description.contains("another process, or another option, writes to") == true)
        #expect(running.finish())
        _ = try DropCapture(settings, workers: 1)
    }

    @Test("a descriptor that was open already may be whatever it is", arguments: ["/dev/fd/", "/proc/self/fd/"])
    func inherited(_ prefix: String) throws {
        let folder = try TemporaryFolder()
        try Self.content.write(toFile: folder["other"], atomically: false, encoding: .utf8)
        link(folder["other"], folder["name"])
        let descriptor = open(folder["name"], O_WRONLY | O_APPEND | O_CLOEXEC)
        defer { close(descriptor) }
        let file = try OutputFile(path: prefix + "\(descriptor)")
        file.begin()
        #expect(file.write(Array("more\n".utf8)) { true })
        #expect(try String(contentsOfFile: folder["other"], encoding: .utf8) == Self.content + "more\n")
    }
}
