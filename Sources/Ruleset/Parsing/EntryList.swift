/// What stands between a set's braces: entries, or nothing but addresses that the lexer has packed.
enum EntryList {
    case entries([EntrySyntax])
    case packed(PackedLiterals)

    var count: Int {
        switch self {
        case .entries(let entries): entries.count
        case .packed(let literals): literals.elements.count
        }
    }

    /// As entries, each with its place in the text.
    var entries: [EntrySyntax] {
        switch self {
        case .entries(let entries): entries
        case .packed(let literals): Parser.entries(of: literals)
        }
    }
}

extension Parser {
    /// Reads packed addresses as if the lexer had not packed them. What it has packed has no mistake of form.
    fileprivate static func entries(of literals: PackedLiterals) -> [EntrySyntax] {
        var parser = Parser(literals.tokens, file: literals.elements.file)
        return (try? parser.entries().entries) ?? []
    }

    /// Puts the text between the braces that it was taken from.
    private init(_ tokens: [Token], file: Int) {
        let place = tokens.first?.location ?? SourceLocation(file: file, line: 1, column: 1, length: 1)
        let signs = [Token.Symbol.leftBrace, .rightBrace].map { Token(kind: .symbol($0), text: $0.rawValue, location: place) }
        self.init([signs[0]] + tokens + [signs[1], Token(kind: .end, text: "", location: place)])
    }
}
