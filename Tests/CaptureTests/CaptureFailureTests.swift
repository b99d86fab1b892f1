import Capture
import Decisions
import Foundation
import Glibc
import Testing

/// In CI nothing is skipped: what is missing fails.
private let canMount = ProcessInfo.processInfo.environment["CI"] != nil || geteuid() == 0

/// Whatever becomes of the file costs captures, counted, and what can be read is whole blocks.
@Suite struct CaptureFailureTests {
    private static let frame = [UInt8](repeating: 9, count: 1000)

    @Test(
        "a full disk: whole blocks up to its end, and on when there is room again", .enabled(if: canMount, "needs root to mount a tmpfs"),
        arguments: ["pcapng", "pcap"])
    func fullDisk(_ format: String) throws {
        let folder = try TemporaryFolder()
        try #require(mount("none", folder.path, "tmpfs", 0, "size=1m") == 0, "tmpfs: error \(errno)")
        defer { umount2(folder.path, Int32(MNT_DETACH)) }
        #expect(FileManager.default.createFile(atPath: folder["filler"], contents: Data(count: 300_000)))
        let running = RunningCapture(try DropCapture(CaptureSettings(path: folder["d." + format]), workers: 1))
        let capture = running.capture
        for number in 0..<2000 { running.offer(number, Self.frame) }
        running.settle()
        #expect(capture.fails && capture.lost > 0)
        let before = capture.written
        #expect(before > 500)
        #expect(before + capture.lost == 2000)
        if format == "pcapng" {
            #expect(try PcapngReader(folder.bytes(of: "d.pcapng")).packets.count == Int(before))
        } else {
            #expect(try folder.bytes(of: "d.pcap").count == 24 + Int(before) * 1016)
        }

        unlink(folder["filler"])
        for number in 0..<10 { running.offer(number, Self.frame) }
        #expect(running.finish())
        #expect(capture.written == before + 10 && !capture.fails)
        if format == "pcapng" {
            let file = try PcapngReader(folder.bytes(of: "d.pcapng"))
            #expect(file.packets.count == Int(before) + 10)
            #expect(file.comments == ["\(capture.lost) frames are missing in this file"])
        }
    }

    @Test func aFileThatIsDeletedIsMadeAgain() throws {
        let folder = try TemporaryFolder()
        let running = RunningCapture(try DropCapture(CaptureSettings(path: folder["d.pcapng"]), workers: 1))
        running.offer(0, Self.frame)
        running.settle()
        unlink(folder["d.pcapng"])
        // Looked for once a second.
        usleep(1_100_000)
        running.offer(1, Self.frame)
        #expect(running.finish())
        #expect(try PcapngReader(folder.bytes(of: "d.pcapng")).packets.count == 1)
    }

    @Test func aFolderThatVanishesCostsCapturesUntilItIsBack() throws {
        let folder = try TemporaryFolder()
        let inner = folder["inner"]
        try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
        var settings = CaptureSettings(path: inner + "/d.pcapng")
        settings.ring = CaptureRing(fileBytes: 1 << 20, files: 2)
        let running = RunningCapture(try DropCapture(settings, workers: 1))
        let capture = running.capture
        try FileManager.default.removeItem(atPath: inner)
        usleep(1_100_000)
        for number in 0..<5 { running.offer(number, Self.frame) }
        running.settle()
        #expect(capture.lost == 5 && capture.written == 0 && capture.fails)
        try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
        usleep(1_100_000)
        for number in 0..<5 { running.offer(number, Self.frame) }
        #expect(running.finish())
        #expect(capture.lost == 5 && capture.written == 5 && !capture.fails)
    }

