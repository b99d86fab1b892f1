/// A word of the text as nft's scanner cuts it.
struct Token: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// A name: a letter, `_` or `.`, then letters, digits, `/`, `-`, `_` and `.`.
        case word
        /// A word with a `*` at its end, perhaps escaped.
        case wildcard
        /// Decimal digits, or `0x` and hexadecimal ones.
        case number
        /// In double quotes, which `text` is without.
        case quoted
        /// An IPv4, IPv6 or Ethernet address.
        case address
        case symbol(Symbol)
        case newline
        case end
        /// No word of the language; `text` is the message that says why.
        case junk
        /// All addresses of a long list, from its opening brace to the closing one.
        case packed(PackedLiterals)
    }

    enum Symbol: String, Sendable, CaseIterable {
        case equal = "=="
        case notEqual = "!="
        case lessOrEqual = "<="
        case greaterOrEqual = ">="
        case less = "<"
        case greater = ">"
        case shiftLeft = "<<"
        case shiftRight = ">>"
        case comma = ","
        case dot = "."
        case colon = ":"
        case semicolon = ";"
        case leftBrace = "{"
        case rightBrace = "}"
        case leftBracket = "["
        case rightBracket = "]"
        case leftParenthesis = "("
        case rightParenthesis = ")"
        case caret = "^"
        case ampersand = "&"
        case bar = "|"
        case exclamation = "!"
        case slash = "/"
        case dash = "-"
        case asterisk = "*"
        case at = "@"
        case dollar = "$"
        case assign = "="
        case plus = "+"
    }

    var kind: Kind
    var text: String
    // A text may have millions of tokens: places are kept small.
    private var file, line, column, length: Int32

    init(kind: Kind, text: String, location: SourceLocation) {
        self.kind = kind
        self.text = text
        file = Int32(clamping: location.file)
        line = Int32(clamping: location.line)
        column = Int32(clamping: location.column)
        length = Int32(clamping: location.length)
    }

    var location: SourceLocation {
        SourceLocation(file: Int(file), line: Int(line), column: Int(column), length: Int(length))
    }

    /// The operators that nft also knows by a word.
    static let operatorWords: [String: Symbol] = [
        "eq": .equal, "ne": .notEqual, "le": .lessOrEqual, "lt": .less, "ge": .greaterOrEqual, "gt": .greater,
        "and": .ampersand, "or": .bar, "xor": .caret, "not": .exclamation, "lshift": .shiftLeft, "rshift": .shiftRight,
    ]

    /// How a message names the token.
    var described: String {
        switch kind {
        case .newline: "end of line"
        case .end: "end of file"
        case .junk: text
        case .packed: "addresses"
        case .quoted: "\"\(printable(text))\""
        default: "'\(printable(text))'"
        }
    }

    /// True if a statement ends here.
    var isSeparator: Bool {
        kind == .newline || kind == .symbol(.semicolon)
    }
}
