package import Regions
import Reporting
package import Ruleset

/// What a rule set makes of the frames that an expression matches: regions of header space, each with an example packet.
package struct RulesetQuery {
    struct Entry {
        /// Its old and its new verdict are the same.
        var region: Region
        /// A packet of which the rule set, interpreted rule by rule, says what the region says; nil where none was found in words.
        var example: ExamplePacket?
        /// False if there were too many regions before it to look for an example.
        var isExampleSought: Bool
    }

    /// The verdicts by what they are called.
    package enum Verdict: String, CaseIterable, Sendable {
        case accept, reject, drop

        init(_ verdict: RegionVerdict) {
            switch verdict {
            case .accept: self = .accept
            case .reject: self = .reject
            case .drop: self = .drop
            }
        }
    }

    private let entries: [Entry]
    private let ports: [String]
    private let ruleset: Ruleset
    private let expression: QueryExpression
    private let verdict: Verdict?

    /// - Parameters:
    ///   - verdict: The only verdict that is asked about; nil for all.
    ///   - ports: The names of the two interfaces.
    ///   - work: Steps that may be looked at.
    package init(
        _ ruleset: Ruleset, _ expression: QueryExpression, verdict: Verdict? = nil, ports: [String], work: Int = WorkMeter.most
    ) throws(RegionFailure) {
        (self.ruleset, self.expression, self.verdict, self.ports) = (ruleset, expression, verdict, ports)
        let regions = try RegionQuery(ruleset, about: expression.ruleset, ports: ports).regions(work: work)
        let judge = RegionJudge([ruleset], ports: ports)
        func rank(_ region: Region) -> Int { Verdict.allCases.firstIndex(of: Verdict(region.old)) ?? 0 }
        // Within a verdict rules come in their order, and policies last.
        let sorted = regions.enumerated().sorted { left, right in
            (rank(left.element), left.element.oldDeciders.first?.number ?? .max, left.offset)
                < (rank(right.element), right.element.oldDeciders.first?.number ?? .max, right.offset)
        }.map(\.element)
        entries = sorted.filter { verdict == nil || Verdict($0.old) == verdict }.map { region in
            let isSought = judge.looksForExamples
            return Entry(region: region, example: judge.example(of: region), isExampleSought: isSought)
        }
    }

    package var regions: [Region] { entries.map(\.region) }

    /// True if there is no such frame.
    package var isEmpty: Bool { entries.isEmpty }

    /// For people.
    /// - Parameter limit: Regions that are listed.
    package func text(limit: Int) -> String {
        let words = RegionText(ports: ports)
        guard !entries.isEmpty else {
            let fate = verdict.map { "and gets the verdict \($0.rawValue)" } ?? "can be"
            return PrintableText.lines("no frame that '\(expression.text)' matches \(fate)\n")
        }
        var text = ""
        for entry in entries.prefix(limit) {
            text += "\(words.text(of: entry.region))\n    \(entry.region.old.text)"
            text += "    (\(DeciderText.text(of: entry.region.oldDeciders)))\n"
            text += DeciderText.note(entry.region, entry.example, isSought: entry.isExampleSought)
        }
        let more = entries.count - limit
        if more > 0 { text += "… \(more) more \(more == 1 ? "region" : "regions")\n" }
        return PrintableText.lines(text)
    }

    /// For machines; all regions, with all values.
    package var report: QueryReport {
        let words = RegionText(ports: ports, limit: nil)
        let texts = ruleset.ruleTexts
        return QueryReport(
            file: ruleset.sources.first?.name ?? "", expression: expression.text,
            regions: entries.map { entry in
                QueryReport.Entry(
                    region: words.text(of: entry.region), matches: words.words(of: entry.region),
                    decision: DifferenceReport.Side(entry.region.old, entry.region.oldDeciders, texts),
                    dependsOn: entry.region.dependencies, example: entry.example.map(DifferenceReport.Example.init))
            })
    }
}

/// What a rule set makes of some frames, for machines.
package struct QueryReport: Encodable {
    struct Entry: Encodable {
        /// All conditions, in the words of nft's matches where it has words for them.
        var region: String
        var matches: [String]
        var decision: DifferenceReport.Side
        /// Statements that nobody can tell without the frames before.
        var dependsOn: [String]
        var example: DifferenceReport.Example?
    }

    var file: String
    var expression: String
    var regions: [Entry]
}
