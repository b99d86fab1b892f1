import FoundationEssentials
import Glibc
package import PacketIO

/// The notes, outside the process, of what interfaces were like before Weir took them: a file for each, written before anything is
/// changed, removed when all is put back. Who finds one takes it over from a run that didn't end well.
///
/// The kernel's memory is what they are about, and it ends with the machine; so nothing waits for a disk here (no fsync), and a note of
/// an earlier start of the machine is about nothing that there still is.
package struct PortJournal: Sendable {
    /// Bytes that a file may have: a hundred thousand static routes.
    package static let largestNote = 1 << 25

    let directory: String
    /// The network namespace: interfaces of two may have the same index.
    let namespace: UInt64
    /// This start of the machine; nil where it has no name.
    private let boot: String?
    private var prefix: String { "\(namespace)-" }

    /// Makes the folder if need be; throws if nothing can be written there.
    ///
    /// - Parameters:
    ///   - namespace: By its cookie, which differs between all namespaces of a machine since its start; 0 if it has none.
    ///   - boot: By its number, which differs between all starts of all machines.
    package init(
        directory: String, namespace: UInt64 = networkNamespaceCookie(), boot: String? = Self.currentBoot
    ) throws(StartProblem) {
        self.init(existing: directory, namespace: namespace, boot: boot)
        // Only the last part: a directory that the operator has misspelt must not come into being.
        let problem = mkdir(directory, 0o755) == 0 ? 0 : errno
        var status = stat()
        if stat(directory, &status) == 0, status.st_mode & S_IFMT != S_IFDIR { throw Self.problem(directory, ENOTDIR) }
        guard access(directory, W_OK | X_OK) == 0 else {
            // Of a folder that isn't there, why it can't be made says more.
            throw Self.problem(directory, errno == ENOENT && problem != EEXIST ? problem : errno)
        }
    }

    /// For reading: makes and expects nothing.
    init(existing directory: String, namespace: UInt64 = networkNamespaceCookie(), boot: String? = Self.currentBoot) {
        self.directory = directory
        self.namespace = namespace
        self.boot = boot
    }

    package static var currentBoot: String? { ProcFile.lines("/proc/sys/kernel/random/boot_id").first }

    private static func problem(_ path: String, _ code: Int32) -> StartProblem {
        code == ENOTDIR
            ? StartProblem("\(path) is not a folder; name one with --state-directory")
            : StartProblem("\(path) can't be written (\(SystemCallError.name(of: code))); name a folder that can be with --state-directory")
    }

    private func path(_ index: Int32) -> String { "\(directory)/\(prefix)\(index)\(Self.suffix)" }

    /// The note about an interface of this namespace: that of its index, or one about an interface that has been away and has another
    /// index now. nil if there is none, or it is damaged.
    package func read(about link: Link) -> PortOriginals? {
        if let note = note(path(link.index)), note.kinship(to: link) != .stranger { return note }
        for entry in entries() where !entry.isDraft {
            if let note = note(entry.path), note.kinship(to: link) != .stranger { return note }
        }
        return nil
    }

    /// What a run before has noted about the interface: in the guard that it has left there, which can be about no other and is what was
    /// noted last, or else in this folder.
    func earlier(about link: Link, guardNote: [UInt8]?) -> PortOriginals? {
        let filed = read(about: link)
        guard var noted = guardNote.flatMap(Self.decode) else { return filed }
        if noted.lacksIPv6State == true, let filed {
            noted.ipv6State = filed.ipv6State
            noted.lacksIPv6State = filed.lacksIPv6State
        }
        noted.follow(link)
        return noted
    }

    /// The note in the file of an index, whatever interface it is about.
    func content(about index: Int32) -> PortOriginals? { note(path(index)) }

    /// The file that should be the note about an interface and can't be read; nil if it can, or there is none.
    package func damagedNote(about index: Int32) -> String? {
        let path = path(index)
        guard access(path, F_OK) == 0, case .unreadable = content(path) else { return nil }
        return path
    }

    /// A file of this network namespace.
    struct Entry {
        var path: String
        var index: Int32
        /// Left by a run that was killed while it wrote.
        var isDraft: Bool
    }

    func entries() -> [Entry] {
        guard let folder = opendir(directory) else { return [] }
        defer { closedir(folder) }
        var found: [Entry] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let isDraft = name.hasSuffix(Self.draft)
            let suffix = isDraft ? Self.suffix + Self.draft : Self.suffix
            guard name.hasPrefix(prefix), name.hasSuffix(suffix), name.utf8.count > prefix.utf8.count + suffix.utf8.count,
                let index = Int32(name.dropFirst(prefix.count).dropLast(suffix.count))
            else { continue }
            found.append(Entry(path: "\(directory)/\(name)", index: index, isDraft: isDraft))
        }
        return found
    }

    private static let suffix = ".json"
    private static let draft = ".new"

    /// The note in a file; nil if there is none, it is damaged, or of an earlier start of the machine.
    private func note(_ path: String) -> PortOriginals? {
        switch content(path) {
        case .note(let originals): originals
        case .outdated, .unreadable: nil
        }
    }

    /// What a file has to say.
    enum Content {
        case note(PortOriginals)
        case outdated(PortOriginals)
        case unreadable
    }

    func content(_ path: String) -> Content {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return .unreadable }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size <= Self.largestNote else { return .unreadable }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count > 0, let filed = try? JSONDecoder().decode(Filed.self, from: Data(bytes[..<count])) else { return .unreadable }
        let isOutdated = filed.boot != nil && boot != nil && filed.boot != boot
        return isOutdated ? .outdated(filed.originals) : .note(filed.originals)
    }

    /// Notes it down. The file is there whole or not at all, and nobody's link is followed.
    package func write(_ originals: PortOriginals) throws(StartProblem) {
        let filed = Filed(originals: originals, boot: boot)
        let whole = (try? JSONEncoder().encode(filed)).map { [UInt8]($0) } ?? []
        let bytes = whole.count <= Self.largestNote ? whole : Self.encode(originals, limit: 0)
        let path = path(originals.index)
        let draft = path + Self.draft
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

    /// A note as bytes: JSON. What doesn't fit into `limit` bytes leaves what IPv6 has on the interface out, and says so.
    package static func encode(_ originals: PortOriginals, limit: Int) -> [UInt8] {
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

/// A note in a file.
private struct Filed: Codable {
    var originals: PortOriginals
    /// The start of the machine of which it is; nil in files that don't say.
    var boot: String?

    private enum Key: CodingKey {
        case boot
    }

    init(originals: PortOriginals, boot: String?) {
        self.originals = originals
        self.boot = boot
    }

    init(from decoder: any Decoder) throws {
        originals = try PortOriginals(from: decoder)
        boot = try decoder.container(keyedBy: Key.self).decodeIfPresent(String.self, forKey: .boot)
    }

    func encode(to encoder: any Encoder) throws {
        try originals.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encodeIfPresent(boot, forKey: .boot)
    }
}
