/// Cuts a text into tokens, at the same places as nft's scanner does, and in one pass of linear time.
///
/// Where nft would cut a run of characters into words that only look like one (`5accept`), this lexer refuses it.
struct Lexer {
    /// Where a lexer is in its text.
    struct Place: Sendable {
        /// Octets before it.
        var position = 0
        var line = 1
        /// Column of the next character, from 1; in Unicode scalars.
        var column = 1
        /// Nothing but blanks stands before the position in its line.
        var isAtLineStart = true
    }

    let bytes: [UInt8]
    let file: Int
    var place = Place()
    /// A carriage return has been refused: the others of the file say no more.
    private var hasReturned = false

    private init(_ bytes: [UInt8], file: Int, from place: Place = Place()) {
        self.bytes = bytes
        self.file = file
        self.place = place
    }

    /// The tokens of a part of a text, without an end.
    static func tokens(of bytes: ArraySlice<UInt8>, from place: Place, file: Int) -> [Token] {
        var place = place
        place.position = 0
        var lexer = Lexer(Array(bytes), file: file, from: place)
        var tokens: [Token] = []
        while true {
            let token = lexer.next()
            if token.kind == .end { return tokens }
            tokens.append(token)
        }
    }

    /// The most tokens that the texts of a rule set have together, which bounds the memory that they take.
    static let tokenLimit = 4_000_000

    /// All tokens of a text; the last is `.end`, and no other is.
    /// - Parameters:
    ///   - limit: What is after that many tokens is left out, and a token that no statement takes stands in its place.
    ///   - threshold: Addresses in a list from which on they are one token.
    static func tokens(
        of text: String, file: Int, limit: Int = tokenLimit, threshold: Int = PackedLiterals.threshold
    ) -> [Token] {
        var lexer = Lexer(Array(text.utf8), file: file)
        var tokens: [Token] = []
        while true {
            let token = lexer.next()
            guard tokens.count < limit || token.kind == .end else {
                let message = "the rule set has more than \(tokenLimit) words"
                tokens.append(Token(kind: .junk, text: message, location: token.location))
                tokens.append(Token(kind: .end, text: "", location: token.location))
                return tokens
            }
            let opensList = token.kind == .symbol(.leftBrace) && isBeforeList(tokens)
            tokens.append(token)
            if token.kind == .end { return tokens }
            let location = SourceLocation(file: file, line: lexer.place.line, column: lexer.place.column, length: 1)
            if opensList, let literals = lexer.packedLiterals(threshold: threshold) {
                tokens.append(Token(kind: .packed(literals), text: "", location: location))
            }
        }
    }

    /// True if elements of a set can stand in a brace after these tokens: `elements = {`, `define NAME = {`, `element TABLE SET {`.
    private static func isBeforeList(_ tokens: [Token]) -> Bool {
        if tokens.last?.kind == .symbol(.assign) { return true }
        return tokens.suffix(4).contains { $0.kind == .word && $0.text == "element" }
    }

    private func peek(_ ahead: Int = 0) -> UInt8? {
        let index = place.position + ahead
        return index < bytes.count ? bytes[index] : nil
    }

