/// Reads tokens into the syntax tree. After a mistake it goes on behind the statement, to find what else is wrong.
///
/// The grammar is nft's; this file reads files, tables and chains, its extensions the rules and their expressions.
struct Parser {
    /// Ends a statement; the diagnostic has been reported when it is thrown.
    struct Abandoned: Error {}

    let tokens: [Token]
    var index = 0
    /// Braces that are open at the current token.
    private var depth = 0
    /// The end of the text has been reported as missing a brace.
    private var isUnclosed = false
    var sink = DiagnosticSink()

    init(_ tokens: [Token]) {
        self.tokens = tokens
    }

    var current: Token { tokens[index] }

    /// Makes the token the past one; the last, `.end`, stays.
    @discardableResult
    mutating func next() -> Token {
        let token = tokens[index]
        if at(.leftBrace) { depth += 1 }
        if at(.rightBrace) { depth -= 1 }
        if index + 1 < tokens.count { index += 1 }
        return token
    }

    func at(_ symbol: Token.Symbol) -> Bool { current.kind == .symbol(symbol) }

    func at(word: String) -> Bool { current.kind == .word && current.text == word }

    mutating func skip(_ symbol: Token.Symbol) -> Bool {
        guard at(symbol) else { return false }
        next()
        return true
    }

    /// From the token with this index to the one just read, on the first's line.
    func location(from start: Int) -> SourceLocation {
        var location = tokens[start].location
        var other = start + 1
        while other < index, tokens[other].location.line == location.line {
            let end = tokens[other].location
            if tokens[other].kind != .newline { location.length = end.column + end.length - location.column }
            other += 1
        }
        return location
    }

    mutating func fail(_ location: SourceLocation, _ message: String, note: String? = nil) -> Abandoned {
        sink.error(location, message, note: note)
        return Abandoned()
    }

    /// The current token is not what the grammar wants here.
    mutating func unexpected(expecting expected: String) -> Abandoned {
        let message = current.kind == .junk ? current.text : "unexpected \(current.described)"
        return fail(current.location, message, note: "expected \(expected)")
    }

    mutating func expect(_ symbol: Token.Symbol, for what: String) throws(Abandoned) {
        if !skip(symbol) { throw unexpected(expecting: "'\(symbol.rawValue)' \(what)") }
    }

    /// Behind a statement: nft wants a newline or a semicolon even in front of a closing brace.
    mutating func expectSeparator() throws(Abandoned) {
        guard current.isSeparator else {
            throw unexpected(expecting: "a newline or ';'")
        }
        next()
    }

    /// Goes behind the statement, or to the brace that closes the block it stands in, at the depth of which the block is.
    private mutating func recover(to level: Int) {
        while current.kind != .end {
            if depth <= level {
                if current.isSeparator {
                    next()
                    return
                }
                if at(.rightBrace) { return }
            }
            next()
        }
    }

    static func parse(_ tokens: [Token]) -> (file: FileSyntax, sink: DiagnosticSink) {
        var parser = Parser(tokens)
        var file = FileSyntax()
        while parser.current.kind != .end {
            do throws(Abandoned) {
                try parser.command(into: &file)
            } catch {
                parser.recover(to: 0)
                // A brace that closes nothing would stop every further attempt.
                if parser.at(.rightBrace) { parser.next() }
                parser.depth = 0
            }
        }
        return (file, parser.sink)
    }

    private mutating func command(into file: inout FileSyntax) throws(Abandoned) {
        if current.isSeparator {
            next()
            return
        }
        let word = current
        if at(word: "table") {
            if let table = try table() { file.tables.append(table) }
        } else if at(word: "flush") {
            try flush(isFirst: file.tables.isEmpty)
        } else if word.kind == .word, let reason = Unsupported.commands[word.text] {
            throw fail(word.location, "'\(word.text)' is not supported", note: reason)
        } else if word.kind == .word {
            let note = Words.advice(for: word.text, accepted: ["table", "flush"])
            throw fail(word.location, "unknown command '\(printable(word.text))'", note: note)
        } else {
            throw unexpected(expecting: "a table: table bridge NAME { … }")
        }
        if current.kind != .end { try expectSeparator() }
    }

    /// Files begin with it to take the place of what was loaded before; here every file does.
    private mutating func flush(isFirst: Bool) throws(Abandoned) {
        let start = index
        next()
        guard at(word: "ruleset") else {
            throw fail(current.location, "only 'flush ruleset' is taken, not 'flush \(printable(current.text))'")
        }
        next()
        if at(word: "bridge") { next() }
        if !isFirst {
            throw fail(
                location(from: start), "'flush ruleset' behind a table would remove it",
                note: "it stands in front of the first table, or nowhere")
        }
    }

