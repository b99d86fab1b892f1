/// A value of a JSON document (RFC 8259), with its place in the text.
struct JSONNode: Sendable {
    enum Content: Sendable {
        case null
        case boolean(Bool)
        case number(Int128)
        case text(String)
        case array([JSONNode])
        case object([(name: String, value: JSONNode)])
    }

    var content: Content
    /// Octets of the text before it.
    var offset: Int

    /// The member of that name; nil if it is no object or has none. Of several the first counts.
    subscript(name: String) -> JSONNode? {
        if case .object(let members) = content { members.first { $0.name == name }?.value } else { nil }
    }

    /// The only member of an object.
    var onlyMember: (name: String, value: JSONNode)? {
        if case .object(let members) = content, members.count == 1 { members[0] } else { nil }
    }

    /// The items of a list, or the value itself where it stands for a list of one.
    var items: [JSONNode] { if case .array(let items) = content { items } else { [self] } }

    var text: String? { if case .text(let text) = content { text } else { nil } }

    var isNull: Bool { if case .null = content { true } else { false } }

    var isTrue: Bool { if case .boolean(true) = content { true } else { false } }
}

/// What is wrong with a JSON document, and where.
struct JSONFault: Error {
    /// Octets of the text before the place.
    var offset: Int
    var message: String
    var note: String?

    /// - Parameter text: The document.
    func diagnostic(in text: String) -> Diagnostic {
        var (line, column) = (1, 1)
        for byte in text.utf8.prefix(offset) {
            if byte == UInt8(ascii: "\n") {
                (line, column) = (line + 1, 1)
            } else if byte & 0xc0 != 0x80 {
                column += 1
            }
        }
        let location = SourceLocation(file: 0, line: line, column: column, length: 1)
        return Diagnostic(severity: .error, location: location, message: message, note: note)
    }
}

/// Reads a JSON document in one pass.
struct JSONReader {
    /// Octets of a document that is read: its tree takes up to 40 times as many.
    static let sizeLimit = 8 << 20
    /// Lists and objects within each other.
    private static let depthLimit = 100

    private let bytes: [UInt8]
    private var position = 0

    private init(_ text: String) { bytes = Array(text.utf8) }

    static func document(_ text: String) throws(JSONFault) -> JSONNode {
        guard text.utf8.count <= sizeLimit else {
            throw JSONFault(
                offset: 0, message: "JSON of more than \(sizeLimit >> 20) MiB is not read",
                note: "list it as text, which takes less memory: nft list ruleset")
        }
        var reader = JSONReader(text)
        let node = try reader.value(depth: 0)
        reader.skipBlanks()
        guard reader.position == reader.bytes.count else { throw reader.fault("text after the end of the JSON document") }
        return node
    }

    private func fault(_ message: String) -> JSONFault { JSONFault(offset: position, message: message) }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard current == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONFault) -> JSONNode {
        guard depth < Self.depthLimit else { throw fault("more than \(Self.depthLimit) lists and objects within each other") }
        skipBlanks()
        let start = position
        guard let byte = current else { throw fault("the JSON document is cut off") }
        switch byte {
        case UInt8(ascii: "{"): return JSONNode(content: .object(try members(depth: depth)), offset: start)
        case UInt8(ascii: "["): return JSONNode(content: .array(try items(depth: depth)), offset: start)
        case UInt8(ascii: "\""): return JSONNode(content: .text(try string()), offset: start)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return JSONNode(content: .number(try number()), offset: start)
        default: break
        }
        let words: [(String, JSONNode.Content)] = [("null", .null), ("true", .boolean(true)), ("false", .boolean(false))]
        for (word, content) in words where bytes[start...].starts(with: word.utf8) {
            position += word.utf8.count
            return JSONNode(content: content, offset: start)
        }
        throw fault("this is no JSON value")
    }

    private mutating func members(depth: Int) throws(JSONFault) -> [(name: String, value: JSONNode)] {
        position += 1
        var members: [(name: String, value: JSONNode)] = []
        if skip(UInt8(ascii: "}")) { return members }
        while true {
            skipBlanks()
            guard current == UInt8(ascii: "\"") else { throw fault("expected a name in quotation marks") }
            let name = try string()
            guard skip(UInt8(ascii: ":")) else { throw fault("expected ':' after a name") }
            members.append((name, try value(depth: depth + 1)))
            if skip(UInt8(ascii: "}")) { return members }
            guard skip(UInt8(ascii: ",")) else { throw fault("expected ',' or '}' in an object") }
        }
    }

    private mutating func items(depth: Int) throws(JSONFault) -> [JSONNode] {
        position += 1
        var items: [JSONNode] = []
        if skip(UInt8(ascii: "]")) { return items }
        while true {
            items.append(try value(depth: depth + 1))
            if skip(UInt8(ascii: "]")) { return items }
            guard skip(UInt8(ascii: ",")) else { throw fault("expected ',' or ']' in a list") }
        }
    }

    /// An integer of at most 20 digits: nft has no others.
    private mutating func number() throws(JSONFault) -> Int128 {
        let start = position
        let isNegative = current == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let first = position
        var number: Int128 = 0
        while let byte = current, byte.isDigit, position - first < 20 {
            number = number * 10 + Int128(byte - UInt8(ascii: "0"))
            position += 1
        }
        let next = current ?? 0
        guard position > first, !next.isDigit, ![UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(next) else {
            position = start
            throw fault("expected a whole number of at most 20 digits")
        }
        return isNegative ? -number : number
    }

    private mutating func string() throws(JSONFault) -> String {
        let start = position
        position += 1
        var octets: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: octets, as: UTF8.self) else { break }
                return text
            case UInt8(ascii: "\\"): octets += Array(String(try escaped()).utf8)
            case 0..<0x20: throw fault("a control character in a text")
            default: octets.append(byte)
            }
            if byte == UInt8(ascii: "\"") { break }
        }
        position = start
        throw fault("a text without its end, or not in UTF-8")
    }

    /// After a backslash.
    private mutating func escaped() throws(JSONFault) -> Unicode.Scalar {
        guard let byte = current else { throw fault("the JSON document is cut off") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw fault("an unknown escape in a text")
        }
        let unit = try hexadecimal()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard (0xd800..<0xdc00).contains(unit), current == UInt8(ascii: "\\"), position + 1 < bytes.count,
            bytes[position + 1] == UInt8(ascii: "u")
        else { throw fault("half of a surrogate pair in a text") }
        position += 2
        let low = try hexadecimal()
        guard (0xdc00..<0xe000).contains(low), let scalar = Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00)) else {
            throw fault("half of a surrogate pair in a text")
        }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONFault) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = current?.hexValue else { throw fault("expected four hexadecimal digits after '\\u'") }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }
}
