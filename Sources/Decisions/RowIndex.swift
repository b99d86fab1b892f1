/// The index of a row in one of a program's tables, or none. It takes four bytes, where `Int32?` takes eight.
///
/// Each table has a type of its own, so that the index of a rule can't be taken for that of a chain.
public struct RowIndex<Table>: BitwiseCopyable, Sendable, Hashable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// -1 for none.
    @usableFromInline let number: Int32

    /// No row.
    @inlinable public static var none: RowIndex { RowIndex(Int32(-1)) }

    /// A row by its number; -1 for none.
    @inlinable
    public init(_ number: Int32) {
        assert(number >= -1)
        self.number = number
    }

    /// A row by its number, or none. No table has rows beyond 2^31.
    @inlinable
    public init(_ number: Int?) { self.init(number.flatMap { Int32(exactly: $0) } ?? -1) }

    @inlinable
    public init(integerLiteral number: Int32) { self.init(number) }

    /// The row's number; nil for none.
    @inlinable public var row: Int? { number < 0 ? nil : Int(number) }

    public var description: String { row.map { "\($0)" } ?? "none" }
}

/// The tables of a program that decisions and events point into.
public enum ProgramTable {
    public enum Rules {}
    public enum BaseChains {}
    /// The statements of one rule.
    public enum Statements {}
}

/// Index into `Program.rules`.
public typealias RuleIndex = RowIndex<ProgramTable.Rules>
/// Index into `Program.baseChains`.
public typealias BaseChainIndex = RowIndex<ProgramTable.BaseChains>
/// Index into a rule's statements.
public typealias StatementIndex = RowIndex<ProgramTable.Statements>
