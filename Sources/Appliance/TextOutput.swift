import Glibc
public import PacketIO
import Synchronization

/// Texts on their way to standard error or standard output, written by a thread of their own.
///
/// A reader that doesn't read holds up this thread and nobody else: what finds no room in the queue is counted and forgotten.
public final class TextOutput: Sendable {
    /// What becomes of the output, told once for each change.
    public enum Change: Sendable {
        /// Nobody reads, and the queue is full.
        case blocked
        /// A text could not be written; the error number.
        case fails(Int32)
        /// Texts are written again, after that many were lost.
        case recovered(lost: UInt64)
    }

    private struct State {
        var texts: [String] = []
        /// Size of `texts` in UTF-8.
        var bytes = 0
        /// Texts that found no room since the last batch was taken.
        var lost: UInt64 = 0
        var isFinishing = false
        var isDone = false
    }

    /// Bytes that are written at once: after each of them it is seen that the reader reads.
    private static let part = 4096

    private let descriptor: Int32
    private let capacity: Int
    private let told: @Sendable (Change) -> String?
    private let state = Mutex(State())
    private let waker: Waker
    private let lostTexts = Atomic<UInt64>(0)
    /// Grows with each part that was written.
    private let progress = Atomic<UInt64>(0)

    /// Starts the thread.
    /// - Parameters:
    ///   - capacity: Bytes that may wait; a text that begins below it is taken whole.
    ///   - told: Hears of changes, on any thread; what it returns of a recovery is written to this output.
    public init(
        _ descriptor: Int32, capacity: Int = 1 << 20, told: @escaping @Sendable (Change) -> String?
    ) throws(SystemCallError) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.told = told
        waker = try Waker()
        try NativeThread(name: descriptor == STDERR_FILENO ? "weir-stderr" : "weir-stdout") { [self] in run() }.detach()
    }

    /// Texts that were not written since the start.
    public var lost: UInt64 { lostTexts.load(ordering: .relaxed) }

    /// Puts a text into the queue, or counts it as lost where the queue is full. Never waits.
    public func write(_ text: String) {
        let isTaken = state.withLock { state in
            guard state.bytes < capacity else { return false }
            state.texts.append(text)
            state.bytes += text.utf8.count
            return true
        }
        if isTaken { waker.wake() } else { lose() }
    }

    /// Counts a text that found no room.
    func lose() {
        lostTexts.wrappingAdd(1, ordering: .relaxed)
        let isFirst = state.withLock { state in
            state.lost += 1
            return state.lost == 1
        }
        if isFirst { _ = told(.blocked) }
    }

    /// Puts a text into the queue once there is room. For a thread that may wait for the reader.
    /// - Parameter isWaiting: Asked while there is no room; false gives up, and the text is counted as lost.
    /// - Returns: Whether the text is in the queue.
    func deliver(_ text: String, while isWaiting: () -> Bool) -> Bool {
        while !state.withLock({ $0.bytes < capacity }) {
            guard isWaiting() else {
                lose()
                return false
            }
            usleep(5000)
        }
        write(text)
        return true
    }

    /// Waits until all that is in the outputs' queues is written. What a reader doesn't take any of for `patience` milliseconds stays
    /// unwritten, and a thread remains with it.
    /// - Returns: Whether all threads have ended.
    public static func finish(_ outputs: [TextOutput], patience: Int = 300) -> Bool {
        for output in outputs {
            output.state.withLock { $0.isFinishing = true }
            output.waker.wake()
        }
        let pause = 2
        var progress = outputs.map { $0.progress.load(ordering: .relaxed) }
        var idle = 0
        while outputs.contains(where: { !$0.state.withLock(\.isDone) }) {
            guard idle < patience else { return false }
            usleep(UInt32(pause * 1000))
            let now = outputs.map { $0.progress.load(ordering: .relaxed) }
            idle = now == progress ? idle + pause : 0
            progress = now
        }
        return true
    }

    // MARK: the writing thread

    private func run() {
        var failure: Int32 = 0
        var unsaid: UInt64 = 0
        while true {
            let batch = state.withLock { state in
                let batch = (texts: state.texts, lost: state.lost, isLast: state.isFinishing)
                state.texts = []
                state.lost = 0
                return batch
            }
            if batch.texts.isEmpty, batch.lost == 0 {
                if batch.isLast { break }
                waker.wait()
                continue
            }
            for text in batch.texts {
                let code = put(text)
                // Room is made only when the text has gone, so that the queue's bound is one on all that waits.
                state.withLock { $0.bytes -= text.utf8.count }
                if code == 0 {
                    failure = 0
                    continue
                }
                unsaid += 1
                lostTexts.wrappingAdd(1, ordering: .relaxed)
                if failure != code { _ = told(.fails(code)) }
                failure = code
            }
            unsaid += batch.lost
            guard failure == 0, unsaid > 0 else { continue }
            let lost = unsaid
            unsaid = 0
            if let note = told(.recovered(lost: lost)) { _ = put(note) }
        }
        state.withLock { $0.isDone = true }
    }

    /// Writes all of it and may wait for that. Returns 0, or the error number.
    private func put(_ text: String) -> Int32 {
        var text = text
        return text.withUTF8 { octets in
            var rest = octets[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeBufferPointer(rebasing: rest).baseAddress, min(rest.count, Self.part))
                if count < 0, errno == EINTR { continue }
                if count < 0, errno == EAGAIN {
                    // Another process that shares the descriptor has made it one that doesn't wait.
                    var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&polled, 1, -1)
                    continue
                }
                guard count > 0 else { return count == 0 ? EIO : errno }
                rest = rest.dropFirst(count)
                progress.wrappingAdd(1, ordering: .relaxed)
            }
            return 0
        }
    }
}