    private mutating func next() -> Token {
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"):
                advance(1)
            case UInt8(ascii: "\r") where hasReturned:
                advance(1)
            case UInt8(ascii: "\r"):
                hasReturned = true
                return take(1, .junk, "a carriage return; lines must end with only a newline (dos2unix converts a file)")
            case UInt8(ascii: "\\") where peek(1) == UInt8(ascii: "\n"):
                advance(2)
            case UInt8(ascii: "#"):
                let length = bytes[place.position...].firstIndex(of: UInt8(ascii: "\n")).map { $0 - place.position }
                guard let length else {
                    let rest = bytes.count - place.position
                    return take(rest, .junk, "a comment without a newline at its end")
                }
                // A comment that has its line to itself is no line, as in nft's scanner: such lines may stand inside of braces.
                advance(place.isAtLineStart ? length + 1 : length)
            case UInt8(ascii: "\n"):
                place.isAtLineStart = true
                return take(1, .newline, "")
            default:
                place.isAtLineStart = false
                return word(startingWith: byte)
            }
        }
        return Token(kind: .end, text: "", location: SourceLocation(file: file, line: place.line, column: place.column, length: 1))
    }

    private mutating func word(startingWith byte: UInt8) -> Token {
        if byte == UInt8(ascii: "\"") { return quoted() }
        if byte == UInt8(ascii: "[") || byte.isHexDigit || byte == UInt8(ascii: ":"), let token = address() { return token }
        if byte.isHexDigit, let token = trafficClass() { return token }
        if byte.isDigit { return number() }
        if byte.startsWord, let token = name() { return token }
        let following = place.position + 1 < bytes.count ? bytes[place.position + 1] : 0
        for spelling in Self.spellings[Int(byte)] where spelling.second == nil || spelling.second == following {
            return take(spelling.second == nil ? 1 : 2, .symbol(spelling.symbol), spelling.text)
        }
        switch byte {
        case UInt8(ascii: "\\"): return take(1, .junk, "a backslash that is not the last character of its line")
        case 0x80...: return take(sequenceLength, .junk, "a character outside ASCII")
        case 0x21...0x7e: return take(1, .junk, "'\(Character(Unicode.Scalar(byte)))' is no part of the language")
        default: return take(1, .junk, "a control character")
        }
    }

    /// Symbols by their first byte, those of two bytes first: a lookup by text took a sixth of the time for a large file.
    private static let spellings: [[(second: UInt8?, symbol: Token.Symbol, text: String)]] = {
        var spellings = [[(second: UInt8?, symbol: Token.Symbol, text: String)]](repeating: [], count: 256)
        for symbol in Token.Symbol.allCases.sorted(by: { $0.rawValue.utf8.count > $1.rawValue.utf8.count }) {
            let bytes = Array(symbol.rawValue.utf8)
            spellings[Int(bytes[0])].append((bytes.count > 1 ? bytes[1] : nil, symbol, symbol.rawValue))
        }
        return spellings
    }()

    /// Bytes of the UTF-8 sequence at the place.position.
    private var sequenceLength: Int {
        var length = 1
        while let byte = peek(length), byte & 0xc0 == 0x80 { length += 1 }
        return length
    }

    private mutating func quoted() -> Token {
        guard let end = bytes[(place.position + 1)...].firstIndex(of: UInt8(ascii: "\"")) else {
            return take(1, .junk, "a quotation mark without its partner")
        }
        let text = String(decoding: bytes[place.position + 1..<end], as: UTF8.self)
        return take(end + 1 - place.position, .quoted, text)
    }

    /// After the characters that could be an address: hexadecimal digits in groups of at most four, eight colons, three dots.
    /// The bounds keep the search for the longest address short.
    private func addressEnd(from start: Int) -> Int? {
        var end = start
        var (digits, colons, dots) = (0, 0, 0)
        while end < bytes.count {
            switch bytes[end] {
            case UInt8(ascii: ":"): (digits, colons) = (0, colons + 1)
            case UInt8(ascii: "."): (digits, dots) = (0, dots + 1)
            case let byte where byte.isHexDigit: digits += 1
            default: return colons + dots > 0 ? end : nil
            }
            if digits > 4 || colons > 8 || dots > 3 { break }
            end += 1
        }
        return colons + dots > 0 ? end : nil
    }

    /// The longest run that reads as an address.
    private mutating func address() -> Token? {
        let isBracketed = peek() == UInt8(ascii: "[")
        let start = place.position + (isBracketed ? 1 : 0)
        guard var end = addressEnd(from: start) else { return nil }
        while end > start {
            let text = AddressText.isPlausible(bytes[start..<end]) ? String(decoding: bytes[start..<end], as: UTF8.self) : ""
            guard AddressText.isLexical(text) else {
                end -= 1
                continue
            }
            let next = end < bytes.count ? bytes[end] : UInt8(ascii: " ")
            if isBracketed {
                guard text.contains(":"), next == UInt8(ascii: "]") else { return nil }
                return take(end + 1 - place.position, .address, text)
            }
            // After a colon that no group follows comes what an element is mapped to: `aaaa:::accept`, `::dddd: drop`.
            let isLonger = next == UInt8(ascii: ":") && text.contains(":") && !text.hasSuffix("::") && goesOn(after: end)
            if isLonger || (next.continuesWord && next != UInt8(ascii: "-") && next != UInt8(ascii: "/")) {
                return malformed("an address", from: end)
            }
            return take(end - start, .address, text)
        }
        return nil
    }

    /// Whether more of an address follows the colon.
    private func goesOn(after colon: Int) -> Bool {
        guard colon + 1 < bytes.count else { return false }
        return bytes[colon + 1].isHexDigit || bytes[colon + 1] == UInt8(ascii: ":")
    }

    /// `1:2`, a class of traffic control, as nft's scanner knows it everywhere: by what follows it.
    private mutating func trafficClass() -> Token? {
        var end = place.position
        for part in 0..<2 {
            let start = end
            while end < bytes.count, end - start < 4, bytes[end].isHexDigit { end += 1 }
            guard end > start, end < bytes.count else { return nil }
            if part == 0 {
                guard bytes[end] == UInt8(ascii: ":") else { return nil }
                end += 1
            }
        }
        guard " \t\n:-},".utf8.contains(bytes[end]) else { return nil }
        return take(end - place.position, .word, String(decoding: bytes[place.position..<end], as: UTF8.self))
    }

    private mutating func number() -> Token {
        for special in ["8021ad", "8021q"] where bytes[place.position...].starts(with: special.utf8) {
            return take(special.utf8.count, .word, special)
        }
        let duration = Duration.length(in: bytes, from: place.position)
        if duration > 0, !continuesWord(at: place.position + duration) {
            return take(duration, .word, String(decoding: bytes[place.position..<place.position + duration], as: UTF8.self))
        }
        var end = place.position
        if peek() == UInt8(ascii: "0"), peek(1) == UInt8(ascii: "x") || peek(1) == UInt8(ascii: "X") {
            end += 2
            while end < bytes.count, bytes[end].isHexDigit { end += 1 }
            if end == place.position + 2 { return malformed("a number", from: end) }
        } else {
            while end < bytes.count, bytes[end].isDigit { end += 1 }
        }
        if end < bytes.count, bytes[end].startsWord {
            return malformed("a number", from: end)
        }
        return take(end - place.position, .number, String(decoding: bytes[place.position..<end], as: UTF8.self))
    }

    /// A `-` with a digit after it is that of a range.
    private func continuesWord(at index: Int) -> Bool {
        guard index < bytes.count, bytes[index].continuesWord else { return false }
        return !(bytes[index] == UInt8(ascii: "-") && index + 1 < bytes.count && bytes[index + 1].isDigit)
    }

    private mutating func malformed(_ what: String, from index: Int) -> Token {
        var end = index
        while end < bytes.count, bytes[end].continuesWord || bytes[end] == UInt8(ascii: ":") { end += 1 }
        let text = String(decoding: bytes[place.position..<max(end, place.position + 1)], as: UTF8.self)
        return take(max(end - place.position, 1), .junk, "'\(printable(text))' is not \(what)")
    }

    private mutating func name() -> Token? {
        var end = place.position + 1
        while end < bytes.count, bytes[end].continuesWord { end += 1 }
        let text = String(decoding: bytes[place.position..<end], as: UTF8.self)
        if text == "." { return nil }
        if end < bytes.count, bytes[end] == UInt8(ascii: "*") {
            return take(end + 1 - place.position, .wildcard, text + "*")
        }
        if end + 1 < bytes.count, bytes[end] == UInt8(ascii: "\\"), bytes[end + 1] == UInt8(ascii: "*") {
            return take(end + 2 - place.position, .wildcard, text + "\\*")
        }
        if let symbol = Token.operatorWords[text] { return take(end - place.position, .symbol(symbol), text) }
        return take(end - place.position, .word, text)
    }

    /// Makes a token of the next `count` bytes and goes after them.
    private mutating func take(_ count: Int, _ kind: Token.Kind, _ text: String) -> Token {
        let start = (line: place.line, column: place.column)
        var firstLine = 0
        for byte in bytes[place.position..<place.position + count] {
            if byte == UInt8(ascii: "\n") { break }
            if byte & 0xc0 != 0x80 { firstLine += 1 }
        }
        advance(count)
        let location = SourceLocation(file: file, line: start.line, column: start.column, length: max(1, firstLine))
        return Token(kind: kind, text: text, location: location)
    }

    private mutating func advance(_ count: Int) {
        for byte in bytes[place.position..<place.position + count] {
            if byte == UInt8(ascii: "\n") {
                place.line += 1
                place.column = 1
            } else if byte & 0xc0 != 0x80 {
                place.column += 1
            }
        }
        place.position += count
    }
}

extension UInt8 {
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    var isHexDigit: Bool { hexValue != nil }
    private var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
    fileprivate var startsWord: Bool { isLetter || self == UInt8(ascii: "_") || self == UInt8(ascii: ".") }
    fileprivate var continuesWord: Bool {
        startsWord || isDigit || self == UInt8(ascii: "/") || self == UInt8(ascii: "-")
    }

    /// 0 to 15 if this is the ASCII code of a hexadecimal digit.
    var hexValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
