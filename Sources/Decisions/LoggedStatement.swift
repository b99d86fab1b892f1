/// A `log` statement that a frame came to.
public struct LoggedStatement: BitwiseCopyable, Sendable, Hashable {
    /// Index into `Program.rules`.
    public var rule: Int32
    /// Index into the rule's statements.
    public var statement: Int32

    /// Names the statement by its indices.
    @inlinable
    public init(rule: Int32, statement: Int32) {
        self.rule = rule
        self.statement = statement
    }
}
