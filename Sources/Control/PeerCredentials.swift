import CLinux
import Glibc
import SystemCalls

/// Who is at the other end of a Unix socket, as of its connect(2) (SO_PEERCRED, unix(7)).
public struct PeerCredentials: Sendable, Equatable {
    public var process: Int32
    public var user: UInt32
    public var group: UInt32

    public init(process: Int32, user: UInt32, group: UInt32) {
        self.process = process
        self.user = user
        self.group = group
    }

    /// Of a connected socket.
    init(of descriptor: Int32) throws(SystemCallError) {
        var (process, user, group): (Int32, UInt32, UInt32) = (0, 0, 0)
        try systemCall("getsockopt SO_PEERCRED") { weir_peer_credentials(descriptor, &process, &user, &group) }
        self.init(process: process, user: user, group: group)
    }

    /// Root and the user of this process may change things. All others that could connect are of the socket's group, and read.
    public var mayChange: Bool { user == 0 || user == geteuid() }
}
