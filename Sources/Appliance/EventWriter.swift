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

    public let settings: EventSettings
    private let generations: RulesetGenerations
    private let ports: [String]
    private let drops: DropCapture?
    private nonisolated(unsafe) var file: OutputFile?
    /// For the rules that the last event was of.
    private nonisolated(unsafe) var encoder: EventEncoder?
    private nonisolated(unsafe) var second: UInt64 = 0
    private nonisolated(unsafe) var linesOfSecond = 0
    private nonisolated(unsafe) var saidLost: UInt64 = 0
    private nonisolated(unsafe) var lostInQueues: UInt64 = 0
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
        self.ports = ports
        self.drops = drops
        file = try OutputFile(path: settings.path, older: .isAppendedTo)
    }

    /// Events that are in the file.
    package var written: UInt64 { writtenLines.load(ordering: .relaxed) }
    /// Events that came here and were not written: too many in a second, or the file took no more.
    package var leftOut: UInt64 { unwritten.load(ordering: .relaxed) }

    /// Those of them that the file didn't take.
    var lost: UInt64 { refused.load(ordering: .relaxed) }

    /// Why the file takes nothing at the moment, in words; nil if it does.
    var problem: String? { obstacle.withLock { $0 } }

    /// Makes `run` write what there is and return.
    func finish() { isFinishing.store(true, ordering: .releasing) }

    /// Makes the writer open the name anew, if it means another file by now.
    func reopen() { isReopening.store(true, ordering: .releasing) }

    /// The writer's loop: returns after `finish`.
    func run(_ queues: [LogQueue]) {
        file?.begin()
        while true {
            let isLast = isFinishing.load(ordering: .acquiring)
            if isReopening.exchange(false, ordering: .acquiring) { open() }
            write(queues, isLast: isLast)
            if isLast { return }
            usleep(Self.pause)
        }
    }

    /// Writes what the queues hold.
    package func write(_ queues: [LogQueue], isLast: Bool) {
        turn()
        let captureFile = drops?.currentPath
        var lines: [UInt8] = []
        var count: UInt64 = 0
        for queue in queues {
            // No more than was there: a worker must not keep the writer with it.
            for _ in 0..<LogQueue.capacity {
                guard let record = queue.take() else { break }
                guard linesOfSecond < settings.linesPerSecond else {
                    unwritten.wrappingAdd(1, ordering: .relaxed)
                    continue
                }
                linesOfSecond += 1
                count += 1
                let (event, program) = generations.resolved(record)
                if encoder?.program !== program { encoder = EventEncoder(program, ports: ports) }
                encoder?.append(event, captureFile: captureFile, to: &lines)
            }
        }
        lostInQueues = queues.reduce(0) { $0 &+ $1.lost }
        if put(lines) {
            writtenLines.wrappingAdd(count, ordering: .relaxed)
        } else {
            unwritten.wrappingAdd(count, ordering: .relaxed)
            refused.wrappingAdd(count, ordering: .relaxed)
        }
        if isLast { sayLost() }
    }

    /// Once a second: a new allowance, what was left out of the old one, and a file where there is none.
    private func turn() {
        let now = Clock.now().monotonic / 1_000_000_000
        guard now != second else { return }
        second = now
        linesOfSecond = 0
        if file?.isDeleted ?? true { open() }
        if let file, file.isBroken, !file.isRegular, !file.isInherited { open() }
        sayLost()
    }

    private func sayLost() {
        let lost = leftOut &+ lostInQueues
        guard lost > saidLost else { return }
        var line: [UInt8] = []
        EventEncoder.append(leftOut: lost - saidLost, time: Clock.now().sinceEpoch, to: &line)
        if put(line) { saidLost = lost }
    }

    private func open() {
        guard !(file?.isInPlace ?? false) || file?.isBroken ?? true else { return }
        // The lock of the one before must be gone where both are the same.
        file = nil
        do throws(CaptureError) {
            file = try OutputFile(path: settings.path, older: .isAppendedTo)
            file?.begin()
        } catch {
            obstacle.withLock { $0 = error.description }
        }
    }

    private func put(_ lines: [UInt8]) -> Bool {
        guard !lines.isEmpty else { return true }
        guard let file else { return false }
        let isWritten = file.write(lines) { self.isFinishing.load(ordering: .relaxed) }
        let problem = file.problem
        obstacle.withLock { if $0 != problem { $0 = problem } }
        return isWritten
    }
}
