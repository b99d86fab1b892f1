import Synchronization

/// What the port thread says of itself, for those who are asked: it is the only one that knows its ports.
final class RunBoard: Sendable {
    struct Notes: Sendable {
        var ports: [PortState] = []
        /// Frames can pass: both ports are there, and have their sockets.
        var isForwarding = false
        /// What is wrong now, a sentence each.
        var warnings: [String] = []
    }

    private let notes = Mutex(Notes())

    var current: Notes { notes.withLock { $0 } }

    /// Only on the port thread, which holds the lock for the copy of a few words.
    func put(_ notes: Notes) {
        // Freed after the lock is let go.
        let old = self.notes.withLock { current in
            let old = current
            current = notes
            return old
        }
        withExtendedLifetime(old) {}
    }
}
