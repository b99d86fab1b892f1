import Capture
import Decisions
import Foundation
import Glibc

/// A folder for one test's files, removed with it.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("weir-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    subscript(name: String) -> String { path + "/" + name }

    /// Its files' names, sorted.
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }

    func bytes(of name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: self[name]))) }
}

/// A capture whose writer runs on a thread of its own.
final class RunningCapture {
    let capture: DropCapture
    private let writer: Thread

    init(_ capture: DropCapture) {
        self.capture = capture
        writer = Thread { capture.run() }
        writer.start()
    }

    /// Offers a frame, waiting for room; its time is its number in nanoseconds behind the first second.
    func offer(_ number: Int, _ frame: [UInt8], secondsLater: Int = 0, generation: UInt32 = 0) {
        let record = CaptureRecord(
            time: 1_700_000_000_000_000_000 + UInt64(secondsLater) * 1_000_000_000 + UInt64(number), length: UInt32(frame.count),
            port: UInt8(number % 2),
            decision: Decision(verdict: .drop, reason: .rule, rule: RuleIndex(number % 3), generation: generation))
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        _ = frame.withUnsafeBytes { capture.queues[0].offer(record, ($0, none, none)) }
        capture.wake()
    }

    /// Waits until everything that was offered has been dealt with.
    func settle() {
        for _ in 0..<5000 where !capture.queues[0].isEmpty { usleep(1000) }
        // The last frame is taken before it is written.
        usleep(20_000)
    }

    /// Ends the writer; false if it doesn't end within the limit.
    @discardableResult
    func finish(seconds: Int = 5) -> Bool {
        capture.finish()
        for _ in 0..<seconds * 1000 where !writer.isFinished { usleep(1000) }
        return writer.isFinished
    }
}

extension CaptureReader {
    /// Reads bytes that come at most `part` at a time.
    init(of bytes: [UInt8], part: Int = .max, path: String = "capture") throws(CaptureFault) {
        var rest = bytes[...]
        try self.init(path: path) { buffer in
            let next = rest.prefix(min(buffer.count, part))
            buffer.copyBytes(from: next)
            rest = rest.dropFirst(next.count)
            return next.count
        }
    }
}
