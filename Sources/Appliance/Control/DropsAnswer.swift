import Capture
import Classifier
import Control
import Decisions
import Reporting
import Ruleset

extension DropsRequest: AnsweredRequest {
    func answer(_ desk: ControlDesk, _ form: ControlForm) -> any AnswerStream {
        guard let recent = desk.recentDrops else {
            return ReadyAnswer([], ControlFault(.refused, "the run keeps no dropped frames (--recent-drops)"))
        }
        recent.collect()
        let before = last.map { recent.last - min(recent.last, UInt64(max($0, 0))) } ?? 0
        return DropsAnswer(desk, recent, after: before, follows: follow ?? false, form)
    }
}

/// The drops after one, and those that come.
private final class DropsAnswer: AnswerStream {
    /// Milliseconds until it is looked again whether frames were dropped.
    private static let pause: Int32 = 100

    private let desk: ControlDesk
    private let recent: RecentDrops
    private let follows: Bool
    private let form: ControlForm
    private var number: UInt64

    init(_ desk: ControlDesk, _ recent: RecentDrops, after number: UInt64, follows: Bool, _ form: ControlForm) {
        self.desk = desk
        self.recent = recent
        self.number = number
        self.follows = follows
        self.form = form
    }

    func next() -> AnswerStep {
        if follows { recent.collect() }
        guard let entry = recent.next(after: number) else { return follows ? .wait(Self.pause) : .end }
        number = entry.number
        return .item(DroppedFrame(entry, desk.configuration).item(form))
    }
}

extension DroppedFrame: AnswerItem {}

extension DroppedFrame {
    fileprivate init(_ entry: RecentDrops.Entry, _ configuration: Configuration) {
        let record = entry.record
        let generation = configuration.generations[record.decision.generation]
        let program = (generation ?? configuration.generations.current).program
        let rule = generation == nil ? nil : program.rule(at: record.rule)
        self.init(
            number: entry.number, time: record.time, when: TimeWords.moment(record.time / 1_000_000_000),
            port: configuration.ports.indices.contains(Int(record.port)) ? configuration.ports[Int(record.port)] : "",
            verdict: VerdictWords(record.verdict).word, reason: record.reason.name,
            explanation: configuration.generations.comment(on: record),
            rule: rule.map { "\($0.source):\($0.line)" }, comment: rule?.rule.comment,
            headers: LogLine.text(of: entry.logRecord(), program, ports: configuration.ports), length: record.wireLength,
            frame: entry.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
    }
}
