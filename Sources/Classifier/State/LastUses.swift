public import Ruleset
public import Storage

// The time at which a frame last came to a `last` statement, in the statement's cell.

extension RememberingStatement.Kind {
    fileprivate static let last = RememberingStatement.Kind(word: "last")
    fileprivate static let elementLast = RememberingStatement.Kind(word: "last of an element")
}

extension RememberingStatement {
    /// - Parameter rule: The index of the statement's rule into `Program.rules`.
    static func last(_ last: LastUse, ofRule rule: Int) -> RememberingStatement {
        RememberingStatement(kind: .last, rule: rule) { now in last.used.map { now &- $0 &* 1_000_000 } ?? StateCells.never }
    }
}

extension RememberingStatement {
    /// That of an element, which no report shows.
    static func last(_ last: LastUse, ofElementOf rule: Int) -> RememberingStatement {
        RememberingStatement(kind: .elementLast, rule: rule) { now in last.used.map { now &- $0 &* 1_000_000 } ?? StateCells.never }
    }
}

extension StateCells {
    /// In the place of a time where there is none: no clock goes back so far.
    static let never = UInt64(1) << 63

    /// Keeps the later of two times: workers read the clock once a batch.
    @inline(__always)
    func note(_ time: UInt64, cell: Int) {
        change(cell) { Int64(bitPattern: $0) < Int64(bitPattern: time) ? time : nil }
    }
}

extension Program {
    /// Every `last` statement, in the order of the tree: the index of its rule, and what it remembers at this moment.
    public func lastUses(at instant: Instant) -> [(rule: Int, last: LastUse)] {
        remembering(.last).map { rule, cell in
            let time = cells.value(cell)
            guard time != StateCells.never else { return (rule, LastUse()) }
            return (rule, LastUse(used: UInt64(max(0, Int64(bitPattern: instant.monotonic &- time))) / 1_000_000))
        }
    }
}
