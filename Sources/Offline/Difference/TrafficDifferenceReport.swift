import Classifier
import Reporting
import Ruleset

/// Recorded frames that two rule sets judge differently, for people and for machines.
package struct TrafficDifferenceReport: PrintedReport {
    /// What one of the rule sets says.
    struct Side: Encodable {
        /// In the words of a capture's comment.
        var text: String
        /// accept, drop or reject.
        var verdict: String
        var reason: String
        var rule: ExplanationJSON.Author?
        var table: String?
        var chain: String?
    }

    struct Example: Encodable {
        /// As a replay lists it, without its verdict.
        var frame: String
        /// The way through either rule set; nil where it depends on frames before it, or no rule was asked.
        var old: [ExplanationJSON.Step]?
        var new: [ExplanationJSON.Step]?
    }

    /// Frames that the same two rules decide.
    struct Group: Encodable {
        var old: Side
        var new: Side
        var frames: UInt64
        var bytes: UInt64
        var flows: UInt64
        /// Times of the earliest and the latest frame.
        var firstSeen: String
        var lastSeen: String
        /// The frame that was judged first: its file, and its number there, from 1.
        var file: String
        var frame: UInt64
        /// Nil beyond the first groups.
        var example: Example?
        private var ways: (old: [String]?, new: [String]?)?

        private enum CodingKeys: CodingKey {
            case old, new, frames, bytes, flows, firstSeen, lastSeen, file, frame, example
        }

        init(_ group: ComparisonReport.Group, old: Side, new: Side, file: String, example: TrafficDifference.Example?) {
            (self.old, self.new, self.file) = (old, new, file)
            (frames, bytes, flows, frame) = (group.frames, group.bytes, group.flows, group.firstFrame)
            firstSeen = EventEncoder.timestamp(group.earliest)
            lastSeen = EventEncoder.timestamp(group.latest)
            self.example = example.map { Example(frame: $0.line, old: $0.old?.steps, new: $0.new?.steps) }
            ways = example.map { ($0.old?.lines, $0.new?.lines) }
        }

        /// Both verdicts, and how many frames there are.
        func text(isAtLeast: Bool) -> String {
            let amount = "\(frames) \(frames == 1 ? "frame" : "frames"), \(bytes) bytes"
            let flows = flows == 0 ? "" : ", \(isAtLeast ? "at least " : "")\(self.flows) \(self.flows == 1 ? "flow" : "flows")"
            let time = firstSeen == lastSeen ? ", at \(firstSeen)" : ", from \(firstSeen) to \(lastSeen)"
            return "\(old.text)\n  → \(new.text)\n    \(amount)\(flows)\(time)\n"
        }

        /// The first frame, and its way through both files.
        func explanation(_ names: (old: String, new: String)) -> String {
            guard let example else { return "    first: frame \(frame) of \(file)\n" }
            var text = "    first: frame \(frame) of \(file): \(example.frame)\n"
            for (name, way) in [(names.old, ways?.old), (names.new, ways?.new)] {
                guard let way else {
                    text += "      \(name): no rule was asked, or the way depends on frames before it\n"
                    continue
                }
                text += "      \(name):\n" + way.map { "        \($0)\n" }.joined()
            }
            return text
        }
    }

    var old: String
    var new: String
    /// True if every judged frame has the same verdict.
    package var isEqual: Bool { groups.isEmpty }
    private let heading: String
    var files: [String]
    var frames: ReplayReport.FrameReport
    var different: Amount
    var groups: [Group]
    /// True if there were more flows than are counted.
    var areFlowsLeftOut: Bool

    private enum CodingKeys: CodingKey {
        case old, new, isEqual, files, frames, different, areFlowsLeftOut, groups
    }

    init(
        old: String, new: String, heading: String, files: [String], frames: ReplayReport.FrameReport, groups: [Group],
        areFlowsLeftOut: Bool
    ) {
        (self.old, self.new, self.heading, self.files, self.frames) = (old, new, heading, files, frames)
        (self.groups, self.areFlowsLeftOut) = (groups, areFlowsLeftOut)
        different = Amount(Hits(frames: groups.reduce(0) { $0 + $1.frames }, bytes: groups.reduce(0) { $0 + $1.bytes }))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(old, forKey: .old)
        try container.encode(new, forKey: .new)
        try container.encode(isEqual, forKey: .isEqual)
        try container.encode(files, forKey: .files)
        try container.encode(frames, forKey: .frames)
        try container.encode(different, forKey: .different)
        try container.encode(areFlowsLeftOut, forKey: .areFlowsLeftOut)
        try container.encode(groups, forKey: .groups)
    }

    package func tables() -> String { text(limit: .max) }

    /// For people.
    /// - Parameter limit: Groups that are listed.
    package func text(limit: Int) -> String {
        guard !isEqual else { return PrintableText.lines(heading + "\(old) and \(new) come to the same verdict on every frame\n") }
        var text = heading + "\(different.frames) \(different.frames == 1 ? "frame has" : "frames have") another verdict\n"
        for group in groups.prefix(limit) {
            text += "\n" + group.text(isAtLeast: areFlowsLeftOut) + group.explanation((old, new))
        }
        let more = groups.count - limit
        if more > 0 { text += "\n… \(more) more \(more == 1 ? "pair of rules" : "pairs of rules")\n" }
        return PrintableText.lines(text)
    }
}
