import Decisions
package import Regions
import Reporting
package import Ruleset

/// Where two rule sets mean different things: regions of header space, each with an example packet.
package struct RulesetDifference {
    /// A region with what is told of it.
    package struct Entry: Sendable {
        package var region: Region
        /// A packet of which both rule sets, interpreted rule by rule, say what the region says; nil where none was found in words.
        package var example: ExamplePacket?
        /// False if there were too many regions before it to look for an example.
        var isExampleSought: Bool
    }

    package let entries: [Entry]
    private let ports: [String]
    private let names: (old: String, new: String)

    /// - Parameters:
    ///   - ports: The names of the two interfaces.
    ///   - work: Steps that may be looked at.
    package init(_ old: Ruleset, _ new: Ruleset, ports: [String], work: Int = WorkMeter.most) throws(RegionFailure) {
        self.ports = ports
        names = (old.sources.first?.name ?? "", new.sources.first?.name ?? "")
        let regions = try RegionComparison(old, new, ports: ports).regions(work: work)
        let judge = RegionJudge([old, new], ports: ports)
        entries = regions.map { region in
            let isSought = judge.looksForExamples
            return Entry(region: region, example: judge.example(of: region), isExampleSought: isSought)
        }
    }

    /// True if both rule sets come to the same verdict on every frame.
    package var isEmpty: Bool { entries.isEmpty }

    // MARK: Text

    /// For people.
    /// - Parameter limit: Regions that are listed.
    package func text(limit: Int) -> String {
        guard !entries.isEmpty else { return "\(names.old) and \(names.new) come to the same verdict on every frame\n" }
        var text = ""
        let words = RegionText(ports: ports)
        for entry in entries.prefix(limit) {
            text += words.text(of: entry.region) + "\n"
            text += "    \(entry.region.old.text) → \(entry.region.new.text)"
            text += "    (\(DeciderText.text(of: entry.region.oldDeciders)) → \(DeciderText.text(of: entry.region.newDeciders)))\n"
            text += DeciderText.note(entry.region, entry.example, isSought: entry.isExampleSought)
        }
        let more = entries.count - limit
        if more > 0 { text += "… \(more) more \(more == 1 ? "region" : "regions")\n" }
        return PrintableText.lines(text)
    }
}

/// A difference for machines.
package struct DifferenceReport: Encodable {
    struct Decider: Encodable {
        var file: String
        var line: Int
        /// Nil for a policy.
        var rule: String?
        var chain: String
    }

    struct Side: Encodable {
        var verdict: String
        var deciders: [Decider]

        init(_ outcome: RegionVerdict, _ deciders: [Regions.Decider], _ texts: [String]) {
            verdict = outcome.text
            self.deciders = deciders.map { decider in
                Decider(file: decider.source, line: decider.line, rule: decider.number.map { texts[$0] }, chain: decider.chain)
            }
        }
    }

    struct Example: Encodable {
        var packet: String
        /// The state of its connection, as `ct state` has it.
        var connectionState: UInt32?

        init(_ example: ExamplePacket) {
            packet = example.text
            connectionState = example.connectionState
        }
    }

    struct Entry: Encodable {
        /// All conditions, in the words of nft's matches where it has words for them.
        var region: String
        var matches: [String]
        var old: Side
        var new: Side
        /// Statements that nobody can tell without the frames before.
        var dependsOn: [String]
        var example: Example?
    }

    var old: String
    var new: String
    var isEqual: Bool
    var regions: [Entry]
}

extension RulesetDifference {
    /// For machines; all regions, with all values.
    package func report(_ old: Ruleset, _ new: Ruleset) -> DifferenceReport {
        let words = RegionText(ports: ports, limit: nil)
        let texts = (old.ruleTexts, new.ruleTexts)
        return DifferenceReport(
            old: names.old, new: names.new, isEqual: entries.isEmpty,
            regions: entries.map { entry in
                let region = entry.region
                return DifferenceReport.Entry(
                    region: words.text(of: region), matches: words.words(of: region),
                    old: DifferenceReport.Side(region.old, region.oldDeciders, texts.0),
                    new: DifferenceReport.Side(region.new, region.newDeciders, texts.1),
                    dependsOn: region.dependencies,
                    example: entry.example.map(DifferenceReport.Example.init))
            })
    }
}

extension Ruleset {
    /// By number as `Program.rules` has them.
    var ruleTexts: [String] { tables.flatMap(\.chains).flatMap(\.rules).map(\.text) }
}
