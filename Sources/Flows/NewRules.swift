// What becomes of flows when other rules are in force.

extension FlowTracker {
    /// From here on the next packet of every flow says that it `needsRecheck`, until one is confirmed.
    public mutating func recheckFlows() {
        epoch &+= 1
        table.ageEpochs(equalTo: epoch)
    }

    /// From here on other rules are asked: existing flows are told from the ones that begin under them.
    public mutating func beginRules() { lastEarlierStart = newestStart }

    /// True if a flow began before the rules that are in force, or within the second before them or after.
    func isFromEarlierRules(_ record: Int32) -> Bool {
        guard let lastEarlierStart else { return false }
        return Int32(bitPattern: table[record].start &- lastEarlierStart) <= 0
    }

    /// Takes the timeouts of the `ct timeout` objects of the rules in force; flows stay under those that they were given.
    /// - Returns: A policy for each, for `setPolicy`; nil where all 15 are in use by objects and by flows of earlier rules.
    public mutating func usePolicies(_ wanted: [TimeoutPolicy]) -> [UInt8?] {
        var inUse = [Bool](repeating: false, count: TimeoutTable.policyCount)
        for record in 0..<Int32(truncatingIfNeeded: table.capacity) where table.expiry(record) != 0 {
            inUse[Int(table[record].policy)] = true
        }
        policyIsCurrent = [Bool](repeating: false, count: TimeoutTable.policyCount)
        // Flows that stay keep their numbers first, so that none of them is taken for another.
        for policy in wanted {
            if let place = policies.firstIndex(of: policy) { policyIsCurrent[place] = true }
        }
        return wanted.map { policy in
            if let place = policies.firstIndex(of: policy) { return UInt8(truncatingIfNeeded: place) }
            guard let place = (1..<TimeoutTable.policyCount).first(where: { !inUse[$0] && !policyIsCurrent[$0] }) else { return nil }
            policies[place] = policy
            policyIsCurrent[place] = true
            var timeouts = settings.timeouts
            for (timeout, seconds) in policy.seconds { timeouts[timeout] = seconds }
            limits.set(place, timeouts)
            return UInt8(truncatingIfNeeded: place)
        }
    }
}
