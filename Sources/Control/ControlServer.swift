import CLinux
import Glibc
import Synchronization
public import SystemCalls

/// Serves the control socket, and metrics over HTTP, on the thread that calls `run`.
///
/// It takes no lock that a worker takes, and nothing waits for it. What a client may cost is in `ControlLimits`; one that sends or takes too
/// slowly loses its connection. Why an event loop of our own, and not SwiftNIO: at most 40 descriptors and one thread are all that
/// there is to serve. NIOPosix adds four packages, two minutes to a clean release build on two processors, 4.6 MB to the stripped static binary
/// and 4.2 MB of resident memory; poll(2) takes this file.
public final class ControlServer: Sendable {
    private nonisolated(unsafe) let answering: any ControlAnswering
    private let limits: ControlLimits
    private let waker: Waker
    private let isFinishing = Atomic<Bool>(false)
    private let isWoken = Atomic<Bool>(false)

    /// - Parameter answering: Used only on the thread that calls `run`.
    public init(_ answering: sending any ControlAnswering, limits: ControlLimits = ControlLimits()) throws(SystemCallError) {
        self.answering = answering
        self.limits = limits
        waker = try Waker()
    }

    /// Has all answers that wait looked at. Any thread may call it; it never waits.
    public func wake() {
        isWoken.store(true, ordering: .releasing)
        waker.wake()
    }

    /// Makes `run` return; connections are closed.
    public func finish() {
        isFinishing.store(true, ordering: .releasing)
        waker.wake()
    }

    private static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// The loop: returns after `finish`.
    /// - Parameters:
    ///   - socket: nil where there is none.
    ///   - metrics: nil where nobody asks for metrics.
    public func run(_ socket: ControlSocket?, metrics: MetricsSocket? = nil) {
        var readers: [MetricsClient] = []
        var clients = ClientTable()
        var nextTick = Self.now()
        var hasMore = false
        // Accepting waits a second where the process has no descriptors left.
        var acceptsFrom = nextTick
        while !isFinishing.load(ordering: .acquiring) {
            let now = Self.now()
            if now >= nextTick {
                answering.tick()
                nextTick = now + 1000
            }
            let due = clients.due.map { max($0 - now, 0) } ?? .max
            let timeout = hasMore ? 0 : Int32(clamping: min(max(nextTick - now, 0), due))
            let listener = socket?.number ?? -1
            var polled = [
                pollfd(fd: waker.number, events: Int16(POLLIN), revents: 0),
                pollfd(fd: acceptsFrom <= now ? listener : -1, events: Int16(POLLIN), revents: 0),
            ]
            let metricsListener = acceptsFrom <= now && readers.count < limits.metricsClients ? metrics?.number ?? -1 : -1
            polled.append(pollfd(fd: metricsListener, events: Int16(POLLIN), revents: 0))
            polled += readers.map { pollfd(fd: $0.descriptor.number, events: $0.events, revents: 0) }
            clients.appendPolled(to: &polled, limits)
            guard poll(&polled, nfds_t(polled.count), timeout) >= 0 || errno == EINTR else { continue }
            let then = Self.now()
            if polled[0].revents != 0 { waker.clear() }
            if isWoken.exchange(false, ordering: .acquiring) { clients.hurry() }
            for reader in readers { reader.serve(answering, at: then) }
            hasMore = clients.serve(polled[(3 + readers.count)...], limits, answering, at: then)
            readers.removeAll(where: \.isOver)
            if polled[1].revents != 0, !accept(listener, &clients, at: then) { acceptsFrom = then + 1000 }
            if polled[2].revents != 0, !accept(metricsListener, &readers, at: then) { acceptsFrom = then + 1000 }
        }
        withExtendedLifetime((socket, metrics)) {}
    }

    /// Takes one connection that asks for metrics. Returns false if none can be taken for a while.
    private func accept(_ listener: Int32, _ readers: inout [MetricsClient], at now: Int64) -> Bool {
        let number = weir_accept(listener)
        guard number >= 0 else { return Self.isPassing(errno) }
        readers.append(MetricsClient(Descriptor(owning: number), at: now))
        return true
    }

    /// The next connection may fare better.
    private static func isPassing(_ code: Int32) -> Bool { ![EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(code) }

    /// Takes one connection, or closes it where there are enough. Returns false if none can be taken for a while.
    private func accept(_ listener: Int32, _ clients: inout ClientTable, at now: Int64) -> Bool {
        let number = weir_accept(listener)
        guard number >= 0 else { return Self.isPassing(errno) }
        let descriptor = Descriptor(owning: number)
        guard let peer = try? PeerCredentials(of: number) else { return true }
        guard clients.count < limits.clients - (peer.mayChange ? 0 : limits.reserved) else {
            let fault = "{\"end\":\"failed\",\"code\":\"busy\",\"message\":\"too many connections\",\"version\":\(ControlCall.version)}\n"
            _ = fault.utf8CString.withUnsafeBytes {
                send(number, $0.baseAddress, $0.count - 1, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            return true
        }
        clients.add(ControlClientState(descriptor, peer, at: now))
        return true
    }
}

/// The connections, in the order in which they came.
private struct ClientTable: ~Copyable {
    /// A box for each: an array holds no value that can't be copied.
    private final class Box {
        var client: ControlClientState

        init(_ client: consuming ControlClientState) { self.client = client }
    }

    private var boxes: [Box] = []

    var count: Int { boxes.count }

    /// When the next answer is to be looked at; nil if none waits.
    var due: Int64? { boxes.compactMap { $0.client.due }.min() }

    mutating func add(_ client: consuming ControlClientState) { boxes.append(Box(client)) }

    func appendPolled(to polled: inout [pollfd], _ limits: ControlLimits) {
        for box in boxes { polled.append(pollfd(fd: box.client.descriptor.number, events: box.client.events(limits), revents: 0)) }
    }

    func hurry() { for box in boxes { box.client.hurry() } }

    /// Gives each connection its turn. Returns true if some answer could go on at once.
    /// - Parameter polled: What poll(2) said, in the order of the connections.
    mutating func serve(
        _ polled: ArraySlice<pollfd>, _ limits: ControlLimits, _ answering: any ControlAnswering, at now: Int64
    ) -> Bool {
        var hasMore = false
        for (box, result) in zip(boxes, polled) {
            let hasHungUp = result.revents & Int16(POLLERR | POLLNVAL) != 0 || (result.revents & Int16(POLLHUP) != 0 && result.events == 0)
            if result.revents & Int16(POLLIN | POLLHUP) != 0 { box.client.read(limits, at: now) }
            box.client.begin(limits, answering)
            box.client.pump(limits, at: now)
            box.client.write(at: now)
            // After the write: what was full may have room again, and nothing would announce it.
            hasMore = box.client.isReady(limits, at: now) || hasMore
            box.client.expire(limits, hasHungUp: hasHungUp, at: now)
        }
        boxes.removeAll { $0.client.isOver }
        return hasMore
    }
}
