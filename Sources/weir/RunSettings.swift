import ArgumentParser
import Foundation
import Ruleset
import Settings

/// The options of `weir run` as settings of a file.
enum RunSettings {
    /// Options that a file does not have: they name the file, or ask for something else than a run.
    private static let ofTheCommandLine: Set<String> = ["settings", "help", "version"]

    /// What an option takes, by what the help calls its value; else a string.
    static let kinds: [String: KnownSetting.Value] = [
        "a,b": .joined(","),
        "file": .string, "file.pcapng": .string, "folder": .string, "expression": .string, "how": .string, "mode": .string,
        "n": .integer, "KiB": .integer, "seconds": .integer, "workers": .integer, "percent": .number,
        "bytes": .integerOrString, "n/second": .integerOrString,
        "name=value": .pairs, "n=file": .pairs, "name=seconds": .pairs,
    ]

    /// What `weir run --help` lists, as the argument parser says it.
    static let options: [CommandOption] = CommandOption.all(of: Run.self).filter { !ofTheCommandLine.contains($0.name) }

    static let known: [KnownSetting] = options.map { option in
        let kind = option.takesValue ? kinds[option.valueName] ?? .string : .boolean
        return KnownSetting(
            name: option.name, table: option.section.map(KnownSetting.table(titled:)) ?? "",
            value: kind == .string && option.isRepeating ? .strings : kind, choices: option.choices, standard: option.standard)
    }

    /// Where a name without a slash leads to: `edge` is /etc/weir/edge.conf.
    static func path(named name: String) -> String {
        name.contains("/") || name == "-" ? name : "/etc/weir/\(name).conf"
    }

    /// `run NAME …` and `run --settings FILE …` with the file's settings before the options, so that these win. All else as it is.
    static func expanded(_ arguments: [String]) throws -> [String] {
        guard arguments.first == Run._commandName else { return arguments }
        let given = GivenArguments(arguments.dropFirst(), of: CommandOption.all(of: Run.self), without: ["settings"])
        let named = given.options.filter { $0.name == "settings" }.compactMap(\.value) + given.words.map(path(named:))
        guard let file = named.first else { return arguments }
        guard named.count == 1 else {
            complain("weir: \(named.joined(separator: " and ")): a run takes one file of settings")
            throw ExitCode.validationFailure
        }
        return [Run._commandName] + (try read(file).arguments) + given.rest
    }

    /// Reads a file and holds it to the options. What is wrong goes to standard error.
    static func read(_ path: String) throws -> SettingsFile {
        let source: SourceFile
        do {
            source = SourceFile(name: path, text: try RulesFile.text(path, kind: .regular))
        } catch {
            complain("weir: \(error.reason)")
            throw error.exitCode
        }
        guard source.text.utf8.count <= SettingsFile.limit else {
            complain("weir: \(path) is larger than \(SettingsFile.limit >> 10) KiB")
            throw ExitCode.badRules
        }
        do {
            let file = try SettingsFile(source, known: known)
            try expectConsistent(file)
            return file
        } catch let rejected as RejectedRuleset {
            complain(rejected.render())
            throw ExitCode.badRules
        }
    }

    /// Holds the settings to each other, as the command line does its options.
    private static func expectConsistent(_ file: SettingsFile) throws {
        guard let fault = fault(of: file.settings) else { return }
        // The first setting without which something else is wrong, or nothing.
        let cause = file.settings.indices.first { index in
            var others = file.settings
            others.remove(at: index)
            return self.fault(of: others) != fault
        }
        let place = cause.map { file.settings[$0].location } ?? SourceLocation(file: 0, line: 1, column: 1, length: 1)
        throw RejectedRuleset(
            sources: [file.source], diagnostics: [Diagnostic(severity: .error, location: place, message: inWordsOfSettings(fault))])
    }

    /// What the argument parser says of settings, in one line; nil if nothing is wrong. The ports and the rules may be left to the command
    /// line.
    private static func fault(of settings: [Setting]) -> String? {
        var arguments = settings.flatMap(\.arguments)
        for (name, value) in [("ports", "a,b"), ("rules", "file")] where !settings.contains(where: { $0.known.name == name }) {
            arguments.append("--\(name)=\(value)")
        }
        do {
            _ = try Run.parse(arguments)
            return nil
        } catch {
            return Run.message(for: error)
        }
    }

    /// Settings have no dashes.
    private static func inWordsOfSettings(_ text: String) -> String {
        options.sorted { $0.name.count > $1.name.count }.reduce(text) { $0.replacing("--\($1.name)", with: $1.name) }
    }
}
