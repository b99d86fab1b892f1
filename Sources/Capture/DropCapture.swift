import CLinux
import Glibc
import Synchronization
import Wire

/// Writes dropped frames to a file, from a thread of its own, so that neither a slow disk nor a full one holds up a worker.
///
/// Each worker has a queue of its own; what doesn't fit there, or can't be written, costs captures, counted, never frames.
public final class DropCapture: Sendable {
    /// Bytes of each worker's queue: 32 super-frames, or some 40,000 small ones.
    public static let queueBytes = 4 << 20

    /// By the workers' numbers.
    public let queues: [CaptureQueue]
    private nonisolated(unsafe) let file: PcapFile
    private let bell: Int32
    private let isAsleep = Atomic<Bool>(false)
    private let isFinishing = Atomic<Bool>(false)
    private let writtenFrames = Atomic<UInt64>(0)
    private let unwrittenFrames = Atomic<UInt64>(0)
    private let isFailing = Atomic<Bool>(false)

    /// Creates the file, over an older one of that name; `-` is standard output.
    public init(path: String, workers: Int) throws(CaptureError) {
        // Standard output's reader may go away, which costs the capture and must not end the process.
        signal(SIGPIPE, SIG_IGN)
        let file = try PcapFile(path: path)
        // Whoever opens the file from now on finds a capture, if an empty one.
        _ = file.flush()
        let bell = eventfd(0, Int32(EFD_CLOEXEC))
        guard bell >= 0 else { throw CaptureError(description: "eventfd: error \(errno)") }
        self.file = file
        self.bell = bell
        queues = (0..<max(workers, 1)).map { _ in CaptureQueue(capacity: Self.queueBytes) }
    }

    deinit {
        close(bell)
    }

    /// Frames that are in the file.
    public var written: UInt64 { writtenFrames.load(ordering: .relaxed) }

    /// Frames that are not, since a queue or the disk was full.
    public var lost: UInt64 {
        queues.reduce(unwrittenFrames.load(ordering: .relaxed)) { $0 &+ $1.lost }
    }

    /// The file takes nothing at the moment.
    public var fails: Bool { isFailing.load(ordering: .relaxed) }

    /// Tells the writer that something was queued. To be called once a batch: it costs a system call only if the writer sleeps.
    public func wake() {
        if isAsleep.load(ordering: .sequentiallyConsistent) { eventfd_write(bell, 1) }
    }

    /// Makes `run` write what is queued and return.
    public func finish() {
        isFinishing.store(true, ordering: .sequentiallyConsistent)
        eventfd_write(bell, 1)
    }

    /// The writer's loop: returns after `finish`.
    public func run() {
        while true {
            let isLast = isFinishing.load(ordering: .sequentiallyConsistent)
            while writeSome() {}
            if isLast { return }
            isAsleep.store(true, ordering: .sequentiallyConsistent)
            // What was queued before the flag stood would otherwise wait for the next frame.
            if queues.allSatisfy(\.isEmpty), !isFinishing.load(ordering: .sequentiallyConsistent) {
                var count: eventfd_t = 0
                eventfd_read(bell, &count)
            }
            isAsleep.store(false, ordering: .sequentiallyConsistent)
        }
    }

    /// Writes up to a share of each queue, so that one worker's flood doesn't keep the others' frames waiting, and brings it
    /// to the file; false if there was nothing.
    private func writeSome() -> Bool {
        var pending: UInt64 = 0
        for queue in queues {
            for _ in 0..<1024 {
                guard queue.take({ record, frame in self.write(record, frame) }) else { break }
                pending &+= 1
            }
        }
        guard pending > 0 else { return false }
        let good = file.flush()
        if good {
            writtenFrames.wrappingAdd(pending, ordering: .relaxed)
        } else {
            unwrittenFrames.wrappingAdd(pending, ordering: .relaxed)
        }
        isFailing.store(!good, ordering: .relaxed)
        return true
    }

    private func write(_ record: CaptureRecord, _ frame: UnsafeMutableRawBufferPointer) {
        if let partial = record.partialChecksum {
            var bytes = frame.mutableBytes
            Checksum.completePartial(in: &bytes, start: Int(partial.start), offset: Int(partial.offset))
        }
        file.write(UnsafeRawBufferPointer(frame), time: record.time)
    }
}
