import ArgumentParser
import Control

struct SetsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sets",
        abstract: "List the sets of a run, or change their elements, as \"nft add element\" does.",
        discussion: """
            Sets can be changed that have "flags dynamic", "flags timeout" or a timeout, or that rules change. What is put in counts from the \
            next frame on. A reload keeps it where the set's declaration is the same.

            Example: weir sets add banned 192.0.2.7 timeout 10m
            """,
        subcommands: [SetsList.self, SetsAdd.self, SetsDelete.self], defaultSubcommand: SetsList.self)
}

struct SetsList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the sets that can be changed, or the elements of one.",
        discussion: "Example: weir sets list banned")

    @Argument(help: ArgumentHelp("The set's name; or family, table and name.", valueName: "set"))
    var set: [String] = []

    @OptionGroup
    var asking: ControlAsking

    @Flag(help: "Print JSON, one object a line.")
    var json = false

    func run() throws { try asking.ask(SetsRequest(set: set.isEmpty ? nil : set.joined(separator: " ")), json: json) }
}

/// A set and elements for it.
struct SetElementsArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The set's name, or family, table and name in one word, as in \"bridge filter banned\".", valueName: "set"))
    var set: String

    @Argument(help: ArgumentHelp("Elements as in \"nft add element\", with commas between them.", valueName: "element"))
    var elements: [String]
}

struct SetsAdd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Put elements into a set.",
        discussion: """
            An element that is there already stays as it is.

            Example: weir sets add banned 192.0.2.7 timeout 10m, 192.0.2.8
            """)

    @OptionGroup
    var arguments: SetElementsArguments

    @OptionGroup
    var asking: ControlAsking

    func run() throws {
        try asking.ask(SetsRequest(set: arguments.set, elements: arguments.elements.joined(separator: " ")), json: false)
    }
}

struct SetsDelete: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Take elements out of a set.",
        discussion: """
            The exit code is 1 if one was not there.

            Example: weir sets delete banned 192.0.2.7
            """)

    @OptionGroup
    var arguments: SetElementsArguments

    @OptionGroup
    var asking: ControlAsking

    func run() throws {
        try asking.ask(SetsRequest(set: arguments.set, elements: arguments.elements.joined(separator: " "), delete: true), json: false)
    }
}
