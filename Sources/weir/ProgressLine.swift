import Glibc

/// How far a long job has come, on a terminal: one line that is written over.
struct ProgressLine {
    /// Nanoseconds between two lines.
    private static let interval: UInt64 = 250_000_000

    private let isWanted: Bool
    private let totalBytes: UInt64?
    private var bytesBefore: UInt64 = 0
    private let start: UInt64
    private var last: UInt64
    private var isShown = false

    /// - Parameters:
    ///   - files: Whose sizes make the total, if all have one.
    ///   - isWanted: Standard error need be a terminal as well.
    init(files: [String], isWanted: Bool) {
        self.isWanted = isWanted && isatty(STDERR_FILENO) == 1
        totalBytes = files.reduce(0 as UInt64?) { total, path in
            var status = stat()
            guard let total, path != "-", stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            return total + UInt64(max(0, status.st_size))
        }
        start = Self.now()
        last = start
    }

    /// - Parameters:
    ///   - bytes: The size of the file that is read.
    ///   - frames: The number of all frames.
    mutating func show(bytes: UInt64, frames: UInt64) {
        guard isWanted else { return }
        let now = Self.now()
        guard now - last >= Self.interval else { return }
        last = now
        isShown = true
        let done = bytesBefore + bytes
        let share = totalBytes.map { " of \($0 >> 20) MiB (\($0 == 0 ? 100 : done * 100 / $0) %)" } ?? " MiB"
        let rate = UInt64(Double(frames) / (Double(now - start) / 1e9))
        FileHandleOutput.standardError.write("\r\(done >> 20)\(share), \(frames) frames, \(rate) a second\u{1b}[K")
    }

    /// Goes on to the next file.
    mutating func finishFile(_ path: String) {
        var status = stat()
        if path != "-", stat(path, &status) == 0 { bytesBefore += UInt64(max(0, status.st_size)) }
    }

    /// Empties the line.
    mutating func clear() {
        if isShown { FileHandleOutput.standardError.write("\r\u{1b}[K") }
        isShown = false
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(truncatingIfNeeded: time.tv_sec) &* 1_000_000_000 &+ UInt64(truncatingIfNeeded: time.tv_nsec)
    }
}
