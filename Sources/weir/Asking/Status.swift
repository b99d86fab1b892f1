import ArgumentParser
import Control

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print how a run fares.",
        discussion: """
            State, time since the start, rule files with their hashes, ports with links and rates, what passed, what was dropped for which \
            reason, connections, fragments, captures, and what is wrong now.

            Example: weir status --run eth1,eth2
            """)

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws { try asking.ask(StatusRequest(), json: json) }
}

struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have a run read its rules again, and wait until they are in force.",
        discussion: """
            It does what SIGHUP does: it starts new files of captures and events too. If the rules are refused, the existing ones stay, the \
            reason is on standard error, and the exit code is 1.

            Sets that rules change, limits, quotas, "ct count" and "last" go on where their declaration is the same. The command says what \
            was kept and what started again.

            Example: weir reload --run eth1,eth2
            """)

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Have sets that rules change, limits and quotas start again, also if the rules are the same.")
    var resetState = false

    func run() throws { try asking.ask(ReloadRequest(resetState: resetState), json: json) }
}

struct CountersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "counters",
        abstract: "Print named counters, quotas, elements that count, and how full sets are, of a run.",
        discussion: """
            A line or a JSON object each. For what ports and reasons count see "weir status", for rules "weir rules --live".

            Example: weir counters --json
            """)

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Then have named counters, elements and rules count from 0 again. Reports and metrics go on.")
    var reset = false

    @Flag(help: "Print JSON, one object a line.")
    var json = false

    func run() throws { try asking.ask(CountersRequest(reset: reset), json: json) }
}
