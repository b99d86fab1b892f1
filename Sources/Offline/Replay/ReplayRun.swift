import Answers
public import Capture
public import Classifier
public import Firewall
public import Flows
public import Fragments
public import Reporting
public import Wire

/// What is replayed, and what is wanted of it.
public struct ReplaySettings {
    public var program: Program
    /// Captures, in their order; `-` is standard input.
    public var files: [String]
    public var ingress = IngressChoice.interfaceNames
    /// The ports, by their indices, of the interfaces whose numbers link headers have (LINUX_SLL2, NFLOG, DSA, ERF).
    public var interfaceNumbers: [UInt32: UInt8] = [:]
    public var fragments = FragmentMode.reassemble
    public var fragmentLimits = FragmentLimits()
    public var flows = FlowSettings()
    public var checks = FrameChecks()
    /// What the ports take, which a capture doesn't show.
    public var links = LinkLimits()
    /// Frames of which the end was not captured are judged with zeros in its place. Else they are counted, and not judged: their headers
    /// may be cut off too, and live they would not have been.
    public var fillsCutFrames = false
    /// What is made of transport checksums. Captures don't say which of them were left to hardware.
    public var checksums = ChecksumTrust.offload
    public var listing = ReplayListing.text
    /// Where the listing goes.
    public var descriptor: Int32 = 1
    /// Where frames go that pass, as they leave.
    public var accepted: CaptureFile?
    /// Where frames go that don't, with the reason.
    public var dropped: CaptureFile?
    /// Where answers go to senders of frames that are rejected or too big.
    public var answers: CaptureFile?
    /// How many of them there may be in a second, for each port.
    public var answersPerSecond = AnswerRate.standard
    /// Where the events of `log` statements go, and those of dropped frames if that is wanted.
    public var events: EventFile?
    /// What `community_id` is made with, where the listing is JSON.
    public var communitySeed: UInt16 = 0
    /// Where frames go that `log group` statements name.
    public var groups: GroupOutputs<CaptureFile>?
    /// Other rules that judge the same frames, compiled as `program` is, and their name.
    public var compared: (program: Program, name: String)?
    /// Keeps what both are asked, if that is wanted.
    package var comparedPackets: ComparedPackets?
    /// A report that this one is held to.
    public var comparedReport: RecordedReport?
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
    /// Frames with a time before that of one before them in their file.
    var backwardSteps: UInt64 = 0
    var cut: UInt64 = 0
    var filled: UInt64 = 0
    var leaving: UInt64 = 0
    var elsewhere: UInt64 = 0
    var otherLink: UInt64 = 0
    var unreadable: UInt64 = 0
    /// Frames that were given an Ethernet header.
    var given: UInt64 = 0
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
    private let comparison: RuleComparison?
    private var output: ReplayOutput
    private var finder: IngressFinder
    private var order = FrameOrder()
    /// The latest time of the file's frames so far.
    private var latestRead: UInt64 = 0
    private var counts = ReplayCounts()
    /// Names of link types: of those that can't be judged, and of those whose frames were given an Ethernet header.
    private var links: Set<String> = []
    private var givenLinks: Set<String> = []
    /// A whole frame in place of one that was cut off.
    private let filled: UnsafeMutableRawBufferPointer

    public init(_ settings: ReplaySettings) {
        self.settings = settings
        replay = Replay(settings, settings.program, packets: settings.comparedPackets?.hereListener)
        comparison = settings.compared.map { RuleComparison(settings, with: $0.program, name: $0.name) }
        output = ReplayOutput(settings, comparison)
        finder = IngressFinder(
            ports: settings.program.ports, choice: settings.ingress, numbers: settings.interfaceNumbers)
        filled = .allocate(byteCount: CaptureReader.longestFrame, alignment: 16)
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
        order.beginFile()
        latestRead = 0
        settings.events?.beginCapture()
        do throws(ReplayProblem) {
            try readFrames(&reader, file, isStopping: isStopping, progress: progress)
        } catch {
            // What was read before the fault counts.
            judgeWaiting(isForced: true)
            throw error
        }
        judgeWaiting(isForced: true)
    }

    private mutating func readFrames(
        _ reader: inout CaptureReader, _ file: Int, isStopping: () -> Bool, progress: (Progress) -> Void
    ) throws(ReplayProblem) {
        var place = FramePlace(file: UInt16(truncatingIfNeeded: file), number: 0)
        let before = counts
        /// The link of a file that has only frames of other links.
        var refused: Int?
        while let frame = try next(&reader) {
            place.number &+= 1
            counts.read &+= 1
            if frame.time < latestRead { counts.backwardSteps &+= 1 } else { latestRead = frame.time }
            if counts.read % Self.framesBetweenReports == 0 {
                progress(Progress(bytes: reader.position, frames: counts.read))
                if isStopping() || isUnread { break }
            }
            if frame.link == .refused, refused == nil { refused = frame.interface }
            try judge(frame, place, reader)
        }
        if let refused, counts.otherLink - before.otherLink == counts.read - before.read {
            throw .capture(reader.linkTypeFault(of: refused))
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
        case .otherLink:
            counts.otherLink &+= 1
            if links.count < 8 { links.insert(reader.interface(frame.interface).linkName) }
        case .unreadable: counts.unreadable &+= 1
        case .unknownStation: counts.unknownStation &+= 1
        case .seen(let port): wait(frame, place, port, reader, isIngress: false)
        case .port(let port):
            guard !finder.isOfBothPorts else { return wait(frame, place, port, reader, isIngress: true) }
            if frame.link == .given { note(given: reader.interface(frame.interface).linkName) }
            guard !frame.isCut else { return take(cut: frame.bytes, length: frame.length, time: frame.time, place, ingress: port) }
            judgeWhole(frame.bytes, place, ingress: port, time: frame.time)
        }
    }

