public import Capture
import Classifier
import Glibc
public import Reporting
import Storage
import Synchronization

/// Writes events as lines of JSON, from a thread of its own. What can't be written costs events, counted, never frames.
public final class EventWriter: Sendable {
    /// Between two looks at the queues, so that no worker has to wake anybody.
    private static let pause: UInt32 = 50_000

    private let generations: RulesetGenerations
    private let drops: DropCapture?
    private nonisolated(unsafe) let log: EventLog
    /// Events for which the queues had no room.
    private nonisolated(unsafe) var lostInQueues: UInt64 = 0
    public let settings: EventSettings
    private let isFinishing = Atomic<Bool>(false)
    private let isReopening = Atomic<Bool>(false)
    private let writtenLines = Atomic<UInt64>(0)
    private let unwritten = Atomic<UInt64>(0)
    private let refused = Atomic<UInt64>(0)
    private let obstacle = Mutex<String?>(nil)

    /// Opens the file.
    /// - Parameter drops: Whose file is named in the events of dropped frames.
    public init(_ settings: EventSettings, _ generations: RulesetGenerations, ports: [String], drops: DropCapture? = nil)
        throws(CaptureError)
    {
        // Standard output's reader may go away, which must not end the process.
        signal(SIGPIPE, SIG_IGN)
        self.settings = settings
        self.generations = generations
        self.drops = drops
        log = try EventLog(settings, ports: ports)
    }

    /// Events that are in the file.
    package var written: UInt64 { writtenLines.load(ordering: .relaxed) }
    /// Events that came here and were not written: too many in a second, or the file took no more.
    package var leftOut: UInt64 { unwritten.load(ordering: .relaxed) }

    /// Events that the file didn't take.
    var lost: UInt64 { refused.load(ordering: .relaxed) }

    /// Why the file takes nothing at the moment, in words; nil if it does.
    var problem: String? { obstacle.withLock { $0 } }

    /// Makes `run` write what there is and return.
    func finish() { isFinishing.store(true, ordering: .releasing) }

    /// Makes the writer open the name again, if it means another file by now.
    func reopen() { isReopening.store(true, ordering: .releasing) }

    /// The writer's loop: returns after `finish`.
    func run(_ queues: [LogQueue]) {
        log.begin()
        while true {
            let isLast = isFinishing.load(ordering: .acquiring)
            if isReopening.exchange(false, ordering: .acquiring) { log.reopen() }
            write(queues, isLast: isLast)
            if isLast { return }
            usleep(Self.pause)
        }
    }

    /// Writes what the queues hold.
    package func write(_ queues: [LogQueue], isLast: Bool) {
        if log.turn(to: Clock.now().monotonic) {
            log.look()
            sayLost()
        }
        let captureFile = drops?.currentPath
        for queue in queues {
            // No more than was there: a worker must not keep the writer with it.
            for _ in 0..<LogQueue.capacity {
                guard let record = queue.take() else { break }
                let (event, program) = generations.resolved(record)
                log.add(event, program, captureFile: captureFile)
            }
        }
        lostInQueues = queues.reduce(0) { $0 &+ $1.lost }
        log.flush { isFinishing.load(ordering: .relaxed) }
        if isLast { sayLost() }
        writtenLines.store(log.written, ordering: .relaxed)
        unwritten.store(log.leftOut, ordering: .relaxed)
        refused.store(log.lost, ordering: .relaxed)
        let problem = log.problem
        obstacle.withLock { if $0 != problem { $0 = problem } }
    }

    private func sayLost() {
        log.sayLeftOut(at: Clock.now().sinceEpoch, elsewhere: lostInQueues) { isFinishing.load(ordering: .relaxed) }
    }
}
