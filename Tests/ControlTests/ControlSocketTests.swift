import Control
import Foundation
import Glibc
import Testing

/// The file of the socket: who may use it, and what may be there before it.
@Suite(.serialized) struct ControlSocketTests {
    private func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode : nil
    }

    private func refusal(_ path: String) -> String? {
        do throws(ControlFault) {
            _ = try ControlSocket(path)
            return nil
        } catch {
            return error.message
        }
    }

    @Test("it has mode 0660 whatever the umask allows, and goes with its owner", arguments: [0o022, 0o000] as [mode_t])
    func modes(_ mask: mode_t) throws {
        let path = temporaryPath()
        let before = umask(mask)
        defer { umask(before) }
        do {
            let socket = try ControlSocket(path)
            #expect(mode(path) == S_IFSOCK | 0o660)
            withExtendedLifetime(socket) {}
        }
        #expect(mode(path) == nil)
    }

    /// Bound and closed, as a killed process leaves it.
    private func abandon(_ path: String) {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        close(number)
    }

    @Test("only sockets on which nobody listens are abandoned, and young ones stay")
    func abandoned() throws {
        let (path, living, file, link) = (temporaryPath(), temporaryPath(), temporaryPath(), temporaryPath())
        defer { for path in [path, file, link] { unlink(path) } }
        abandon(path)
        let socket = try ControlSocket(living)
        #expect(FileManager.default.createFile(atPath: file, contents: Data()))
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        for other in [living, file, link, temporaryPath()] {
            #expect(!ControlSocket.isAbandoned(other) && !ControlSocket.removeAbandoned(other, after: 0))
        }
        #expect(ControlSocket.isAbandoned(path) && !ControlSocket.removeAbandoned(path) && mode(path) != nil)
        #expect(ControlSocket.removeAbandoned(path, after: 0) && mode(path) == nil)
        withExtendedLifetime(socket) {}
    }

    @Test("the socket of a process that was killed is replaced, that of one that lives is not")
    func stale() throws {
        let path = temporaryPath()
        defer { unlink(path) }
        abandon(path)
        #expect(mode(path) != nil)
        let first = try ControlSocket(path)
        #expect(refusal(path)?.contains("another process listens") == true)
        withExtendedLifetime(first) {}
    }

    @Test("a file, a folder and a link to a socket are refused and stay", arguments: ["file", "folder", "link", "dangling"])
    func strangers(_ kind: String) throws {
        let path = temporaryPath()
        let target = temporaryPath()
        let socket = try ControlSocket(target)
        switch kind {
        case "file": _ = FileManager.default.createFile(atPath: path, contents: Data("x".utf8))
        case "folder": mkdir(path, 0o755)
        case "link": symlink(target, path)
        default: symlink(target + ".none", path)
        }
        defer { remove(path) }
        let before = mode(path)
        #expect(refusal(path)?.contains("is no socket") == true)
        #expect(mode(path) == before && mode(target) != nil && mode(target + ".none") == nil)
        withExtendedLifetime(socket) {}
    }

    @Test("a path that no socket can have is refused")
    func longPath() {
        #expect(refusal("/tmp/" + String(repeating: "x", count: 200))?.contains("too long") == true)
        #expect(refusal("/tmp/none/\(UInt32.random(in: .min ... .max))/s")?.contains("can't be made") == true)
    }

    @Test("an owner does not remove the socket of another that took its place")
    func replaced() throws {
        let path = temporaryPath()
        var first: ControlSocket? = try ControlSocket(path)
        unlink(path)
        let second = try ControlSocket(path)
        withExtendedLifetime(first) {}
        first = nil
        #expect(mode(path) != nil)
        withExtendedLifetime(second) {}
    }
}
