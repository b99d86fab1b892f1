import ArgumentParser
import Classifier
import FoundationEssentials
import Fragments
import Offline
import Regions
import Reporting
import Ruleset

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check rule files, without root and without interfaces.",
        discussion: """
            Reads each file as "run" would, and prints a summary of each. Errors go to standard error with file, line, column, the \
            line itself and what would be accepted. Exit codes: 0 all files can be run, 65 rules are wrong, 66 a file can't be read.

            Chains that no frame on a wire meets (NAT, routing, the host's own hooks, other devices) are set aside. Each is named; with \
            --strict it is an error. A file without a chain that sees frames lets all of them pass: that is a warning, and with --strict \
            an error.

            With --stats it compiles the rules too and prints their memory. For each chain it says whether rules are tried one by one \
            or found by an index, and what the worst frame costs: the steps of a lookup, each of which reads a few cache lines. With \
            --json that is an object with "diagnostics", the array, and "statistics".

            With --lint it looks for rules that could go without any frame getting another verdict: those to which no frame comes, and \
            those whose frames get the same verdict without them. Each is a warning, and a proof. With --order it warns of rules that \
            stand before others with another verdict for some of their frames: exceptions, and rules that overlap.

            Example: weir check rules/*.nft
            """)

    @Argument(help: ArgumentHelp("Rule files in nftables' language; - is standard input.", valueName: "file"))
    var files: [String]

    @Flag(help: "Print JSON: an array of objects with file, line, column, severity, message and note.")
    var json = false

    @Flag(help: "Refuse a file of which a part is set aside, or whose chains see no frame.")
    var strict = false

    @Flag(help: "Print each rule set's memory and its highest cost for a frame.")
    var stats = false

    @Flag(help: "Warn of rules without which every frame gets the same verdict.")
    var lint = false

    @Flag(help: "Warn of rules whose order matters, each with a packet that shows it.")
    var order = false

    @OptionGroup
    var interfaces: OptionalPorts

    @Option(
        help: ArgumentHelp(
            "The mode that \"run\" will have: matches that no packet meets in it get a warning, and changes that fragments can't have.",
            valueName: "mode"))
    var fragments = FragmentMode.reassemble

    @OptionGroup(title: "Rule files")
    var reading: RuleOptions

    /// What there is to print with --stats.
    private struct Reports: Encodable {
        var diagnostics: [Report]
        var statistics: [RulesetCost]
    }

    /// A diagnostic as it is printed. Without a place if the file itself can't be read, or all of it is meant.
    private struct Report: Encodable {
        var file: String
        var line: Int?
        var column: Int?
        var severity: String
        var message: String
        var note: String?
    }

    /// About a file as a whole: there is no rule to point at.
    private struct Remark {
        var severity = Diagnostic.Severity.warning
        var message: String
        var note: String
    }

    private func remarks(on ruleset: Ruleset) -> [Remark] {
        var remarks: [Remark] = []
        if ruleset.judgesNoFrame {
            remarks.append(
                Remark(severity: strict ? .error : .warning, message: NoFrameJudged.message, note: NoFrameJudged.remedy))
        }
        remarks += ruleset.unseenPaths.map { Remark(message: $0.message, note: $0.remedy) }
        return remarks
    }

    func validate() throws {
        guard !files.isEmpty else { throw ValidationError("name at least one rule file") }
        try expectOneStandardInput(files)
        try interfaces.check()
        if lint || order, fragments == .track {
            throw ValidationError("--lint and --order take datagrams as whole; leave --fragments track out")
        }
    }

    func run() throws {
        var status = ExitCode.success
        var reports: [Report] = []
        var costs: [RulesetCost] = []
        for file in files {
            do throws(RulesFile.FileFailure) {
                let reading = try rulesReading(of: file)
                if json {
                    reports += reading.diagnostics.map { Self.report($0, in: reading.sources) }
                } else {
                    for diagnostic in reading.diagnostics { complain(diagnostic.render(in: reading.sources)) }
                }
                if let ruleset = reading.ruleset {
                    let remarks = remarks(on: ruleset)
                    let isRefused = remarks.contains { $0.severity == .error }
                    if isRefused, status == .success { status = .badRules }
                    if !json, !isRefused {
                        FileHandleOutput.standardOutput.write("\(PrintableText.line(file)): \(Self.summary(of: ruleset))\n")
                    }
                    for remark in remarks {
                        let severity = remark.severity.rawValue
                        if json {
                            reports.append(Report(file: file, severity: severity, message: remark.message, note: remark.note))
                        } else {
                            complain("\(file): \(severity): \(remark.message)\n  note: \(remark.note)")
                        }
                    }
                    if stats {
                        let cost = try Self.cost(of: ruleset, file: file)
                        if json { costs.append(cost) } else { FileHandleOutput.standardOutput.write(PrintableText.lines(cost.text)) }
                    }
                } else if status == .success {
                    status = .badRules
                }
            } catch {
                if json {
                    reports.append(Report(file: file, severity: Diagnostic.Severity.error.rawValue, message: error.reason))
                } else {
                    complain("weir: \(error.reason)")
                }
                status = status == .noInput ? status : error.exitCode
            }
        }
        if json {
            let text = stats ? Reports(diagnostics: reports, statistics: costs).jsonText : reports.jsonText
            try FileHandleOutput.standardOutput.deliver(text)
        }
        if status != .success { throw status }
    }

    /// Reads a file, and refuses what would be refused where it is compiled for two ports.
    private func rulesReading(of file: String) throws(RulesFile.FileFailure) -> RulesFile.Reading {
        var reading = try RulesFile.reading(of: file, options: self.reading, fragments: fragments)
        if strict {
            for index in reading.diagnostics.indices where reading.diagnostics[index].severity == .setAside {
                reading.diagnostics[index].severity = .error
                reading.ruleset = nil
            }
        }
        guard let ruleset = reading.ruleset else { return reading }
        do throws(ProgramError) {
            try Program.check(ruleset)
        } catch {
            guard let diagnostic = error.diagnostic else {
                throw RulesFile.FileFailure(reason: "\(file) can't be compiled: \(error)", exitCode: .badRules)
            }
            reading.ruleset = nil
            reading.diagnostics.append(diagnostic)
        }
        if fragments != .drop { reading.diagnostics += ruleset.warningsOfFragments(isTracked: fragments == .track) }
        if lint || order { reading.diagnostics += try findings(in: ruleset, besides: reading.diagnostics, file: file) }
        return reading
    }

    private func findings(
        in ruleset: Ruleset, besides known: [Diagnostic], file: String
    ) throws(RulesFile.FileFailure) -> [Diagnostic] {
        do {
            let rules = RulesetLint(ruleset, ports: try interfaces.names(for: [ruleset]))
            return (lint ? try rules.diagnostics(besides: known) : []) + (order ? try rules.orderDiagnostics() : [])
        } catch let failure as RegionFailure {
            throw RulesFile.FileFailure(reason: "\(file): \(failure)", exitCode: .badRules)
        } catch {
            throw RulesFile.FileFailure(reason: "\(file): the rules name more than two interfaces", exitCode: .validationFailure)
        }
    }

    private static func cost(of ruleset: Ruleset, file: String) throws(RulesFile.FileFailure) -> RulesetCost {
        do throws(ProgramError) {
            return try RulesetCost(of: ruleset, file: file)
        } catch {
            throw RulesFile.FileFailure(reason: "\(file) can't be compiled: \(error)", exitCode: .badRules)
        }
    }

    private static func report(_ diagnostic: Diagnostic, in sources: [SourceFile]) -> Report {
        let place = diagnostic.location
        return Report(
            file: sources.indices.contains(place.file) ? sources[place.file].name : "", line: place.line, column: place.column,
            severity: diagnostic.severity.rawValue, message: diagnostic.message, note: diagnostic.note)
    }

    private static func summary(of ruleset: Ruleset) -> String {
        func amount(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }
        let chains = ruleset.tables.flatMap(\.chains)
        let rules = chains.reduce(0) { $0 + $1.rules.count }
        let aside = ruleset.tables.reduce(0) { $0 + $1.setAside.count }
        return
            "\(ruleset.judgesNoFrame ? "nothing is judged" : "good"), \(amount(ruleset.tables.count, "table")), \(amount(chains.count { $0.owner == nil }, "chain")), \(amount(rules, "rule"))"
            + (aside == 0 ? "" : ", \(amount(aside, "part")) set aside")
    }
}
