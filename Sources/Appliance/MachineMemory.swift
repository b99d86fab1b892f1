import Glibc

/// Memory that this process may still take: what the machine has available, and what its control groups leave.
public struct MachineMemory: Sendable, Equatable {
    /// Bytes in all: the machine's, or the smallest limit of a control group.
    public var total: Int
    /// Bytes that can be taken at this moment, without the process or another one being killed for it.
    public var available: Int

    /// - Parameter root: Where /proc and /sys are.
    /// - Returns: nil where nothing can be known.
    public init?(root: String = "") {
        guard let machine = Self.text(root + "/proc/meminfo"), let total = Self.value("MemTotal:", in: machine),
            let available = Self.value("MemAvailable:", in: machine)
        else { return nil }
        self.total = total << 10
        self.available = available << 10
        for line in (Self.text(root + "/proc/self/cgroup") ?? "").split(separator: "\n") {
            // hierarchy-ID:controllers:path (cgroups(7)); version 2 has the number 0 and no controllers.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[0] == "0" {
                limit(root + "/sys/fs/cgroup", String(parts[2]), "memory.max", "memory.current", "inactive_file")
            } else if parts[1].split(separator: ",").contains("memory") {
                limit(
                    root + "/sys/fs/cgroup/memory", String(parts[2]), "memory.limit_in_bytes", "memory.usage_in_bytes",
                    "total_inactive_file")
            }
        }
    }

    /// Takes the limits of a group and of all that it is in. Inside a container the path may be one that is not there: then only the
    /// top is seen.
    private mutating func limit(_ mount: String, _ path: String, _ maximum: String, _ usage: String, _ cache: String) {
        var group = path
        while true {
            let folder = mount + (group == "/" ? "" : group)
            // "max" is no number, and no limit.
            if let most = Self.number(folder + "/" + maximum), let used = Self.number(folder + "/" + usage) {
                // What is cached of files goes before anything is killed.
                let cached = Self.text(folder + "/memory.stat").flatMap { Self.value(cache, in: $0) } ?? 0
                total = min(total, most)
                available = min(available, max(0, most - max(0, used - cached)))
            }
            guard group != "/", let end = group.lastIndex(of: "/") else { return }
            group = end == group.startIndex ? "/" : String(group[..<end])
        }
    }

    private static func number(_ path: String) -> Int? {
        text(path).flatMap { Int($0.prefix { $0.isNumber }) }
    }

    /// The number after a name that begins a line.
    private static func value(_ name: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            let words = line.dropFirst(name.count).split(separator: " ")
            if let number = words.first.flatMap({ Int($0) }) { return number }
        }
        return nil
    }

    private static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var count = 0
        while count < bytes.count {
            let part = bytes.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            }
            if part < 0, errno == EINTR { continue }
            guard part > 0 else { break }
            count += part
        }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
