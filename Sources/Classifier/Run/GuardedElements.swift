import Storage

// Elements that are found and may not be there any more, or have a word to say themselves.
extension Program {
    /// What a lookup finds, after the element's timeout and statements have been asked: an outcome, or one of `LookupTables.Missing`,
    /// of which `unreadable` ends the rule in any case.
    ///
    /// An expired element is none, and leaves the key to `*` (net/netfilter/nft_lookup.c, `nft_lookup_eval`). Where the rule asks for
    /// keys that are not there, statements don't run.
    /// - Parameters:
    ///   - found: The outcome of an element of the table `number`.
    ///   - isNegated: The rule goes on if nothing is found.
    @inline(never)
    func admitted(
        _ found: Int, table number: Int, isNegated: Bool, _ values: borrowing LoadedValues, _ size: UInt64, at now: UInt64,
        _ hits: HitCounters
    ) -> Int {
        var found = found
        if isExpired(found, at: now) {
            found = Int(lookups.tables[number].catchAll)
            if found < 0 || isExpired(found, at: now) { return LookupTables.Missing.none }
        }
        let place = Int(lookups.outcomes[found].guardNumber)
        guard place >= 0, !isNegated else { return found }
        let guarded = elementGuards.guards[place]
        for index in Int(guarded.first)..<Int(guarded.first) &+ Int(guarded.count) {
            let step = elementGuards.steps[index]
            let number = Int(step.number)
            var passes = true
            switch step.kind {
            case .counter: hits.countElement(number, bytes: size)
            case .limit: passes = cells.pass(buckets[number], cell: number, bytes: size, at: now)
            case .quota: passes = cells.pass(quotas[number], cell: buckets.count &+ number, bytes: size)
            case .last: cells.note(now, cell: firstCell &+ number)
            case .connectionCount: passes = connectionLists.pass(values.counted, list: number, at: now)
            }
            if !passes { return LookupTables.Missing.unreadable }
        }
        return found
    }

    private func isExpired(_ outcome: Int, at now: UInt64) -> Bool {
        let place = Int(lookups.outcomes[outcome].guardNumber)
        return place >= 0 && elementGuards.guards[place].expires <= now
    }
}
