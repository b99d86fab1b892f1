/// Reads tokens into the syntax tree. After a mistake it goes on after the statement, to find what else is wrong.
///
/// The grammar is nft's; this file reads files, tables and chains, its extensions the rules and their expressions.
struct Parser {
    /// Ends a statement; the diagnostic has been reported when it is thrown.
    struct Abandoned: Error {}

    /// Tokens of the text that is being read; the tokens of texts that include it wait in `include`.
    var tokens: [Token]
    var index = 0
    /// Braces that are open at the current token.
    var depth = 0
    /// A chain inside a rule is being read.
    var isInChainBlock = false
    /// Rules keep their text: some of the file's chains are set aside.
    var keepsText = false
    /// The end of the text has been reported as missing a brace.
    private var isUnclosed = false
    /// The item of a block that has been read needs no separator before the closing brace.
    var endsBlock = false
    var sink: DiagnosticSink
    /// Names of sets whose declarations are wrong.
    var brokenSets: Set<String> = []

    /// All texts so far, and the indices of those that are open.
    var sources: [SourceFile]
    var openSources = [0]
    let loader: RuleLoader?
    /// Addresses in a list from which on the lexer packs them.
    let packingThreshold: Int
    var tokenCount: Int
    /// `define`d names, innermost block last.
    var scopes: [[String: Definition]] = [[:]]
    /// What definitions may still stand for in this rule set.
    var expansionsLeft = Definition.expansionLimit

    /// Reads tokens by themselves, without texts.
    init(_ tokens: [Token]) {
        sink = DiagnosticSink()
        self.tokens = tokens
        tokenCount = tokens.count
        sources = []
        loader = nil
        packingThreshold = .max
    }

    init(_ source: SourceFile, loader: RuleLoader?, packingFrom threshold: Int, limit: Int) {
        sink = DiagnosticSink(limit: limit)
        packingThreshold = threshold
        tokens = Lexer.tokens(of: source.text, file: 0, threshold: threshold)
        tokenCount = tokens.count
        sources = [source]
        self.loader = loader
        keepsText = Self.hasUselessChains(tokens)
    }

    var current: Token { tokens[index] }

