import Control
import Foundation
import Glibc
import Synchronization
import SystemCalls

/// Answers `status` with a line, `rules` with many, and `reload` when it is told to.
final class FakeDesk: ControlAnswering {
    /// Items of the answer to `rules`; each has 100 bytes and more.
    static let items = 50_000

    private final class Waiting: AnswerStream {
        let isOpen: @Sendable () -> Bool
        init(_ isOpen: @escaping @Sendable () -> Bool) { self.isOpen = isOpen }
        func next() -> AnswerStep { isOpen() ? .end : .wait(10_000) }
    }

    let made: @Sendable () -> Void
    let isOpen: @Sendable () -> Bool

    init(made: @escaping @Sendable () -> Void, isOpen: @escaping @Sendable () -> Bool) {
        self.made = made
        self.isOpen = isOpen
    }

    func answer(_ call: ControlCall) -> any AnswerStream {
        switch call.request {
        case is RulesRequest:
            MappedAnswer(Array(0..<Self.items)) { [made] number in
                made()
                return "{\"number\":\(number),\"text\":\"\(String(repeating: "x", count: 100))\"}"
            }
        case is ReloadRequest: Waiting(isOpen)
        default: ReadyAnswer([call.form == .json ? "{\"state\":\"forwarding\"}" : "forwarding\n"])
        }
    }

    func metrics() -> String { "weir_forwarding 1\n" }

    func tick() {}
}

/// A server with a fake desk, on a thread and a socket of its own.
final class TestServer: Sendable {
    let path: String
    let server: ControlServer

    init(_ limits: ControlLimits = ControlLimits()) throws {
        path = temporaryPath()
        let socket = try ControlSocket(path)
        // Both boxes outlive the desk, which is on the server's thread.
        let made = Box()
        let open = Box()
        counts = made
        opens = open
        server = try ControlServer(
            FakeDesk(made: { made.value.wrappingAdd(1, ordering: .relaxed) }, isOpen: { open.value.load(ordering: .relaxed) > 0 }),
            limits: limits)
        Thread { [server, isOver, clock] in
            var own: clockid_t = 0
            pthread_getcpuclockid(pthread_self(), &own)
            clock.value.store(Int(own), ordering: .relaxed)
            server.run(socket)
            isOver.value.store(1, ordering: .releasing)
        }.start()
    }

    final class Box: Sendable { let value = Atomic<Int>(0) }

    private let counts: Box
    private let opens: Box
    private let isOver = Box()
    private let clock = Box()

    /// Milliseconds of a processor that the server's thread has used.
    var used: Int {
        var time = timespec()
        clock_gettime(clockid_t(clock.value.load(ordering: .relaxed)), &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    /// Items that were made for anybody.
    var made: Int { counts.value.load(ordering: .relaxed) }

    /// Ends the wait of `reload`.
    func open() {
        opens.value.store(1, ordering: .relaxed)
        server.wake()
    }

    func stop() {
        server.finish()
        while isOver.value.load(ordering: .acquiring) == 0 { usleep(1000) }
    }
}

func temporaryPath() -> String { NSTemporaryDirectory() + "weir-control-\(UInt32.random(in: .min ... .max)).sock" }

/// A client that can misbehave.
final class RawClient: Sendable {
    let number: Int32

    init(_ path: String) throws {
        number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        if code != 0 { throw SystemCallError(call: "connect", code: errno) }
    }

    deinit { close(number) }

    func send(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func endSending() { shutdown(number, Int32(SHUT_WR)) }

    /// All that comes until the other end closes, or nothing comes for that many milliseconds.
    func readAll(_ patience: Int32 = 5000) -> (text: String, isClosed: Bool) {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            var polled = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            guard poll(&polled, 1, patience) > 0 else { return (String(decoding: bytes, as: UTF8.self), false) }
            let count = recv(number, &part, part.count, 0)
            guard count > 0 else { return (String(decoding: bytes, as: UTF8.self), true) }
            bytes += part[..<count]
        }
    }
}
