import Glibc

/// Memory that this process may still take: what the machine has available, and what its control groups leave.
public struct MachineMemory: Sendable, Equatable {
    /// Bytes in all: the machine's, or the smallest limit of a control group.
    public var total: Int
    /// Bytes that can be taken at this moment, without the process or another one being killed for it.
    public var available: Int
    /// The same without limits of control groups.
    public var machineAvailable: Int
    /// Control groups of this process whose limits can't be seen from here, by their path; then `available` is a guess.
    public private(set) var unseenGroup: String?

    /// - Parameter root: Where /proc and /sys are.
    /// - Returns: nil where nothing can be known.
    public init?(root: String = "") {
        guard let machine = Self.text(root + "/proc/meminfo"), let total = Self.value("MemTotal:", in: machine),
            let available = Self.value("MemAvailable:", in: machine)
        else { return nil }
        self.total = total << 10
        self.available = available << 10
        machineAvailable = available << 10
        for line in (Self.text(root + "/proc/self/cgroup") ?? "").split(separator: "\n") {
            // hierarchy-ID:controllers:path (cgroups(7)); version 2 has the number 0 and no controllers.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let path = String(parts[2])
            let isSeen =
                if parts[0] == "0" {
                    limit(root, .second, path)
                } else if parts[1].split(separator: ",").contains("memory") {
                    limit(root, .first, path)
                } else {
                    true
                }
            // The top has no limit.
            if !isSeen, path != "/" { unseenGroup = path }
        }
        if unseenGroup != nil { self.available /= Self.caution }
    }

    /// What part of what the machine has is taken to be this process's where a limit can't be seen.
    private static let caution = 4

    /// How the two versions of control groups call what they say of memory.
    private enum Version {
        case first, second

        var fileSystem: String { self == .first ? "cgroup" : "cgroup2" }
        var maximum: String { self == .first ? "memory.limit_in_bytes" : "memory.max" }
        var usage: String { self == .first ? "memory.usage_in_bytes" : "memory.current" }
        var cache: String { self == .first ? "total_inactive_file" : "inactive_file" }
    }

    /// A place where a hierarchy can be seen.
    private struct Mount {
        var folder: String
        /// The group that is the top there.
        var top: String
    }

    /// Takes the limits of a group and of all that it is in, as far up as they can be seen.
    /// - Returns: False if the group itself can't be seen.
    private mutating func limit(_ root: String, _ version: Version, _ path: String) -> Bool {
        for mount in Self.mounts(root, version) {
            guard mount.top == "/" || path == mount.top || path.hasPrefix(mount.top + "/") else { continue }
            var group = mount.top == "/" ? path : String(path.dropFirst(mount.top.utf8.count))
            if group.isEmpty { group = "/" }
            // Inside a container the path may be one that is not there: then only the top is seen.
            guard access(mount.folder + group, F_OK) == 0 || mount.top == "/" && access(mount.folder + "/cgroup.procs", F_OK) == 0 else {
                continue
            }
            take(version, mount.folder, group)
            return true
        }
        return false
    }

    private mutating func take(_ version: Version, _ mount: String, _ path: String) {
        var group = path
        while true {
            let folder = mount + (group == "/" ? "" : group)
            // "max" is no number, and no limit.
            if let most = Self.number(folder + "/" + version.maximum), let used = Self.number(folder + "/" + version.usage) {
                // What is cached of files goes before anything is killed.
                let cached = Self.text(folder + "/memory.stat").flatMap { Self.value(version.cache, in: $0) } ?? 0
                total = min(total, most)
                available = min(available, max(0, most - max(0, used - cached)))
            }
            guard group != "/", let end = group.lastIndex(of: "/") else { return }
            group = end == group.startIndex ? "/" : String(group[..<end])
        }
    }

    /// Where the hierarchy is mounted: for this process, or else for its parent or the first of all. `ip netns exec` gives a process a /sys
    /// without control groups (ip-netns(8)).
    private static func mounts(_ root: String, _ version: Version) -> [Mount] {
        var found: [Mount] = []
        for process in ["self", "\(getppid())", "1"] {
            let prefix = process == "self" ? root : "\(root)/proc/\(process)/root"
            for line in (text("\(root)/proc/\(process)/mountinfo") ?? "").split(separator: "\n") {
                // ID, parent, device, the file system's part, where, options, any number of fields, "-", kind, source, options (proc(5)).
                let words = line.split(separator: " ")
                guard words.count > 5, let dash = words.firstIndex(of: "-"), words.count > dash + 3, words[dash + 1] == version.fileSystem
                else { continue }
                guard version == .second || words[dash + 3].split(separator: ",").contains("memory") else { continue }
                found.append(Mount(folder: prefix + words[4], top: String(words[3])))
            }
        }
        return found
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
        var bytes = [UInt8](repeating: 0, count: 1 << 18)
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