    /// Makes the token the past one; the last, `.end`, stays.
    @discardableResult
    mutating func next() -> Token {
        let token = tokens[index]
        if case .symbol(let symbol) = token.kind {
            if symbol == .leftBrace { depth += 1 }
            if symbol == .rightBrace { depth -= 1 }
        }
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

    /// What nft's language has, and Weir has not.
    mutating func fail(unsupported location: SourceLocation, _ message: String, note: String? = nil) -> Abandoned {
        sink.error(location, message, note: note, isUnsupported: true)
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

    /// After a statement: nft wants a newline or a semicolon even before a closing brace, but after elements and in objects.
    mutating func expectSeparator() throws(Abandoned) {
        guard current.isSeparator else {
            throw unexpected(expecting: "a newline or ';'")
        }
        next()
    }

    /// Goes after the statement, or to the brace that closes the block it stands in, at the depth of which the block is.
    mutating func recover(to level: Int) {
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

    /// Reads a text and what it includes.
    static func parse(
        _ source: SourceFile, loader: RuleLoader?, definitions: [SourceFile], packingFrom threshold: Int, limit: Int
    ) -> (file: FileSyntax, sources: [SourceFile], sink: DiagnosticSink) {
        var parser = Parser(source, loader: loader, packingFrom: threshold, limit: limit)
        var file = FileSyntax()
        for text in definitions {
            parser.read(text) { (parser) throws(Abandoned) in
                if try !parser.definition() { throw parser.unexpected(expecting: "a definition") }
            }
        }
        parser.wholeText(isIncluded: false) { (parser) throws(Abandoned) in try parser.command(into: &file) }
        file.brokenSets = parser.brokenSets
        return (file, parser.sources, parser.sink)
    }

    /// The items of a text up to its end. nft wants a separator after the last line only of an included text.
    mutating func wholeText(isIncluded: Bool, item: (inout Parser) throws(Abandoned) -> Void) {
        while current.kind != .end {
            if current.isSeparator {
                next()
                continue
            }
            do throws(Abandoned) {
                if at(word: "include") { try include(item: item) } else { try item(&self) }
                if current.kind != .end || isIncluded { try expectSeparator() }
            } catch {
                recover(to: 0)
                // A brace that closes nothing would stop every further attempt.
                if at(.rightBrace) { next() }
                depth = 0
                // Nobody would be told of what is wrong after this.
                if sink.isFull { index = tokens.count - 1 }
            }
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

    /// `[FAMILY] NAME`; without a family it is `ip`.
    mutating func tableName() throws(Abandoned) -> TableName {
        let family = try family() ?? .ip
        return TableName(family: family, name: try identifier("table"))
    }

    /// The family here, if there is one.
    mutating func family() throws(Abandoned) -> Family? {
        let word = current
        guard word.kind == .word else { return nil }
        guard let family = Family(rawValue: word.text) else { return nil }
        next()
        return family
    }

    mutating func table() throws(Abandoned) -> TableSyntax {
        let start = index
        next()
        var table = TableSyntax(name: try tableName(), location: location(from: start))
        guard skip(.leftBrace) else {
            if isAtEndOfCommand { return table }
            throw unexpected(expecting: "'{'")
        }
        try block("table '\(printable(table.name.name))'") { (parser) throws(Abandoned) in
            let word = parser.current
            if let object = try parser.uselessObject() {
                table.setAside.append(object.part)
            } else if parser.at(word: "chain") {
                table.chains.append(try parser.chain(in: table.name.family))
            } else if parser.at(word: "set") || parser.at(word: "map") {
                switch try parser.keptSet() {
                case .set(let set): table.sets.append(set)
                case .unsupported(let set): table.unsupportedSets.append(set)
                }
            } else if word.kind == .word, let kind = NamedObject.Kind(rawValue: word.text) {
                let start = parser.index
                parser.next()
                table.objects.append(try parser.namedObject(kind, from: start))
            } else if parser.at(word: "ct") {
                let start = parser.index
                parser.next()
                try parser.connectionObjectWord()
                table.objects.append(try parser.connectionTimeout(in: table.name.family, from: start))
            } else if parser.at(word: "comment") {
                try parser.blockComment(&table.comment)
            } else if parser.skip(word: "flags") {
                repeat {
                    guard parser.current.kind == .word, let flag = TableFlag(rawValue: parser.current.text) else {
                        throw parser.unexpected(expecting: TableFlag.allCases.map(\.rawValue).joined(separator: ", "))
                    }
                    parser.next()
                    table.flags.insert(flag)
                } while parser.skip(.comma)
                if table.flags.contains(.dormant) { parser.keepsText = true }
            } else if try parser.definition() {
            } else if word.kind == .word {
                let note = Words.advice(
                    for: word.text,
                    accepted: ["chain", "set", "map", "counter", "quota", "limit", "ct timeout", "comment", "flags", "define", "include"])
                throw parser.fail(word.location, "unknown word '\(printable(word.text))' in a table", note: note)
            } else {
                throw parser.unexpected(expecting: "'chain' or '}'")
            }
        }
        return table
    }

    /// Outside of blocks a statement may end with its text.
    var isAtEndOfCommand: Bool { current.isSeparator || (current.kind == .end && depth == 0) }

    /// The items up to the closing brace, each with its separator, in a scope of their own.
    mutating func block(_ what: String, item: (inout Parser) throws(Abandoned) -> Void) throws(Abandoned) {
        let level = depth
        scopes.append([:])
        defer { scopes.removeLast() }
        while !skip(.rightBrace) {
            if current.kind == .end { throw unclosed(what) }
            if current.isSeparator {
                next()
                continue
            }
            do throws(Abandoned) {
                endsBlock = false
                if at(word: "include") { try include(item: item) } else { try item(&self) }
                let isEnd = endsBlock && at(.rightBrace)
                endsBlock = false
                if !isEnd { try expectSeparator() }
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

    private mutating func chain(in family: Family) throws(Abandoned) -> ChainSyntax {
        let start = index
        next()
        let name = try identifier("chain")
        var chain = ChainSyntax(name: name, hook: nil, policy: nil, rules: [], location: location(from: start))
        try expect(.leftBrace, for: "on the same line")
        try chainBlock(of: &chain, in: family)
        return chain
    }

    /// After the opening brace.
    mutating func chainBlock(of chain: inout ChainSyntax, in family: Family) throws(Abandoned) {
        try block("chain '\(printable(chain.name))'") { (parser) throws(Abandoned) in
            if parser.at(word: "type") {
                let hook = try parser.hook(in: family)
                if case .useless(let hook) = hook {
                    if chain.hook != nil || chain.uselessHook != nil {
                        throw parser.fail(hook.location, "the chain's hook is given twice")
                    }
                    chain.uselessHook = hook
                    return
                }
                guard case .used(let hook) = hook else { return }
                if chain.hook != nil || chain.uselessHook != nil { throw parser.fail(hook.location, "the chain's hook is given twice") }
                chain.hook = hook
            } else if parser.at(word: "policy") {
                let policy = try parser.policy()
                if chain.policy != nil { throw parser.fail(policy.location, "the chain's policy is given twice") }
                chain.policy = policy
            } else if parser.at(word: "comment") {
                try parser.blockComment(&chain.comment)
            } else if try !parser.definition() {
                chain.rules.append(try parser.keptRule())
            }
        }
    }

    mutating func blockComment(_ known: inout String?) throws(Abandoned) {
        let start = index
        let comment = try comment()
        if known != nil { throw fail(location(from: start), "the comment is given twice") }
        known = comment
    }
}
