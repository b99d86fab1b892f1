import Glibc

/// A system call that failed: which one, on what, and why.
public struct SystemCallError: Error, Equatable, CustomStringConvertible {
    /// The call with what it was made on, as in `bind eth1`.
    public var call: String
    /// `errno` right after the call.
    public var code: Int32
    /// What the kernel said beside the code (netlink's extended acknowledgement), or empty.
    public var detail: String

    public init(call: String, code: Int32, detail: String = "") {
        self.call = call
        self.code = code
        self.detail = detail
    }

    public var description: String {
        let reason = "\(call): \(Self.name(of: code))"
        return detail.isEmpty ? reason : "\(reason) (\(detail))"
    }

    /// The system's words for an error number.
    public static func name(of code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Makes a call that answers -1 and sets `errno`, again if a signal broke it off.
@discardableResult
package func systemCall(_ name: @autoclosure () -> String, _ body: () -> Int) throws(SystemCallError) -> Int {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw SystemCallError(call: name(), code: code) }
    }
}

/// The same for calls that answer with a C `int`.
@discardableResult
package func systemCall(_ name: @autoclosure () -> String, _ body: () -> Int32) throws(SystemCallError) -> Int32 {
    Int32(truncatingIfNeeded: try systemCall(name()) { () -> Int in Int(body()) })
}
