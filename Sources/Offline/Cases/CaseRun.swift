package import Classifier
import Decisions
package import Firewall
package import Flows
import Fragments
package import Ruleset

/// What became of one expectation of a case file.
package struct CaseResult: Sendable {
    package var file: String
    package var line: Int
    /// The test that it belongs to; may be empty.
    package var test: String
    /// The line as it is written.
    package var text: String
    package var expected: String
    /// What its frames came to.
    package var found: String
    package var hasPassed: Bool
    /// The way of its frames through the rules.
    package var explanation: String
}

/// Case files run against one rule set.
package struct CaseRun {
    package private(set) var results: [CaseResult] = []
    /// Frames that matched each rule, by index into `rules`.
    package private(set) var hits: [UInt64]
    package let rules: [RuleReference]

    private let ruleset: Ruleset
    private let localTime: LocalTime
    private let flows: FlowSettings
    private let checks: FrameChecks
    private let links: LinkLimits

    /// - Throws: What no checked tree has; see `ProgramError`.
    package init(
        _ ruleset: Ruleset, localTime: LocalTime = .utc, flows: FlowSettings = FlowSettings(), checks: FrameChecks = FrameChecks(),
        links: LinkLimits = LinkLimits()
    ) throws(ProgramError) {
        self.ruleset = ruleset
        self.localTime = localTime
        self.flows = flows
        self.checks = checks
        self.links = links
        rules = try Program(compiling: ruleset, ports: ["a", "b"]).rules
        hits = Array(repeating: 0, count: rules.count)
    }

    /// Rules that no frame has matched.
    package var unmatchedRules: [RuleReference] { zip(rules, hits).filter { $0.1 == 0 }.map(\.0) }

    package var failures: [CaseResult] { results.filter { !$0.hasPassed } }

    /// Runs every block of the file on a firewall of its own.
    package mutating func run(_ file: CaseFile) throws {
        for block in file.blocks { try run(block, of: file) }
    }

    /// A line of a block, with its frames by their numbers.
    private struct Line {
        var expectation: Expectation
        var number: Int
        var text: String
        var frames: Range<Int>
        var explanation: String
        /// True if none of its frames was decided when the last of them had come.
        var isHeld = false
    }

    private mutating func run(_ block: CaseBlock, of file: CaseFile) throws {
        var explainer = try Explainer(
            ruleset, ports: file.ports, clock: block.clock, fragments: block.fragments, flows: flows, checks: checks,
            links: links)
        let program = explainer.program
        let texts = ExplanationText(program, localTime: localTime)
        /// By the frames' numbers.
        var judgements: [Int: Judgement] = [:]
        /// What their senders were told, by the same numbers.
        var answers: [Int: String] = [:]
        var lines: [Line] = []
        var count = 0
        for step in block.steps {
            switch step {
            case .pause(let time):
                for outcome in explainer.pass(until: time) { judgements[outcome.frame] = outcome.judgement }
            case .packet(let packet, let expectation, let number, let text):
                let first = count + 1
                var explanation = ""
                for frame in packet.frames {
                    let explained = try explainer.explain(frame, ingress: packet.ingress, at: packet.time)
                    for outcome in explained.expired + explained.outcomes { judgements[outcome.frame] = outcome.judgement }
                    answers[explained.number] = explained.answer
                    explanation += "frame \(explained.number), \(frame.count) bytes:\n" + texts.text(of: explained)
                    count += 1
                }
                guard let expectation else { continue }
                var line = Line(expectation: expectation, number: number, text: text, frames: first..<count + 1, explanation: explanation)
                line.isHeld = line.frames.allSatisfy { judgements[$0] == nil }
                lines.append(line)
            }
        }
        for line in lines {
            let finals = line.frames.map { judgements[$0] }
            let isMet = finals.allSatisfy { judgement in
                guard line.expectation.verdict != nil else { return true }
                return judgement.map { line.expectation.isMet(by: $0, program) } ?? false
            }
            let told = line.frames.compactMap { answers[$0] }
            let isTold = line.expectation.answer.map { expected in
                told.contains(expected) || finals.contains { $0?.asks(for: expected, program) == true } && !told.isEmpty
            }
            results.append(
                CaseResult(
                    file: file.name, line: line.number, test: block.name, text: line.text, expected: line.expectation.text,
                    found: Self.text(of: finals, isHeld: line.isHeld, program) + Self.text(of: told, finals),
                    hasPassed: isMet && isTold != false && (line.isHeld || !line.expectation.isHeld), explanation: line.explanation))
        }
        for (rule, hits) in explainer.counters.snapshot().rules.enumerated() where self.hits.indices.contains(rule) {
            self.hits[rule] &+= hits.frames
        }
    }

    /// `, answered tcp reset`: of frames that were rejected.
    private static func text(of answers: [String], _ judgements: [Judgement?]) -> String {
        guard judgements.contains(where: { $0?.verdict == .reject }) else { return "" }
        return answers.first.map { ", answered \($0)" } ?? ", not answered"
    }

    private static func text(of judgements: [Judgement?], isHeld: Bool, _ program: Program) -> String {
        var texts: [String] = []
        for judgement in judgements {
            let text = (isHeld ? "held" : "") + (judgement.map { (isHeld ? " then " : "") + $0.text(program) } ?? (isHeld ? "" : "held"))
            if texts.last != text { texts.append(text) }
        }
        return texts.joined(separator: "; ")
    }
}
