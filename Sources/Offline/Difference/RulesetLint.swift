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
