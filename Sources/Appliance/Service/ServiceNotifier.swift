import CLinux
import Glibc
import PacketIO
import Synchronization

/// Tells the service manager how the run fares, by datagrams to the socket in `NOTIFY_SOCKET` (sd_notify(3)). Any thread may use it;
/// it never waits, and what can't be sent is forgotten.
package final class ServiceNotifier: Sendable {
    private let descriptor: Descriptor
    /// Nanoseconds after which the manager takes a process that has said nothing for stuck; nil where it does not.
    package let watchdog: UInt64?
    private let isReady = Atomic<Bool>(false)

    /// - Parameters:
    ///   - path: `NOTIFY_SOCKET`; an abstract socket's name begins with @.
    ///   - watchdog: Microseconds, as in `WATCHDOG_USEC`.
    ///   - process: `WATCHDOG_PID`: who the watchdog is for; nil for anyone.
    package init?(_ path: String?, watchdog: String? = nil, process: String? = nil) {
        var address = sockaddr_un()
        // The last byte stays 0, which a file's name needs; an abstract name has no end but its length.
        guard let path, let first = path.first, first == "/" || first == "@",
            path.utf8.count < MemoryLayout.size(ofValue: address.sun_path), path.utf8.count > 1
        else { return nil }
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { return nil }
        descriptor = Descriptor(owning: number)
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            bytes.copyBytes(from: path.utf8)
            if first == "@" { bytes[0] = 0 }
        }
        let length = MemoryLayout<sa_family_t>.size + path.utf8.count + (first == "@" ? 0 : 1)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(number, $0, socklen_t(length)) }
        }
        guard code == 0 else { return nil }
        let isMeant = process.map { Int32($0) == getpid() } ?? true
        self.watchdog = isMeant ? watchdog.flatMap { UInt64($0) }.flatMap { $0 > 0 ? $0 &* 1000 : nil } : nil
    }

    /// By the environment; nil if nobody wants to be told.
    package static func ofEnvironment() -> ServiceNotifier? {
        func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        return ServiceNotifier(value("NOTIFY_SOCKET"), watchdog: value("WATCHDOG_USEC"), process: value("WATCHDOG_PID"))
    }

    /// Frames pass. Said once.
    package func ready(_ status: String) {
        guard !isReady.exchange(true, ordering: .relaxed) else { return }
        send(["READY=1", "STATUS=\(status)"])
    }

    /// New rules are being read.
    package func reloading() {
        guard isReady.load(ordering: .relaxed) else { return }
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        send(["RELOADING=1", "MONOTONIC_USEC=\(time.tv_sec * 1_000_000 + time.tv_nsec / 1000)"])
    }

    /// The reload is over, whatever became of it.
    package func reloaded() {
        guard isReady.load(ordering: .relaxed) else { return }
        send(["READY=1"])
    }

    /// One line for people.
    package func status(_ text: String) { send(["STATUS=\(text)"]) }

    /// The process works.
    package func feedWatchdog() { send(["WATCHDOG=1"]) }

    /// The end has begun.
    package func stopping() { send(["STOPPING=1"]) }

    private func send(_ lines: [String]) {
        let text = Array(lines.map { $0.replacing("\n", with: " ") }.joined(separator: "\n").utf8)
        _ = text.withUnsafeBytes { Glibc.send(descriptor.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)) }
    }
}
