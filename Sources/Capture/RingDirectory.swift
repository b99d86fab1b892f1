import Glibc

/// The files of a ring: `drops.pcapng` becomes `drops_20260314T150926.535897Z.pcapng` and so on, in UTC, so that the order of
/// their names is that of time. Files of an earlier run count too, and compressed ones (`drops_20260314T150926.535897Z.pcapng.zst`).
package struct RingDirectory {
    private struct Member {
        var path: String
        var size: UInt64
    }

    private let stem: String
    private let suffix: String
    private let limits: CaptureRing
    /// From the oldest on; the one that is written is not among them.
    private var finished: [Member] = []
    private var latest: UInt64 = 0

    /// Reads the folder; one that can't be read has no files. Throws if another process writes to one of the files: each would delete
    /// those of the other.
    package init(_ path: String, limits: CaptureRing) throws(CaptureError) {
        let nameStart = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let dot = path[nameStart...].lastIndex(of: ".") ?? path.endIndex
        stem = path[..<dot] + "_"
        suffix = String(path[dot...])
        self.limits = limits
        let folder = nameStart == path.startIndex ? "./" : String(path[..<nameStart])
        let prefix = String(path[nameStart..<dot]) + "_"
        guard let directory = opendir(folder) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard name.hasPrefix(prefix) else { continue }
            let rest = name.dropFirst(prefix.count)
            guard Self.isTime(rest.prefix(23)), rest.dropFirst(23).hasPrefix(suffix) else { continue }
            let ending = rest.dropFirst(23 + suffix.count)
            guard ending.isEmpty || ending == FileCompression.suffix || ending == FileCompression.partSuffix else { continue }
            var status = stat()
            let path = stem + rest
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            finished.append(Member(path: path, size: UInt64(max(0, status.st_size))))
        }
        finished.sort { $0.path < $1.path }
        if let member = finished.last(where: { OutputAccess.isLocked($0.path) }) {
            throw CaptureError(description: "\(path) can't be opened: another process, or another option, writes to \(member.path)")
        }
        // Compression that ended before its time; the file that it was of is still there.
        for member in finished where member.path.hasSuffix(FileCompression.partSuffix) { unlink(member.path) }
        finished.removeAll { $0.path.hasSuffix(FileCompression.partSuffix) }
    }

    /// Digits where `20260314T150926.535897Z` has them, and its letters elsewhere.
    private static func isTime(_ text: Substring) -> Bool {
        zip(text.utf8, "00000000T000000.000000Z".utf8).allSatisfy { octet, model in
            model == UInt8(ascii: "0") ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) : octet == model
        }
    }

    /// A new file's name.
    /// - Parameter now: Nanoseconds since the epoch. A clock that stands still or goes back leaves the order as it is.
    package mutating func nextPath(now: UInt64) -> String {
        latest = max(now / 1000, latest + 1)
        var seconds = time_t(latest / 1_000_000)
        var date = tm()
        gmtime_r(&seconds, &date)
        func digits(_ number: Int, _ count: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let day = digits(Int(date.tm_year) + 1900, 4) + digits(Int(date.tm_mon) + 1, 2) + digits(Int(date.tm_mday), 2)
        let time = digits(Int(date.tm_hour), 2) + digits(Int(date.tm_min), 2) + digits(Int(date.tm_sec), 2)
        return stem + day + "T" + time + "." + digits(Int(latest % 1_000_000), 6) + "Z" + suffix
    }

    /// The file that was written is one of the others now.
    mutating func finish(_ path: String, size: UInt64) {
        finished.append(Member(path: path, size: size))
    }

    /// A finished file has become another one; false if it is not among them any more.
    mutating func replace(_ path: String, by new: String, size: UInt64) -> Bool {
        guard let place = finished.firstIndex(where: { $0.path == path }) else { return false }
        finished[place] = Member(path: new, size: size)
        return true
    }

    /// Deletes the oldest files until one of `size` bytes is within the limits with the files that are left.
    mutating func makeRoom(for size: UInt64) {
        var total = finished.reduce(size) { $0 &+ $1.size }
        while let oldest = finished.first, finished.count >= limits.files || total > limits.totalBytes {
            // One that somebody else deleted is gone as well.
            unlink(oldest.path)
            total -= oldest.size
            finished.removeFirst()
        }
    }
}
