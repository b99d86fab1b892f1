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

    /// The other rules' file.
    let name: String
    private var replay: Replay
    private var verdicts = Verdicts()
    private var explanations: Explanations
    private var groups: [Pair: ComparisonReport.Group] = [:]
    private var frames: UInt64 = 0
    /// A copy of the frame: the other rules may change it.
    private let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: CaptureReader.longestFrame, alignment: 16)

    init(_ settings: ReplaySettings, with program: Program, name: String) {
        self.name = name
        replay = Replay(settings, program)
        explanations = Explanations { CaptureComment.text(of: $0, program) }
    }

    deinit {
        copy.deallocate()
    }

    /// Has the other rules judge a frame, before the replayed ones do.
    func judge(_ bytes: UnsafeRawBufferPointer, _ place: FramePlace, isCut: Bool, ingress: UInt8, time: UInt64) {
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
    /// - Parameter here: What those said, in the same words.
    func difference(_ frame: JudgedFrame, here: @autoclosure () -> String?) -> String? {
        guard frame.judgement.verdict != .hold, let other = verdicts.take(frame.place), other.verdict != frame.judgement.verdict else {
            return nil
        }
        let there = explanations.text(of: other) ?? ""
        frames += 1
        let pair = Pair(here: here() ?? "", there: there)
        groups[pair, default: ComparisonReport.Group(here: pair.here, there: there, first: frame.place)].add(frame.bytes.count)
        return there
    }

    /// What it came to.
    var report: ComparisonReport {
        ComparisonReport(
            with: name, frames: frames,
            groups: groups.values.sorted { ($1.frames, $0.firstFile, $0.firstFrame) < ($0.frames, $1.firstFile, $1.firstFrame) })
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

        init(here: String, there: String, first: FramePlace) {
            self.here = here
            self.there = there
            firstFile = Int(first.file) + 1
            firstFrame = first.number
        }

        mutating func add(_ byteCount: Int) {
            frames += 1
            bytes += UInt64(byteCount)
        }
    }

    var with: String
    var frames: UInt64
    var groups: [Group]

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
