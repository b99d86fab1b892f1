// Sets that change, as JSON. Times are in whole seconds.

extension SetDynamics {
    /// What a set has of it after its flags.
    var jsonMembers: [(String, JSONValue)] {
        var members: [(String, JSONValue)] = []
        if let timeout { members.append(("timeout", .number(timeout / 1_000))) }
        if let collectionInterval { members.append(("gc-interval", .number(collectionInterval / 1_000))) }
        if !statements.isEmpty { members.append(("stmt", .array(statements.map(\.json)))) }
        return members
    }
}

extension ElementStatement {
    /// As part of an element: counters have their numbers there.
    var elementMember: (String, JSONValue) {
        switch self {
        case .counter(let packets, let bytes): ("counter", .object([("packets", .number(packets)), ("bytes", .number(bytes))]))
        case .limit(let limit): ("limit", .object(limit.members(inRule: true)))
        case .quota(let quota): ("quota", .object(quota.statementMembers))
        case .connectionCount(let count): ("ct count", count.json)
        case .last(let last): last.member
        }
    }

    fileprivate var json: JSONValue {
        switch self {
        case .counter: .object([("counter", .null)])
        case .limit(let limit): .object([("limit", .object(limit.members(inRule: true)))])
        case .quota(let quota): .object([("quota", .object(quota.statementMembers))])
        case .connectionCount(let count): .object([("ct count", count.json)])
        case .last: .object([("last", .null)])
        }
    }
}

extension SetUpdate {
    private func mapJSON(_ data: Data) -> JSONValue {
        let value: JSONValue =
            switch data {
            case .constant(let number, let field): JSONText(Selector.reading(field)).number(number)
            case .field(let component): MatchKey(component).json()
            }
        let key = key.json()
        let element = timeout.map { JSONValue.object([("elem", .object([("val", key), ("timeout", .number($0 / 1_000))]))]) } ?? key
        var members: [(String, JSONValue)] = [
            ("op", .text(operation.rawValue)), ("elem", element), ("data", value), ("map", .text("@\(set)")),
        ]
        if !statements.isEmpty { members.append(("stmt", .array(statements.map(\.json)))) }
        return .object([("map", .object(members))])
    }

    /// `set`, or `meter`, which has room for one statement.
    var json: JSONValue {
        if let data {
            // nft 1.0.6 has no other form for it.
            if ListingVersion.current == .nft106 { return .text(text) }
            return mapJSON(data)
        }
        let key = key.json()
        let element = timeout.map { JSONValue.object([("elem", .object([("val", key), ("timeout", .number($0 / 1_000))]))]) } ?? key
        if let meterSize, isListedAsMeter {
            let statement: [(String, JSONValue)] = statements.first.map { [("stmt", $0.json)] } ?? []
            let rest: [(String, JSONValue)] = [("size", .number(UInt64(meterSize))), ("name", .text(set))]
            return .object([("meter", .object([("key", element)] + statement + rest))])
        }
        var members: [(String, JSONValue)] = [("op", .text(operation.rawValue)), ("elem", element), ("set", .text("@\(set)"))]
        if !statements.isEmpty { members.append(("stmt", .array(statements.map(\.json)))) }
        return .object([("set", .object(members))])
    }
}
