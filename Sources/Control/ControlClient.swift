import CLinux
import FoundationEssentials
import Glibc
import SystemCalls

/// A connection to a run, for the commands that ask it something.
public struct ControlClient: ~Copyable {
    private let descriptor: Descriptor
    private var input: [UInt8] = []
    /// Where the next line begins in `input`.
    private var start = 0
    /// Up to where `input` was searched.
    private var searched = 0

    /// Connects; waits as long as the server has no place for it in its queue.
    public init(_ path: String) throws(ControlFault) {
        let connected: Descriptor
        do throws(SystemCallError) {
            connected = try Self.connection(path)
        } catch {
            throw ControlFault(.refused, Self.advice(path, error.code))
        }
        descriptor = connected
    }

    private static func connection(_ path: String) throws(SystemCallError) -> Descriptor {
        let number = try systemCall("socket") { socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }
        let descriptor = Descriptor(owning: number)
        try systemCall("connect") { ControlSocket.withAddress(of: path) { connect(number, $0, $1) } }
        return descriptor
    }

    private static func advice(_ path: String, _ code: Int32) -> String {
        switch code {
        case ENOENT: "there is no socket \(path): no run listens there"
        case ECONNREFUSED: "nobody listens on \(path): the run that made it is gone"
        case EACCES: "\(path) can't be used: it is for root and the socket's group"
        default: "\(path): \(SystemCallError.name(of: code))"
        }
    }

    /// Asks, and hands each item on as it comes: JSON, or a text, as was asked for.
    /// - Throws: What the run says against it.
    public mutating func ask(_ call: ControlCall, _ body: (String) throws -> Void) throws {
        try send(Array(try call.line.utf8))
        while let line = try nextLine() {
            if call.form == .json, line.starts(with: Self.itemStart) {
                try body(String(decoding: line.dropFirst(Self.itemStart.count).dropLast(), as: UTF8.self))
                continue
            }
            guard let reply = try? JSONDecoder().decode(Reply.self, from: Data(line)) else {
                throw ControlFault(.malformed, "the run says what can't be read")
            }
            if let text = reply.text {
                try body(text)
            } else if reply.end == "done" {
                return
            } else {
                let code = reply.code.flatMap(ControlFault.Code.init) ?? .refused
                throw ControlFault(code, reply.message ?? "the run refuses without a reason")
            }
        }
        throw ControlFault(.refused, "the run has closed the connection")
    }

    private static let itemStart = Array("{\"item\":".utf8)

    private struct Reply: Decodable {
        var text: String?
        var end: String?
        var code: String?
        var message: String?
    }

    private func send(_ bytes: [UInt8]) throws(ControlFault) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Without its line feed; nil at the end.
    private mutating func nextLine() throws(ControlFault) -> ArraySlice<UInt8>? {
        while true {
            if let end = input[searched...].firstIndex(of: 0x0a) {
                defer {
                    start = end + 1
                    searched = start
                }
                return input[start..<end]
            }
            input.removeSubrange(..<start)
            start = 0
            searched = input.count
            var part = [UInt8](repeating: 0, count: 1 << 16)
            let count = recv(descriptor.number, &part, part.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw ControlFault(.refused, "the run can't be heard: \(SystemCallError.name(of: errno))") }
            if count == 0 { return nil }
            input += part[..<count]
        }
    }
}
