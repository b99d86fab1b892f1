/// A setting that a file may have: an option of the command line, by its long name.
public struct KnownSetting: Sendable, Equatable {
    /// What a value is in the file.
    public enum Value: Sendable, Equatable {
        /// `true` or `false`: an option without a value.
        case boolean
        case integer
        /// With a fraction or without.
        case number
        case string
        /// A number, or a number with a unit in quotes.
        case integerOrString
        /// Several strings, which the option has with this between them: `["eth1", "eth2"]`.
        case joined(String)
        /// The option may be given several times: an array, or a single string.
        case strings
        /// Likewise, of strings `KEY=VALUE`: a table as well.
        case pairs
    }

    /// The option's long name, without the dashes.
    public var name: String
    /// The table that it belongs to, named as the option's group in the help; empty for what has no group.
    public var table: String
    public var value: Value
    /// What the option takes besides, if it is one word of a few.
    public var choices: [String]
    /// What holds without it, as the help says it.
    public var standard: String?

    public init(name: String, table: String, value: Value, choices: [String] = [], standard: String? = nil) {
        self.name = name
        self.table = table
        self.value = value
        self.choices = choices
        self.standard = standard
    }

    /// The table of a group with this title: `Drop captures` is `drop-captures`.
    public static func table(titled title: String) -> String {
        title.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: "-")
    }

    /// Where it stands in a file: `[drop-captures] drops`.
    public var title: String { table.isEmpty ? name : "[\(table)] \(name)" }
}
