extension Program {
    /// Bytes that are reserved for what rules remember: sets and maps that they change, when full, and lists of `ct count`. The kernel
    /// gives them when they are first written to.
    public var reservedBytes: Int {
        lookupStatistics.reduce(connectionLists.byteCount) { $0 + ($1.structure == .changing ? $1.bytes : 0) }
    }

    /// Takes all of `reservedBytes` from the system at once, so that no frame has to wait for memory, or ends the process for want of
    /// it. What an earlier program has left is there already. Only before the program is used.
    public func commit() {
        dynamicSets.commit()
        connectionLists.commit()
    }
}

extension StatefulEmitter {
    /// What a program takes of `Program.reservedBytes` that an earlier one has not taken already.
    func reservedBytes(besides sets: [DynamicSetMemory?], _ lists: [ConnectionListMemory?]) -> Int {
        func isNew<Memory>(_ index: Int, _ kept: [Memory?]) -> Bool { index >= kept.count || kept[index] == nil }
        let newLists = connectionBounds.indices.filter { isNew($0, lists) }.reduce(0) { $0 + 8 * connectionBounds[$1].words }
        return plans.indices.filter { isNew($0, sets) }.reduce(newLists) { $0 + DynamicSet.byteCount(of: plans[$1]) }
    }
}
