/// A `log` statement that a frame came to.
public struct LoggedStatement: BitwiseCopyable, Sendable, Hashable {
    public var rule: RuleIndex
    public var statement: StatementIndex

    /// Names the statement by its indices.
    @inlinable
    public init(rule: RuleIndex, statement: StatementIndex) {
        self.rule = rule
        self.statement = statement
    }
}
