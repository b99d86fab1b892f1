import Glibc
import Storage
import Synchronization
import SystemCalls
import Wire

/// Writes frames that were dropped, or that `log` statements point at, to a file, from a thread of its own, so that neither a slow
/// disk nor a full one holds up a worker.
///
/// Each worker has a queue of its own; what doesn't fit there, or can't be written, costs captures, counted, never frames.
public final class DropCapture: Sendable {
    /// Bytes of each worker's queue: 32 super-frames, or some 40,000 small ones.
    public static let queueBytes = 4 << 20

    /// What is said of a frame in the file, if the file has a place for it.
    public typealias Explanation = @Sendable (CaptureRecord) -> String

    /// What the file says of itself from the first frame of a newer generation on; nil if nothing else than before.
    public typealias Origins = @Sendable (_ generation: UInt32) -> CaptureOrigin?

    /// By the workers' numbers.
    public let queues: [CaptureQueue]
    private nonisolated(unsafe) let writer: CaptureWriter
    private nonisolated(unsafe) let filter: CaptureFilter?
    private let signals: Signals
    private let clock: @Sendable () -> UInt64
    private nonisolated(unsafe) var explanations: Explanations
    private nonisolated(unsafe) var rate: RateLimit
    private let writtenFrames = Atomic<UInt64>(0)
    private let unwrittenFrames = Atomic<UInt64>(0)
    private let isFailing = Atomic<Bool>(false)

    /// What the writer is told, and when it sleeps.
    private final class Signals: Sendable {
        let waker: Waker
        let isAsleep = Atomic<Bool>(false)
        let isFinishing = Atomic<Bool>(false)
        let isReopening = Atomic<Bool>(false)
        let leftOut = Atomic<UInt64>(0)
        let unmatched = Atomic<UInt64>(0)
        /// The file that was begun last.
        let path = Mutex("")
        /// Why nothing can be written; nil where it can.
        let problem = Mutex<String?>(nil)

        init() throws(CaptureError) {
            do throws(SystemCallError) {
                waker = try Waker()
            } catch {
                throw CaptureError(description: "\(error)")
            }
        }

        /// Wakes the writer if it sleeps, or is about to.
        ///
        /// The worker stores a queue's head and loads `isAsleep`; the writer stores `isAsleep` and loads the head. Without a fence between
        /// store and load on both sides (a store may wait in the processor's buffer while the load goes ahead), each can see the old value,
        /// and the frame waits for the next one. No ordering of the four by themselves forbids that.
        @inline(__always)
        func wake() {
            atomicMemoryFence(ordering: .sequentiallyConsistent)
            if isAsleep.load(ordering: .relaxed) { waker.wake() }
        }

        /// Sleeps until somebody wakes it, unless there is something to do already.
        func sleep(unless hasWork: () -> Bool) {
            isAsleep.store(true, ordering: .relaxed)
            atomicMemoryFence(ordering: .sequentiallyConsistent)
            if !hasWork() { waker.wait() }
            isAsleep.store(false, ordering: .relaxed)
        }
    }

    /// Creates the file, over an older one of that name, or a ring's first.
    /// - Parameter clock: Nanoseconds of a clock that never goes back; nil for the system's monotonic one.
    public init(
        _ settings: CaptureSettings, workers: Int, explanation: Explanation? = nil, origins: Origins? = nil,
        clock: (@Sendable () -> UInt64)? = nil
    ) throws(CaptureError) {
        // Standard output's reader may go away, which costs the capture and must not end the process.
        signal(SIGPIPE, SIG_IGN)
        let signals = try Signals()
        let queues = (0..<max(workers, 1)).map { _ in CaptureQueue(capacity: Self.queueBytes) }
        filter = try settings.filter.map { text throws(CaptureError) in try CaptureFilter(text, snapLength: settings.snapLength) }
        writer = try CaptureWriter(
            settings, origins: origins, isGivingUp: { signals.isFinishing.load(ordering: .relaxed) },
            lostElsewhere: { queues.reduce(signals.leftOut.load(ordering: .relaxed)) { $0 &+ $1.lost } },
            noteFile: { path in signals.path.withLock { $0 = path } })
        rate = RateLimit(perSecond: settings.framesPerSecond)
        explanations = Explanations(explanation)
        self.clock = clock ?? { CaptureWriter.now(CLOCK_MONOTONIC) }
        self.signals = signals
        self.queues = queues
    }

