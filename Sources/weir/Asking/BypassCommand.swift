import ArgumentParser
import Control

struct BypassCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bypass",
        abstract: "Have a run step aside, so that the kernel joins its ports, or judge again.",
        discussion: """
            While the ports are joined everything passes, and no rule sees it. Nothing is lost in either change. The run must fail open \
            (--failure open). What a connection did meanwhile is unknown to Weir: its next segments may be invalid.

            Example: weir bypass on --run eth1,eth2
            """,
        subcommands: [BypassStatus.self, BypassOn.self, BypassOff.self], defaultSubcommand: BypassStatus.self)
}

struct BypassStatus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Print whether the ports are joined, and how many frames passed that no rule saw.",
        discussion: "Example: weir bypass status --json")

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws { try asking.ask(BypassRequest(), json: json) }
}

struct BypassOn: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "on", abstract: "Have the kernel join the ports.", discussion: "Example: weir bypass on --run eth1,eth2")

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws { try asking.ask(BypassRequest(on: true), json: json) }
}

struct BypassOff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "off", abstract: "Have Weir judge again.", discussion: "Example: weir bypass off --run eth1,eth2")

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws { try asking.ask(BypassRequest(on: false), json: json) }
}
