import ArgumentParser
import Foundation

/// An option of a command, as the argument parser describes it to makers of manuals.
struct CommandOption: Sendable {
    var name: String
    /// Without dashes.
    var shortName: String?
    var takesValue: Bool
    /// `--no-NAME` takes it back.
    var isRepeating: Bool
    /// What the help calls the value.
    var valueName: String
    /// The title of its group.
    var section: String?
    var choices: [String]
    /// What the help says holds without it.
    var standard: String?

    /// All options of a command that the help shows, in the help's order; `--no-NAME` counts as NAME.
    static func all(of command: any ParsableCommand.Type) -> [CommandOption] {
        guard let description = try? JSONDecoder().decode(Description.self, from: Data(command._dumpHelp().utf8)) else { return [] }
        var known: Set<String> = []
        return (description.command.arguments ?? []).compactMap { argument in
            guard argument.shouldDisplay, argument.kind != "positional",
                let long = argument.names?.first(where: { $0.kind == "long" && !$0.name.hasPrefix("no-") })?.name,
                known.insert(long).inserted
            else { return nil }
            return CommandOption(
                name: long, shortName: argument.names?.first { $0.kind == "short" }?.name, takesValue: argument.kind == "option",
                isRepeating: argument.isRepeating, valueName: argument.valueName ?? long, section: argument.sectionTitle,
                choices: argument.allValues ?? argument.allValueStrings ?? [], standard: argument.defaultValue)
        }
    }

    /// The part of the argument parser's description that matters here (ToolInfoV0 of swift-argument-parser 1.8).
    private struct Description: Decodable {
        var command: Command
    }

    private struct Command: Decodable {
        var arguments: [Argument]?
    }

    private struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }
        var kind: String
        var shouldDisplay: Bool
        var sectionTitle: String?
        var isRepeating: Bool
        var names: [Name]?
        var valueName: String?
        var defaultValue: String?
        var allValues: [String]?
        var allValueStrings: [String]?
    }
}

/// What an operator has written after a command's name.
struct GivenArguments {
    /// An option as given, and its value.
    struct Given: Equatable {
        var name: String
        var value: String?
        var isOff = false
    }

    private(set) var options: [Given] = []
    /// What is no option and no option's value.
    private(set) var words: [String] = []
    /// All as they were, but the words and options that `taken` names.
    private(set) var rest: [String] = []

    /// - Parameter taken: Names of options that are left out of `rest`.
    init(_ arguments: some Sequence<String>, of known: [CommandOption], without taken: Set<String>) {
        var arguments = ArraySlice(Array(arguments))
        while let argument = arguments.popFirst() {
            guard argument.hasPrefix("-"), argument != "-" else {
                words.append(argument)
                continue
            }
            guard argument != "--" else {
                rest.append(argument)
                rest += arguments
                return
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let (option, isOff) = Self.option(parts[0], known)
            var own = [argument]
            var value = parts.count > 1 ? parts[1] : nil
            if let option, option.takesValue, value == nil, let next = arguments.popFirst() {
                own.append(next)
                value = next
            }
            if let option { options.append(Given(name: option.name, value: value, isOff: isOff)) }
            if !taken.contains(option?.name ?? "") { rest += own }
        }
    }

    private static func option(_ word: String, _ known: [CommandOption]) -> (CommandOption?, isOff: Bool) {
        let name = String(word.drop { $0 == "-" })
        guard word.hasPrefix("--") else { return (known.first { $0.shortName == name }, false) }
        if let option = known.first(where: { $0.name == name }) { return (option, false) }
        guard name.hasPrefix("no-") else { return (nil, false) }
        return (known.first { $0.name == name.dropFirst(3) && !$0.takesValue }, true)
    }
}
