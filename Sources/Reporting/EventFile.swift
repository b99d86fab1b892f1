public import Capture
public import Classifier

/// A file of events, lines of JSON as a run writes them, that are written as frames are judged, by the caller, who may wait for a disk.
///
/// The seconds of its rate are those of the frames' times.
public final class EventFile {
    /// Seconds by which frames that were held may come late: no timeout of fragments is longer.
    private static let lateness: UInt64 = 3600

    private let program: Program
    private let captureFile: String?
    private let log: EventLog

    /// Opens the file.
    /// - Parameter captureFile: Where dropped frames are written, to be named in their events.
    public init(_ settings: EventSettings, _ program: Program, captureFile: String? = nil) throws(CaptureError) {
        self.program = program
        self.captureFile = captureFile
        log = try EventLog(settings, ports: program.ports, lateness: Self.lateness)
    }

    /// How it writes.
    public var settings: EventSettings { log.settings }
    /// Events that are in the file.
    package var written: UInt64 { log.written }
    /// Events that are not: too many in a second, more of one frame than are kept, or the file took no more.
    package var leftOut: UInt64 { log.leftOut }
    /// Events that the file didn't take.
    package var lost: UInt64 { log.lost }

    package func write(_ record: LogRecord, at place: EventEncoder.Place?) {
        turn(to: record.time)
        log.add(record, program, at: place, captureFile: captureFile)
        if log.isFull { log.flush() }
    }

    /// Counts events that are not written.
    /// - Parameter time: The time of their frame.
    package func leaveOut(_ events: Int, time: UInt64) {
        turn(to: time)
        log.leaveOut(UInt64(max(0, events)))
    }

    /// Brings all lines to the file.
    /// - Parameter time: The time of the last frame.
    package func finish(at time: UInt64) {
        log.begin()
        log.flush()
        sayLeftOut(at: time)
    }

    /// To be called before each capture, whose times may lie before those of the last.
    package func beginCapture() { log.resetClock() }

    /// A new allowance with each second. Fragments that were held come late, and count where they come. From further back, after a frame
    /// with a time from far ahead, the seconds go on as the replay's clock does.
    private func turn(to time: UInt64) {
        if log.turn(to: time) { sayLeftOut(at: time) }
    }

    private func sayLeftOut(at time: UInt64) { log.sayLeftOut(at: time / 1_000_000_000 * 1_000_000_000) }
}
