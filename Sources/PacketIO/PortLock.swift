import CLinux
import Glibc

/// Keeps two runs off one interface: an abstract Unix socket whose name holds the index (unix(7)). Such names belong to the network
/// namespace, as interfaces do, whatever folders and processes its users share; the kernel frees it when the process ends, however
/// it ends.
public struct PortLock: ~Copyable, Sendable {
    /// Who has it.
    public struct Holder: Sendable, Equatable {
        /// 0 if it is not known, or runs in another process namespace.
        public var process: Int32
        public var user: UInt32

        public init(process: Int32, user: UInt32) {
            self.process = process
            self.user = user
        }

        /// A name in an abstract namespace is anybody's for the taking. Somebody who is neither root nor this user is no other Weir.
        public var mayBeWeir: Bool { user == 0 || user == geteuid() }
    }

    private let descriptor: Descriptor
    /// The interface.
    public let index: Int32

    /// Why it is not to be had.
    public enum Refusal: Error, Sendable, Equatable {
        case held(Holder)
        case failed(SystemCallError)
    }

    public init(index: Int32) throws(Refusal) {
        descriptor = try Self.claim(index)
        self.index = index
    }

    private static func claim(_ index: Int32) throws(Refusal) -> Descriptor {
        let socket: Descriptor
        do { socket = try self.socket() } catch { throw .failed(error) }
        let number = socket.number
        guard withAddress(index, { bind(number, $0, $1) }) == 0 else {
            let code = errno
            guard code == EADDRINUSE else { throw .failed(SystemCallError(call: "bind @\(name(index))", code: code)) }
            throw .held(holder(of: index))
        }
        // So that others can ask who it is.
        guard listen(number, 64) == 0 else { throw .failed(SystemCallError(call: "listen @\(name(index))", code: errno)) }
        return socket
    }

    private static func socket() throws(SystemCallError) -> Descriptor {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        return Descriptor(owning: try systemCall("socket AF_UNIX") { Glibc.socket(AF_UNIX, kind, 0) })
    }

    private static func holder(of index: Int32) -> Holder {
        // struct ucred (unix(7)), which needs _GNU_SOURCE.
        var credentials: (process: Int32, user: UInt32, group: UInt32) = (0, 0, 0)
        var length = socklen_t(12)
        guard let socket = try? socket(), withAddress(index, { connect(socket.number, $0, $1) }) == 0,
            getsockopt(socket.number, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0
        else { return Holder(process: 0, user: 0) }
        return Holder(process: credentials.process, user: credentials.user)
    }

    /// Whether some process has the lock of an interface, and which, 0 if it can't be seen. Nobody is asked, so nobody notices.
    public static func isHeld(_ index: Int32) -> (Bool, process: Int32) {
        // Num RefCount Protocol Flags Type St Inode Path; an abstract name begins with @ there.
        // /proc/net would be the process's own, and the calling thread may be elsewhere.
        let line = ProcFile.lines("/proc/thread-self/net/unix").first { $0.hasSuffix(" @\(name(index))") }
        guard let line else { return (false, 0) }
        let fields = line.split(separator: " ")
        guard fields.count >= 8, let inode = UInt64(fields[6]) else { return (true, 0) }
        return (true, OtherProcess.all().first { $0.sockets.contains(inode) }?.id ?? 0)
    }

    private static func name(_ index: Int32) -> String { "weir/port/\(index)" }

    private static func withAddress(_ index: Int32, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = [UInt8](name(index).utf8)
        // The name begins after a zero byte and ends where the length says.
        withUnsafeMutableBytes(of: &address.sun_path) { $0[1...].copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.count)
        return withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) } }
    }
}
