/// What a set or map declares of its elements and its data.
extension Parser {
    /// `type T [. T …]` or `typeof SELECTOR [. SELECTOR …]`.
    mutating func setKey() throws(Abandoned) -> SetKey {
        let isTypeof = next().text == "typeof"
        return try setKey(isTypeof: isTypeof)
    }

    private mutating func setKey(isTypeof: Bool) throws(Abandoned) -> SetKey {
        let start = index
        var fields = [try keyField(isTypeof: isTypeof)]
        while skip(.dot) {
            if fields.count == Self.componentLimit {
                throw fail(current.location, "more than \(Self.componentLimit) parts in one concatenation")
            }
            fields.append(try keyField(isTypeof: isTypeof))
        }
        if MatchKey.octets(of: fields) > MatchKey.octetLimit {
            throw fail(location(from: start), "the parts take more than the \(MatchKey.octetLimit) octets of the kernel's registers")
        }
        return SetKey(field: fields[0], rest: Array(fields.dropFirst()), isTypeof: isTypeof)
    }

    /// After a map's type: `: verdict`, `: counter` and its like, or what it has as data.
    mutating func readMapped(of set: inout SetSyntax, isTypeof: Bool) throws(Abandoned) {
        try expect(.colon, for: "and 'verdict' or a type after a map's type")
        if skip(word: "verdict") { return }
        let start = index
        if current.kind == .word, let kind = NamedObject.Kind(rawValue: current.text) {
            next()
            set.contents = .objects(kind)
            return
        }
        if current.kind == .word, let reason = Unsupported.mapped[current.text] {
            throw fail(unsupported: current.location, "maps to '\(current.text)' are not supported", note: reason)
        }
        let key = try setKey(isTypeof: isTypeof)
        if !key.rest.isEmpty { throw fail(unsupported: location(from: start), "concatenations as data are not supported") }
        set.contents = .values(key)
    }

    private mutating func keyField(isTypeof: Bool) throws(Abandoned) -> Field {
        let token = current
        guard isTypeof else {
            guard token.kind == .word else { throw unexpected(expecting: SetKey.accepted) }
            guard let field = SetKey.field(ofType: token.text) else {
                var note = SetKey.accepted
                if SetKey.unqualified.contains(token.text) { note = "nft needs 'typeof' and a selector for it" }
                let isKnown = SetKey.unsupported.contains(token.text) || SetKey.unqualified.contains(token.text)
                let message = "type '\(printable(token.text))' \(isKnown ? "is not supported" : "is unknown")"
                throw SetKey.unsupported.contains(token.text)
                    ? fail(unsupported: token.location, message, note: note) : fail(token.location, message, note: note)
            }
            next()
            return field
        }
        guard at(.at) || (token.kind == .word && Selector.grammar[token.text] != nil) else {
            try refuseUnsupportedExpression()
            throw unexpected(expecting: "a selector such as 'ip saddr'")
        }
        let start = index
        let selector = try selector()
        guard selector.canBeKey, selector.field.generator == nil else {
            throw fail(unsupported: location(from: start), "sets of '\(selector.text)' are not supported")
        }
        return selector.field
    }
}

extension SetKey {
    /// Types that nft takes in a set, and of which nothing that is read here is.
    fileprivate static let unsupported: Set<String> = [
        "icmpx_code", "boolean", "realm",
        "uid", "gid", "mh_type", "nf_proto", "fib_addrtype", "cgroupsv2",
    ]

    /// Types without a size, which nft only takes by `typeof`.
    fileprivate static let unqualified: Set<String> = ["integer", "string", "bitmask", "ll_addr", "verdict"]

    /// Records of types that a set can be declared with.
    private static let declarable = ValueType.allCases.map(\.record).filter { $0.field != nil }

    static func field(ofType name: String) -> Field? { declarable.first { $0.name == name }?.field }

    static var accepted: String { "accepted: " + declarable.map(\.name).joined(separator: ", ") }

    /// Without the word in front: `ipv4_addr . inet_service`, `ip saddr . tcp dport`.
    var list: String {
        fields.map { field in
            let type = isTypeof ? nil : Self.declarable.first { $0.field == field }
            return type?.name ?? Selector.reading(field).text
        }.joined(separator: " . ")
    }

    /// As it is written: `type ipv4_addr`, `typeof ip saddr`.
    var text: String { "\(isTypeof ? "typeof" : "type") \(list)" }

    /// True if the fields' values are of the set's types.
    func fits(_ selectors: [Selector]) -> Bool {
        fields.count == selectors.count
            && zip(fields, selectors).allSatisfy { field, selector in
                selector.field.isConstant || (selector.canBeKey && Self.isAlike(field, selector))
            }
    }

    /// True if the selector's values are of this single type.
    func holds(_ selector: Selector) -> Bool { rest.isEmpty && Self.isAlike(field, selector) }

    private static func isAlike(_ field: Field, _ selector: Selector) -> Bool {
        Selector.reading(field).type == selector.type && field.bitWidth == selector.field.bitWidth
            && field.isHostOrder == selector.field.isHostOrder
    }
}
