// Statements of a rule as JSON.

extension Statement {
    /// Nil for an implied match.
    var json: JSONValue? {
        switch self {
        case .match(let match): match.isImplied ? nil : .object([("match", match.json)])
        case .counter(let packets, let bytes, _):
            .object([("counter", .object([("packets", .number(packets)), ("bytes", .number(bytes))]))])
        case .verdict(let verdict, _): verdict.json
        case .verdictMap(let map): .object([("vmap", map.json)])
        case .limit(let limit, _): .object([("limit", .object(limit.members(inRule: true)))])
        case .quota(let quota, _): .object([("quota", .object(quota.statementMembers))])
        case .object(let reference, _): .object([(reference.kind.rawValue, .text(reference.name))])
        case .log(let log, _): log.json
        case .update(let update): update.json
        case .assignment(let assignment): assignment.json
        }
    }
}

extension Verdict {
    var json: JSONValue {
        switch self {
        case .accept: .object([("accept", .null)])
        case .drop: .object([("drop", .null)])
        case .return: .object([("return", .null)])
        case .continue: .object([("continue", .null)])
        case .jump(let chain): .object([("jump", .object([("target", .text(chain))]))])
        case .goto(let chain): .object([("goto", .object([("target", .text(chain))]))])
        }
    }
}

extension VerdictMap {
    fileprivate var json: JSONValue {
        let selector = Selector.reading(field)
        let data: JSONValue =
            switch elements {
            case .named(let name): .text("@\(name)")
            case .anonymous(let elements): .object([("set", .array(elements.map { $0.json(of: selector) }))])
            }
        return .object([("key", JSONText(selector).left(field, mask: mask, isList: false)), ("data", data)])
    }
}

extension Match {
    /// Flags have an operator for each common test, as they have in text: `in` is any of them, `!` none.
    fileprivate var json: JSONValue {
        let selector = Selector.reading(field)
        let text = JSONText(selector)
        func match(_ sign: String, _ left: JSONValue, _ right: JSONValue) -> JSONValue {
            .object([("op", .text(sign)), ("left", left), ("right", right)])
        }
        if let order, case .single(.range(let low, let high)) = operand {
            return match(order.rawValue, text.left(field, mask: mask, isList: false), text.number(order.limit(of: low, high)))
        }
        let sign = relation == .equal ? "==" : "!="
        guard selector.type.isBitmask, case .single(.number(let number)) = operand else {
            return match(sign, text.left(field, mask: mask, isList: false), text.operand(operand))
        }
        guard let mask else { return match(sign, text.left(field, mask: nil, isList: false), text.number(number)) }
        switch (relation, number) {
        case (.notEqual, 0): return match("in", text.left(field, mask: nil, isList: false), text.flags(mask))
        case (.equal, 0): return match("!", text.left(field, mask: nil, isList: false), text.flags(mask))
        default: return match(sign, text.left(field, mask: mask, isList: true), text.flags(number))
        }
    }
}
