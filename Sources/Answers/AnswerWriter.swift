public import Wire

/// A worker's place for the answer to the frame at hand.
@safe
public struct AnswerWriter: ~Copyable {
    /// What became of an answer.
    public enum Outcome: Sendable {
        /// None was asked for.
        case none
        /// It is written, and waits to be sent.
        case written
        /// The frame is one that no answer may be sent to.
        case unanswerable
        /// There were too many before it.
        case overRate
    }

    /// Room for the longest answer to a frame with a reasonable number of tags; others get none.
    private static let capacity = 2_048

    private let memory: UnsafeMutableRawBufferPointer
    private let rate: AnswerRate
    private var length = 0
    /// The beginning of the frame at hand as it came, and what it was parsed to; 0 bytes while nobody has kept it.
    private let kept: UnsafeMutableRawBufferPointer
    private var keptLength = 0
    private var keptFrame: ParsedFrame?
    /// What became of the answer to the frame at hand.
    public private(set) var outcome = Outcome.none

    /// - Parameter rate: Shared by all who write answers.
    public init(rate: AnswerRate = AnswerRate()) {
        self.rate = rate
        unsafe memory = .allocate(byteCount: Self.capacity, alignment: 16)
        unsafe kept = .allocate(byteCount: Self.capacity, alignment: 16)
    }

    deinit {
        unsafe memory.deallocate()
        unsafe kept.deallocate()
    }

    /// Forgets the last answer, and the frame that was kept.
    @inline(__always)
    public mutating func clear() {
        outcome = .none
        keptLength = 0
    }

    /// Keeps a frame's beginning before rules change it: who sent it knows only what it was.
    public mutating func keep(_ bytes: RawSpan, _ frame: ParsedFrame) {
        let count = min(bytes.byteCount, Self.capacity)
        let target = unsafe kept
        unsafe bytes.withUnsafeBytes { bytes in
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        keptLength = count
        keptFrame = frame
    }

    /// Writes "too big" in answer to the frame that was kept; none where none was.
    /// - Parameters:
    ///   - isSuperFrame: As of `AnsweredFrame`, and so is the next.
    ///   - port: As of `write`, and so is the next.
    public mutating func writeToKept(
        _ answer: Answer, isSuperFrame: Bool, isHeaderKnown: Bool, port: UInt8, at time: UInt64
    ) {
        guard keptLength > 0, let frame = keptFrame else {
            outcome = .unanswerable
            return
        }
        let answered = AnsweredFrame(
            frame, isSuperFrame: isSuperFrame, isHeaderKnown: isHeaderKnown, isBeginning: keptLength < frame.byteCount)
        let buffer = unsafe UnsafeRawBufferPointer(rebasing: kept[..<keptLength])
        unsafe write(answer, to: answered, buffer.bytes, port: port, at: time)
    }

    /// Writes an answer, if the frame may have one and the rate allows it.
    /// - Parameters:
    ///   - bytes: The frame as it was parsed.
    ///   - port: By which it came: 0 or 1.
    ///   - time: Now, in nanoseconds of a clock that is not set back.
    public mutating func write(_ answer: Answer, to frame: AnsweredFrame, _ bytes: RawSpan, port: UInt8, at time: UInt64) {
        guard rate.admits(port: port, at: time) else {
            outcome = .overRate
            return
        }
        var output = unsafe memory.mutableBytes
        guard let length = answer.write(to: frame, bytes, into: &output) else {
            outcome = .unanswerable
            return
        }
        self.length = length
        outcome = rate.take(port: port, at: time) ? .written : .overRate
    }

    /// The answer that was written last, until the next one; empty if none was.
    public var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: memory[..<(outcome == .written ? length : 0)])
    }
}
