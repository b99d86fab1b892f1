import ArgumentParser
import Foundation
import Ruleset
import Settings

struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Check settings files of \"weir run\", and print what holds.",
        discussion: """
            A settings file is TOML. Each option of "weir run" is a setting by its long name, in a table named as the option's group in \
            "weir run --help": before the first table ports = ["eth1", "eth2"], under [drop-captures] drops = "/var/log/weir/drops.pcapng". \
            Options without a value take true or false. What is given on the command line is given there instead.
            """,
        subcommands: [SettingsCheck.self, SettingsShow.self])
}

struct SettingsCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check settings files, without root and without interfaces.",
        discussion: """
            Names that do not exist, values of another kind and settings that contradict each other are errors, with file, line and column. \
            Exit codes: 0 all files can be used, 65 settings are wrong, 66 a file can't be read.

            Example: weir settings check /etc/weir/*.conf
            """)

    @Argument(help: ArgumentHelp("NAME stands for /etc/weir/NAME.conf, what has a slash for itself.", valueName: "name"))
    var files: [String]

    func run() throws {
        var worst: ExitCode?
        for name in files {
            let path = RunSettings.path(named: name)
            do {
                let count = try RunSettings.read(path).settings.count
                try FileHandleOutput.standardOutput.deliver("\(path): \(count) \(count == 1 ? "setting" : "settings")\n")
            } catch let code as ExitCode {
                worst = worst ?? code
            }
        }
        if let worst { throw worst }
    }
}

struct SettingsShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print the value of each setting, and where it comes from.",
        discussion: """
            Takes what "weir run" would take: a name or --settings, and options. Settings that nobody has set are printed as comments, with \
            the value that holds without them. The output is itself a settings file.

            Example: weir settings show edge --workers 2
            """)

    @Flag(help: "Print JSON: an array of objects with table, name, values and source.")
    var json = false

    @Argument(
        parsing: .allUnrecognized,
        help: ArgumentHelp("A name as in \"weir run NAME\", and options of \"weir run\".", valueName: "name or option"))
    var arguments: [String] = []

    /// A setting with what holds.
    private struct Effective: Encodable {
        var table: String
        var name: String
        /// nil: there is none.
        var values: [String]?
        /// `command line`, `default`, or FILE:LINE.
        var source: String
    }

    func run() throws {
        let given = GivenArguments(arguments, of: CommandOption.all(of: Run.self), without: ["settings"])
        let named = given.options.filter { $0.name == "settings" }.compactMap(\.value) + given.words.map(RunSettings.path(named:))
        guard named.count <= 1 else {
            complain("weir: \(named.joined(separator: " and ")): a run takes one file of settings")
            throw ExitCode.validationFailure
        }
        let file = try named.first.map(RunSettings.read)
        let all = RunSettings.known.map { effective($0, given, file) }
        try FileHandleOutput.standardOutput.deliver(json ? try Self.json(all) : Self.text(all))
    }

    private func effective(_ known: KnownSetting, _ given: GivenArguments, _ file: SettingsFile?) -> Effective {
        let options = given.options.filter { $0.name == known.name }
        let settings = (file?.settings ?? []).filter { $0.known == known }
        let isList = known.value == .strings || known.value == .pairs
        var effective = Effective(table: known.table, name: known.name, values: nil, source: "default")
        if let last = options.last, !isList || settings.isEmpty {
            effective.values = known.value == .boolean ? ["\(!last.isOff)"] : isList ? options.compactMap(\.value) : [last.value ?? ""]
            effective.source = "command line"
        } else if let setting = settings.last {
            effective.values = known.value == .boolean ? ["\(!setting.isOff)"] : setting.values + options.compactMap(\.value)
            effective.source = "\(file?.source.name ?? ""):\(setting.location.line)" + (options.isEmpty ? "" : " and command line")
        } else if known.value == .boolean {
            effective.values = ["false"]
        } else if let standard = known.standard {
            effective.values = [standard]
        }
        return effective
    }

    private static func json(_ all: [Effective]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(all), as: UTF8.self) + "\n"
    }

    /// As TOML.
    private static func text(_ all: [Effective]) -> String {
        var lines: [String] = []
        var table = ""
        for setting in all.sorted(by: { $0.table.isEmpty && !$1.table.isEmpty }) {
            if setting.table != table {
                table = setting.table
                lines += ["", "[\(table)]"]
            }
            let known = RunSettings.known.first { $0.table == setting.table && $0.name == setting.name }
            let isUnset = setting.source == "default"
            let value = setting.values.map { Self.toml($0, known?.value ?? .string) } ?? "(none)"
            lines.append("\(isUnset ? "# " : "")\(setting.name) = \(value)  # \(setting.source)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func toml(_ values: [String], _ kind: KnownSetting.Value) -> String {
        func quoted(_ text: String) -> String {
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        switch kind {
        case .boolean, .integer, .number: return values.first ?? ""
        case .integerOrString: return values.first.map { Int($0) == nil ? quoted($0) : $0 } ?? ""
        case .string: return quoted(values.first ?? "")
        case .joined(let separator):
            return "[" + (values.first ?? "").split(separator: Character(separator)).map { quoted(String($0)) }.joined(separator: ", ")
                + "]"
        case .strings, .pairs: return "[" + values.map(quoted).joined(separator: ", ") + "]"
        }
    }
}
