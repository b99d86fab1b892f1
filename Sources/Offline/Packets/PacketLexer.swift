import Ruleset

/// A word of a line of text, and where it stands.
struct PacketToken: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case word
        /// What stood between two `"`, as bytes.
        case quoted([UInt8])
        case greater, arrow, comma, open, close
        /// After the last word.
        case end
    }

    var kind: Kind
    /// As it is written, without the quotes of a quoted text.
    var text: String
    /// From 1, in scalars.
    var column: Int
    var length: Int
}

/// Cuts a line into words: at white space, at `>`, `=>`, `,` and parentheses; a word that begins with `#` ends the line.
struct PacketLexer {
    /// Maximum scalars of a line: a frame of 65,535 bytes in hexadecimal digits, spaced, and something around it.
    static let longestLine = 1 << 18

    private let scalars: [Unicode.Scalar]
    private let location: SourceLocation
    private var index = 0

    /// - Parameters:
    ///   - file: Counts the sources that a diagnostic is rendered with.
    ///   - line: From 1.
    static func tokens(of text: some StringProtocol, file: Int, line: Int) throws(Diagnostic) -> [PacketToken] {
        let scalars = Array(text.unicodeScalars.prefix(longestLine + 1))
        guard scalars.count <= longestLine else {
            throw Diagnostic(
                severity: .error, location: SourceLocation(file: file, line: line, column: 1, length: 1),
                message: "the line is longer than \(longestLine) characters")
        }
        var lexer = PacketLexer(scalars: scalars, location: SourceLocation(file: file, line: line, column: 1, length: 1))
        return try lexer.read()
    }

    private init(scalars: [Unicode.Scalar], location: SourceLocation) {
        self.scalars = scalars
        self.location = location
    }

    private func fail(_ start: Int, _ message: String, note: String? = nil) -> Diagnostic {
        var place = location
        place.column = start + 1
        return Diagnostic(severity: .error, location: place, message: message, note: note)
    }

    private mutating func read() throws(Diagnostic) -> [PacketToken] {
        var tokens: [PacketToken] = []
        while index < scalars.count, scalars[index] != "#" {
            let start = index
            let kind: PacketToken.Kind
            switch scalars[index] {
            case " ", "\t", "\r":
                index += 1
                continue
            case "\"":
                let bytes = try quoted()
                tokens.append(
                    PacketToken(
                        kind: .quoted(bytes), text: String(decoding: bytes, as: UTF8.self), column: start + 1, length: index - start))
                continue
            case ">": kind = .greater
            case ",": kind = .comma
            case "(": kind = .open
            case ")": kind = .close
            case "=" where isArrow(at: index): kind = .arrow
            default:
                tokens.append(word())
                continue
            }
            index += kind == .arrow ? 2 : 1
            tokens.append(PacketToken(kind: kind, text: text(start..<index), column: start + 1, length: index - start))
        }
        tokens.append(PacketToken(kind: .end, text: "", column: index + 1, length: 1))
        return tokens
    }

    private func isArrow(at index: Int) -> Bool { index + 1 < scalars.count && scalars[index + 1] == ">" }

    private func text(_ range: Range<Int>) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[range])
        return String(text)
    }

    private mutating func word() -> PacketToken {
        let start = index
        reading: while index < scalars.count {
            switch scalars[index] {
            case " ", "\t", "\r", "\"", ">", ",", "(", ")": break reading
            case "=" where isArrow(at: index): break reading
            default: index += 1
            }
        }
        return PacketToken(kind: .word, text: text(start..<index), column: start + 1, length: index - start)
    }

    /// `\n`, `\r`, `\t`, `\\`, `\"` and `\xHH` are what they are in C.
    private mutating func quoted() throws(Diagnostic) -> [UInt8] {
        let start = index
        var bytes: [UInt8] = []
        index += 1
        while index < scalars.count {
            let scalar = scalars[index]
            index += 1
            if scalar == "\"" { return bytes }
            guard scalar == "\\" else {
                bytes += Array(String(scalar).utf8)
                continue
            }
            guard index < scalars.count else { break }
            let escaped = scalars[index]
            index += 1
            switch escaped {
            case "n": bytes.append(0x0a)
            case "r": bytes.append(0x0d)
            case "t": bytes.append(0x09)
            case "\\", "\"": bytes += Array(String(escaped).utf8)
            case "x":
                let digits = index + 2 <= scalars.count ? text(index..<index + 2) : ""
                guard digits.utf8.allSatisfy({ UInt8(String(UnicodeScalar($0)), radix: 16) != nil }), let byte = UInt8(digits, radix: 16)
                else {
                    throw fail(index - 2, "'\\x' must be followed by two hexadecimal digits")
                }
                bytes.append(byte)
                index += 2
            default:
                throw fail(index - 2, "unknown escape in a text", note: "accepted: \\n, \\r, \\t, \\\\, \\\" and \\xHH")
            }
        }
        throw fail(start, "a text without the '\"' at its end")
    }
}
