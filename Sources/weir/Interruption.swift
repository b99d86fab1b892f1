import Glibc
import Synchronization

/// SIGINT and SIGTERM as something to be asked for, for commands that end with what they have so far. The second one ends the process
/// as ever.
enum Interruption {
    private static let hasCome = Atomic<Bool>(false)

    static var isHere: Bool { hasCome.load(ordering: .relaxed) }

    /// From here on. A system call that waits is broken off.
    static func listen() {
        // Made before a signal handler needs it.
        hasCome.store(false, ordering: .relaxed)
        // The process that started us may have kept them from us.
        var numbers = sigset_t()
        sigemptyset(&numbers)
        for number in [SIGINT, SIGTERM] {
            sigaddset(&numbers, number)
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in Interruption.hasCome.store(true, ordering: .relaxed) }
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
            sigaction(number, &action, nil)
        }
        pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
    }
}
