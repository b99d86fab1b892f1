/// One text of rules, with the name that diagnostics call it by.
public struct SourceFile: Sendable, Equatable {
    /// As the user named it: a path, or `-`.
    public var name: String
    public var text: String

    public init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}

/// A place in one of a rule set's texts.
public struct SourceLocation: Sendable, Equatable, Hashable {
    /// Index into `Ruleset.sources`.
    public var file: Int
    /// From 1.
    public var line: Int
    /// From 1, in characters.
    public var column: Int
    /// Characters that the node takes up on its first line; at least 1.
    public var length: Int

    public init(file: Int, line: Int, column: Int, length: Int) {
        self.file = file
        self.line = line
        self.column = column
        self.length = length
    }
}
