import Ruleset

/// Classes of numbers.
extension RegionSolver {
    /// Numbers that no condition of the lists tells apart.
    struct ValueClass {
        var set: ValueSet
        /// By number the sets that hold them.
        var holders: Set<Int32>
    }

    /// - Returns: Nothing where no condition tells numbers apart, or all hold.
    func classes(_ old: [Int32], _ new: [Int32], at depth: Int32) -> [ValueClass] {
        var used: [Int32: Int] = [:]
        func note(_ set: Int32) { if used[set] == nil { used[set] = used.count } }
        for list in [old, new] {
            for index in list {
                let local = locals[Int(index)]
                for limit in local.limits where limit.variable == depth { note(limit.set) }
                for test in local.tests {
                    if test.variable == depth, let set = test.set { note(set) }
                    for variable in test.unknowns.values where variable == depth { note(interner.number(of: ValueSet(1, 1))) }
                }
            }
        }
        meter.spend(old.count + new.count)
        let domain = domains[Int(depth)]
        guard !used.isEmpty else { return [] }
        let found = Self.classes(used.sorted { $0.value < $1.value }.map(\.key), in: domain, interner)
        // Which sets hold a class is asked set by set.
        meter.spend(found.count * used.count / 16)
        return found.count == 1 && found[0].holders.count == used.count ? [] : found
    }

    private static func classes(_ used: [Int32], in domain: ValueSet, _ interner: Interner) -> [ValueClass] {
        var events: [(at: UInt128, set: Int, begins: Bool)] = []
        for (index, number) in used.enumerated() {
            for interval in interner.sets[Int(number)].intervals {
                events.append((interval.low, index, true))
                if interval.high < .max { events.append((interval.high + 1, index, false)) }
            }
        }
        events.sort { $0.at < $1.at }
        var active = [UInt64](repeating: 0, count: (used.count + 63) / 64)
        var found: [[UInt64]: Int] = [:]
        var parts: [(signature: [UInt64], intervals: [ValueSet.Interval])] = []
        var from: UInt128 = 0
        var place = 0
        func close(_ to: UInt128) {
            if let known = found[active] {
                parts[known].intervals.append(ValueSet.Interval(from, to))
            } else {
                found[active] = parts.count
                parts.append((active, [ValueSet.Interval(from, to)]))
            }
        }
        while place < events.count {
            let at = events[place].at
            if at > from {
                close(at - 1)
                from = at
            }
            while place < events.count, events[place].at == at {
                let bit = UInt64(1) << UInt64(events[place].set & 63)
                if events[place].begins { active[events[place].set >> 6] |= bit } else { active[events[place].set >> 6] &= ~bit }
                place += 1
            }
        }
        close(.max)
        return parts.compactMap { part in
            let set = ValueSet(part.intervals).intersection(domain)
            if set.isEmpty { return nil }
            var holders: Set<Int32> = []
            for (index, number) in used.enumerated() where part.signature[index >> 6] >> UInt64(index & 63) & 1 == 1 {
                holders.insert(number)
            }
            return ValueClass(set: set, holders: holders)
        }
    }

    func filtered(_ list: [Int32], at depth: Int32, _ found: ValueClass) -> [Int32] {
        list.filter { index in
            for limit in locals[Int(index)].limits where limit.variable == depth { return found.holders.contains(limit.set) }
            return true
        }
    }
}
