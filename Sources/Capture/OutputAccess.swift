import Glibc

/// An output that was opened with care: a folder that others may write to can hold links and files that they have put there.
struct OutputAccess {
    let descriptor: Int32
    let isRegular: Bool
    /// It was open already, and is no file that this process names.
    let isInherited: Bool
    /// There was no such file, and there is one now.
    let isCreated: Bool
    /// Bytes that a regular file has.
    let size: Int64

    /// Opens what the name means; `-` is standard output, and /dev/fd/N a descriptor that this process was started with.
    ///
    /// - The last part of the name is no symbolic link, and a file has no other names.
    /// - A file or pipe belongs to the user that this process runs as, or to root.
    /// - No other process, and no other output of this one, writes to it (flock(2)).
    init(_ path: String, _ older: OutputFile.Older) throws(CaptureError) {
        func refusal(_ reason: String) -> CaptureError { CaptureError(description: "\(path) can't be opened: \(reason)") }
        let inherited = Self.inheritedDescriptor(path)
        isInherited = inherited != nil
        // Opened without waiting, a named pipe without a reader is an error, and not a start that never ends.
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY
        let mode =
            switch older {
            case .isReplaced: 0 as Int32
            case .isAppendedTo: O_APPEND
            case .isRefused: O_EXCL
            }
        if let inherited {
            descriptor = fcntl(inherited, F_DUPFD_CLOEXEC, 0)
            isCreated = false
        } else if let named = Self.socket(path) {
            // A reader that listens there.
            descriptor = named
            isCreated = false
        } else {
            let new = open(path, flags | mode | O_EXCL, 0o640)
            isCreated = new >= 0
            descriptor = isCreated || errno != EEXIST || older == .isRefused ? new : open(path, flags | mode, 0o640)
        }
        guard descriptor >= 0 else {
            switch errno {
            case ENXIO: throw refusal("nobody reads from this pipe")
            case ECONNREFUSED: throw refusal("nobody listens at this socket")
            case ELOOP: throw refusal("it is a symbolic link, which Weir does not follow; name the file itself")
            case let code: throw refusal(String(cString: strerror(code)))
            }
        }
        var status = stat()
        fstat(descriptor, &status)
        let kind = status.st_mode & S_IFMT
        isRegular = kind == S_IFREG
        size = Int64(status.st_size)
        if kind == S_IFSOCK, !isInherited { lstat(path, &status) }
        if let reason = isInherited ? nil : Self.objection(descriptor, status, kind) {
            close(descriptor)
            throw refusal(reason)
        }
    }

    /// A connection to the Unix socket of that name, which does not wait; a negative number and `errno` if nobody listens, nil for a name that
    /// means something else.
    private static func socket(_ path: String) -> Int32? {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            errno = ENAMETOOLONG
            return -1
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = Glibc.socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return -1 }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) }
        }
        guard result != 0 else { return descriptor }
        let code = errno
        close(descriptor)
        errno = code
        return -1
    }

    /// Why this file must not be written to.
    private static func objection(_ descriptor: Int32, _ status: stat, _ kind: mode_t) -> String? {
        guard kind == S_IFREG || kind == S_IFIFO || kind == S_IFSOCK else { return nil }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            return "it belongs to user \(status.st_uid), who could read or change what Weir writes; remove it, or change its owner"
        }
        guard kind == S_IFREG else { return nil }
        guard status.st_nlink <= 1 else { return "it has \(status.st_nlink) names (hard links), and would change under all of them" }
        // A file system without locks has none to offer.
        guard flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK else { return nil }
        return "another process, or another option, writes to it"
    }

    /// True if another process, or another output of this one, writes to the file.
    static func isLocked(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// The number of the descriptor that the name stands for.
    private static func inheritedDescriptor(_ path: String) -> Int32? {
        switch path {
        case "-", "/dev/stdout": return STDOUT_FILENO
        case "/dev/stderr": return STDERR_FILENO
        default:
            let prefix = ["/dev/fd/", "/proc/self/fd/"].first { path.hasPrefix($0) }
            return prefix.flatMap { Int32(path.dropFirst($0.count)) }
        }
    }
}
