import ArgumentParser
import Ruleset

/// How rule files are read.
struct RuleOptions: ParsableArguments {
    @Option(
        name: [.customShort("I"), .customLong("include-path")],
        help: ArgumentHelp(
            "Look for included files in this folder too.",
            discussion: """
                A path in "include" that begins with neither / nor ./ nor ../ is looked for in these folders, in their order, then beside \
                the rule file, then in /etc.
                """, valueName: "folder"))
    var includePath: [String] = []

    @Option(
        name: [.customShort("D"), .customLong("define")],
        help: ArgumentHelp("Define a name before the rule file is read, as \"define NAME = VALUE\" would.", valueName: "name=value"))
    var define: [String] = []

    @Flag(help: ArgumentHelp("Print all errors and warnings of the rule files, and not only the first 20 of each."))
    var allErrors = false

    var errorLimit: Int { allErrors ? .max : RejectedRuleset.diagnosticLimit }

    func validate() throws {
        for definition in define where definition.split(separator: "=", maxSplits: 1).count != 2 {
            throw ValidationError("--define takes a name and a value, as in -D lan=eth1")
        }
    }

    /// A text for each definition.
    var definitions: [SourceFile] {
        define.map { definition in
            let parts = definition.split(separator: "=", maxSplits: 1)
            return SourceFile(name: "-D \(definition)", text: "define \(parts[0]) = \(parts.count > 1 ? parts[1] : "")\n")
        }
    }
}
