import FoundationEssentials
import Glibc
package import PacketIO

/// A note, outside the process, of what one port was like before the run: written before anything is changed, removed when
/// all is put back. Who finds one takes it over from a run that didn't end well.
///
/// It is also the lock that keeps two runs off one port: the kernel lets go of it when the process ends, however it ends.
package struct PortJournal: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private let link: String

    /// Opens and locks the note of one port of this network namespace.
    package init(port name: String, directory: String) throws(StartProblem) {
        // Interfaces of two network namespaces may have the same name.
        let path = "\(directory)/\(networkNamespaceCookie())-\(name).json"
        let descriptor = try Self.openAndLock(path, port: name, directory: directory)
        self.path = path
        self.descriptor = descriptor
        link = name
    }

    private static func openAndLock(_ path: String, port: String, directory: String) throws(StartProblem) -> Int32 {
        // Only the last part: a directory that the operator has misspelt must not come into being.
        mkdir(directory, 0o755)
        for _ in 0..<16 {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw StartProblem(
                    "\(path) can't be written (\(SystemCallError.name(of: errno))); name a folder that can be with --state-directory")
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                close(descriptor)
                throw StartProblem("another Weir runs on \(port); stop it first")
            }
            // The run before may have removed the file between our open and our lock.
            var locked = stat()
            var named = stat()
            if fstat(descriptor, &locked) == 0, stat(path, &named) == 0, locked.st_ino == named.st_ino { return descriptor }
            close(descriptor)
        }
        throw StartProblem("another Weir starts or ends on \(port) all the time; stop it first")
    }

    deinit {
        // Said aloud: a child that is just being started holds the descriptor, and with it the lock, until it executes.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// What the note says; nil if it is new, or was cut off by a crash.
    package func read() -> PortOriginals? {
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return try? JSONDecoder().decode(PortOriginals.self, from: Data(bytes[..<count]))
    }

    package func write(_ originals: PortOriginals) throws {
        let bytes = [UInt8](try JSONEncoder().encode(originals))
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count, ftruncate(descriptor, bytes.count) == 0, fsync(descriptor) == 0
        else {
            throw StartProblem(
                "\(path) can't be written (\(SystemCallError.name(of: errno))), so \(link)'s settings could not be put back after a crash")
        }
    }

    /// All is put back.
    package func remove() {
        unlink(path)
    }
}
