import FoundationEssentials
import Glibc
package import PacketIO

/// The notes, outside the process, of what interfaces were like before Weir took them: a file for each, written before anything is
/// changed, removed when all is put back. Who finds one takes it over from a run that didn't end well.
///
/// The kernel's memory is what they are about, and it ends with the machine; so nothing waits for a disk here.
package struct PortJournal: Sendable {
    /// Notes are larger only with thousands of static routes.
    package static let largestNote = 1 << 20

    private let directory: String
    /// Of this network namespace: interfaces of two may have the same index.
    private let prefix: String

    /// Makes the folder if need be; throws if nothing can be written there.
    package init(directory: String) throws(StartProblem) {
        self.directory = directory
        prefix = "\(networkNamespaceCookie())-"
        // Only the last part: a directory that the operator has misspelt must not come into being.
        mkdir(directory, 0o755)
        guard access(directory, W_OK | X_OK) == 0 else { throw Self.problem(directory, errno) }
    }

    private static func problem(_ path: String, _ code: Int32) -> StartProblem {
        StartProblem("\(path) can't be written (\(SystemCallError.name(of: code))); name a folder that can be with --state-directory")
    }

    private func path(_ index: Int32) -> String { "\(directory)/\(prefix)\(index).json" }

    /// The note about an interface of this namespace: that of its index, or one about an interface that has been away and has another
    /// index now. nil if there is none, or it is damaged.
    package func read(about link: Link) -> PortOriginals? {
        if let note = note(path(link.index)), note.kinship(to: link) != .stranger { return note }
        guard let folder = opendir(directory) else { return nil }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasPrefix(prefix), name.hasSuffix(".json"), let note = note("\(directory)/\(name)") else { continue }
            if note.kinship(to: link) != .stranger { return note }
        }
        return nil
    }

    private func note(_ path: String) -> PortOriginals? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.largestNote)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return count > 0 ? Self.decode(Array(bytes[..<count])) : nil
    }

    /// Notes it down. The file is there whole or not at all, and nobody's link is followed.
    package func write(_ originals: PortOriginals) throws(StartProblem) {
        let bytes = Self.encode(originals)
        let path = path(originals.index)
        let draft = "\(path).new"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.problem(path, errno) }
        let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count
        let code = errno
        close(descriptor)
        guard isWritten, rename(draft, path) == 0 else {
            let reason = isWritten ? errno : code
            unlink(draft)
            throw Self.problem(path, reason)
        }
    }

    /// All is put back.
    package func remove(about index: Int32) {
        unlink(path(index))
    }

    /// A note as bytes: JSON. What doesn't fit into `limit` bytes leaves static addresses and routes out.
    package static func encode(_ originals: PortOriginals, limit: Int = largestNote) -> [UInt8] {
        func bytes(_ originals: PortOriginals) -> [UInt8] { (try? JSONEncoder().encode(originals)).map { [UInt8]($0) } ?? [] }
        let whole = bytes(originals)
        if whole.count <= limit { return whole }
        var shorter = originals
        shorter.ipv6State = []
        shorter.lacksIPv6State = true
        return bytes(shorter)
    }

    /// nil for what is no note, or a damaged one.
    package static func decode(_ bytes: [UInt8]) -> PortOriginals? {
        try? JSONDecoder().decode(PortOriginals.self, from: Data(bytes))
    }
}
