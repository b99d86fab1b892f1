// Meters as nft 1.1 lists them: sets that rules change.

extension Table {
    /// The sets of the table, with those of meters for the versions that list them so.
    var listedSets: [NamedSet] {
        guard ListingVersion.current == .nft116 else { return sets }
        return sets
            + chains.flatMap(\.rules).flatMap(\.statements).compactMap { statement in
                guard case .update(let update) = statement, let size = update.meterSize else { return nil }
                return update.set(ofSize: size)
            }
    }
}

extension SetUpdate {
    /// Whether it is listed with a set of its own, in the rule.
    var isListedAsMeter: Bool { meterSize != nil && ListingVersion.current == .nft106 }

    fileprivate func set(ofSize size: UInt32) -> NamedSet {
        let fields = key.components.map(\.field)
        // By the types' names, as nft has it; a type without a name it can't list, and the selector says it.
        let named = fields.compactMap { Selector.reading($0).type.record.field }
        let key =
            named.count == fields.count && zip(named, fields).allSatisfy { $0.bitWidth == $1.bitWidth }
            ? SetKey(field: named[0], rest: Array(named.dropFirst()), isTypeof: false)
            : SetKey(field: fields[0], rest: Array(fields.dropFirst()), isTypeof: true)
        var set = NamedSet(name: self.set, key: key, location: location)
        set.size = size
        set.dynamics.isDynamic = true
        set.dynamics.hasTimeout = timeout != nil
        return set
    }
}
