/// Turns constants into numbers of a selector's type.
///
/// A failure is returned as a diagnostic, so that one statement reports one mistake.
struct ValueChecker {
    let selector: Selector
    var localTime = LocalTime.utc

    private var type: ValueType { selector.type }

    /// All bits of the field, or the last number that is drawn.
    var maximum: UInt128 { selector.field.highest }

    func failure(_ location: SourceLocation, _ message: String, note: String? = nil) -> Diagnostic {
        Diagnostic(severity: .error, location: location, message: message, note: note)
    }

    /// The number that an expression stands for.
    func number(_ expression: ExpressionSyntax) throws(Diagnostic) -> UInt128 {
        switch expression {
        case .constant(let token):
            return try number(token)
        case .operation(let kind, let left, let right, _):
            let (left, right) = (try number(left), try number(right))
            return switch kind {
            case .or: left | right
            case .exclusiveOr: left ^ right
            case .and: left & right
            }
        }
    }

    private func number(_ token: Token) throws(Diagnostic) -> UInt128 {
        try refuseKeyword(token)
        switch type.form {
        case .ethernet:
            if let address = AddressText.ethernet(token.text) { return address }
        case .ipv4:
            if let address = AddressText.ipv4(token.text) { return address }
            if token.kind == .number { return try plainNumber(token) }
            if token.kind == .word {
                throw failure(
                    token.location, "'\(printable(token.text))' is no address, and host names are not looked up",
                    note: "expected \(type.example)")
            }
        case .ipv6:
            if let address = AddressText.ipv6(token.text) { return address }
            if token.kind == .word {
                throw failure(
                    token.location, "'\(printable(token.text))' is no address, and host names are not looked up",
                    note: "expected \(type.example)")
            }
        case .trafficClass:
            let parts = token.text.split(separator: ":").compactMap { UInt128($0, radix: 16) }
            if parts.count == 2, token.text.contains(":") { return parts[0] << 16 | parts[1] }
            if let number = type.names?.number(of: token.text) { return number }
            if token.kind == .number { return try plainNumber(token) }
        case .interface: break
        case .date, .timeOfDay, .weekday: return try time(token)
        case .span: return try span(token)
        case .presence:
            if let number = type.names?.number(of: token.text) { return number }
            // To nft 1.1 everything but 0 says that it is there.
            if token.kind == .number { return min(try plainNumber(token), 1) }
        case .decimal, .hexadecimal, .group:
            if let number = type.names?.number(of: token.text), token.kind == .word || token.kind == .quoted { return number }
            if token.kind == .number { return try plainNumber(token) }
            if token.kind == .word, type == .protocolNumber, let number = Self.keywordProtocols[token.text] { return number }
        }
        throw unknown(token)
    }

    /// nft's own words for protocol numbers, which it only takes without quotes.
    private static let keywordProtocols: [String: UInt128] = ["icmpv6": 58, "comp": 108]

    /// A word that is a keyword reaches nft's grammar as such, and is no value unless the grammar says so.
    private func refuseKeyword(_ token: Token) throws(Diagnostic) {
        guard token.kind == .word, Words.reserved.contains(token.text), !Words.values.contains(token.text) else { return }
        if type == .protocolNumber, Words.protocols.contains(token.text) { return }
        if type == .icmpType, token.text == "redirect" { return }
        if type == .presence, type.names?.number(of: token.text) != nil { return }
        var note = "expected \(type.example)"
        if selector.field.isInterface || type.names?.number(of: token.text) != nil { note = "put it in quotes: \"\(token.text)\"" }
        throw failure(token.location, "'\(token.text)' is a keyword and not \(type.described)", note: note)
    }

    /// A number by itself is one of seconds.
    private func span(_ token: Token) throws(Diagnostic) -> UInt128 {
        var milliseconds: UInt128?
        switch NumberText.value(of: token.text) {
        case .value(let seconds) where token.kind == .number:
            milliseconds = seconds <= maximum ? seconds * 1_000 : maximum + 1
        case .tooLarge where token.kind == .number: milliseconds = maximum + 1
        case .leadingZero where token.kind == .number:
            throw failure(token.location, "the number has a leading zero", note: "nft may read it as octal")
        default: milliseconds = Duration.milliseconds(of: token.text).map { UInt128($0) }
        }
        guard let milliseconds else { throw unknown(token) }
        guard milliseconds <= maximum else {
            throw failure(
                token.location, "\(printable(token.text)) is out of range for '\(selector.text)'",
                note: "accepted: 0 to \(Duration.text(of: UInt64(clamping: maximum)))")
        }
        return milliseconds
    }

    private func plainNumber(_ token: Token) throws(Diagnostic) -> UInt128 {
        switch NumberText.value(of: token.text) {
        case .value(let value) where value <= maximum: return value
        case .value, .tooLarge:
            throw failure(
                token.location, "\(printable(token.text)) is out of range for '\(selector.text)'", note: "accepted: 0 to \(maximum)")
        case .leadingZero: throw failure(token.location, "the number has a leading zero", note: "nft may read it as octal")
        case .noNumber: throw unknown(token)
        }
    }

