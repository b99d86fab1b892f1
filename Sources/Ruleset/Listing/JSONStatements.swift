// Statements of a rule as JSON.

extension Statement {
    /// Nil for an implied match.
    /// - Parameter blocks: Of the table. nft has no form of its own for them, and writes their text.
    func json(_ localTime: LocalTime = .utc, _ blocks: ChainBlocks?) -> JSONValue? {
        if case .verdict(let verdict, _) = self, let text = blocks?.text(of: verdict, localTime) { return .text(text) }
        return json(localTime)
    }
}

extension Verdict {
    var json: JSONValue {
        switch self {
        case .accept: .object([("accept", .null)])
        case .drop: .object([("drop", .null)])
        case .reject(let rejection): rejection.json
        case .return: .object([("return", .null)])
        case .continue: .object([("continue", .null)])
        case .jump(let chain): .object([("jump", .object([("target", .text(chain.description))]))])
        case .goto(let chain): .object([("goto", .object([("target", .text(chain.description))]))])
        }
    }
}

extension Match {
    /// Flags have an operator for each common test, as they have in text: `in` is any of them, `!` none.
    func json(_ localTime: LocalTime) -> JSONValue {
        let selector = Selector.reading(field)
        let text = JSONText(selector, localTime)
        func match(_ sign: String, _ left: JSONValue, _ right: JSONValue) -> JSONValue {
            .object([("op", .text(sign)), ("left", left), ("right", right)])
        }
        if let order, case .single(.range(let low, let high)) = operand {
            let limit = order.limit(of: low, high)
            return match(order.rawValue, key.json(), selector.type.isConnectionBitmask ? JSONValue(limit) : text.number(limit))
        }
        let sign = relation == .equal ? "==" : "!="
        let isReversedHour = ListingVersion.current == .nft116 && selector.type == .hour && relation == .notEqual
        if isReversedHour, case .single(.range(let low, let high)) = operand {
            return match("in", key.json(), .object([("range", .array([text.number(high), text.number(low)]))]))
        }
        if key.isConcatenation || key.first.xor != 0 || !elements.isEmpty { return match(sign, key.json(), members) }
        guard selector.type.isBitmask, case .single(.number(let number)) = operand else {
            return match(sign, text.left(field.json, mask: mask, isList: false), text.operand(operand))
        }
        guard let mask else {
            let right = selector.type.isConnectionBitmask ? text.value(.number(number), isElement: true) : text.number(number)
            return match(sign, text.left(field.json, mask: nil, isList: false), right)
        }
        switch (relation, number) {
        case (.notEqual, 0): return match("in", text.left(field.json, mask: nil, isList: false), text.flags(mask))
        case (.equal, 0): return match("!", text.left(field.json, mask: nil, isList: false), text.flags(mask))
        default:
            let right = ListingVersion.current == .nft106 || number == 0 ? text.flags(number) : text.union(number)
            return match(sign, text.left(field.json, mask: mask, isList: true), right)
        }
    }

    /// What a key of several components, or of turned bits, is compared with.
    private var members: JSONValue {
        let elements = JSONElements(key.components.map(\.field))
        return switch operand {
        case .set where !self.elements.isEmpty: .object([("set", .array(self.elements.map(elements.element)))])
        case .single(let value): elements.value(value)
        case .set(let values): .object([("set", .array(values.map(elements.value)))])
        case .named(let name): .text("@\(name)")
        }
    }
}
