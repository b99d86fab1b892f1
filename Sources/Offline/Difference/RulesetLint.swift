package import Regions
package import Ruleset

/// Rules that could go without any frame getting another verdict, as diagnostics.
package struct RulesetLint {
    private let ruleset: Ruleset
    private let ports: [String]

    /// - Parameter ports: The names of the two interfaces.
    package init(_ ruleset: Ruleset, ports: [String]) {
        self.ruleset = ruleset
        self.ports = ports
    }

    /// Pairs of rules whose order matters, each at the first of the two.
    package func orderDiagnostics() throws(RegionFailure) -> [Diagnostic] {
        let rules = ruleset.tables.flatMap(\.chains).flatMap(\.rules)
        var judges: [Int: RegionJudge] = [:]
        return try RuleOrder(ruleset, ports: ports).pairs().map { pair in
            let judge = judges[pair.first] ?? RegionJudge([ruleset, ruleset.without(pair.first)], ports: ports)
            // A judge of its own for each rule: only its latest is kept.
            judges = [pair.first: judge]
            let example = judge.example(of: pair.region)
            let other = pair.second.text
            let message =
                pair.isException
                ? "this rule is an exception to \(other), which matches all of its frames"
                : "this rule overlaps with \(other), and their order matters"
            let verdicts = "some frames get \(pair.region.old.text) from this rule, and \(pair.region.new.text) from the other without it"
            return Diagnostic(
                severity: .warning, location: rules[pair.first].location, message: message,
                note: verdicts + (example.map { ", for example \($0.text)" } ?? ""))
        }
    }

    /// - Parameter known: What has been said already; a rule that one of them is about gets no second one.
    package func diagnostics(besides known: [Diagnostic]) throws(RegionFailure) -> [Diagnostic] {
        let rules = ruleset.tables.flatMap(\.chains).flatMap(\.rules)
        let judge = RegionJudge([ruleset, ruleset], ports: ports)
        return try RuleLint(ruleset, ports: ports).findings().compactMap { finding in
            let place = rules[finding.rule].location
            if known.contains(where: { $0.location.file == place.file && $0.location.line == place.line }) { return nil }
            let others = finding.others.prefix(3).map(\.text).joined(separator: ", ") + (finding.others.count > 3 ? ", …" : "")
            switch finding.kind {
            case .shadowed:
                return Diagnostic(
                    severity: .warning, location: place, message: "this rule decides no frame: others decide all that it matches",
                    note: others.isEmpty ? nil : "they are decided by \(others)")
            case .redundant:
                let example = finding.regions.lazy.compactMap { judge.example(of: $0) }.first
                return Diagnostic(
                    severity: .warning, location: place, message: "without this rule every frame gets the same verdict",
                    note: "then \(others) decides\(example.map { ", for example of \($0.text)" } ?? "")")
            }
        }
    }
}

extension Ruleset {
    /// Without the rule of that number, as `Program.rules` counts.
    fileprivate func without(_ number: Int) -> Ruleset {
        var without = self
        var left = number
        for table in without.tables.indices {
            for chain in without.tables[table].chains.indices {
                let count = without.tables[table].chains[chain].rules.count
                if left >= 0, left < count { without.tables[table].chains[chain].rules.remove(at: left) }
                left -= count
            }
        }
        return without
    }
}