    /// A name of a table or chain: nft takes a bare word that is none of its keywords.
    mutating func identifier(_ what: String) throws(Abandoned) -> String {
        let token = current
        guard token.kind == .word || token.kind == .address else {
            throw unexpected(expecting: "a \(what)'s name (letters, digits, '_', '-', '.' and '/', without quotes)")
        }
        if Words.reserved.contains(token.text) {
            throw fail(token.location, "'\(token.text)' is a keyword and can't name a \(what)")
        }
        if token.text.utf8.count > 255 {
            throw fail(token.location, "the \(what)'s name is longer than 255 characters")
        }
        next()
        return token.text
    }

    private mutating func table() throws(Abandoned) -> TableSyntax? {
        let start = index
        next()
        let family = current
        if family.kind == .word, Unsupported.families.contains(family.text) {
            throw fail(family.location, "table family '\(family.text)' is not supported", note: "accepted: bridge")
        }
        guard at(word: "bridge") else {
            let isName = family.kind == .word
            let message =
                isName ? "a table without a family is of the family ip, which is not supported" : "unexpected \(family.described)"
            throw fail(family.location, message, note: "write: table bridge NAME { … }")
        }
        next()
        let name = try identifier("table")
        let location = location(from: start)
        guard skip(.leftBrace) else {
            if current.isSeparator || current.kind == .end { return TableSyntax(name: name, chains: [], location: location) }
            throw unexpected(expecting: "'{'")
        }
        var chains: [ChainSyntax] = []
        var hasComment = false
        try block("table '\(printable(name))'") { (parser) throws(Abandoned) in
            if parser.at(word: "chain") {
                chains.append(try parser.chain())
            } else if parser.at(word: "comment") {
                try parser.blockComment(isRepeated: &hasComment)
            } else if parser.current.kind == .word, let reason = Unsupported.tableItems[parser.current.text] {
                throw parser.fail(parser.current.location, "'\(parser.current.text)' in a table is not supported", note: reason)
            } else if parser.current.kind == .word {
                let note = Words.advice(for: parser.current.text, accepted: ["chain", "comment"])
                throw parser.fail(parser.current.location, "unknown word '\(printable(parser.current.text))' in a table", note: note)
            } else {
                throw parser.unexpected(expecting: "'chain' or '}'")
            }
        }
        return TableSyntax(name: name, chains: chains, location: location)
    }

    /// The items up to the closing brace, each with its separator.
    private mutating func block(_ what: String, item: (inout Parser) throws(Abandoned) -> Void) throws(Abandoned) {
        let level = depth
        while !skip(.rightBrace) {
            if current.kind == .end { throw unclosed(what) }
            if current.isSeparator {
                next()
                continue
            }
            do throws(Abandoned) {
                try item(&self)
                try expectSeparator()
            } catch {
                recover(to: level)
            }
        }
    }

    /// The innermost block is named; the blocks around it are not closed either.
    private mutating func unclosed(_ what: String) -> Abandoned {
        if isUnclosed { return Abandoned() }
        isUnclosed = true
        return fail(current.location, "the block of \(what) is not closed", note: "expected '}'")
    }

    private mutating func chain() throws(Abandoned) -> ChainSyntax {
        let start = index
        next()
        let name = try identifier("chain")
        var chain = ChainSyntax(name: name, hook: nil, policy: nil, rules: [], location: location(from: start))
        try expect(.leftBrace, for: "on the same line")
        var hasComment = false
        try block("chain '\(printable(name))'") { (parser) throws(Abandoned) in
            if parser.at(word: "type") {
                let hook = try parser.hook()
                if chain.hook != nil { throw parser.fail(hook.location, "the chain's hook is given twice") }
                chain.hook = hook
            } else if parser.at(word: "policy") {
                let policy = try parser.policy()
                if chain.policy != nil { throw parser.fail(policy.location, "the chain's policy is given twice") }
                chain.policy = policy
            } else if parser.at(word: "comment") {
                try parser.blockComment(isRepeated: &hasComment)
            } else {
                chain.rules.append(try parser.rule())
            }
        }
        return chain
    }

    /// Checked and forgotten: the tree keeps the comments of rules alone.
    private mutating func blockComment(isRepeated: inout Bool) throws(Abandoned) {
        let start = index
        _ = try comment()
        if isRepeated { throw fail(location(from: start), "the comment is given twice") }
        isRepeated = true
    }
}
