import Capture
import Decisions
import Foundation
import Testing

@Suite struct DropCaptureTests {
    private static func temporaryPath() -> String {
        FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString).pcap").path
    }

    /// Offers frames by several workers' queues from as many threads while the writer runs, ends, and returns the file.
    private static func capture(_ frames: [[UInt8]], workers: Int, partialChecksum: PartialChecksum? = nil) throws -> (
        bytes: [UInt8], capture: DropCapture
    ) {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let capture = try DropCapture(path: path, workers: workers)
        let writer = Thread { capture.run() }
        writer.start()
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            for (number, frame) in frames.enumerated() where number % workers == worker {
                let record = CaptureRecord(
                    time: 1_700_000_000_000_000_000 + UInt64(number), length: UInt32(frame.count), partialChecksum: partialChecksum,
                    port: 0, decision: Decision(byPolicy: .drop))
                let none = UnsafeRawBufferPointer(start: nil, count: 0)
                _ = frame.withUnsafeBytes { capture.queues[worker].offer(record, ($0, none, none)) }
                capture.wake()
            }
        }
        capture.finish()
        while !writer.isFinished { usleep(1000) }
        return ([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))), capture)
    }

    /// A pcap's records: pcap-savefile(5), little-endian here as on every machine that Weir runs on.
    private static func records(_ bytes: [UInt8]) -> [(time: UInt64, frame: [UInt8])] {
        func word(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) } }
        var found: [(time: UInt64, frame: [UInt8])] = []
        var next = 24
        while next + 16 <= bytes.count {
            let length = word(next + 8)
            found.append((UInt64(word(next)) * 1_000_000_000 + UInt64(word(next + 4)), Array(bytes[next + 16..<next + 16 + length])))
            next += 16 + length
        }
        #expect(next == bytes.count)
        return found
    }

    @Test(arguments: [1, 3])
    func writesEachFrameOnce(_ workers: Int) throws {
        let frames = (0..<2000).map { number in (0..<(60 + number % 1500)).map { UInt8(truncatingIfNeeded: $0 &+ number) } }
        let (bytes, capture) = try Self.capture(frames, workers: workers)
        // Nanoseconds, Ethernet.
        #expect(bytes.prefix(4) == [0x4d, 0x3c, 0xb2, 0xa1])
        #expect(bytes[20] == 1)
        let records = Self.records(bytes)
        #expect(records.count == Int(capture.written))
        #expect(records.count + Int(capture.lost) == frames.count)
        #expect(Set(records.map(\.time)).count == records.count)
        for record in records {
            #expect(record.frame == frames[Int(record.time - 1_700_000_000_000_000_000)])
        }
    }

    /// A UDP checksum that the hardware should have finished is finished in the file (RFC 768, RFC 1071).
    @Test func completesAPartialChecksum() throws {
        // 10.0.0.1 > 10.0.0.2 UDP 1 > 2, 4 bytes of payload; in the checksum's place the pseudo header's sum.
        var frame: [UInt8] = [UInt8](repeating: 2, count: 12) + [0x08, 0x00]
        frame += [0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
        let pseudo = 0x0a00 + 0x0001 + 0x0a00 + 0x0002 + 17 + 12
        frame += [0, 1, 0, 2, 0, 12, UInt8(pseudo >> 8), UInt8(pseudo & 255), 0xde, 0xad, 0xbe, 0xef]
        let (bytes, _) = try Self.capture([frame], workers: 1, partialChecksum: PartialChecksum(start: 34, offset: 6))
        let written = try #require(Self.records(bytes).first).frame
        // All words of pseudo header and datagram add up to ffff.
        var sum = pseudo
        for place in stride(from: 34, to: 46, by: 2) { sum += Int(written[place]) << 8 | Int(written[place + 1]) }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        #expect(sum == 0xffff)
        #expect(written[..<40].elementsEqual(frame[..<40]))
    }

    @Test func leavesALyingChecksumOffsetAlone() throws {
        let frame = [UInt8](repeating: 7, count: 60)
        let (bytes, _) = try Self.capture([frame], workers: 1, partialChecksum: PartialChecksum(start: 59, offset: 6))
        #expect(Self.records(bytes).map(\.frame) == [frame])
    }

    @Test(arguments: ["/nonexistent/drops.pcap", "/"])
    func saysWhyAFileCanNotBeOpened(_ path: String) {
        let error = #expect(throws: CaptureError.self) { try DropCapture(path: path, workers: 1) }
        #expect(error?.description.contains(path) == true)
    }

    @Test func aFullDiskCostsCapturesOnly() throws {
        let capture = try DropCapture(path: "/dev/full", workers: 1)
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        for number in 0..<10 {
            let frame = [UInt8](repeating: 1, count: 60)
            let record = CaptureRecord(time: UInt64(number), length: 60, partialChecksum: nil, port: 0, decision: Decision(byPolicy: .drop))
            #expect(frame.withUnsafeBytes { capture.queues[0].offer(record, ($0, none, none)) })
        }
        capture.finish()
        capture.run()
        #expect(capture.written == 0)
        #expect(capture.lost == 10)
        #expect(capture.fails)
    }
}
