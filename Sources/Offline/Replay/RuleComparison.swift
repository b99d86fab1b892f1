import Capture
import Classifier
import Decisions
import Firewall
import Reporting
import Wire

/// What another rule set makes of the same frames, beside what the replayed one makes of them.
///
/// Both see each frame before either sees the next one, and each has connections, limits and sets of its own. Which fragments are held, and
/// when they go, doesn't depend on rules: so their verdicts come in the same order.
final class RuleComparison {
    /// Verdicts that are known and have not been asked for, first in, first out.
    private struct Verdicts: ReplaySink, ~Copyable {
        private var known: [(place: FramePlace, record: CaptureRecord)] = []
        private var next = 0

        mutating func judged(_ frame: JudgedFrame) {
            guard frame.judgement.verdict != .hold else { return }
            known.append(
                (frame.place, SunkFrame(frame.judgement, ingress: frame.ingress, time: frame.time, bytes: frame.bytes).captureRecord()))
        }

        mutating func logged(_ event: LoggedStatement, _ frame: JudgedFrame) {}

        /// The oldest verdict, which is that of the frame.
        mutating func take(_ place: FramePlace) -> CaptureRecord? {
            guard next < known.count, known[next].place == place else { return nil }
            defer {
                next += 1
                if next == known.count {
                    known.removeAll(keepingCapacity: true)
                    next = 0
                }
            }
            return known[next].record
        }
    }

    private struct Pair: Hashable {
        var here: String
        var there: String
    }

    private let packets: ComparedPackets?
    private var flows = FlowCounts()

    /// The other rules' file.
    let name: String
    private var replay: Replay
    private var verdicts = Verdicts()
    private var explanations: Explanations
    private var groups: [ComparisonReport.Group] = []
    private var numbers: [Pair: Int] = [:]
    private var frames: UInt64 = 0
    /// A copy of the frame: the other rules may change it.
    private let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: CaptureReader.longestFrame, alignment: 16)

    init(_ settings: ReplaySettings, with program: Program, name: String) {
        self.name = name
        packets = settings.comparedPackets
        replay = Replay(settings, program, packets: packets?.thereListener)
        explanations = Explanations { CaptureComment.text(of: $0, program) }
    }

    deinit {
        copy.deallocate()
    }

    /// Has the other rules judge a frame, before the replayed ones do.
    func judge(_ bytes: UnsafeRawBufferPointer, _ place: FramePlace, isCut: Bool, ingress: UInt8, time: UInt64) {
        packets?.begin()
        let copied = UnsafeMutableRawBufferPointer(rebasing: copy[..<min(bytes.count, copy.count)])
        copied.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<copied.count]))
        replay.judge(copied, place, isCut: isCut, ingress: ingress, time: time, into: &verdicts)
    }

    /// As `Replay.follow`.
    func follow(_ bytes: UnsafeMutableRawBufferPointer, captured: Int, ingress: UInt8, time: UInt64) {
        replay.follow(bytes, captured: captured, ingress: ingress, time: time, into: &verdicts)
    }

    /// As `Replay.finish`.
    func finish() { replay.finish(into: &verdicts) }

    /// What the other rules said of a frame, in words, if it is another verdict than the replayed ones'; else nil.
    /// - Parameter here: Says in the same words what those said of a record.
    func difference(_ frame: JudgedFrame, here: (CaptureRecord) -> String?) -> String? {
        guard frame.judgement.verdict != .hold, let other = verdicts.take(frame.place), other.verdict != frame.judgement.verdict else {
            return nil
        }
        frames += 1
        var record = SunkFrame(frame.judgement, ingress: frame.ingress, time: frame.time, bytes: frame.bytes).captureRecord()
        // Frames that differ by their numbers only are counted together.
        record.invalidNumbers = .none
        var plain = other
        plain.invalidNumbers = .none
        let pair = Pair(here: here(record) ?? "", there: explanations.text(of: plain) ?? "")
        if numbers[pair] == nil {
            numbers[pair] = groups.count
            groups.append(
                ComparisonReport.Group(
                    pair.here, record.decision, there: pair.there, other.decision, first: frame.place, at: frame.time))
            packets?.tell(frame)
        }
        if let number = numbers[pair] {
            groups[number].add(frame, isNewFlow: flows.isNew(frame.judgement.frame, group: number))
        }
        return explanations.text(of: other) ?? ""
    }

    /// What it came to.
    var report: ComparisonReport {
        ComparisonReport(
            with: name, frames: frames,
            groups: groups.sorted { ($1.frames, $0.firstFile, $0.firstFrame) < ($0.frames, $1.firstFile, $1.firstFrame) },
            areFlowsLeftOut: flows.isFull)
    }
}

