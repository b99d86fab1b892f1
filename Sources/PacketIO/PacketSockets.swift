import Glibc

/// A packet socket of some process (packet(7)), as /proc/net/packet lists them.
public struct ListedPacketSocket: Sendable, Equatable {
    /// The interface that it is bound to; 0 for all.
    public var interface: Int32
    /// The socket's inode, by which its process is found.
    public var inode: UInt64

    /// All of this network namespace.
    public static func all() -> [ListedPacketSocket] {
        // sk RefCnt Type Proto Iface R Rmem User Inode
        ProcFile.lines("/proc/net/packet").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count >= 9, let interface = Int32(fields[4]), let inode = UInt64(fields[8]) else { return nil }
            return ListedPacketSocket(interface: interface, inode: inode)
        }
    }
}

/// Another process.
public struct OtherProcess: Sendable, Hashable {
    public var id: Int32
    /// The first 15 bytes of its program's name; what can't be printed is `?`, for a process may call itself anything.
    public var name: String

    /// All processes that this one may look into.
    public static func all() -> [OtherProcess] {
        ProcFile.entries("/proc").compactMap { Int32($0) }.compactMap { id in
            ProcFile.lines("/proc/\(id)/comm").first.map { name in
                OtherProcess(id: id, name: String(name.map { $0.isASCII && $0 >= " " && $0 != "\u{7f}" ? $0 : "?" }))
            }
        }
    }

    /// It lives in the network namespace of this process.
    public var sharesNetwork: Bool {
        guard let ours = ProcFile.target("/proc/self/ns/net") else { return false }
        return ProcFile.target("/proc/\(id)/ns/net") == ours
    }

    /// The inodes of the sockets that it holds.
    public var sockets: Set<UInt64> {
        Set(
            ProcFile.entries("/proc/\(id)/fd").compactMap { ProcFile.target("/proc/\(id)/fd/\($0)") }
                .filter { $0.hasPrefix("socket:[") }.compactMap { UInt64($0.dropFirst(8).dropLast()) })
    }
}

/// Reads small files of the system; what can't be read is empty.
public enum ProcFile {
    private static let limit = 1 << 20

    public static func lines(_ path: String) -> [String] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 14)
        while bytes.count < limit {
            let count = read(descriptor, &part, part.count)
            guard count > 0 else { break }
            bytes += part[..<count]
        }
        return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    public static func entries(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names
    }

    /// Where a symbolic link leads.
    public static func target(_ path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: 256)
        let count = readlink(path, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }
}
