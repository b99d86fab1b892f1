/// The limits, quotas and times of last use that two programs have in common.
///
/// They are copied before the first worker goes by the newer program. What the others add to the older one until they have changed over is
/// added when none goes by it any more: a few batches of frames, so that no byte of a quota is forgotten.
public struct StateHandover: Sendable {
    enum Kind: Int, Sendable {
        case limit, quota, lastUse
    }

    /// Cells of the two programs.
    struct Pair: Sendable {
        var kind: Kind
        var from: Int
        var to: Int
    }

    private let pairs: [Pair]
    /// What each has begun with in the newer program.
    private let copied: [UInt64]

    init(_ pairs: [Pair], from older: Program, to newer: Program) {
        self.pairs = pairs
        copied = pairs.map { pair in
            let word = older.cells.value(pair.from)
            newer.cells.set(pair.to, word)
            return word
        }
    }

    /// Adds what has come to the older program since. Once, when no worker goes by it.
    public func finish(from older: Program, to newer: Program) {
        for (pair, word) in zip(pairs, copied) {
            let last = older.cells.value(pair.from)
            switch pair.kind {
            // What a bucket has let pass in so short a time is within the rate's own latitude.
            case .limit: break
            case .quota: newer.cells.change(pair.to) { last == word ? nil : $0 &+ (last &- word) }
            case .lastUse: if last != StateCells.never { newer.cells.note(last, cell: pair.to) }
            }
        }
    }

    /// The same for the way back, from the newer program to the older one.
    public func reversed(from newer: Program, to older: Program) -> StateHandover {
        StateHandover(pairs.map { Pair(kind: $0.kind, from: $0.to, to: $0.from) }, from: newer, to: older)
    }
}