    /// A capture of all frames; `-` is standard output.
    public convenience init(path: String, workers: Int) throws(CaptureError) {
        try self.init(CaptureSettings(path: path), workers: workers)
    }

    /// The file that is written, which in a ring is another now and then; `-` is standard output.
    public var currentPath: String { signals.path.withLock { $0 } }

    /// Frames that are in the file.
    public var written: UInt64 { writtenFrames.load(ordering: .relaxed) }

    /// Frames that are not, since a queue or the disk was full.
    public var lost: UInt64 {
        queues.reduce(unwrittenFrames.load(ordering: .relaxed)) { $0 &+ $1.lost }
    }

    /// Frames beyond the number that a second may have.
    public var leftOut: UInt64 { signals.leftOut.load(ordering: .relaxed) }

    /// Frames that the filter did not want.
    public var unmatched: UInt64 { signals.unmatched.load(ordering: .relaxed) }

    /// The file takes nothing at the moment.
    public var fails: Bool { isFailing.load(ordering: .relaxed) }

    /// Why that is, in words, with the file's name.
    public var problem: String? { signals.problem.withLock { $0 } }

    /// Tells the writer that something was queued. To be called once a batch: it costs a system call only if the writer sleeps.
    public func wake() { signals.wake() }

    /// Makes `run` write what is queued and return.
    public func finish() {
        signals.isFinishing.store(true, ordering: .sequentiallyConsistent)
        signals.waker.wake()
    }

    /// Makes the writer go on in a new file: a ring's next, else one of the old name if that was moved away.
    public func reopen() {
        signals.isReopening.store(true, ordering: .sequentiallyConsistent)
        signals.waker.wake()
    }

    /// The writer's loop: returns after `finish`.
    public func run() {
        writer.start()
        while true {
            let isLast = signals.isFinishing.load(ordering: .sequentiallyConsistent)
            repeat {
                if signals.isReopening.exchange(false, ordering: .sequentiallyConsistent) { writer.reopen() }
                if writer.hasBacklog { writer.compressSome() }
            } while writeSome()
            if isLast {
                writer.end()
                note()
                while writer.hasBacklog { writer.compressSome() }
                return
            }
            // What was queued before the flag stood would otherwise wait for the next frame.
            signals.sleep {
                !queues.allSatisfy(\.isEmpty) || writer.hasBacklog || signals.isFinishing.load(ordering: .sequentiallyConsistent)
                    || signals.isReopening.load(ordering: .sequentiallyConsistent)
            }
        }
    }

    /// Writes up to a share of each queue, so that one worker's flood doesn't keep the others' frames waiting, and brings it
    /// to the file; false if there was nothing.
    private func writeSome() -> Bool {
        var isAny = false
        for queue in queues {
            for _ in 0..<1024 {
                guard queue.take({ record, frame in self.write(record, frame) }) else { break }
                isAny = true
            }
        }
        guard isAny else { return false }
        writer.flush()
        note()
        return true
    }

    private func note() {
        writtenFrames.store(writer.written, ordering: .relaxed)
        unwrittenFrames.store(writer.unwritten, ordering: .relaxed)
        isFailing.store(writer.fails, ordering: .relaxed)
        let problem = writer.fails ? writer.problem : nil
        signals.problem.withLock { if $0 != problem { $0 = problem } }
    }

    private func write(_ record: CaptureRecord, _ frame: UnsafeMutableRawBufferPointer) {
        if let filter, !filter.matches(UnsafeRawBufferPointer(frame), length: record.length) {
            signals.unmatched.wrappingAdd(1, ordering: .relaxed)
            return
        }
        guard isWithinRate(clock()) else {
            signals.leftOut.wrappingAdd(1, ordering: .relaxed)
            return
        }
        if let partial = record.partialChecksum {
            var bytes = frame.mutableBytes
            partial.finish(&bytes)
        }
        writer.write(UnsafeRawBufferPointer(frame), record, comment: explanations.text(of: record))
    }

    /// By the monotonic clock: frames' own times are the wall clock's, which can be set, and a sender can forge them.
    private func isWithinRate(_ time: UInt64) -> Bool {
        rate.turn(to: time)
        return rate.admit()
    }
}
