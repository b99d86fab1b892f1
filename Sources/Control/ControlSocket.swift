import CLinux
import Glibc
import SystemCalls

/// The listening socket of a run: a file of mode 0660, made at each start.
public final class ControlSocket: Sendable {
    private let descriptor: Descriptor
    private let path: String
    private let identity: FileIdentity

    /// Which file of which device.
    private struct FileIdentity: Equatable {
        var device: UInt64
        var number: UInt64

        /// nil if there is no such file. A symbolic link is not followed.
        init?(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            number = UInt64(status.st_ino)
        }
    }

    /// Bytes of a path with its end (unix(7)).
    private static let pathLimit = MemoryLayout.size(ofValue: sockaddr_un().sun_path)
    private static let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    /// O_PATH (include/uapi/asm-generic/fcntl.h), which Glibc's module has only with _GNU_SOURCE.
    private static let pathOnly: Int32 = 0o10000000
    /// Connections that may wait to be accepted.
    private static let backlog: Int32 = 16

    /// Makes it. The socket of a run that was killed is replaced; that of one that goes on, and anything else of that name, is refused.
    /// - Parameter group: The group that may connect; nil for the group of this process.
    public init(_ path: String, group: UInt32? = nil) throws(ControlFault) {
        guard path.utf8.count < Self.pathLimit else {
            throw ControlFault(.refused, "\(path) is too long for a socket: \(Self.pathLimit - 1) bytes are the most")
        }
        try Self.makeRoom(path)
        self.path = path
        var isBound = false
        do throws(SystemCallError) {
            let number = try systemCall("socket") { socket(AF_UNIX, Self.kind, 0) }
            descriptor = Descriptor(owning: number)
            // The file takes the socket's mode without the bits of the umask: nobody else can connect before the owner is right.
            try systemCall("fchmod") { fchmod(number, 0o600) }
            try systemCall("bind \(path)") { Self.withAddress(of: path) { bind(number, $0, $1) } }
            isBound = true
            if let group { try systemCall("chown \(path)") { lchown(path, .max, group) } }
            try Self.open(path, to: 0o660)
            try systemCall("listen \(path)") { listen(number, Self.backlog) }
        } catch {
            if isBound { unlink(path) }
            throw ControlFault(.refused, "the control socket can't be made: \(error)")
        }
        guard let identity = FileIdentity(path) else { throw ControlFault(.refused, "\(path) went away while it was made") }
        self.identity = identity
    }

    deinit {
        // Another run may have its own there now.
        if FileIdentity(path) == identity { unlink(path) }
    }

    /// To be polled for `POLLIN`.
    public var number: Int32 { descriptor.number }

    /// chmod(2) that follows no link.
    private static func open(_ path: String, to mode: mode_t) throws(SystemCallError) {
        let file = try systemCall("open \(path)") { Glibc.open(path, pathOnly | O_NOFOLLOW | O_CLOEXEC) }
        defer { close(file) }
        try systemCall("chmod \(path)") { chmod("/proc/self/fd/\(file)", mode) }
    }

    /// Removes a socket that nobody listens on.
    private static func makeRoom(_ path: String) throws(ControlFault) {
        // Opened as what it is, so that nothing else can stand there when it is looked at.
        let file = Glibc.open(path, pathOnly | O_NOFOLLOW | O_CLOEXEC)
        if file < 0 {
            if errno == ENOENT { return }
            throw ControlFault(.refused, "the control socket can't be made: \(path): \(SystemCallError.name(of: errno))")
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
            throw ControlFault(.refused, "\(path) is there and is no socket; remove it, or name another with --control")
        }
        switch connection(to: "/proc/self/fd/\(file)") {
        case ECONNREFUSED:
            guard unlink(path) == 0 || errno == ENOENT else {
                throw ControlFault(.refused, "\(path), left by a run that was killed, can't be removed: \(SystemCallError.name(of: errno))")
            }
        case ENOENT: return
        case 0, EAGAIN: throw ControlFault(.refused, "another process listens on \(path); name another socket with --control")
        case let code: throw ControlFault(.refused, "\(path) is in use or can't be used: \(SystemCallError.name(of: code))")
        }
    }

    /// True if a run that was killed has left it: a socket on which nobody listens. Where too many wait, the kernel says EAGAIN.
    public static func isAbandoned(_ path: String) -> Bool {
        var status = stat()
        return path.utf8.count < pathLimit && lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
            && connection(to: path) == ECONNREFUSED
    }

    /// Removes one that a run which was killed has left, under whatever name. A young one stays: its run may be about to listen.
    public static func removeAbandoned(_ path: String, after seconds: Int = 10) -> Bool {
        guard isAbandoned(path) else { return false }
        var status = stat()
        // After the refusal: what has taken its place meanwhile is young.
        guard lstat(path, &status) == 0, time(nil) - status.st_ctim.tv_sec >= seconds else { return false }
        return unlink(path) == 0
    }

    /// The error number of connecting; 0 if somebody listens.
    private static func connection(to path: String) -> Int32 {
        let number = socket(AF_UNIX, Self.kind, 0)
        guard number >= 0 else { return errno }
        defer { close(number) }
        return withAddress(of: path) { connect(number, $0, $1) } == 0 ? 0 : errno
    }

    /// - Parameter path: Shorter than the limit.
    static func withAddress<Result>(of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(pathLimit - 1)) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }
}
