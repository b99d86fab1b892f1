import Capture
import Foundation
import Testing

@Suite struct RingTests {
    private static let frame = [UInt8](repeating: 7, count: 1000)

    /// Writes so many frames of 1,000 bytes into a ring.
    private static func write(_ frames: Int, _ ring: CaptureRing, in folder: TemporaryFolder, name: String = "d.pcapng") throws -> UInt64 {
        var settings = CaptureSettings(path: folder[name])
        settings.ring = ring
        let running = RunningCapture(try DropCapture(settings, workers: 1) { _ in "why" })
        for number in 0..<frames {
            running.offer(number, frame)
            if number % 1000 == 999 { running.settle() }
        }
        #expect(running.finish())
        #expect(running.capture.lost == 0)
        return running.capture.written
    }

    /// Rings and what is left of 6,000 frames, which are 6.4 MB: files at the most, frames at the least.
    static let rings: [(description: String, ring: CaptureRing, files: Int, frames: Int)] = [
        ("three files", CaptureRing(fileBytes: 1 << 20, files: 3), 3, 1900),
        ("one file", CaptureRing(fileBytes: 1 << 20, files: 1), 1, 1),
        ("a total", CaptureRing(fileBytes: 1 << 20, totalBytes: 5 << 19), 3, 1400),
        ("a total before a number", CaptureRing(fileBytes: 1 << 20, files: 5, totalBytes: 7 << 19), 4, 2100),
        ("a number before a total", CaptureRing(fileBytes: 2 << 20, files: 2, totalBytes: 100 << 20), 2, 1900),
    ]

    @Test("files take turns, and the newest frames are kept", arguments: rings.indices)
    func turns(_ index: Int) throws {
        let (description, ring, files, frames) = Self.rings[index]
        let folder = try TemporaryFolder()
        #expect(try Self.write(6000, ring, in: folder) == 6000)
        let names = try folder.names()
        #expect(names.allSatisfy { $0.wholeMatch(of: /d_\d{8}T\d{6}\.\d{6}Z\.pcapng/) != nil }, "\(names)")
        #expect((1...files).contains(names.count), "\(description): \(names)")
        var total: UInt64 = 0
        var times: [UInt64] = []
        for name in names {
            let bytes = try folder.bytes(of: name)
            #expect(bytes.count <= ring.fileBytes)
            total += UInt64(bytes.count)
            let file = try PcapngReader(bytes)
            #expect(file.packets.allSatisfy { $0.frame == Self.frame && $0.comment == "why" })
            #expect(file.blocks.suffix(2) == [5, 5], "each file has its end")
            times += file.packets.map(\.time)
        }
        #expect(total <= ring.totalBytes)
        // In the order of the names, without a gap, up to the last frame.
        let last: UInt64 = 1_700_000_000_000_005_999
        #expect(times == Array((last - UInt64(times.count) + 1)...last))
        #expect(times.count >= frames)
    }

