// What rules keep from frame to frame, as JSON.

extension Limit {
    /// With a burst where one counts: packets always have one, bytes only beyond the rate.
    func members(inRule: Bool) -> [(String, JSONValue)] {
        let (amount, rateUnit) = measure == .bytes ? ByteUnit.split(rate) : (rate, "")
        var members: [(String, JSONValue)] = [("rate", .number(amount))]
        let (burstAmount, burstUnit) = measure == .bytes ? ByteUnit.split(UInt64(burst)) : (UInt64(burst), "")
        if inRule || burst > 0 { members.append(("burst", .number(burstAmount))) }
        members.append(("per", .text(unit.name)))
        if isOver { members.append(("inv", .boolean(true))) }
        if measure == .bytes {
            members.append(("rate_unit", .text(rateUnit)))
            if inRule || burst > 0 { members.append(("burst_unit", .text(burstUnit))) }
        }
        return members
    }
}

extension Quota {
    /// In a rule, where amounts have units; in an object they are plain bytes.
    var statementMembers: [(String, JSONValue)] {
        let (amount, unit) = ByteUnit.split(bytes)
        var members: [(String, JSONValue)] = [("val", .number(amount)), ("val_unit", .text(unit))]
        if isOver { members.append(("inv", .boolean(true))) }
        if used > 0 {
            let (amount, unit) = ByteUnit.split(used)
            members += [("used", .number(amount)), ("used_unit", .text(unit))]
        }
        return members
    }
}

extension NamedObject {
    /// After the family and the table.
    var jsonMembers: [(String, JSONValue)] {
        var members = [("name", JSONValue.text(name))]
        if let comment { members.append(("comment", .text(comment))) }
        switch content {
        case .counter(let packets, let bytes): members += [("packets", .number(packets)), ("bytes", .number(bytes))]
        case .quota(let quota):
            members += [("bytes", .number(quota.bytes)), ("used", .number(quota.used)), ("inv", .boolean(quota.isOver))]
        case .limit(let limit): members += limit.members(inRule: false)
        case .timeout(let timeout): members += timeout.jsonMembers
        }
        return members
    }
}

extension LogStatement {
    var json: JSONValue {
        var members: [(String, JSONValue)] = []
        if let prefix { members.append(("prefix", .text(prefix))) }
        if let group {
            members.append(("group", .number(UInt64(group))))
            if snaplen > 0 { members.append(("snaplen", .number(UInt64(snaplen)))) }
            if queueThreshold > 0 { members.append(("queue-threshold", .number(UInt64(queueThreshold)))) }
        } else {
            if level != .warn { members.append(("level", .text(level.rawValue))) }
            let names: [(LogStatement.Flags, String)] = [
                (.tcpSequence, "tcp sequence"), (.tcpOptions, "tcp options"), (.ipOptions, "ip options"), (.skuid, "skuid"),
                (.ether, "ether"),
            ]
            let set = names.filter { flags.contains($0.0) }.map { JSONValue.text($0.1) }
            if flags == .all {
                members.append(("flags", ListingVersion.current == .nft106 ? .text("all") : .array([.text("all")])))
            } else if !set.isEmpty {
                members.append(("flags", set.count == 1 ? set[0] : .array(set)))
            }
        }
        return .object([("log", members.isEmpty ? .null : .object(members))])
    }
}
