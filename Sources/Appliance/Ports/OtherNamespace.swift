import CLinux
import Glibc
import PacketIO
import Synchronization

/// Another network namespace of this machine, which a thread can enter. Needs CAP_SYS_ADMIN.
struct OtherNamespace: Sendable {
    /// A file that stands for it, as /run/netns/NAME.
    let path: String
    /// Its name as links under /proc/PID/ns and mounts have it, as `net:[4026531840]`: the number is the file's inode.
    let identity: String

    /// Namespaces that a file or a process seen from here stands for: mounts of this mount namespace, then processes.
    static func all() -> [OtherNamespace] {
        var known: Set<String> = []
        if let own = ProcFile.target("/proc/thread-self/ns/net") { known.insert(own) }
        var found: [OtherNamespace] = []
        // proc_pid_mountinfo(5): the fourth field is `net:[N]` then, the fifth the place, with blanks as \040.
        for line in ProcFile.lines("/proc/thread-self/mountinfo") where line.contains(" - nsfs ") {
            let fields = line.split(separator: " ")
            guard fields.count > 4, fields[3].hasPrefix("net:["), !known.contains(String(fields[3])) else { continue }
            let namespace = OtherNamespace(path: String(fields[4]).replacing("\\040", with: " "), identity: String(fields[3]))
            // Another mount may hide this one; a process may lead there all the same.
            guard namespace.isThere else { continue }
            known.insert(namespace.identity)
            found.append(namespace)
        }
        for process in OtherProcess.all() {
            let path = "/proc/\(process.id)/ns/net"
            guard let name = ProcFile.target(path), known.insert(name).inserted else { continue }
            found.append(OtherNamespace(path: path, identity: name))
        }
        return found
    }

    /// The file still stands for this namespace.
    private var isThere: Bool {
        var status = stat()
        return stat(path, &status) == 0 && identity == "net:[\(status.st_ino)]"
    }

    /// Interfaces of the namespaces that the kernel has numbers for here, as they can be listed without entering them. nil if they can't be
    /// known.
    static func numbered(_ table: Links) -> [Link]? { try? table.allElsewhere() }

    /// Interfaces of other namespaces: those of namespaces that have numbers here, and those of namespaces that can be entered which no run
    /// of Weir has there. nil if they can't be known.
    static func links(_ table: Links) -> [Link]? {
        guard var found = numbered(table) else { return nil }
        for namespace in all() {
            do throws(SystemCallError) {
                found += try namespace.visit { () throws(SystemCallError) in try Links().all().filter { !PortLock.isHeld($0.index).0 } }
            } catch {
                // Without the right to enter one, there is none to enter the next.
                if error.code == EPERM { break }
            }
        }
        return found
    }

    /// Calls `body` in the namespace, on a thread of its own, and waits for it. Throws ENOENT if the namespace has ended.
    func visit<Result: Sendable>(
        _ body: @escaping @Sendable () throws(SystemCallError) -> Result
    ) throws(SystemCallError) -> Result {
        let number = try systemCall("open \(path)") { open(path, O_RDONLY | O_CLOEXEC) }
        defer { close(number) }
        // Where a mount was, there is an empty file then, and a process' number may be another's.
        var status = stat()
        guard fstat(number, &status) == 0, identity == "net:[\(status.st_ino)]" else {
            throw SystemCallError(call: "enter \(path)", code: ENOENT)
        }
        let box = Box<Swift.Result<Result, SystemCallError>?>(nil)
        try NativeThread(name: "weir-namespace") {
            guard weir_enter_network_namespace(number) == 0 else {
                let code = errno
                return box.answer.withLock { $0 = .failure(SystemCallError(call: "enter the namespace", code: code)) }
            }
            let result = Swift.Result { () throws(SystemCallError) in try body() }
            box.answer.withLock { $0 = result }
        }.join()
        guard let result = box.answer.withLock({ $0 }) else { throw SystemCallError(call: "enter \(path)", code: ESRCH) }
        return try result.get()
    }
}

/// What the thread has found out.
private final class Box<Value: Sendable>: Sendable {
    let answer: Mutex<Value>

    init(_ value: Value) {
        answer = Mutex(value)
    }
}
