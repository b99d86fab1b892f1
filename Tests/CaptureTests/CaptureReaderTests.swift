import Capture
import Decisions
import FrameBuilder
import Testing

/// Frames and faults of captures, odd ones above all.
@Suite struct CaptureReaderTests {
    private static let frame = Frame.ethernet().ipv4().udp(1, 2).payload(4).bytes
    private static let second: UInt64 = 1_700_000_000

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        /// Of each frame: nanoseconds behind `second`, interface, direction, bytes captured and on the wire.
        var frames: [String]
        var fault: CaptureFault.Kind?
        /// Where the fault is.
        var offset: UInt64 = 0

        init(_ description: String, _ capture: CaptureBytes, _ frames: [String], _ fault: CaptureFault.Kind? = nil, at offset: Int = 0) {
            testDescription = description
            bytes = capture.bytes
            self.frames = frames
            self.fault = fault
            self.offset = UInt64(offset)
        }
    }

    private static func cut(_ capture: CaptureBytes, by count: Int) -> CaptureBytes {
        var capture = capture
        capture.bytes.removeLast(count)
        return capture
    }

    /// Bytes that are no capture.
    private static func other(_ bytes: [UInt8]) -> CaptureBytes {
        var capture = CaptureBytes.pcap()
        capture.bytes = bytes
        return capture
    }

    private static let pcaps: [Case] = [false, true].flatMap { isBigEndian in
        let microseconds = CaptureBytes.pcap(isBigEndian: isBigEndian)
        let nanoseconds = CaptureBytes.pcap(isBigEndian: isBigEndian, nanoseconds: true)
        let at = second * 1_000_000 + 5
        let name = isBigEndian ? "big-endian" : "little-endian"
        return [
            Case("\(name) pcap", microseconds.record(frame, at: at), ["5000 - unknown 46/46"]),
            Case("\(name) pcap of nanoseconds", nanoseconds.record(frame, at: second * 1_000_000_000 + 5), ["5 - unknown 46/46"]),
            Case("\(name) pcap without frames", microseconds, []),
            Case("\(name) pcap, a frame of no bytes", microseconds.record([], at: at, length: 60), ["5000 - unknown 0/60"]),
            Case("\(name) pcap, a frame cut off", microseconds.record(frame, at: at, length: 1514), ["5000 - unknown 46/1514"]),
            Case(
                "\(name) pcap, a frame shorter than its capture", microseconds.record(frame, at: at, length: 40), ["5000 - unknown 46/46"]),
            Case(
                "\(name) pcap, frames with a check sequence",
                CaptureBytes.pcap(isBigEndian: isBigEndian, word: 0x2400_0001)
                    .record(frame + [1, 2, 3, 4], at: at).record(frame, at: at, length: 50).record([1, 2], at: at),
                ["5000 - unknown 46/46", "5000 - unknown 46/46", "5000 - unknown 0/0"]),
            Case(
                "\(name) pcap, a check sequence's length without its bit",
                CaptureBytes.pcap(isBigEndian: isBigEndian, word: 0x2000_0001)
                    .record(frame, at: at), ["5000 - unknown 46/46"]),
            Case(
                "\(name) pcap cut within a frame", cut(microseconds.record(frame, at: at).record(frame, at: at), by: 7),
                ["5000 - unknown 46/46"], .cutShort(missing: 7), at: 24 + 62),
            Case(
                "\(name) pcap cut within a record's header", cut(microseconds.record(frame, at: at).record([], at: at), by: 1),
                ["5000 - unknown 46/46"], .cutShort(missing: 1), at: 24 + 62),
            Case("\(name) pcap cut within its header", cut(microseconds, by: 4), [], .cutShort(missing: 4)),
            Case(
                "\(name) pcap, a huge frame", microseconds.record(frame, at: at).record(frame, at: at, captured: .max),
                ["5000 - unknown 46/46"], .frameTooLong(.max), at: 24 + 62),
            Case(
                "\(name) pcap, a frame just too long", microseconds.record(frame, at: at, captured: 262_145), [], .frameTooLong(262_145),
                at: 24),
            Case(
                "\(name) pcap of version 2.5", CaptureBytes.pcap(isBigEndian: isBigEndian, version: (2, 5)), [],
                .version(major: 2, minor: 5)),
        ]
    }

    private static let pcapngs: [Case] = [false, true].flatMap { isBigEndian in
        let section = CaptureBytes.pcapng(isBigEndian: isBigEndian)
        let one = section.interface("eth1")
        let at = second * 1_000_000 + 5
        let name = isBigEndian ? "big-endian" : "little-endian"
        return [
            Case("\(name) pcapng", one.packet(frame, at: at), ["5000 eth1 unknown 46/46"]),
            Case("\(name) pcapng without frames", section, []),
            Case("\(name) pcapng, a nameless interface", section.interface().packet(frame, at: at), ["5000 - unknown 46/46"]),
            Case(
                "\(name) pcapng, two interfaces and directions",
                one.interface("eth2").packet(frame, at: at, options: [one.flags(1)]).packet(
                    frame, interface: 1, at: at, options: [(1, [65]), one.flags(2)]
                ).packet(frame, at: at, options: [one.flags(0)]),
                ["5000 eth1 inbound 46/46", "5000 eth2 outbound 46/46", "5000 eth1 unknown 46/46"]),
            Case(
                "\(name) pcapng, an interface later on", one.packet(frame, at: at).interface("eth2").packet(frame, interface: 1, at: at),
                ["5000 eth1 unknown 46/46", "5000 eth2 unknown 46/46"]),
            Case(
                "\(name) pcapng, nanoseconds", section.interface("e", options: [(9, [9])]).packet(frame, at: second * 1_000_000_000 + 7),
                ["7 e unknown 46/46"]),
            Case(
                "\(name) pcapng, seconds and an offset",
                section.interface("e", options: [(9, [0]), section.timeOffset(1000)]).packet(frame, at: second - 1000),
                ["0 e unknown 46/46"]),
            Case(
                "\(name) pcapng, an offset before the epoch",
                section.interface("e", options: [section.timeOffset(-1000), (9, [3])]).packet(frame, at: (second + 1000) * 1000 + 9),
                ["9000000 e unknown 46/46"]),
            Case(
                "\(name) pcapng, picoseconds",
                section.interface("e", options: [(9, [12]), section.timeOffset(Int64(second))]).packet(
                    frame, at: 5_999_999), ["5999 e unknown 46/46"]),
            Case(
                "\(name) pcapng, parts of a power of two",
                section.interface("e", options: [(9, [0x80 | 20])]).packet(
                    frame, at: second << 20 | 1 << 19), ["500000000 e unknown 46/46"]),
            Case(
                "\(name) pcapng, the finest times there can be",
                section.interface("e", options: [(9, [0xff]), section.timeOffset(Int64(second))]).interface(
                    "f", options: [(9, [0x7f]), section.timeOffset(Int64(second))]
                ).packet(frame, at: .max).packet(
                    frame, interface: 1, at: .max), ["0 e unknown 46/46", "0 f unknown 46/46"]),
            Case(
                "\(name) pcapng, simple packets", one.simplePacket(frame).simplePacket(frame),
                ["- eth1 unknown 46/46", "- eth1 unknown 46/46"]),
            Case(
                "\(name) pcapng, a simple packet has the time of the one before", one.packet(frame, at: at).simplePacket(frame),
                ["5000 eth1 unknown 46/46", "5000 eth1 unknown 46/46"]),
            Case(
                "\(name) pcapng, a simple packet cut by the interface",
                section.interface("e", snapLength: 20).simplePacket(
                    Array(frame.prefix(20)), length: 46), ["- e unknown 20/46"]),
            Case("\(name) pcapng, obsolete packets", one.packet(frame, at: at, type: 2), ["5000 eth1 unknown 46/46"]),
            Case(
                "\(name) pcapng, blocks that say nothing",
                one.block(4, [0, 0, 0, 0]).block(5, [UInt8](repeating: 0, count: 12)).block(0xbad, [0, 0, 1, 0]).block(10, []).packet(
                    frame, at: at), ["5000 eth1 unknown 46/46"]),
            Case(
                "\(name) pcapng, unknown options",
                section.interface("e", options: [(3000, [1, 2, 3])]).packet(
                    frame, at: at, options: [(9999, [])]), ["5000 e unknown 46/46"]),
            Case(
                "\(name) pcapng, another section in the other order",
                one.packet(frame, at: at).section(isBigEndian: !isBigEndian, options: [(1, Array("more".utf8))]).interface("eth9").packet(
                    frame, at: at), ["5000 eth1 unknown 46/46", "5000 eth9 unknown 46/46"]),
            Case(
                "\(name) pcapng, check sequences by interface and by packet",
                section.interface("e", options: [(13, [4])]).interface("f", options: [(13, [32])]).interface("g")
                    .packet(frame + [1, 2, 3, 4], at: at).packet(frame + [1, 2, 3, 4], interface: 1, at: at)
                    .packet(frame + [1, 2], interface: 2, at: at, options: [section.flags(2 << 5 | 1)]),
                ["5000 e unknown 46/46", "5000 f unknown 46/46", "5000 g inbound 46/46"]),
            Case(
                "\(name) pcapng, a frame cut off", one.packet(Array(frame.prefix(20)), at: at, length: 1514), ["5000 eth1 unknown 20/1514"]),
            Case(
                "\(name) pcapng cut", cut(one.packet(frame, at: at).packet(frame, at: at), by: 9), ["5000 eth1 unknown 46/46"],
                .cutShort(missing: 9), at: one.bytes.count + 80),
            Case("\(name) pcapng cut within a type", cut(one.block(10, []), by: 5), [], .cutShort(missing: 5), at: one.bytes.count),
            Case(
                "\(name) pcapng cut within what is passed over", cut(one.block(10, [UInt8](repeating: 0, count: 40)), by: 30), [],
                .cutShort(missing: 30), at: one.bytes.count),
            Case(
                "\(name) pcapng cut within the last length of what is passed over", cut(one.block(10, [0, 0, 0, 0]), by: 3), [],
                .cutShort(missing: 3), at: one.bytes.count),
            Case("\(name) pcapng, a block of no length", one.block(6, [], length: 0), [], .blockLength(0), at: one.bytes.count),
            Case("\(name) pcapng, an odd length", one.block(6, frame, length: 57), [], .blockLength(57), at: one.bytes.count),
            Case(
                "\(name) pcapng, a huge packet block", one.block(6, frame, length: 0xffff_fffc), [], .blockLength(0xffff_fffc),
                at: one.bytes.count),
            Case(
                "\(name) pcapng, an unknown block of an odd length", one.block(77, [], length: 13), [], .blockLength(13),
                at: one.bytes.count),
            Case("\(name) pcapng, a packet block too short", one.block(6, [0, 0, 0, 0]), [], .blockLength(16), at: one.bytes.count),
            Case(
                "\(name) pcapng, lengths that differ", one.block(6, [UInt8](repeating: 0, count: 20), last: 36), [],
                .lengthsDiffer(32, 36), at: one.bytes.count),
            Case(
                "\(name) pcapng, lengths of what is passed over that differ", one.block(99, [], last: 16), [], .lengthsDiffer(12, 16),
                at: one.bytes.count),
            Case("\(name) pcapng, a huge frame", one.packet(frame, at: at, captured: .max), [], .frameTooLong(.max), at: one.bytes.count),
            Case(
                "\(name) pcapng, a frame beyond its block", one.packet(frame, at: at, captured: 49), [], .packetBeyondBlock(49),
                at: one.bytes.count),
            Case(
                "\(name) pcapng, a simple packet beyond its block", one.simplePacket(frame, length: 60), [], .packetBeyondBlock(60),
                at: one.bytes.count),
            Case(
                "\(name) pcapng, no such interface", one.packet(frame, interface: 1, at: at), [], .unknownInterface(1), at: one.bytes.count),
            Case("\(name) pcapng, a simple packet before all interfaces", section.simplePacket(frame), [], .unknownInterface(0), at: 28),
            Case(
                "\(name) pcapng, interfaces end with their section", one.section(isBigEndian: isBigEndian).packet(frame, at: at), [],
                .unknownInterface(0), at: one.bytes.count + 28),
            Case(
                "\(name) pcapng, an option beyond its block",
                one.block(1, isBigEndian ? [0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1] : [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0]), [],
                .option(2, length: 1), at: one.bytes.count),
            Case(
                "\(name) pcapng, a resolution of two bytes", section.interface(options: [(9, [1, 2])]), [], .option(9, length: 2), at: 28),
            Case(
                "\(name) pcapng, an offset of four bytes", section.interface(options: [(14, [1, 2, 3, 4])]), [], .option(14, length: 4),
                at: 28),
            Case(
                "\(name) pcapng, flags of no bytes", one.packet(frame, at: at, options: [(2, [])]), [], .option(2, length: 0),
                at: one.bytes.count),
            Case(
                "\(name) pcapng of version 2", CaptureBytes.pcapng(isBigEndian: isBigEndian, version: 2), [], .version(major: 2, minor: 0)),
            Case("\(name) pcapng, no byte order", CaptureBytes.pcapng(magic: 0x0102_0304), [], .byteOrderMagic(0x0102_0304)),
        ]
    }

    private static let others: [Case] = [
        Case("nothing", other([]), [], .empty),
        Case("three bytes", other([0xd4, 0xc3, 0xb2]), [], .cutShort(missing: 1)),
        Case("text", other(Array("tcpdump: listening".utf8)), [], .unknownFormat(0x7463_7064)),
        Case("xz", other([0xfd, 0x37, 0x7a, 0x58, 0x5a]), [], .unknownFormat(0xfd37_7a58)),
        Case("zeros", other([UInt8](repeating: 0, count: 100)), [], .unknownFormat(0)),
    ]

    static let cases = pcaps + pcapngs + others

    /// What a reader makes of bytes that come `part` at a time.
    private static func read(_ bytes: [UInt8], part: Int = .max) -> (frames: [String], fault: CaptureFault?) {
        var frames: [String] = []
        do throws(CaptureFault) {
            var reader = try CaptureReader(of: bytes, part: part, path: "test")
            while let frame = try reader.next() {
                let name = reader.interface(frame.interface).name ?? "-"
                let time = frame.time >= second * 1_000_000_000 ? "\(frame.time - second * 1_000_000_000)" : "-"
                frames.append("\(time) \(name) \(frame.direction) \(frame.bytes.count)/\(frame.length)")
            }
            return (frames, nil)
        } catch {
            return (frames, error)
        }
    }

    @Test("is read as it is, or told what is wrong with it and where", arguments: cases)
    func read(_ test: Case) {
        let (frames, fault) = Self.read(test.bytes)
        #expect(frames == test.frames)
        #expect(fault?.kind == test.fault)
        if let fault {
            #expect(fault.offset == test.offset)
            #expect(fault.description.hasPrefix("test") && fault.description.count > 20, "\(fault)")
        }
    }

    @Test("comes in parts of any size", arguments: cases)
    func parts(_ test: Case) {
        for part in [1, 3, 64] {
            let (frames, fault) = Self.read(test.bytes, part: part)
            #expect(frames == test.frames && fault?.kind == test.fault && (fault?.offset ?? 0) == test.offset, "\(part) at a time")
        }
    }

    @Test("cut anywhere, what is in front of the cut is read", arguments: cases)
    func cuts(_ test: Case) {
        for count in test.bytes.indices {
            let (frames, fault) = Self.read(Array(test.bytes.prefix(count)))
            #expect(frames == Array(test.frames.prefix(frames.count)), "cut to \(count) bytes")
            // Without a fault it ended between two records.
            if fault == nil { #expect(count >= 24) }
        }
    }

    @Test("with any bytes changed it is read or refused", arguments: cases)
    func changes(_ test: Case) {
        guard !test.bytes.isEmpty else { return }
        var generator = SeededGenerator(seed: UInt64(test.bytes.count))
        for _ in 0..<400 {
            var bytes = test.bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: bytes.indices, using: &generator)
                bytes[place] =
                    [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: .min ... .max, using: &generator)].randomElement(using: &generator) ?? 0
            }
            let (frames, fault) = Self.read(bytes)
            #expect(frames.count <= bytes.count / 12)
            if let fault { #expect(fault.offset <= UInt64(bytes.count)) }
        }
    }

    @Test("an error of the system ends it with its number and place")
    func systemErrors() throws {
        let bytes = CaptureBytes.pcap().record(Self.frame, at: 0).bytes
        var isFirst = true
        var reader = try CaptureReader(path: "disk") { buffer in
            guard isFirst else { return -5 }
            isFirst = false
            buffer.copyBytes(from: bytes)
            return bytes.count
        }
        #expect(try reader.next() != nil)
        do {
            _ = try reader.next()
            Issue.record("no error")
        } catch {
            #expect(error == CaptureFault(path: "disk", offset: UInt64(bytes.count), kind: .unreadable(5)))
            #expect(error.description.contains("Input/output error"))
        }
    }

    @Test("a file that isn't there, and one that can't be read")
    func files() {
        for path in ["/nowhere/at/all.pcap", "/"] {
            do throws(CaptureFault) {
                _ = try CaptureReader(path: path)
                Issue.record("no error of \(path)")
            } catch {
                guard case .unreadable = error.kind else {
                    Issue.record("\(error)")
                    continue
                }
                #expect(error.description.contains("can't be read"))
            }
        }
    }

    @Test("a block that is passed over may be larger than what is held in memory")
    func largeBlocks() {
        let capture = CaptureBytes.pcapng().interface("e").block(10, [UInt8](repeating: 7, count: 40 << 20)).packet(
            Self.frame, at: Self.second * 1_000_000)
        #expect(Self.read(capture.bytes).frames == ["0 e unknown 46/46"])
    }

    @Test("the longest frame there can be, and a comment as long as a block may be")
    func longFrames() {
        let long = [UInt8](repeating: 1, count: CaptureReader.longestFrame)
        let comments = [CaptureBytes.Option](repeating: (1, [UInt8](repeating: 65, count: 65_535)), count: 200)
        let capture = CaptureBytes.pcapng().interface("e").packet(long, at: Self.second * 1_000_000, options: comments).packet(
            long, at: Self.second * 1_000_000)
        #expect(Self.read(capture.bytes).frames == ["0 e unknown 262144/262144", "0 e unknown 262144/262144"])
    }

    @Test("what is written here is read back", arguments: ["d.pcapng", "d.pcap"])
    func ownFiles(name: String) throws {
        let folder = try TemporaryFolder()
        var settings = CaptureSettings(path: folder[name])
        settings.origin.ports = ["eth1", "eth2"]
        let file = try CaptureFile(settings) { "reason \($0.reason.name)" }
        for number in 0..<3 {
            var record = CaptureRecord(
                time: Self.second * 1_000_000_000 + UInt64(number), length: UInt32(Self.frame.count), port: UInt8(number % 2),
                decision: Decision(byPolicy: .drop))
            record.isOutbound = number == 1
            Self.frame.withUnsafeBytes { file.write($0, record) }
        }
        file.finish()
        #expect(file.unwritten == 0)
        let isPcap = name.hasSuffix(".pcap")
        let (frames, fault) = try Self.read(folder.bytes(of: name))
        #expect(fault == nil)
        #expect(
            frames
                == (isPcap
                    ? (0..<3).map { "\($0) - unknown 46/46" }
                    : ["0 eth1 inbound 46/46", "1 eth2 outbound 46/46", "2 eth1 inbound 46/46"]))
    }
}
