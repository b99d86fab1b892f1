import Glibc

/// Waits for descriptors on one thread, and calls the handler of each that has something to say.
///
/// Everything happens on the thread that calls `run`, handlers included, so none of them may block.
public final class EventLoop {
    /// What to wait for, as poll(2) says it.
    public struct Events: OptionSet, Sendable {
        public let rawValue: Int16
        public static let readable = Events(rawValue: Int16(POLLIN))
        public static let writable = Events(rawValue: Int16(POLLOUT))

        public init(rawValue: Int16) {
            self.rawValue = rawValue
        }
    }

    private struct Source {
        /// The kernel gives numbers of closed descriptors to new ones; this number is never used again.
        var identity: UInt64
        var descriptor: Int32
        var events: Events
        var handler: () -> Void
    }

    private var sources: [Source] = []
    private var added: UInt64 = 0
    private var isOver = false

    public init() {}

    /// Calls `handler` whenever the descriptor is ready, or has an error or a hang-up. The descriptor must stay open until `remove`.
    public func add(_ descriptor: Int32, for events: Events = .readable, _ handler: @escaping () -> Void) {
        added += 1
        sources.append(Source(identity: added, descriptor: descriptor, events: events, handler: handler))
    }

    /// Waits no longer for the descriptor. A handler may do this to its own or to any other.
    public func remove(_ descriptor: Int32) {
        sources.removeAll { $0.descriptor == descriptor }
    }

    /// Makes `run` return after the handler that calls this.
    public func stop() {
        isOver = true
    }

    /// Waits and calls handlers until `stop`.
    public func run() {
        while !isOver {
            let waiting = sources
            var polled = waiting.map { pollfd(fd: $0.descriptor, events: $0.events.rawValue, revents: 0) }
            guard poll(&polled, nfds_t(polled.count), -1) > 0 else { continue }
            for (source, result) in zip(waiting, polled) where result.revents != 0 && !isOver {
                // A handler before this one may have removed it.
                guard sources.contains(where: { $0.identity == source.identity }) else { continue }
                source.handler()
            }
        }
    }
}