    // MARK: Two ports

    /// Has a frame wait until its turn comes, and judges those whose turn that makes it.
    private mutating func wait(
        _ frame: CapturedFrame, _ place: FramePlace, _ port: UInt8, _ reader: borrowing CaptureReader, isIngress: Bool
    ) {
        if frame.link == .given { note(given: reader.interface(frame.interface).linkName) }
        while !order.hasRoom(for: frame, port: port), let first = order.next(isForced: true) { judgeFirst(of: first) }
        order.add(frame, place, port: port, isIngress: isIngress)
        judgeWaiting(isForced: false)
    }

    private mutating func judgeWaiting(isForced: Bool) {
        while let port = order.next(isForced: isForced) { judgeFirst(of: port) }
    }

    @inline(__always)
    private mutating func judgeFirst(of port: UInt8) {
        let (frame, bytes) = order.head(of: port)
        let isEntering: Bool
        switch order.judge(frame, port: port) {
        case .leaving: isEntering = false
        case .entering:
            isEntering = true
            if !frame.isIngress { finder.learn(UnsafeRawBufferPointer(bytes), at: port) }
        case .single: isEntering = finder.isEntering(UnsafeRawBufferPointer(bytes), at: port)
        }
        if !isEntering {
            counts.leaving &+= 1
        } else {
            order.note(frame, port: port)
            if frame.captured < frame.length {
                take(cut: bytes, length: frame.length, time: frame.time, frame.place, ingress: port)
            } else {
                judgeWhole(bytes, frame.place, ingress: port, time: frame.time)
            }
        }
        order.removeFirst(of: port)
    }

    // MARK: One frame

    /// - Parameter isCut: Zeros stand in place of bytes that were not captured.
    @inline(__always)
    private mutating func judgeWhole(
        _ bytes: UnsafeMutableRawBufferPointer, _ place: FramePlace, isCut: Bool = false, ingress port: UInt8, time: UInt64
    ) {
        note(time)
        comparison?.judge(UnsafeRawBufferPointer(bytes), place, isCut: isCut, ingress: port, time: time)
        replay.judge(bytes, place, isCut: isCut, ingress: port, time: time, into: &output)
    }

    /// Judges a frame of which the end was not captured, if that is wanted. Else only its connection hears of it.
    private mutating func take(
        cut captured: UnsafeMutableRawBufferPointer, length: Int, time: UInt64, _ place: FramePlace, ingress port: UInt8
    ) {
        guard length <= filled.count else {
            counts.cut &+= 1
            return
        }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: filled[..<length])
        bytes.copyMemory(from: UnsafeRawBufferPointer(captured))
        UnsafeMutableRawBufferPointer(rebasing: bytes[captured.count...]).initializeMemory(as: UInt8.self, repeating: 0)
        guard settings.fillsCutFrames else {
            counts.cut &+= 1
            comparison?.follow(bytes, captured: captured.count, ingress: port, time: time)
            return replay.follow(bytes, captured: captured.count, ingress: port, time: time, into: &output)
        }
        counts.filled &+= 1
        judgeWhole(bytes, place, isCut: true, ingress: port, time: time)
    }

    @inline(never)
    private mutating func note(given link: String) {
        counts.given &+= 1
        if givenLinks.count < 8 { givenLinks.insert(link) }
    }

    @inline(__always)
    private mutating func note(_ time: UInt64) {
        counts.judged &+= 1
        counts.earliest = min(counts.earliest, time)
        counts.latest = max(counts.latest, time)
    }

    /// Decides on the frames that still wait, ends the captures, and returns the report.
    public mutating func finish() -> ReplayReport {
        comparison?.finish()
        replay.finish(into: &output)
        settings.accepted?.finish()
        settings.dropped?.finish()
        settings.answers?.finish()
        settings.events?.finish(at: counts.latest)
        for (_, file) in settings.groups?.outputs ?? [] { file.finish() }
        let firewall = replay.counters.snapshot()
        return ReplayReport(
            settings, counts, links: ReplayLinks(given: givenLinks.sorted(), refused: links.sorted()),
            missing: MissingTraffic(replay, flows: firewall.flows), ports: [output.ports.0, output.ports.1], firewall: firewall,
            now: replay.now, comparison: comparison?.report,
            reordered: order.reordered, unfinishedChecksums: replay.unfinishedChecksums, outputError: output.flush())
    }
}

extension Replay {
    /// Of captures, as the settings have it.
    init(_ settings: ReplaySettings, _ program: Program, packets: JudgedPackets? = nil) {
        self.init(
            program, fragments: settings.fragments, limits: settings.fragmentLimits, flows: settings.flows, zeroLength: .recorded,
            packets: packets, checks: settings.checks, answers: AnswerRate(perSecond: settings.answersPerSecond),
            checksums: settings.checksums,
            links: settings.links)
    }
}
