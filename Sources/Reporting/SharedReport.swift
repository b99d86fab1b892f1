/// What the reports of runs and replays both say, under the same names. In JSON its parts stand beside those that only one of them has.
package struct SharedReport: Encodable {
    package let version: String
    package let firewall: FirewallReport
    package let outputs: OutputReports

    /// Puts the parts together.
    package init(version: String, firewall: FirewallReport, outputs: OutputReports) {
        self.version = version
        self.firewall = firewall
        self.outputs = outputs
    }

    private enum CodingKeys: CodingKey { case version }

    package func encode(to encoder: any Encoder) throws {
        try firewall.encode(to: encoder)
        try outputs.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(version, forKey: .version)
    }

    /// What the firewall came to, then a line for each output, with an empty line before each part.
    /// - Parameter omitsIdleRules: Rules without a frame are left out.
    package func tables(omitsIdleRules: Bool = false) -> String { "\n" + firewall.tables(omitsIdleRules: omitsIdleRules) + outputs.lines() }
}

/// A report in two forms.
package protocol PrintedReport: Encodable {
    /// For people.
    func tables() -> String
}

extension PrintedReport {
    /// As one line of JSON, or as tables.
    package func text(json: Bool) -> String { json ? jsonLine : tables() }
}