    private func unknown(_ token: Token) -> Diagnostic {
        var note = "expected \(type.example)"
        if token.kind == .quoted, NumberText.value(of: token.text) != .noNumber {
            note = "write the number without quotes"
        } else if let names = type.names, let near = Words.nearest(to: token.text, among: names.allNames) {
            note = "did you mean '\(near)'? \(note)"
        } else if token.text.contains("-"), let names = type.names,
            token.text.split(separator: "-").allSatisfy({ names.number(of: String($0)) != nil })
        {
            note = "a range of names needs spaces around its '-'"
        }
        let what = token.kind == .quoted ? "\"\(printable(token.text))\"" : "'\(printable(token.text))'"
        return failure(token.location, "\(what) is not \(type.described)", note: note)
    }

    /// A number, range or prefix.
    /// - Parameter isElement: It stands in a set.
    func value(_ element: ElementSyntax, isElement: Bool = false) throws(Diagnostic) -> Value {
        if selector.field.isInterface { return try interface(element) }
        switch element {
        case .value(let expression):
            return .number(try number(expression))
        case .range(let first, let last, let location):
            let (low, high) = (try number(first), try number(last))
            guard low <= high else { throw failure(location, "the range ends before it begins") }
            return .range(low, high)
        case .prefix(let expression, let length, let location):
            let base = try number(expression)
            if type.isTime || type == .span { throw failure(location, "times have no prefixes", note: "expected \(type.example)") }
            if selector.field.isGenerated { throw failure(location, "'\(selector.text)' has no prefixes", note: "write a range") }
            guard selector.field.isWholeOctets || (isElement && selector.field.hasPrefixesInSets) else {
                throw failure(
                    location, "'\(selector.text)' has no prefixes: it does not begin and end with an octet",
                    note: "some versions of nft make a wrong mask of them; write a range")
            }
            if type == .ipv4, base != 0, case .constant(let token) = expression, token.text.utf8.allSatisfy(\.isDigit) {
                throw failure(
                    location, "a prefix of IPv4 is written with four octets",
                    note: "nft reads \(printable(token.text)) as \(AddressText.text(ipv4: base))")
            }
            guard length <= UInt64(selector.field.bitWidth) else {
                let note = "accepted: 0 to \(selector.field.bitWidth)"
                throw failure(location, "prefix length \(length) is out of range for '\(selector.text)'", note: note)
            }
            return prefix(base, length: Int(length))
        case .concatenation(let parts, let location):
            throw failure(location, "\(parts.count) parts where one value is expected")
        case .any(let location):
            throw failure(location, "only sets and maps can have '*'", note: "expected \(type.example)")
        }
    }

    /// nft concludes nothing of a protocol from a prefix, not even from one of all bits; such a prefix stays what it is, so that
    /// it still is one when it has been printed and read.
    private func prefix(_ base: UInt128, length: Int) -> Value {
        if length == selector.field.bitWidth, selector.conclusion == nil, !type.isBitmask { return .number(base) }
        let hostBits = UInt128(selector.field.bitWidth - length)
        let mask = hostBits >= 128 ? 0 : (maximum >> hostBits) << hostBits
        return .prefix(base & mask, length: length)
    }

    private func interface(_ element: ElementSyntax) throws(Diagnostic) -> Value {
        guard case .value(.constant(let token)) = element else {
            throw failure(element.location, "interface names have no ranges, prefixes and bits", note: "expected \(type.example)")
        }
        try refuseKeyword(token)
        if token.kind == .number {
            if type == .interface {
                throw failure(
                    token.location, "an interface's index differs between machines, and is not supported", note: "write its name")
            }
            throw failure(token.location, "an interface name of digits needs quotes")
        }
        var name = token.text
        var isPrefix = false
        if name.hasSuffix("\\*") {
            name = String(name.dropLast(2)) + "*"
        } else if name.hasSuffix("*") {
            if type == .interface {
                throw failure(
                    token.location, "'\(selector.text)' is one interface and takes no '*'", note: "write \(selector.text)name instead")
            }
            name.removeLast()
            isPrefix = true
        }
        if name.isEmpty {
            throw failure(
                token.location, token.text.isEmpty ? "the interface name is empty" : "'*' by itself matches every name",
                note: "expected \(type.example)")
        }
        // IFNAMSIZ is 16 with the terminating zero; nft counts the wildcard too.
        let length = name.utf8.count + (isPrefix ? 1 : 0)
        if length > 15 { throw failure(token.location, "the interface name is longer than 15 characters") }
        let isRefused = name.unicodeScalars.contains { scalar in
            (scalar == "/" && type == .interface) || scalar == "\\" || scalar == ":" || scalar.properties.isWhitespace
                || scalar.properties.generalCategory == .control
        }
        if isRefused || name == "." || name == ".." {
            throw failure(token.location, "no interface can have the name \"\(printable(name))\"")
        }
        return .interface(name, isPrefix: isPrefix)
    }
}

extension Field {
    /// True if nft makes the right interval of a prefix, though it makes a wrong mask: of those that end with an octet it does so up to
    /// two of them.
    fileprivate var hasPrefixesInSets: Bool { trailingBits == 0 && (8..<16).contains(bitWidth) }
}
