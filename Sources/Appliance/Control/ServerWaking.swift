import Control
import Synchronization

/// The way from other threads to the server, which is made after those who use it.
final class ServerWaking: Sendable {
    private let server = Mutex<ControlServer?>(nil)

    func use(_ server: ControlServer) { self.server.withLock { $0 = server } }

    func wake() { server.withLock { $0 }?.wake() }
}
