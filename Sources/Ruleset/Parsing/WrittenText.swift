/// Tokens as text on one line: comments and line breaks are gone, spaces are where there were some.
struct WrittenText {
    private(set) var text = ""
    private var end: SourceLocation?

    /// Appends a token; one that does not directly follow the last gets a space.
    mutating func append(_ token: Token) {
        guard token.kind != .newline, token.kind != .end else { return }
        if case .packed(let literals) = token.kind { return literals.tokens.forEach { append($0) } }
        let place = token.location
        let isAdjacent = end.map { $0.file == place.file && $0.line == place.line && $0.column + $0.length == place.column } ?? true
        if !isAdjacent, !text.isEmpty { text += " " }
        text += token.written
        end = place
    }

    /// What follows stands apart.
    mutating func separate() { end = SourceLocation(file: -1, line: 0, column: 0, length: 0) }
}

extension Token {
    /// As it stands in the text.
    fileprivate var written: String {
        switch kind {
        case .quoted: "\"\(text)\""
        case .address where location.length == text.count + 2: "[\(text)]"
        default: text
        }
    }
}

// What is read only for its syntax.
extension Parser {
    /// The tokens from one index to another, with what definitions stand for.
    func written(_ range: Range<Int>) -> String {
        var text = WrittenText()
        var budget = Definition.expansionLimit
        write(tokens[range], into: &text, depth: 0, &budget)
        return text.text
    }

    private func write(_ part: ArraySlice<Token>, into text: inout WrittenText, depth: Int, _ budget: inout Int) {
        var index = part.startIndex
        while index < part.endIndex {
            let token = part[index]
            budget -= 1
            if token.kind == .symbol(.dollar), index + 1 < part.endIndex, depth < Self.depthLimit, budget > 0,
                let definition = known(part[index + 1].text)
            {
                text.separate()
                write(definition.tokens, into: &text, depth: depth + 1, &budget)
                text.separate()
                index += 2
            } else {
                text.append(token)
                index += 1
            }
        }
    }

    /// Goes to the end of the statement that begins at the index: to its separator, or to the brace that closes the block.
    mutating func skim(from start: Int, depth level: Int) throws(Abandoned) {
        (index, depth) = (start, level)
        while current.kind != .end {
            if depth <= level, current.isSeparator || at(.rightBrace) { return }
            if current.kind == .junk { throw unexpected(expecting: "a statement") }
            next()
        }
    }

    /// A rule with its text. What is refused by name is kept as it is: whether a frame comes there only the whole file says.
    mutating func keptRule() throws(Abandoned) -> RuleSyntax {
        let (start, level) = (index, depth)
        let outer = sink
        sink = outer.empty
        var rule: RuleSyntax?
        do throws(Abandoned) { rule = try self.rule() } catch {}
        let found = sink
        sink = outer
        if let failure = found.errors.first {
            guard failure.isUnsupported, found.errors.allSatisfy(\.isUnsupported) else {
                sink.add(found)
                throw Abandoned()
            }
            try skim(from: start, depth: level)
            return RuleSyntax(
                statements: [], comment: nil, location: location(from: start), written: writtenRule(start..<index, failure: failure))
        }
        guard var rule else { throw Abandoned() }
        sink.add(found)
        if keepsText { rule.written = writtenRule(start..<index, failure: nil) }
        return rule
    }

    /// Statements by which a chain that is set aside is known.
    private static let notable: Set<String> = [
        "snat", "dnat", "masquerade", "redirect", "tproxy", "reject", "queue", "dup", "fwd", "synproxy",
    ]

    private func writtenRule(_ range: Range<Int>, failure: Diagnostic?) -> WrittenRule {
        var rule = WrittenRule(text: written(range), failure: failure)
        for index in range where tokens[index].kind == .word {
            let word = tokens[index].text
            if word == "jump" || word == "goto", index + 1 < range.upperBound, tokens[index + 1].kind == .word {
                rule.targets.append(tokens[index + 1].text)
            }
            if Self.notable.contains(word), !rule.words.contains(word) { rule.words.append(word) }
        }
        return rule
    }

    /// `{ … }`, read only for its syntax: a statement a line.
    mutating func skimmedBlock(_ what: String) throws(Abandoned) -> [String] {
        try expect(.leftBrace, for: "on the same line")
        var lines: [String] = []
        try block(what) { (parser) throws(Abandoned) in
            if try parser.definition() { return }
            let (start, level) = (parser.index, parser.depth)
            guard parser.current.kind == .word || parser.current.kind == .quoted else {
                throw parser.unexpected(expecting: "a word or '}'")
            }
            try parser.skim(from: start, depth: level)
            lines.append(parser.written(start..<parser.index) + (parser.at(.semicolon) ? ";" : ""))
        }
        return lines
    }

    /// True if `flowtable` begins here, or something else that is never used.
    var isAtUselessObject: Bool {
        guard current.kind == .word else { return false }
        if current.text == "ct", index + 1 < tokens.count { return Unsupported.connectionObjects[tokens[index + 1].text] != nil }
        return Unsupported.tableItems[current.text] != nil
    }

    /// `flowtable NAME { … }` and what else is never used, from its word on; in a command with its table. Nil if none begins here.
    mutating func uselessObject(ofCommand: Bool = false) throws(Abandoned) -> (table: TableName, part: SetAside)? {
        guard isAtUselessObject else { return nil }
        let start = index
        var kind = next().text
        var reason = Unsupported.tableItems[kind] ?? ""
        if kind == "ct" {
            reason = Unsupported.connectionObjects[current.text] ?? ""
            kind += " \(next().text)"
        }
        let table = ofCommand ? try tableName() : TableName(family: .ip, name: "")
        let name = current.kind == .quoted ? next().text : try identifier(kind)
        let place = location(from: start)
        let lines = try skimmedBlock("\(kind) '\(printable(name))'")
        return (table, SetAside(kind: kind, name: name, reason: reason, lines: lines, location: place))
    }
}
