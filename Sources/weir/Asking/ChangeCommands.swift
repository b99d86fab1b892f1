import ArgumentParser
import Control
import Glibc

/// `60s`, `5m`, `1h`, or seconds.
struct TrialTime: ExpressibleByArgument {
    let milliseconds: UInt64

    init?(argument: String) {
        let units: [(Character, UInt64)] = [("s", 1_000), ("m", 60_000), ("h", 3_600_000)]
        let unit = units.first { argument.last == $0.0 }
        let digits = unit == nil ? argument[...] : argument.dropLast()
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = UInt64(digits) else { return nil }
        let (product, isTooLarge) = number.multipliedReportingOverflow(by: unit?.1 ?? 1_000)
        guard !isTooLarge, ChangeTerms.trialTime.contains(product) else { return nil }
        milliseconds = product
    }
}

/// How a change is made.
struct ChangeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Put the rules on trial: without \"weir confirm\" within this time the rules before come back. (1s to 24h)", valueName: "time"))
    var confirm: TrialTime?

    @Option(
        help: ArgumentHelp(
            "End the trial at once if more than N is counted; may be given several times.",
            discussion: """
                "drops of established > N": frames that rules drop of connections in which packets went both ways. "drops > N": all dropped \
                frames. "counter NAME > N": packets of a named counter of the new rules.
                """, valueName: "condition"))
    var abortOn: [String] = []

    @Option(help: ArgumentHelp("Why the change is made, for the history.", valueName: "text"))
    var comment: String?

    func validate() throws {
        for condition in abortOn where AbortCondition(condition) == nil {
            throw ValidationError("--abort-on takes \(AbortCondition.grammar), not \"\(condition)\"")
        }
        guard abortOn.isEmpty || confirm != nil else { throw ValidationError("--abort-on needs --confirm") }
        guard abortOn.count <= AbortCondition.most else { throw ValidationError("--abort-on may be given \(AbortCondition.most) times") }
        if let comment, comment.utf8.count > ChangeTerms.longestComment {
            throw ValidationError("--comment takes at most \(ChangeTerms.longestComment) bytes")
        }
    }

    var terms: ChangeTerms { ChangeTerms(confirm: confirm?.milliseconds, abortOn: abortOn, comment: comment) }
}

struct ApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Load a rule file into a run, on trial or for good, and wait until it is in force.",
        discussion: """
            The run reads the file, as its own user and with its own --define and --include-path: its unit may hide /home, /root and /tmp \
            from it. If the rules are refused, the existing ones stay and the exit \
            code is 1. Without FILE it reads its own rule file.

            With --confirm the rules are on trial. Unless "weir confirm" comes in time, the rules before come back, with all that they had \
            come to. They also come back if the run ends or is killed meanwhile: its next start begins with them.

            A start goes by what was applied and confirmed last, as long as the run's own rule file is as it was then.

            Example: weir apply new.nft --confirm 60s --abort-on "drops of established > 0"
            """)

    @Argument(help: ArgumentHelp("The rule file, in nftables' language; the run's own without it.", valueName: "file"))
    var file: String?

    @OptionGroup
    var change: ChangeOptions

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Have sets that rules change, limits and quotas start again.")
    var resetState = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if file == "" { throw ValidationError("the name of the file is empty") }
        if file == "-" { throw ValidationError("the run reads the file itself; name one that it can read") }
    }

    func run() throws {
        try asking.ask(ApplyRequest(file: try file.map(Self.absolute), change.terms, resetState: resetState), json: json)
    }

    private static func absolute(_ path: String) throws -> String {
        if path.hasPrefix("/") { return path }
        guard let folder = getcwd(nil, 0) else { throw refuse("the working directory can't be told: \(String(cString: strerror(errno)))") }
        defer { free(folder) }
        return "\(String(cString: folder))/\(path)"
    }
}

struct ConfirmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm",
        abstract: "Keep the rules that are on trial in a run.",
        discussion: """
            The exit code is 1 if no rules are on trial, as when the time is over, or if N is given and others are.

            Example: weir confirm
            """)

    @Argument(help: ArgumentHelp("Confirm this change and no other; \"weir apply\" tells its number.", valueName: "n"))
    var number: Int?

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws { try asking.ask(ConfirmRequest(change: number), json: json) }
}

struct RollbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "End a trial, or bring back rules of the history.",
        discussion: """
            While rules are on trial, it brings the rules before back at once. Else it loads the rules that were in force before, or those of \
            change N, from their texts as they were then. It is a change of its own, which can be on trial.

            Example: weir rollback 12 --confirm 60s
            """)

    @Argument(help: ArgumentHelp("A number of \"weir history\".", valueName: "n"))
    var number: Int?

    @OptionGroup
    var change: ChangeOptions

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws { try asking.ask(RollbackRequest(change: number, change.terms), json: json) }
}

struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "List the rule sets that were in force in a run, or print the files of one.",
        discussion: """
            The oldest first, with number, time, what brought them, who asked for it, and what became of it. A star marks those in force.

            Example: weir history 12
            """)

    @Argument(help: ArgumentHelp("Print the files of this change.", valueName: "n"))
    var number: Int?

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print JSON, one object a line.")
    var json = false

    func run() throws { try asking.ask(HistoryRequest(change: number), json: json) }
}
