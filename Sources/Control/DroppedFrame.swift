/// A dropped frame with its explanation, an item of the answer to `drops`.
public struct DroppedFrame: Codable, Sendable {
    /// Counts up: what is missing between two was overwritten before it was read.
    public var number: UInt64
    /// Nanoseconds since the epoch.
    public var time: UInt64
    /// The second in local time, as ISO 8601 has it.
    public var when: String
    public var port: String
    public var verdict: String
    public var reason: String
    /// Why, in words.
    public var explanation: String
    /// `file:line` of the rule that decided.
    public var rule: String?
    public var comment: String?
    /// Its headers, in words.
    public var headers: String
    /// Bytes of the frame.
    public var length: UInt32
    /// Its first 256 bytes, in hexadecimal digits.
    public var frame: String

    public init(
        number: UInt64, time: UInt64, when: String, port: String, verdict: String, reason: String, explanation: String, rule: String?,
        comment: String?, headers: String, length: UInt32, frame: String
    ) {
        self.number = number
        self.time = time
        self.when = when
        self.port = port
        self.verdict = verdict
        self.reason = reason
        self.explanation = explanation
        self.rule = rule
        self.comment = comment
        self.headers = headers
        self.length = length
        self.frame = frame
    }

    /// For people, a line.
    public var text: String { "\(when) \(headers): \(explanation)\n" }

    /// What `frame` says.
    public var bytes: [UInt8] {
        let digits = Array(frame.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).map { place in
            UInt8(String(decoding: digits[place..<(place + 2)], as: UTF8.self), radix: 16) ?? 0
        }
    }
}
