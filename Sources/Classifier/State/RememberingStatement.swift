import Storage

/// A statement that remembers one word, which all workers share. What the word says is the statement's own affair.
struct RememberingStatement: Sendable {
    /// Kinds of such statements. Each file of one declares its own.
    struct Kind: Equatable, Sendable {
        let word: String
    }

    let kind: Kind
    /// Index into `Program.rules`.
    let rule: Int
    /// The word at the start, given the time on the clock of `Instant.monotonic`.
    let start: @Sendable (UInt64) -> UInt64

    func word(from now: UInt64) -> UInt64 { start(now) }
}

extension Program {
    /// Statements of one kind, with the cell of each.
    func remembering(_ kind: RememberingStatement.Kind) -> [(rule: Int, cell: Int)] {
        remembering.indices.lazy.filter { self.remembering[$0].kind == kind }.map { (self.remembering[$0].rule, self.firstCell + $0) }
    }

    /// The cell of the first such statement: those of the buckets and quotas come before it.
    @inline(__always)
    var firstCell: Int { buckets.count &+ quotas.count }
}
