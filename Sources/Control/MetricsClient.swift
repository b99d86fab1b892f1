import CLinux
import Glibc
import SystemCalls

/// One connection that asks for metrics: a request of HTTP, an answer, the end.
final class MetricsClient {
    /// Bytes of a request's head.
    private static let largestHead = 8192
    /// Milliseconds that a connection may last.
    private static let patience: Int64 = 10_000

    let descriptor: Descriptor
    private let begun: Int64
    private var input: [UInt8] = []
    private var output: [UInt8]?
    private var sent = 0
    private(set) var isOver = false

    init(_ descriptor: consuming Descriptor, at now: Int64) {
        self.descriptor = descriptor
        begun = now
    }

    /// What to poll for.
    var events: Int16 { Int16(output == nil ? POLLIN : POLLOUT) }

    /// Goes on as far as it can without waiting.
    func serve(_ answering: any ControlAnswering, at now: Int64) {
        if output == nil { read(answering) }
        if output != nil { write() }
        if now - begun >= Self.patience { isOver = true }
    }

    private func read(_ answering: any ControlAnswering) {
        var part = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor.number, &part, part.count, Int32(MSG_DONTWAIT))
        if count < 0 { isOver = errno != EAGAIN && errno != EINTR }
        if count == 0 { isOver = true }
        guard count > 0 else { return }
        input += part[..<count]
        if input.count > Self.largestHead {
            output = Self.answer("431 Request Header Fields Too Large", "the request is too long\n")
        } else if MetricsRequest.isWhole(input) {
            output = Self.answer(MetricsRequest(input), answering)
        }
    }

    private static func answer(_ request: MetricsRequest, _ answering: any ControlAnswering) -> [UInt8] {
        switch request {
        case .metrics(let isHead): answer("200 OK", answering.metrics(), isHead: isHead)
        case .elsewhere: answer("404 Not Found", "metrics are at /metrics\n")
        case .otherMethod: answer("405 Method Not Allowed", "metrics are read with GET\n", more: "Allow: GET, HEAD\r\n")
        case .malformed: answer("400 Bad Request", "that is no request of HTTP\n")
        }
    }

    private static func answer(_ status: String, _ body: String, isHead: Bool = false, more: String = "") -> [UInt8] {
        let head =
            "HTTP/1.1 \(status)\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: close\r\n\(more)\r\n"
        return Array((isHead ? head : head + body).utf8)
    }

    private func write() {
        guard let output else { return }
        while sent < output.count {
            let count = output[sent...].withUnsafeBytes {
                send(descriptor.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { return }
            guard count > 0 else { break }
            sent += count
        }
        isOver = true
    }
}

/// What a request of HTTP asks for.
public enum MetricsRequest: Equatable, Sendable {
    case metrics(isHead: Bool)
    case elsewhere, otherMethod, malformed

    /// The head is there to its empty line.
    public static func isWhole(_ bytes: [UInt8]) -> Bool {
        let end: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a]
        guard bytes.count >= 4 else { return false }
        return bytes.indices.dropLast(3).contains { bytes[$0..<($0 + 4)].elementsEqual(end) }
    }

    /// Reads the first line; the rest of the head says nothing that matters here (RFC 9112, section 3).
    public init(_ bytes: [UInt8]) {
        let line = bytes.prefix { $0 != 0x0d && $0 != 0x0a }
        let words = line.split(separator: 0x20, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0", words[1].hasPrefix("/") else {
            self = .malformed
            return
        }
        let isHead = words[0] == "HEAD"
        if !isHead, words[0] != "GET" {
            self = .otherMethod
        } else {
            self = words[1].prefix { $0 != "?" } == "/metrics" ? .metrics(isHead: isHead) : .elsewhere
        }
    }
}
