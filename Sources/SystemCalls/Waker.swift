import CLinux
import Glibc

/// Wakes a thread that sleeps in `poll` (eventfd(2)). Any thread may use it.
public final class Waker: Sendable {
    private let descriptor: Descriptor

    /// Makes one that nobody has called on yet.
    public init() throws(SystemCallError) {
        let number = try systemCall("eventfd") { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) }
        descriptor = Descriptor(owning: number)
    }

    /// To be polled for `POLLIN`.
    public var number: Int32 { descriptor.number }

    /// Wakes the sleeper; never blocks. Without a sleeper, the next one wakes at once.
    public func wake() {
        eventfd_write(descriptor.number, 1)
    }

    /// Sleeps until somebody calls `wake`, or has called it since the last time.
    /// - Parameter milliseconds: Returns after that time in any case; -1 waits without a limit.
    public func wait(_ milliseconds: Int32 = -1) {
        var polled = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        if poll(&polled, 1, milliseconds) > 0 { clear() }
    }

    /// Forgets all calls of `wake` so far.
    public func clear() {
        var count: eventfd_t = 0
        eventfd_read(descriptor.number, &count)
    }
}
