import Glibc
import PacketIO
import Synchronization

/// A folder of files that only this process writes and the control socket's group may read. All names are looked up in the folder that was
/// opened, no link is followed, and a file is there whole or not at all.
final class ArchiveFolder: Sendable {
    let path: String
    private let group: UInt32?
    /// Negative as long as there is no folder: the first file makes it, so that a start that is refused leaves nothing.
    private let opened: Mutex<Int32>

    /// - Parameter group: Who may read; nil for the process's.
    init(_ path: String, group: UInt32?) throws(SystemCallError) {
        self.path = path
        self.group = group
        let number = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        // Without the folder around it the start is refused, in words of its own.
        if number < 0, errno != ENOENT, !Self.isBelowFile(path) { throw SystemCallError(call: "open \(path)", code: errno) }
        if number >= 0 { try Self.expectOwn(number, path) }
        opened = Mutex(number)
    }

    deinit {
        let number = opened.withLock { $0 }
        if number >= 0 { close(number) }
    }

    private var descriptor: Int32 { opened.withLock { $0 } }

    /// True if what should be the folder around it is none.
    private static func isBelowFile(_ path: String) -> Bool {
        let code = errno
        defer { errno = code }
        var status = stat()
        return code == ENOTDIR && lstat(path, &status) != 0
    }

    private static func expectOwn(_ number: Int32, _ path: String) throws(SystemCallError) {
        var status = stat()
        let fault: SystemCallError
        if fstat(number, &status) != 0 {
            fault = SystemCallError(call: "stat \(path)", code: errno)
        } else if status.st_uid == geteuid() || status.st_uid == 0, status.st_mode & 0o022 == 0 {
            return
        } else {
            fault = SystemCallError(call: "\(path), in which others could write", code: EPERM)
        }
        close(number)
        throw fault
    }

    /// Makes the folder if need be.
    private func descriptorForWriting() throws(SystemCallError) -> Int32 {
        let known = descriptor
        guard known < 0 else { return known }
        let isMade = mkdir(path, 0o750) == 0
        let number = try systemCall("open \(path)") { open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) }
        if isMade {
            do throws(SystemCallError) {
                if let group { try systemCall("chown \(path)") { fchown(number, .max, group) } }
                try systemCall("chmod \(path)") { fchmod(number, 0o750) }
            } catch {
                close(number)
                throw error
            }
        }
        try Self.expectOwn(number, path)
        opened.withLock { $0 = number }
        return number
    }

    /// nil if there is no such file, or it is no file of this user's or root's, or longer than that.
    func read(_ name: String, limit: Int) -> [UInt8]? {
        let file = openat(descriptor, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid() || status.st_uid == 0,
            status.st_size <= limit
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let part = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(file, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            }
            if part < 0, errno == EINTR { continue }
            guard part > 0 else { return nil }
            count += part
        }
        return bytes
    }

    /// Writes a file in the place of what was there.
    func write(_ name: String, _ bytes: [UInt8]) throws(SystemCallError) {
        let descriptor = try descriptorForWriting()
        let draft = name + ".new"
        unlinkat(descriptor, draft, 0)
        let file = try systemCall("open \(path)/\(draft)") {
            openat(descriptor, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        }
        defer { close(file) }
        do throws(SystemCallError) {
            if let group { try systemCall("chown \(path)/\(draft)") { fchown(file, .max, group) } }
            try systemCall("chmod \(path)/\(draft)") { fchmod(file, 0o640) }
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = try systemCall("write \(path)/\(draft)") { () -> Int in
                    rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
                }
                rest = rest.dropFirst(count)
            }
            // A start of the machine must not find half of it.
            try systemCall("fsync \(path)/\(draft)") { fsync(file) }
            try systemCall("rename \(path)/\(name)") { renameat(descriptor, draft, descriptor, name) }
            try systemCall("fsync \(path)") { fsync(descriptor) }
        } catch {
            unlinkat(descriptor, draft, 0)
            throw error
        }
    }

    func remove(_ name: String) { unlinkat(descriptor, name, 0) }

    /// Names of all that is there.
    var names: [String] {
        // A descriptor of its own, since the place in the folder goes with it.
        let own = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard own >= 0 else { return [] }
        guard let stream = fdopendir(own) else {
            close(own)
            return []
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names.filter { $0 != "." && $0 != ".." }
    }

    /// Bytes of a file; 0 if there is none.
    func size(_ name: String) -> Int {
        var status = stat()
        return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? Int(status.st_size) : 0
    }
}
