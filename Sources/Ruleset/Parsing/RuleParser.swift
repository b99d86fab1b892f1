/// Rules and their statements.
extension Parser {
    /// Up to the separator, which stays. A comment ends a rule.
    mutating func rule() throws(Abandoned) -> RuleSyntax {
        let start = index
        var statements: [StatementSyntax] = []
        while !isAtEndOfCommand {
            if at(word: "comment") {
                let comment = try comment()
                if !isAtEndOfCommand { throw unexpected(expecting: "a newline or ';': a comment ends its rule") }
                return RuleSyntax(statements: statements, comment: comment, location: location(from: start))
            }
            statements.append(try statement(isFirst: statements.isEmpty))
        }
        return RuleSyntax(statements: statements, comment: nil, location: location(from: start))
    }

    /// `comment "…"`: at most 128 bytes.
    mutating func comment() throws(Abandoned) -> String {
        next()
        let token = current
        switch token.kind {
        case .quoted, .address: break
        case .word, .wildcard:
            if Words.reserved.contains(token.text) {
                throw fail(token.location, "'\(token.text)' is a keyword", note: "put the comment in quotes")
            }
        default:
            throw unexpected(expecting: "a text in quotes")
        }
        if token.text.utf8.count > 128 { throw fail(token.location, "the comment is longer than 128 bytes") }
        if token.text.unicodeScalars.contains(where: { $0 != "\t" && $0.properties.generalCategory == .control }) {
            throw fail(token.location, "the comment has a control character in it")
        }
        next()
        return token.text
    }

    private mutating func statement(isFirst: Bool) throws(Abandoned) -> StatementSyntax {
        let word = current
        guard word.kind == .word else {
            if at(.at) || isAtConstantKey { return try match() }
            if at(.rightBrace) || word.kind == .end || !isFirst { throw unexpected(expecting: "a statement, a newline or ';'") }
            throw unexpected(expecting: "a statement")
        }
        if let known = StatementWord.all[word.text] { return try known.read(&self) }
        if Selector.grammar[word.text] != nil { return try match() }
        if let reason = Unsupported.statements[word.text] {
            throw fail(unsupported: word.location, "'\(word.text)' is not supported", note: reason)
        }
        let accepted = StatementWord.offered + ["comment"] + Selector.grammar.keys.sorted()
        throw fail(
            word.location, "unknown word '\(printable(word.text))' in a rule", note: Words.advice(for: word.text, accepted: accepted))
    }

    /// `counter [packets N] [bytes M]`.
    mutating func counter() throws(Abandoned) -> StatementSyntax {
        let start = index
        next()
        if at(word: "name") { return try reference(to: .counter, from: start) }
        var packets: UInt64 = 0
        var bytes: UInt64 = 0
        while at(word: "packets") || at(word: "bytes") {
            let what = next().text
            guard current.kind == .number else { throw unexpected(expecting: "a number of \(what)") }
            let value = try number(next())
            if what == "packets" { packets = value } else { bytes = value }
        }
        return .plain(.counter(packets: packets, bytes: bytes, location: location(from: start)))
    }

    /// `key [operator] operand`, `key vmap …` or `key set …`.
    mutating func match() throws(Abandoned) -> StatementSyntax {
        let start = index
        let key = try key()
        if at(word: "vmap") { return .verdictMap(try map(of: key, from: start, example: "value : accept")) }
        if at(word: "map") {
            throw fail(
                unsupported: current.location, "a mapped value can't be compared",
                note: "some versions of nft abort there; write it after 'set': meta mark set \(key.text) map { … }")
        }
        if at(word: "set"), key.components.count == 1, key.first.operations.isEmpty {
            return .assignment(try assignment(to: key.first.selector, key.first.location, from: start))
        }
        let comparison = comparison()
        if !key.first.operations.isEmpty, comparison == .negation {
            throw fail(tokens[index - 1].location, "'!' can't follow a mask", note: "write == 0")
        }
        let operand = try operand(of: key.selectors)
        return .match(MatchSyntax(key: key, comparison: comparison, operand: operand, location: location(from: start)))
    }

    mutating func selector() throws(Abandoned) -> Selector {
        if at(.at) { return try rawSelector() }
        let first = next()
        let seconds = Selector.grammar[first.text] ?? [:]
        if let selector = seconds[""] { return selector }
        if first.text == "ct" { return try connectionSelector() }
        if first.text == "numgen" { return try generatorSelector() }
        if let selector = try searchedSelector(behind: first.text) { return selector }
        if let selector = innerSelector(behind: first.text) { return selector }
        // Only made for messages: it takes its time.
        var accepted: [String] { Selector.fields(after: first.text) }
        guard current.kind == .word else {
            throw unexpected(expecting: "a field of '\(first.text)': \(accepted.joined(separator: ", "))")
        }
        if let selector = try addressSelector(among: seconds) { return selector }
        guard let selector = seconds[current.text] else {
            if let reason = Unsupported.fields[first.text]?[current.text] {
                throw fail(unsupported: current.location, "'\(first.text) \(current.text)' is not supported", note: reason)
            }
            throw fail(
                current.location, "unknown field '\(printable(current.text))' of '\(first.text)'",
                note: Words.advice(for: current.text, accepted: accepted))
        }
        next()
        return selector
    }

    /// `arp saddr ether`, `arp saddr ip` and the two for `daddr`; nil if none of them begins here.
    private mutating func addressSelector(among fields: [String: Selector]) throws(Abandoned) -> Selector? {
        let kinds = ["ether", "ip"].filter { fields["\(current.text) \($0)"] != nil }
        guard !kinds.isEmpty else { return nil }
        let field = next().text
        guard current.kind == .word, let selector = fields["\(field) \(current.text)"] else {
            throw unexpected(expecting: kinds.map { "'\($0)'" }.joined(separator: " or "))
        }
        next()
        return selector
    }

    /// `,offset,length`, both in bits: two numbers.
    mutating func bitNumbers() throws(Abandoned) -> [UInt64] {
        var numbers: [UInt64] = []
        for what in ["an offset in bits", "a length in bits"] {
            guard skip(.comma) else { throw unexpected(expecting: "',' and \(what)") }
            guard current.kind == .number else { throw unexpected(expecting: what) }
            numbers.append(try number(next()))
        }
        return numbers
    }

    /// `@base,offset,length`, both numbers in bits.
    private mutating func rawSelector() throws(Abandoned) -> Selector {
        let start = index
        next()
        let headers: [String: Field.Header] = ["ll": .link, "nh": .network, "th": .transport]
        let header = current.kind == .word ? headers[current.text] : nil
        guard header != nil || at(word: "ih") else { throw unexpected(expecting: "ll, nh, th or ih") }
        next()
        let numbers = try bitNumbers()
        let bounded = numbers.map { Int(clamping: $0) }
        let field =
            if let header { Field.raw(header, bitOffset: bounded[0], bitWidth: bounded[1]) } else {
                Field.rawPayload(bitOffset: bounded[0], bitWidth: bounded[1])
            }
        guard let field else {
            throw fail(
                location(from: start), "these bits can't be read",
                note: "accepted: offsets to 65535, lengths of 1 to 128, and no more than 16 octets in all")
        }
        return Selector.reading(field)
    }

    private mutating func comparison() -> MatchSyntax.Comparison? {
        guard case .symbol(let symbol) = current.kind, let comparison = MatchSyntax.Comparison(rawValue: symbol.rawValue) else {
            return nil
        }
        next()
        return comparison
    }
}