/// Frames of which two rule sets say different things.
struct ComparisonReport: Encodable {
    /// Frames that two rules, or policies, decide differently.
    struct Group: Encodable {
        /// What the replayed rules say, in the words of a capture's comment, and what the others do.
        var here: String
        var there: String
        var frames: UInt64 = 0
        var bytes: UInt64 = 0
        /// The first of them: its file and its number, both from 1.
        var firstFile: Int
        var firstFrame: UInt64
        /// Whichever way their frames go.
        var flows: UInt64 = 0
        /// Times of the earliest frame and the latest.
        var firstSeen: String { EventEncoder.timestamp(earliest) }
        var lastSeen: String { EventEncoder.timestamp(latest) }
        /// Nanoseconds since the epoch.
        private(set) var earliest: UInt64
        private(set) var latest: UInt64
        /// Of the first frame.
        let hereDecision: Decision
        let thereDecision: Decision

        private enum CodingKeys: CodingKey {
            case here, there, frames, bytes, firstFile, firstFrame, flows, firstSeen, lastSeen
        }

        init(_ here: String, _ hereDecision: Decision, there: String, _ thereDecision: Decision, first: FramePlace, at time: UInt64) {
            (self.here, self.hereDecision, self.there, self.thereDecision) = (here, hereDecision, there, thereDecision)
            firstFile = Int(first.file) + 1
            firstFrame = first.number
            (earliest, latest) = (time, time)
        }

        /// The first frame.
        var first: FramePlace { FramePlace(file: UInt16(firstFile - 1), number: firstFrame) }

        mutating func add(_ frame: JudgedFrame, isNewFlow: Bool) {
            frames += 1
            bytes += UInt64(frame.bytes.count)
            if isNewFlow { flows += 1 }
            earliest = min(earliest, frame.time)
            latest = max(latest, frame.time)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(here, forKey: .here)
            try container.encode(there, forKey: .there)
            try container.encode(frames, forKey: .frames)
            try container.encode(bytes, forKey: .bytes)
            try container.encode(firstFile, forKey: .firstFile)
            try container.encode(firstFrame, forKey: .firstFrame)
            try container.encode(flows, forKey: .flows)
            try container.encode(firstSeen, forKey: .firstSeen)
            try container.encode(lastSeen, forKey: .lastSeen)
        }
    }

    var with: String
    var frames: UInt64
    var groups: [Group]
    /// True if there were more flows than are counted.
    var areFlowsLeftOut: Bool

    /// For people.
    /// - Parameter hasFiles: Frames are of several files.
    func table(hasFiles: Bool) -> String {
        guard frames > 0 else { return "compared with \(with): every frame has the same verdict\n" }
        var table = TextTable(["frames", "bytes", "first", "verdict", "with \(with)"])
        for group in groups {
            table.add([
                "\(group.frames)", "\(group.bytes)", (hasFiles ? "\(group.firstFile):" : "") + "\(group.firstFrame)", group.here,
                group.there,
            ])
        }
        return "compared with \(with): \(frames) \(frames == 1 ? "frame has" : "frames have") another verdict\n" + table.rendered()
    }
}