    @Test func aPcapTakesTurnsToo() throws {
        let folder = try TemporaryFolder()
        #expect(try Self.write(3000, CaptureRing(fileBytes: 1 << 20, files: 2), in: folder, name: "d.pcap") == 3000)
        let names = try folder.names()
        #expect(names.count == 2)
        for name in names { #expect(try folder.bytes(of: name).prefix(4) == [0x4d, 0x3c, 0xb2, 0xa1]) }
    }

    @Test func theFilesOfAnEarlierRunCountAndOthersAreLeftAlone() throws {
        let folder = try TemporaryFolder()
        var foreign = [
            "d.pcapng", "d_20200101T000000.000000Z.pcap", "d_2020.pcapng", "d_20200101T000000x000000Z.pcapng",
            "x_20200101T000000.000000Z.pcapng",
        ]
        for name in foreign { #expect(FileManager.default.createFile(atPath: folder[name], contents: Data("mine".utf8))) }
        foreign.append("d_20200101T000000.000000Z.pcapng")
        try FileManager.default.createSymbolicLink(atPath: folder[foreign[5]], withDestinationPath: folder[foreign[0]])
        _ = try Self.write(10, CaptureRing(fileBytes: 1 << 20, files: 3), in: folder)
        _ = try Self.write(10, CaptureRing(fileBytes: 1 << 20, files: 3), in: folder)
        let first = try Set(folder.names()).subtracting(foreign)
        #expect(first.count == 2)
        _ = try Self.write(10, CaptureRing(fileBytes: 1 << 20, files: 3), in: folder)
        _ = try Self.write(10, CaptureRing(fileBytes: 1 << 20, files: 3), in: folder)
        let second = try Set(folder.names())
        #expect(second.isSuperset(of: foreign))
        #expect(second.subtracting(foreign).count == 3)
        #expect(!second.contains(try #require(first.min())), "the oldest went")
    }

    /// Frames of two lengths in turn: the long one's block fits into no page with the other, and leaves less of its own than a file's end
    /// takes. So that goes onto the page after, which a file of this size does not have.
    @Test func aFilesEndHasRoomWhateverLengthsItsFramesHave() throws {
        let folder = try TemporaryFolder()
        var settings = CaptureSettings(path: folder["d.pcapng"])
        let ring = CaptureRing(fileBytes: CaptureRing.smallestFile + 100)
        settings.ring = ring
        let running = RunningCapture(try DropCapture(settings, workers: 1))
        for number in 0..<800 { running.offer(number, [UInt8](repeating: 7, count: number % 2 == 0 ? 3936 : 80)) }
        #expect(running.finish())
        let files = try folder.names().map(folder.bytes)
        #expect(files.count > 2 && files.allSatisfy { $0.count <= ring.fileBytes })
        #expect(try files.map { try PcapngReader($0).packets.count }.reduce(0, +) == 800)
    }

    @Test func aClockThatStandsStillOrGoesBackLeavesTheNamesInOrder() throws {
        let folder = try TemporaryFolder()
        var ring = try RingDirectory(folder["d.pcapng"], limits: CaptureRing(fileBytes: CaptureRing.smallestFile))
        var names: [String] = []
        for now in [2_000_000, 2_000_000, 2_000_999, 1_000_000, 3_000_000] as [UInt64] { names.append(ring.nextPath(now: now)) }
        #expect(names == Set(names).sorted())
    }

    @Test func reopeningBeginsTheNextFile() throws {
        let folder = try TemporaryFolder()
        var settings = CaptureSettings(path: folder["d.pcapng"])
        settings.ring = CaptureRing(fileBytes: 1 << 20, files: 4)
        let running = RunningCapture(try DropCapture(settings, workers: 1))
        running.offer(0, Self.frame)
        running.settle()
        running.capture.reopen()
        for _ in 0..<1000 where try folder.names().count < 2 { usleep(1000) }
        running.offer(1, Self.frame)
        #expect(running.finish())
        let files = try folder.names().map { try PcapngReader(folder.bytes(of: $0)).packets.count }
        #expect(files == [1, 1])
    }

    private static func compressing(_ ring: CaptureRing, _ path: String) throws -> RunningCapture {
        var settings = CaptureSettings(path: path)
        settings.ring = ring
        settings.compressesFinished = true
        return RunningCapture(try DropCapture(settings, workers: 1) { _ in "why" })
    }

    @Test("finished files are compressed, and read as they were", arguments: ["d.pcapng", "d.pcap"])
    func compressed(name: String) throws {
        let folder = try TemporaryFolder()
        let running = try Self.compressing(CaptureRing(fileBytes: 1 << 20, files: 4), folder[name])
        for number in 0..<2000 {
            running.offer(number, Self.frame)
            if number % 500 == 499 { running.settle() }
        }
        // Compressed while others are written.
        for _ in 0..<2000 where try !folder.names().contains(where: { $0.hasSuffix(".zst") }) { usleep(1000) }
        #expect(try folder.names().contains { $0.hasSuffix(".zst") } && folder.names().contains { $0.hasSuffix(name.suffix(5)) })
        #expect(running.finish())
        let names = try folder.names()
        #expect(names.count >= 2 && names.allSatisfy { $0.wholeMatch(of: /d_\d{8}T\d{6}\.\d{6}Z\.pcap(ng)?\.zst/) != nil }, "\(names)")
        var times: [UInt64] = []
        for name in names {
            #expect(try folder.bytes(of: name).count < 1 << 18)
            var reader = try CaptureReader(path: folder[name])
            while let frame = try reader.next() {
                #expect(Array(frame.bytes) == Self.frame)
                times.append(frame.time)
            }
        }
        #expect(times == (0..<2000).map { 1_700_000_000_000_000_000 + $0 })
    }

    @Test func compressedFilesOfAnEarlierRunCountAndPartsOfThemGo() throws {
        let folder = try TemporaryFolder()
        let ring = CaptureRing(fileBytes: 1 << 20, files: 3)
        for _ in 0..<2 {
            let running = try Self.compressing(ring, folder["d.pcapng"])
            running.offer(0, Self.frame)
            #expect(running.finish())
        }
        let first = try folder.names()
        #expect(first.count == 2 && first.allSatisfy { $0.hasSuffix(".pcapng.zst") })
        let mine = [
            "d_20200101T000000.000000Z.pcapng.zst.bak", "d_20200101T000000.000000Z.pcapng.gz", "x_20200101T000000.000000Z.pcapng.zst",
        ]
        for name in mine { #expect(FileManager.default.createFile(atPath: folder[name], contents: Data("mine".utf8))) }
        let part = "d_20200101T000000.000000Z.pcapng.zst.part"
        #expect(FileManager.default.createFile(atPath: folder[part], contents: Data("part".utf8)))
        for _ in 0..<2 {
            let running = try Self.compressing(ring, folder["d.pcapng"])
            running.offer(0, Self.frame)
            #expect(running.finish())
        }
        let names = try folder.names()
        #expect(!names.contains(part) && Set(names).isSuperset(of: mine))
        #expect(names.count == 3 + mine.count && names.filter(first.contains) == [first[1]], "\(names)")
    }

    /// A folder stands where the compressed file would.
    @Test func whatCannotBeCompressedStaysAsItIs() throws {
        let folder = try TemporaryFolder()
        let running = try Self.compressing(CaptureRing(fileBytes: 1 << 20, files: 4), folder["d.pcapng"])
        running.offer(0, Self.frame)
        running.settle()
        let name = try #require(try folder.names().first)
        try FileManager.default.createDirectory(atPath: folder[name + ".zst"], withIntermediateDirectories: true)
        #expect(running.finish())
        #expect(try folder.names() == [name, name + ".zst"])
        #expect(try PcapngReader(folder.bytes(of: name)).packets.count == 1)
    }

    @Test func namesOfAddressesAreInEachFile() throws {
        let folder = try TemporaryFolder()
        let hosts = (0..<300).map { "10.0.\($0 / 250).\($0 % 250) host\($0)" }
        try Data(("# names\n\n127.0.0.1\tlocalhost here # me\n2001:db8::1 six\n" + hosts.joined(separator: "\n") + "\n").utf8)
            .write(to: URL(fileURLWithPath: folder["hosts"]))
        var settings = CaptureSettings(path: folder["d.pcapng"])
        settings.names = try HostNames(path: folder["hosts"])
        let running = RunningCapture(try DropCapture(settings, workers: 1))
        running.offer(0, Self.frame)
        #expect(running.finish())
        let bytes = try folder.bytes(of: "d.pcapng")
        let file = try PcapngReader(bytes)
        #expect(file.packets.count == 1)
        // More names than one block within a page has room for.
        #expect(file.blocks.count { $0 == 4 } >= 2)
        let text = String(decoding: bytes, as: UTF8.self)
        for name in ["localhost", "here", "six", "host0", "host299"] { #expect(text.contains("\(name)\0"), "\(name)") }
        #expect(!text.contains("me\0"))
        var reader = try CaptureReader(path: folder["d.pcapng"])
        #expect(try reader.next()?.bytes.count == 1000)
    }

    @Test("a file that is none of hosts(5) is refused", arguments: ["10.0.0.1", "10.0.0.256 host", "host 10.0.0.1", "10.0.0.1 a\nx"])
    func refusedNames(text: String) throws {
        let folder = try TemporaryFolder()
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder["hosts"]))
        let error = #expect(throws: HostNames.Unreadable.self) { try HostNames(path: folder["hosts"]) }
        #expect(error?.description.contains("is not an address with its names") == true)
        #expect(throws: HostNames.Unreadable.self) { try HostNames(path: folder["nothing"]) }
        #expect(mkfifo(folder["pipe"], 0o600) == 0)
        #expect(throws: HostNames.Unreadable.self) { try HostNames(path: folder["pipe"]) }
    }
}
