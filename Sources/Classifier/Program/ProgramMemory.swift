extension Program {
    /// Bytes that are reserved for what rules remember: sets and maps that they change, when full, and lists of `ct count`. The kernel
    /// gives them when they are first written to.
    public var reservedBytes: Int {
        lookupStatistics.reduce(connectionLists.byteCount) { $0 + ($1.structure == .changing ? $1.bytes : 0) }
    }

    /// Takes all of `reservedBytes` from the system at once, so that no frame has to wait for memory, or ends the process for want of
    /// it. Only before the program is used.
    public func commit() {
        dynamicSets.commit()
        connectionLists.commit()
    }
}

extension StatefulEmitter {
    /// What `Program.reservedBytes` will be.
    var reservedBytes: Int {
        plans.reduce(connectionBounds.reduce(0) { $0 + 8 * $1.words }) { $0 + DynamicSet.byteCount(of: $1) }
    }
}
