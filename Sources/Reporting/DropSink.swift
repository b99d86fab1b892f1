package import Capture
package import Decisions
import Storage
import Wire

/// Where the files of a run or a replay get their frames and events: dropped frames, and those that come to `log` statements.
///
/// What goes where is said here, once. A run's outputs are queues of one worker, which other threads empty; a replay's are files.
package struct DropSink {
    /// A file of frames.
    package enum FrameOutput {
        case queue(CaptureQueue, of: DropCapture)
        case file(CaptureFile)
    }

    /// Events as lines.
    package enum EventOutput {
        case queue(LogQueue)
        case file(EventFile)
    }

    private let drops: FrameOutput?
    /// The beginnings of the last dropped frames, for those who ask.
    private let recent: CaptureQueue?
    private var recentRate = RateLimit(perSecond: RecentDrops.perSecond)
    private var groups: LogGroups?
    /// By the group's index.
    private var groupOutputs: [FrameOutput] = []
    private let events: EventOutput?
    /// Dropped frames are events as well.
    private let reportsDrops: Bool
    /// A queue has been given something since its writer was woken.
    private var hasOffered = false

    /// The outputs of one worker. Without a file of events they become lines among the messages.
    package init(
        worker: Int, drops: DropCapture?, groups: GroupOutputs<DropCapture>?, events: LogQueue, reportsDrops: Bool,
        recent: CaptureQueue? = nil
    ) {
        self.recent = recent
        self.drops = drops.map { .queue($0.queues[worker], of: $0) }
        self.events = .queue(events)
        self.reportsDrops = reportsDrops
        use(groups, worker: worker)
    }

    /// The outputs of a replay.
    package init(drops: CaptureFile?, groups: GroupOutputs<CaptureFile>?, events: EventFile?) {
        recent = nil
        self.drops = drops.map { .file($0) }
        self.events = events.map { .file($0) }
        reportsDrops = events?.settings.includesDrops ?? false
        self.groups = groups?.groups
        groupOutputs = (groups?.outputs ?? []).map { .file($0.output) }
    }

    /// Takes the statements of other rules.
    package mutating func use(_ groups: GroupOutputs<DropCapture>?, worker: Int) {
        self.groups = groups?.groups
        groupOutputs = (groups?.outputs ?? []).map { .queue($0.output.queues[worker], of: $0.output) }
    }

    /// Somebody wants dropped frames: without it they need not be described.
    @inline(__always)
    package var takesDrops: Bool { drops != nil || reportsDrops || recent != nil }

    /// Takes a frame that is dropped.
    package mutating func drop(_ frame: borrowing SunkFrame) {
        if let drops { put(frame, frame.captureRecord(), into: drops) }
        if reportsDrops { tell(frame, nil, at: frame.time) }
        if let recent {
            recentRate.turn(to: frame.time)
            if recentRate.admit() { keep(frame, in: recent) }
        }
    }

    /// Takes a frame that a `log` statement saw.
    /// - Parameter time: When that was, in nanoseconds since the epoch.
    package mutating func log(_ event: LoggedStatement, _ frame: borrowing SunkFrame, at time: UInt64) {
        if let destination = groups?[event] {
            let record = frame.captureRecord(for: event, snapLength: destination.snapLength)
            put(frame, record, into: groupOutputs[destination.index])
        } else {
            tell(frame, event, at: time)
        }
    }

    /// Counts events of a frame that are not reported.
    /// - Parameter time: The frame's, in nanoseconds since the epoch.
    package func leaveOut(_ count: Int, at time: UInt64) {
        switch events {
        case nil: break
        case .queue(let queue): queue.leaveOut(count)
        case .file(let file): file.leaveOut(count, time: time)
        }
    }

    /// Wakes the writers of what was queued since the last call.
    package mutating func wakeWriters() {
        guard hasOffered else { return }
        hasOffered = false
        if case .queue(_, let capture) = drops { capture.wake() }
        for case .queue(_, let capture) in groupOutputs { capture.wake() }
    }

    // MARK: Outputs

    /// Nobody is woken for it: who asks looks.
    private func keep(_ frame: borrowing SunkFrame, in queue: CaptureQueue) {
        var record = frame.captureRecord()
        record.wireLength = record.length
        let bytes = frame.bytes
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        if let tag = frame.tag, bytes.count >= 12 {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[12..<min(bytes.count, RecentDrops.snapLength - VLANTag.length)])
            record.length = UInt32(truncatingIfNeeded: 12 + VLANTag.length + rest.count)
            var words = (tag.tpid.bigEndian, tag.tci.bigEndian)
            _ = withUnsafeBytes(of: &words) { queue.offer(record, (UnsafeRawBufferPointer(rebasing: bytes[..<12]), $0, rest)) }
        } else {
            let kept = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, RecentDrops.snapLength)])
            record.length = UInt32(truncatingIfNeeded: kept.count)
            _ = queue.offer(record, (kept, none, none))
        }
    }

    private func tell(_ frame: borrowing SunkFrame, _ event: LoggedStatement?, at time: UInt64) {
        switch events {
        case nil: break
        case .queue(let queue): queue.offer(frame.logRecord(for: event, at: time))
        case .file(let file): file.write(frame.logRecord(for: event, at: time), at: frame.place)
        }
    }

    /// A replay's frames have their tags in place.
    private mutating func put(_ frame: borrowing SunkFrame, _ record: CaptureRecord, into output: FrameOutput) {
        switch output {
        case .file(let file): file.write(frame.bytes, record)
        case .queue(let queue, _):
            let bytes = frame.bytes
            guard let tag = frame.tag, bytes.count >= 12 else {
                let none = UnsafeRawBufferPointer(start: nil, count: 0)
                hasOffered = queue.offer(record, (bytes, none, none)) || hasOffered
                return
            }
            var words = (tag.tpid.bigEndian, tag.tci.bigEndian)
            let isQueued = withUnsafeBytes(of: &words) { tag in
                queue.offer(
                    record, (UnsafeRawBufferPointer(rebasing: bytes[..<12]), tag, UnsafeRawBufferPointer(rebasing: bytes[12...])))
            }
            hasOffered = isQueued || hasOffered
        }
    }
}
