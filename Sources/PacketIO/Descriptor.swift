import CLinux
import Glibc

/// A file descriptor that is closed with its owner.
public struct Descriptor: ~Copyable, Sendable {
    /// The number; valid as long as the owner lives.
    public let number: Int32

    package init(owning number: Int32) {
        self.number = number
    }

    deinit {
        close(number)
    }
}

/// Memory that is shared with the kernel, unmapped with its owner.
struct Mapping: ~Copyable {
    let base: UnsafeMutableRawPointer
    let count: Int

    /// Maps `count` bytes of the descriptor, present in memory from the start.
    init(_ descriptor: Int32, count: Int) throws(SystemCallError) {
        let address = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0)
        guard let address, address != MAP_FAILED else { throw SystemCallError(call: "mmap of \(count) bytes", code: errno) }
        base = address
        self.count = count
    }

    deinit {
        munmap(base, count)
    }
}

/// Wakes a thread that sleeps in `poll` (eventfd(2)).
public struct Bell: ~Copyable, Sendable {
    let descriptor: Descriptor

    public init() throws(SystemCallError) {
        let number = try systemCall("eventfd") { eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)) }
        descriptor = Descriptor(owning: number)
    }

    /// To be polled for `POLLIN`.
    public var number: Int32 { descriptor.number }

    /// Wakes the sleeper; never blocks.
    public func ring() {
        eventfd_write(descriptor.number, 1)
    }

    /// Sleeps until the bell rings, and makes it silent again.
    /// - Parameter milliseconds: Returns after that time in any case; -1 waits without a limit.
    public func wait(_ milliseconds: Int32 = -1) {
        var polled = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
        if poll(&polled, 1, milliseconds) > 0 { silence() }
    }

    /// Makes the bell silent again.
    public func silence() {
        var count: eventfd_t = 0
        eventfd_read(descriptor.number, &count)
    }
}
