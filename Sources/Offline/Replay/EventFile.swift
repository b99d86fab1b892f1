public import Capture
public import Classifier
public import Reporting
import Storage

/// A file of events, lines of JSON as a run writes them, that are written as frames are judged, by the caller, who may wait for a disk.
///
/// The seconds of its rate are those of the frames' times.
public final class EventFile {
    /// Bytes that are gathered before they are written.
    private static let full = 1 << 16
    /// Seconds by which frames that were held may come late: no timeout of fragments is longer.
    private static let lateness: UInt64 = 3600

    public let settings: EventSettings
    private let captureFile: String?
    private let file: OutputFile
    private var encoder: EventEncoder
    private var lines: [UInt8] = []
    /// Events in `lines`.
    private var pending: UInt64 = 0
    private var rate: RateLimit
    private var saidLeftOut: UInt64 = 0
    /// Events that are in the file.
    private(set) var written: UInt64 = 0
    /// Events that are not: too many in a second, more of one frame than are kept, or the file took no more.
    private(set) var leftOut: UInt64 = 0
    /// Events that the file didn't take.
    private(set) var lost: UInt64 = 0

    /// Opens the file.
    /// - Parameter captureFile: Where dropped frames are written, to be named in their events.
    public init(_ settings: EventSettings, _ program: Program, captureFile: String? = nil) throws(CaptureError) {
        self.settings = settings
        rate = RateLimit(perSecond: settings.linesPerSecond, lateness: Self.lateness)
        self.captureFile = captureFile
        encoder = EventEncoder(program, ports: program.ports)
        file = try OutputFile(path: settings.path, older: .isAppendedTo)
    }

    func write(_ record: LogRecord, at place: EventEncoder.Place) {
        turn(to: record.time)
        guard rate.admit() else {
            leftOut += 1
            return
        }
        encoder.append(record, at: place, captureFile: captureFile, to: &lines)
        pending += 1
        if lines.count > Self.full { flush() }
    }

    /// Counts events that are not written.
    /// - Parameter time: Of their frame.
    func leaveOut(_ events: Int, time: UInt64) {
        turn(to: time)
        leftOut &+= UInt64(max(0, events))
    }

    /// Brings all lines to the file.
    /// - Parameter time: Of the last frame.
    func finish(at time: UInt64) {
        file.begin()
        flush()
        sayLeftOut(time / 1_000_000_000)
    }

    /// To be called before each capture, whose times may lie before those of the last.
    func beginCapture() { rate.reset() }

    /// A new allowance with each second. Fragments that were held come late, and count where they come. From further back, after a frame
    /// with a time from far ahead, the seconds go on as the replay's clock does.
    private func turn(to time: UInt64) {
        if rate.turn(to: time) { sayLeftOut(time / 1_000_000_000) }
    }

    private func sayLeftOut(_ second: UInt64) {
        guard leftOut > saidLeftOut else { return }
        flush()
        var line: [UInt8] = []
        EventEncoder.append(leftOut: leftOut - saidLeftOut, time: second * 1_000_000_000, to: &line)
        if file.write(line, isGivingUp: { false }) { saidLeftOut = leftOut }
    }

    private func flush() {
        guard !lines.isEmpty else { return }
        if file.write(lines, isGivingUp: { false }) {
            written += pending
        } else {
            leftOut += pending
            lost += pending
        }
        lines.removeAll(keepingCapacity: true)
        pending = 0
    }
}
