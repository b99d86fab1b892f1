package import Capture
package import Classifier
import Storage

/// A file of events, lines of JSON, at a bounded rate, with the number of events that were left out. One thread uses it.
///
/// Runs and replays write through it. They differ in their clocks, and in who waits for a disk.
package final class EventLog {
    /// Bytes that are gathered before they are written.
    private static let full = 1 << 16

    package let settings: EventSettings
    private let ports: [String]
    private var file: OutputFile?
    /// For the rules that the last event was of.
    private var encoder: EventEncoder?
    private var rate: RateLimit
    private var lines: [UInt8] = []
    /// Events in `lines`.
    private var pending: UInt64 = 0
    private var saidLeftOut: UInt64 = 0
    /// Events that are in the file.
    package private(set) var written: UInt64 = 0
    /// Events that are not: too many in a second, more of one frame than are kept, or the file took no more.
    package private(set) var leftOut: UInt64 = 0
    /// Events that the file didn't take.
    package private(set) var lost: UInt64 = 0

    /// Opens the file.
    /// - Parameters:
    ///   - ports: The names of the two.
    ///   - lateness: As of `RateLimit`.
    package init(_ settings: EventSettings, ports: [String], lateness: UInt64? = nil) throws(CaptureError) {
        self.settings = settings
        self.ports = ports
        rate = RateLimit(perSecond: settings.linesPerSecond, lateness: lateness)
        file = try OutputFile(path: settings.path, older: .isAppendedTo)
    }

    /// Why the file takes nothing at the moment, in words; nil if it does.
    package private(set) var problem: String?

    /// To be called when nothing can be refused any more: a file that was made and not begun goes again with this.
    package func begin() { file?.begin() }

    /// Goes to the second of this time, in nanoseconds. Returns true if a new one began, with an allowance of its own.
    package func turn(to time: UInt64) -> Bool { rate.turn(to: time) }

    /// Makes the next time begin a new second, whatever it is.
    package func resetClock() { rate.reset() }

    /// Adds an event, if the second has room for it.
    /// - Parameters:
    ///   - program: Whose rules it names.
    ///   - place: Where the frame stands in its capture, if it was read from one.
    ///   - captureFile: Where dropped frames are written at this time.
    package func add(_ record: LogRecord, _ program: Program, at place: EventEncoder.Place? = nil, captureFile: String?) {
        guard rate.admit() else { return leaveOut(1) }
        if encoder?.program !== program { encoder = EventEncoder(program, ports: ports, communitySeed: settings.communitySeed) }
        encoder?.append(record, at: place, captureFile: captureFile, to: &lines)
        pending &+= 1
    }

    /// Counts events that are not written.
    package func leaveOut(_ events: UInt64) { leftOut &+= events }

    /// True if there is enough to be worth a system call.
    package var isFull: Bool { lines.count > Self.full }

    /// Brings all lines to the file.
    /// - Parameter isGivingUp: Asked while the file takes nothing.
    package func flush(isGivingUp: () -> Bool = { false }) {
        guard !lines.isEmpty else { return }
        if put(lines, isGivingUp) {
            written &+= pending
        } else {
            leftOut &+= pending
            lost &+= pending
        }
        lines.removeAll(keepingCapacity: true)
        pending = 0
    }

    /// Writes a line that says how many events were left out since the last such line.
    /// - Parameters:
    ///   - time: Nanoseconds since the epoch, for the line.
    ///   - elsewhere: Events that were lost before they came here, since the start.
    package func sayLeftOut(at time: UInt64, elsewhere: UInt64 = 0, isGivingUp: () -> Bool = { false }) {
        guard leftOut &+ elsewhere > saidLeftOut else { return }
        flush(isGivingUp: isGivingUp)
        let total = leftOut &+ elsewhere
        var line: [UInt8] = []
        EventEncoder.append(leftOut: total - saidLeftOut, time: time, to: &line)
        if put(line, isGivingUp) { saidLeftOut = total }
    }

    /// Opens the name again if it means another file by now, or if the file takes nothing more.
    package func reopen() {
        guard !(file?.isInPlace ?? false) || file?.isBroken ?? true else { return }
        // The lock of the one before must be gone where both are the same.
        file = nil
        do throws(CaptureError) {
            file = try OutputFile(path: settings.path, older: .isAppendedTo)
            file?.begin()
        } catch {
            problem = error.description
        }
    }

    private func put(_ octets: [UInt8], _ isGivingUp: () -> Bool) -> Bool {
        guard let file else { return false }
        let isWritten = file.write(octets, isGivingUp: isGivingUp)
        problem = file.problem
        return isWritten
    }

    /// Sees that there is a file: one that was deleted is made again, and a pipe whose reader went away is opened again.
    package func look() {
        if file?.isDeleted ?? true { reopen() }
        if let file, file.isBroken, !file.isRegular, !file.isInherited { reopen() }
    }
}
