import Appliance
import Foundation
import Glibc
import Testing

/// What a service manager would hear (sd_notify(3)).
@Suite struct ServiceNotifierTests {
    /// A socket in the manager's place.
    private final class Manager {
        let number: Int32
        let name: String

        /// - Parameter isAbstract: Without a file; the name then begins with @.
        init(isAbstract: Bool) {
            name =
                isAbstract
                ? "@weir-\(UInt64.random(in: .min ... .max))" : NSTemporaryDirectory() + "weir-\(UInt32.random(in: .min ... .max))"
            number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { bytes in
                bytes.copyBytes(from: name.utf8)
                if isAbstract { bytes[0] = 0 }
            }
            let length = MemoryLayout<sa_family_t>.size + name.utf8.count + (isAbstract ? 0 : 1)
            let code = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, socklen_t(length)) }
            }
            #expect(code == 0)
        }

        deinit {
            close(number)
            if name.hasPrefix("/") { unlink(name) }
        }

        /// The datagrams so far.
        func heard() -> [String] {
            var texts: [String] = []
            var bytes = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(number, &bytes, bytes.count, 0)
                guard count > 0 else { return texts }
                texts.append(String(decoding: bytes[..<count], as: UTF8.self))
            }
        }
    }

    @Test("ready once, reloads only then, and lines stay lines", arguments: [false, true])
    func messages(isAbstract: Bool) throws {
        let manager = Manager(isAbstract: isAbstract)
        let notifier = try #require(ServiceNotifier(manager.name))
        notifier.reloading()
        notifier.reloaded()
        #expect(manager.heard().isEmpty)
        notifier.ready("forwarding")
        notifier.ready("forwarding")
        #expect(manager.heard() == ["READY=1\nSTATUS=forwarding"])
        notifier.reloading()
        notifier.reloaded()
        notifier.status("a\nREADY=0")
        notifier.feedWatchdog()
        notifier.stopping()
        let heard = manager.heard()
        #expect(heard.count == 5)
        #expect(heard.first?.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=[0-9]+/) != nil, "\(heard)")
        #expect(Array(heard.dropFirst()) == ["READY=1", "STATUS=a READY=0", "WATCHDOG=1", "STOPPING=1"])
    }

    @Test("a manager that doesn't read, or is gone, holds nobody up")
    func deaf() throws {
        var manager: Manager? = Manager(isAbstract: true)
        let notifier = try #require(ServiceNotifier(manager?.name))
        let start = ContinuousClock.now
        for number in 0..<20_000 { notifier.status("\(number)") }
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(manager?.heard().isEmpty == false)
        manager = nil
        notifier.status("nobody hears")
    }

    @Test(
        "names that are no socket's",
        arguments: [nil, "", "@", "run/x", "vsock:2:1", "/none/there", "/" + String(repeating: "x", count: 200)])
    func wrongNames(_ name: String?) { #expect(ServiceNotifier(name) == nil) }

    @Test(
        "the watchdog is for the process that it names",
        arguments: [("3000000", nil, 3_000_000_000), ("0", nil, nil), ("x", nil, nil), ("3000000", "1", nil), (nil, nil, nil)]
            as [(String?, String?, UInt64?)])
    func watchdog(_ time: String?, _ process: String?, _ expected: UInt64?) throws {
        let manager = Manager(isAbstract: true)
        #expect(try #require(ServiceNotifier(manager.name, watchdog: time, process: process)).watchdog == expected)
    }

    @Test("a worker that makes no turn between two looks is stuck, unless it has no thread")
    func health() {
        var health = WorkerHealth()
        let looks: [([UInt64]?, Bool)] = [
            ([5, 0], true), ([6, 1], true), ([7, 1], false), ([8, 1], false), ([9, 2], true), (nil, true), ([9, 2], true), ([9, 2], false),
        ]
        for (index, (turns, expected)) in looks.enumerated() { #expect(health.look(turns) == expected, "look \(index)") }
    }
}
