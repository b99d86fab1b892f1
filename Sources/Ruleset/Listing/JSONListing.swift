extension Ruleset {
    /// The rule set as `nft -j list ruleset` writes it, on one line: the schema of libnftables-json(5), version 1.
    ///
    /// There are no handles, which the kernel gives to what is loaded into it. Comments of tables and chains and `auto-merge` are
    /// there, as in later versions of nft; 1.0.6 leaves them out.
    /// - Parameters:
    ///   - version: Weir's own, for `metainfo`.
    ///   - localTime: The zone in which times are written.
    ///   - listing: As which nft lists.
    public func json(version: String, localTime: LocalTime = .utc, as listing: ListingVersion = .nft106) -> String {
        ListingVersion.$current.withValue(listing) { json(version: version, localTime) }
    }

    private func json(version: String, _ localTime: LocalTime) -> String {
        let metainfo = JSONValue.object([
            ("version", .text(version)), ("release_name", .text("Weir")), ("json_schema_version", .number(1)),
        ])
        let objects = [JSONValue.object([("metainfo", metainfo)])] + tables.flatMap { $0.jsonObjects(localTime) }
        return JSONValue.object([("nftables", .array(objects))]).encoded + "\n"
    }
}

extension Table {
    /// The table, its sets, its chains, and then all rules.
    fileprivate func jsonObjects(_ localTime: LocalTime) -> [JSONValue] {
        let place = [("family", JSONValue.text(family.rawValue)), ("table", .text(name))]
        var table = [("family", JSONValue.text(family.rawValue)), ("name", .text(name))]
        if !flags.isEmpty { table.append(("flags", .array(flags.map { .text($0.rawValue) }))) }
        if let comment { table.append(("comment", .text(comment))) }
        var objects = [JSONValue.object([("table", .object(table))])]
        objects += self.objects.map { .object([($0.kind.rawValue, .object(place + $0.jsonMembers))]) }
        objects += listedSets.map { set in .object([(set.isMap ? "map" : "set", .object(place + set.jsonMembers))]) }
        let blocks = ChainBlocks(self)
        let written = chains.filter { $0.owner == nil }
        objects += written.map { chain in .object([("chain", .object(place + chain.jsonMembers))]) }
        for chain in written {
            for rule in chain.rules {
                var members = place + [("chain", .text(chain.name))]
                if let comment = rule.comment { members.append(("comment", .text(comment))) }
                members.append(("expr", .array(rule.statements.compactMap { $0.json(localTime, blocks) })))
                objects.append(.object([("rule", .object(members))]))
            }
        }
        return objects
    }
}

extension Chain {
    fileprivate var jsonMembers: [(String, JSONValue)] {
        var members = [("name", JSONValue.text(name))]
        if let comment { members.append(("comment", .text(comment))) }
        guard let base else { return members }
        members.append(("type", .text("filter")))
        members.append(("hook", .text(base.hook.rawValue)))
        let priority = base.priority
        members.append(("prio", priority < 0 ? .negative(Int64(priority)) : .number(UInt64(priority))))
        members.append(("policy", .text(base.policy.rawValue)))
        return members
    }
}

extension NamedSet {
    fileprivate var jsonMembers: [(String, JSONValue)] {
        var members = [("name", JSONValue.text(name)), ("type", key.json)]
        switch contents {
        case .keys: break
        case .verdicts: members.append(("map", .text("verdict")))
        case .values(let data): members.append(("map", .text(Selector.reading(data.field).type.record.name)))
        case .objects(let kind): members.append(("map", .text(kind.rawValue)))
        }
        if policy != .performance { members.append(("policy", .text(policy.rawValue))) }
        if let comment { members.append(("comment", .text(comment))) }
        if let size = listedSize { members.append(("size", .number(UInt64(size)))) }
        let flags = [
            isConstant ? "constant" : nil, isInterval ? "interval" : nil, dynamics.isDynamic ? "dynamic" : nil,
            dynamics.hasTimeout ? "timeout" : nil,
        ].compactMap {
            $0.map(JSONValue.text)
        }
        if !flags.isEmpty { members.append(("flags", .array(flags))) }
        members += dynamics.jsonMembers
        if hasCounters { members.append(("stmt", .array([.object([("counter", .null)])]))) }
        if mergesElements { members.append(("auto-merge", .boolean(true))) }
        if !elements.isEmpty {
            members.append(
                ("elem", .array(elements.map(JSONElements(key.fields, data: data?.field, statements: dynamics.statements).element))))
        }
        return members
    }
}

extension SetKey {
    /// The types' names, or the selectors that it is made of.
    fileprivate var json: JSONValue {
        let parts = fields.map { isTypeof ? $0.json : JSONValue.text(Selector.reading($0).type.record.name) }
        guard isTypeof else { return parts.count == 1 ? parts[0] : .array(parts) }
        return .object([("typeof", parts.count == 1 ? parts[0] : .object([("concat", .array(parts))]))])
    }
}
