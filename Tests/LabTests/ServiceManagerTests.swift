import Foundation
import Glibc
import Testing

extension LabTests {
    /// What a run tells a service manager, which here is a socket of the test's.
    @Suite("Service manager", .needsWeir)
    struct ServiceManagerTests {
        private static let hold = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Support/hold.py")

        private final class Manager {
            let number: Int32
            let path: String
            private(set) var heard: [String] = []

            init(_ lab: Lab) {
                path = lab.directory.appending(path: "notify").path
                number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
                withUnsafePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
                }
            }

            deinit { close(number) }

            func listen() {
                var bytes = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = recv(number, &bytes, bytes.count, 0)
                    guard count > 0 else { return }
                    heard += String(decoding: bytes[..<count], as: UTF8.self).lines
                }
            }

            func hears(_ text: String, within limit: Duration = .seconds(10)) -> Bool {
                eventually(within: limit, every: .milliseconds(50)) {
                    listen()
                    return heard.contains { $0.hasPrefix(text) }
                }
            }

            func forget() {
                listen()
                heard = []
            }
        }

        private func start(_ lab: Lab, _ manager: Manager, _ rules: URL) throws -> Background {
            try lab.start(
                in: .fw,
                [
                    Weir.binary, "run", "--ports", "\(Lab.ports.near),\(Lab.ports.far)", "--rules", rules.path, "--workers", "2",
                    "--state-directory", lab.directory.appending(path: "state").path, "--control", lab.directory.appending(path: "s").path,
                ], environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "3000000"])
        }

        @Test("ready when frames pass and not before, each reload, a line about the run, the end")
        func messages() throws {
            let lab = try Lab(bare: true)
            let manager = Manager(lab)
            let rules = try lab.write(Weir.passAll, to: "rules.nft")
            try lab.require(in: .far, "ip link set far0 down")
            let run = try start(lab, manager, rules)
            defer { run.end() }
            #expect(manager.hears("STATUS=waiting for the ports"))
            sleep(for: .seconds(1))
            manager.listen()
            #expect(!manager.heard.contains("READY=1"))
            try lab.require(in: .far, "ip link set far0 up")
            #expect(manager.hears("READY=1"))
            #expect(manager.hears("STATUS=forwarding, ", within: .seconds(15)))
            manager.forget()
            try Weir.chain(["drop"]).write(to: rules, atomically: true, encoding: .utf8)
            try Command.require([Weir.binary, "reload", "--run", lab.directory.appending(path: "s").path])
            manager.listen()
            #expect(
                manager.heard.filter { !$0.hasPrefix("STATUS") && $0 != "WATCHDOG=1" && !$0.hasPrefix("MONO") } == [
                    "RELOADING=1", "READY=1",
                ])
            run.signal(SIGTERM)
            #expect(manager.hears("STOPPING=1") && run.wait(limit: .seconds(10)) == 0)
        }

        @Test("the watchdog is fed while workers have nothing to do, and not while one is stuck")
        func watchdog() throws {
            let lab = try Lab(bare: true)
            let manager = Manager(lab)
            let run = try start(lab, manager, lab.write(Weir.passAll, to: "rules.nft"))
            defer { run.end() }
            #expect(manager.hears("READY=1"))
            for _ in 0..<3 {
                manager.forget()
                #expect(manager.hears("WATCHDOG=1", within: .seconds(3)))
            }
            let tasks = "/proc/\(run.process.processIdentifier)/task"
            let worker = try #require(
                FileManager.default.contentsOfDirectory(atPath: tasks).first {
                    (try? String(contentsOfFile: "\(tasks)/\($0)/comm", encoding: .utf8)) == "weir-worker-1\n"
                })
            let holder = try lab.start(in: .fw, ["/usr/bin/python3", Self.hold.path, worker, "6"])
            #expect(eventually(within: .seconds(5)) { run.errorText.contains("a worker does not move") })
            manager.forget()
            #expect(!manager.hears("WATCHDOG=1", within: .seconds(3)))
            holder.end()
            #expect(manager.hears("WATCHDOG=1", within: .seconds(5)))
            #expect(run.errorText.contains("all workers move again"))
        }
    }
}
