import Answers
public import Capture
public import Classifier
public import Firewall
public import Flows
public import Fragments
public import Reporting
import Wire

/// What is replayed, and what is wanted of it.
public struct ReplaySettings {
    public var program: Program
    /// Captures, in their order; `-` is standard input.
    public var files: [String]
    public var ingress = IngressChoice.interfaceNames
    public var fragments = FragmentMode.reassemble
    public var fragmentLimits = FragmentLimits()
    public var flows = FlowSettings()
    public var checks = FrameChecks()
    /// Frames of which the end was not captured are judged with zeros in its place. Else they are counted, and not judged: their headers
    /// may be cut off too, and live they would not have been.
    public var fillsCutFrames = false
    public var listing = ReplayListing.text
    /// Where the listing goes.
    public var descriptor: Int32 = 1
    /// Where frames go that pass, as they leave.
    public var accepted: CaptureFile?
    /// Where frames go that don't, with the reason.
    public var dropped: CaptureFile?
    /// Where answers go to senders of frames that rules reject.
    public var answers: CaptureFile?
    /// How many of them there may be in a second, for each port.
    public var answersPerSecond = AnswerRate.standard
    /// Where the events of `log` statements go, and those of dropped frames if that is wanted.
    public var events: EventFile?
    /// Where frames go that `log group` statements name.
    public var groups: GroupOutputs<CaptureFile>?
    /// The program's version, for reports.
    public var version = ""

    /// - Parameter program: Compiled with 0 as its `start`.
    public init(_ program: Program, files: [String]) {
        self.program = program
        self.files = files
    }
}

/// What became of the frames that were read.
struct ReplayCounts {
    var read: UInt64 = 0
    var judged: UInt64 = 0
    var cut: UInt64 = 0
    var leaving: UInt64 = 0
    var elsewhere: UInt64 = 0
    var unknownStation: UInt64 = 0
    /// Nanoseconds since the epoch, of judged frames.
    var earliest: UInt64 = .max
    var latest: UInt64 = 0
}

/// Captures through the firewall, one after the other, as one stretch of traffic.
public struct ReplayRun: ~Copyable {
    /// How far it has come.
    public struct Progress {
        /// Bytes of this file.
        public var bytes: UInt64
        /// Frames of all files.
        public var frames: UInt64
    }

    /// Frames after which it says how far it has come.
    private static let framesBetweenReports: UInt64 = 1 << 14

    private let settings: ReplaySettings
    private var replay: Replay
    private var output: ReplayOutput
    private var finder: IngressFinder
    private var counts = ReplayCounts()
    /// A whole frame in place of one that was cut off.
    private let filled: UnsafeMutableRawBufferPointer

    public init(_ settings: ReplaySettings) {
        self.settings = settings
        replay = Replay(
            settings.program, fragments: settings.fragments, limits: settings.fragmentLimits, flows: settings.flows, zeroLength: .recorded,
            checks: settings.checks, answers: AnswerRate(perSecond: settings.answersPerSecond))
        output = ReplayOutput(settings)
        finder = IngressFinder(ports: settings.program.ports, choice: settings.ingress)
        filled = .allocate(byteCount: settings.fillsCutFrames ? CaptureReader.longestFrame : 16, alignment: 16)
    }

    deinit {
        filled.deallocate()
    }

    /// Frames that were read so far.
    public var framesRead: UInt64 { counts.read }

    /// The reader of the list of frames is gone, and nothing else is written: then there is nobody to go on for.
    public var isUnread: Bool {
        output.isUnread && settings.accepted == nil && settings.dropped == nil && settings.answers == nil && settings.events == nil
            && settings.groups == nil
    }

    /// Judges all frames of a file, by its index, or those before what can't be read.
    /// - Parameters:
    ///   - isStopping: Asked again and again; true ends the file here.
    ///   - progress: Told again and again.
    public mutating func read(
        _ file: Int, isStopping: @escaping () -> Bool, progress: (Progress) -> Void
    ) throws(ReplayProblem) {
        var reader = try open(file, isStopping)
        finder.beginFile()
        settings.events?.beginCapture()
        var place = FramePlace(file: UInt16(truncatingIfNeeded: file), number: 0)
        while let frame = try next(&reader) {
            place.number &+= 1
            counts.read &+= 1
            if counts.read % Self.framesBetweenReports == 0 {
                progress(Progress(bytes: reader.position, frames: counts.read))
                if isStopping() || isUnread { break }
            }
            try judge(frame, place, reader)
        }
    }

    private func open(_ file: Int, _ isStopping: @escaping () -> Bool) throws(ReplayProblem) -> CaptureReader {
        do throws(CaptureFault) { return try CaptureReader(path: settings.files[file], isGivingUp: isStopping) } catch {
            throw .capture(error)
        }
    }

    @inline(__always)
    private func next(_ reader: inout CaptureReader) throws(ReplayProblem) -> CapturedFrame? {
        do throws(CaptureFault) { return try reader.next() } catch { throw .capture(error) }
    }

    private mutating func judge(_ frame: CapturedFrame, _ place: FramePlace, _ reader: borrowing CaptureReader) throws(ReplayProblem) {
        switch try finder.ingress(of: frame, in: reader) {
        case .leaving: counts.leaving &+= 1
        case .elsewhere: counts.elsewhere &+= 1
        case .unknownStation: counts.unknownStation &+= 1
        case .port(let port):
            var bytes = frame.bytes
            if frame.isCut {
                guard settings.fillsCutFrames, frame.length <= filled.count else {
                    counts.cut &+= 1
                    return
                }
                bytes = UnsafeMutableRawBufferPointer(rebasing: filled[..<frame.length])
                bytes.copyMemory(from: UnsafeRawBufferPointer(frame.bytes))
                UnsafeMutableRawBufferPointer(rebasing: bytes[frame.bytes.count...]).initializeMemory(as: UInt8.self, repeating: 0)
            }
            counts.judged &+= 1
            counts.earliest = min(counts.earliest, frame.time)
            counts.latest = max(counts.latest, frame.time)
            replay.judge(bytes, place, ingress: port, time: frame.time, into: &output)
        }
    }

    /// Gives those their verdict that still wait for one, ends the captures that are written, and says what all came to.
    public mutating func finish() -> ReplayReport {
        replay.finish(into: &output)
        settings.accepted?.finish()
        settings.dropped?.finish()
        settings.answers?.finish()
        settings.events?.finish(at: counts.latest)
        for (_, file) in settings.groups?.outputs ?? [] { file.finish() }
        return ReplayReport(
            settings, counts, ports: [output.ports.0, output.ports.1], firewall: replay.counters.snapshot(), now: replay.now,
            backwardSteps: replay.backwardSteps, outputError: output.flush())
    }
}
