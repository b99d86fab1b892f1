package import Classifier
import Decisions
import Firewall
import Reporting
package import Ruleset
import Wire

/// What two rule sets make of recorded frames that they judge differently, each with connections, limits and sets of its own.
package final class TrafficDifference {
    /// The way of a frame through one rule set.
    struct Way {
        var lines: [String]
        var steps: [ExplanationJSON.Step]
    }

    /// The first frame of a group.
    struct Example {
        /// As a replay lists it.
        var line: String
        /// Nil where the way depends on frames before it, or no rule was asked.
        var old: Way?
        var new: Way?
    }

    /// Groups whose first frame is explained.
    private static let mostExamples = 100

    private let old: FrameExplainer
    private let new: FrameExplainer
    private var examples: [FramePlace: Example] = [:]
    private var lines = LineBuffer(descriptor: -1)

    /// - Parameter settings: Of a replay by the old rules; from here on it compares them with the new ones.
    package init(_ old: Ruleset, _ new: Ruleset, comparing program: Program, _ settings: inout ReplaySettings) {
        let pathMTU = settings.links.mtus.map { min($0.0, $0.1) } ?? 1_500
        self.old = FrameExplainer(old, settings.program, pathMTU: pathMTU)
        self.new = FrameExplainer(new, program, pathMTU: pathMTU)
        settings.listing = .nothing
        settings.compared = (program, new.sources.first?.name ?? "")
        settings.comparedPackets = ComparedPackets { [unowned self] frame, packets in note(frame, packets) }
    }

    private func note(_ frame: JudgedFrame, _ packets: ComparedPackets) {
        guard examples.count < Self.mostExamples else { return }
        FrameLine.append(frame.judgement.frame, frame.bytes.bytes, to: &lines)
        let ports = old.program.ports
        let ingress = frame.ingress == 0 ? 0 : 1
        examples[frame.place] = Example(
            line: "\(ports[ingress]) > \(ports[1 - ingress]) \(lines.take())", old: old.way(of: packets.here),
            new: new.way(of: packets.there))
    }

    /// What the replay came to.
    package func report(_ replay: ReplayReport) -> TrafficDifferenceReport {
        let names = (old.name, new.name)
        let groups = (replay.comparison?.groups ?? []).map { group in
            TrafficDifferenceReport.Group(
                group, old: old.side(group.hereDecision, text: group.here), new: new.side(group.thereDecision, text: group.there),
                file: replay.files.indices.contains(group.firstFile - 1) ? replay.files[group.firstFile - 1] : "",
                example: examples[group.first])
        }
        return TrafficDifferenceReport(
            old: names.0, new: names.1, heading: replay.heading, files: replay.files, frames: replay.frames, groups: groups,
            areFlowsLeftOut: replay.comparison?.areFlowsLeftOut ?? false)
    }
}

/// Explains packets by one of two rule sets.
private struct FrameExplainer {
    let program: Program
    private let ruleset: Ruleset
    private let pathMTU: Int
    private let texts: ExplanationText

    init(_ ruleset: Ruleset, _ program: Program, pathMTU: Int) {
        (self.ruleset, self.program, self.pathMTU) = (ruleset, program, pathMTU)
        texts = ExplanationText(program)
    }

    var name: String { ruleset.sources.first?.name ?? "" }

    /// The way by the plain interpreter, which hasn't seen the frames before; nil where that makes a difference.
    func way(of packets: [JudgedPackets.Packet]) -> TrafficDifference.Way? {
        guard !packets.isEmpty, let steps = PacketWay.steps(of: packets, ruleset, program, pathMTU: pathMTU) else { return nil }
        return TrafficDifference.Way(lines: texts.lines(of: steps), steps: ExplanationJSON.steps(steps, program, texts))
    }

    func side(_ decision: Decision, text: String) -> TrafficDifferenceReport.Side {
        let base = program.baseChain(at: decision.baseChain)
        return TrafficDifferenceReport.Side(
            text: text, verdict: VerdictWords(decision.verdict).word, reason: decision.reason.name,
            rule: program.rule(at: decision.rule).map(ExplanationJSON.Author.init), table: base?.tableTitle, chain: base?.chain)
    }
}