    @Test("reopening goes on under the old name if the file was moved, and else in it", arguments: [true, false])
    func reopening(_ isMoved: Bool) throws {
        let folder = try TemporaryFolder()
        let running = RunningCapture(try DropCapture(CaptureSettings(path: folder["d.pcapng"]), workers: 1))
        running.offer(0, Self.frame)
        running.settle()
        if isMoved { rename(folder["d.pcapng"], folder["old.pcapng"]) }
        running.capture.reopen()
        for _ in 0..<1000 where try isMoved && folder.names().count < 2 { usleep(1000) }
        running.offer(1, Self.frame)
        #expect(running.finish())
        #expect(try PcapngReader(folder.bytes(of: "d.pcapng")).packets.count == (isMoved ? 1 : 2))
        if isMoved { #expect(try PcapngReader(folder.bytes(of: "old.pcapng")).packets.count == 1) }
    }

    @Test("frames of other rules begin another section, and those before them stay what they were", arguments: [false, true])
    func generations(_ isRing: Bool) throws {
        let folder = try TemporaryFolder()
        var settings = CaptureSettings(path: folder["d.pcapng"])
        settings.origin.comments = ["rules 0"]
        if isRing { settings.ring = CaptureRing(fileBytes: CaptureRing.smallestFile) }
        let running = RunningCapture(
            try DropCapture(
                settings, workers: 1,
                explanation: { "by generation \($0.decision.generation)" },
                origins: { generation in
                    var origin = CaptureOrigin()
                    origin.comments = ["rules \(generation)"]
                    return origin
                }))
        for (number, generation) in ([0, 0, 1, 0, 1, 3, 3] as [UInt32]).enumerated() {
            running.offer(number, Self.frame, generation: generation)
        }
        #expect(running.finish())
        let files = try folder.names().map { try PcapngReader(folder.bytes(of: $0)) }
        #expect(files.count == (isRing ? 3 : 1))
        #expect(files.flatMap(\.comments) == ["rules 0", "rules 1", "rules 3"])
        #expect(files.flatMap(\.packets).map(\.comment) == ([0, 0, 1, 0, 1, 3, 3] as [UInt32]).map { "by generation \($0)" })
    }

    @Test func aFileTellsWhatIsMissingInItselfOnly() throws {
        let folder = try TemporaryFolder()
        var settings = CaptureSettings(path: folder["d.pcapng"])
        settings.ring = CaptureRing(fileBytes: CaptureRing.smallestFile)
        settings.framesPerSecond = 1
        // The clock stands still, so that only the first frame is wanted.
        let running = RunningCapture(try DropCapture(settings, workers: 1, clock: { 0 }))
        for number in 0..<3 { running.offer(number, Self.frame) }
        running.settle()
        running.capture.reopen()
        for _ in 0..<1000 where try folder.names().count < 2 { usleep(1000) }
        running.offer(3, Self.frame)
        #expect(running.finish())
        let files = try folder.names().map { try PcapngReader(folder.bytes(of: $0)) }
        #expect(files.map(\.packets.count) == [1, 0])
        #expect(files.flatMap(\.comments) == ["2 frames are missing in this file", "1 frames are missing in this file"])
    }

    @Test func aPipeWithoutAReaderIsToldAtTheStart() throws {
        let folder = try TemporaryFolder()
        mkfifo(folder["pipe"], 0o600)
        let error = #expect(throws: CaptureError.self) { try DropCapture(CaptureSettings(path: folder["pipe"]), workers: 1) }
        #expect(error?.description.contains("nobody reads") == true)
    }

    /// What a pipe's reader does, and whether what it got is whole.
    enum Reader: String, CaseIterable {
        case reads, goesAway, standsStill
    }

    @Test("a pipe's reader holds up nothing", arguments: Reader.allCases)
    func pipe(_ reader: Reader) throws {
        let folder = try TemporaryFolder()
        mkfifo(folder["pipe"], 0o600)
        let descriptor = open(folder["pipe"], O_RDONLY | O_NONBLOCK)
        try #require(descriptor >= 0)
        let running = RunningCapture(try DropCapture(CaptureSettings(path: folder["pipe"]), workers: 1))
        var got: [UInt8] = []
        func read() {
            var part = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = Glibc.read(descriptor, &part, part.count), count > 0 { got += part[..<count] }
        }
        for number in 0..<300 {
            running.offer(number, Self.frame)
            if number == 100, reader == .goesAway { close(descriptor) }
            if reader == .reads {
                running.settle()
                read()
            }
        }
        #expect(running.finish(seconds: 3), "it ends")
        let capture = running.capture
        #expect(capture.written + capture.lost == 300)
        switch reader {
        case .reads:
            read()
            #expect(try PcapngReader(got).packets.count == 300)
            #expect(capture.lost == 0)
        case .goesAway, .standsStill: #expect(capture.lost > 0 && capture.fails)
        }
        if reader != .goesAway { close(descriptor) }
    }
}
