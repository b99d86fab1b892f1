/// Selectors and constants of a type as JSON: names as texts, and what has none as numbers.
struct JSONText {
    private let type: ValueType
    private let texts: ValueText

    init(_ selector: Selector, _ localTime: LocalTime = .utc) {
        type = selector.type
        texts = ValueText(selector, localTime)
    }

    /// What is compared: the selector, perhaps masked.
    /// - Parameter isList: Flags of the mask stand in a list, as in the form with a slash, and not in a union.
    func left(_ inner: JSONValue, mask: UInt128?, isList: Bool) -> JSONValue {
        guard let mask else { return inner }
        let isOldList = isList && ListingVersion.current == .nft106
        return .object([("&", .array([inner, isOldList ? flags(mask) : value(.number(mask), isElement: true)]))])
    }

    func operand(_ operand: Operand) -> JSONValue {
        switch operand {
        case .single(let value): self.value(value, isElement: false)
        case .set(let values): .object([("set", .array(values.map { value($0, isElement: true) }))])
        case .named(let name): .text("@\(name)")
        }
    }

    func value(_ value: Value, isElement: Bool) -> JSONValue {
        switch value {
        case .number(let number):
            guard isElement, type.isBitmask, number.nonzeroBitCount > 1 else { return self.number(number) }
            return union(number)
        case .range(let low, let high): return .object([("range", .array([bound(low), bound(high)]))])
        case .prefix(let base, let length):
            return .object([("prefix", .object([("addr", self.number(base)), ("len", .number(UInt64(length)))]))])
        case .interface(let name, let isPrefix): return .text(isPrefix ? name + "*" : ValueText.escaped(name))
        case .any: return .text("*")
        case .concatenation(let parts): return .object([("concat", .array(parts.map { self.value($0, isElement: true) }))])
        }
    }

    /// A bound of a range: protocols are then written as numbers.
    private func bound(_ number: UInt128) -> JSONValue { type == .protocolNumber ? JSONValue(number) : self.number(number) }

    /// A name if there is one, or an address, or the number itself.
    func number(_ number: UInt128) -> JSONValue {
        switch type.form {
        case .ipv4, .ipv6, .ethernet, .date, .timeOfDay: .text(texts.plain(number))
        case .span: JSONValue(number / 1_000)
        case .presence where number <= 1: .boolean(number == 1)
        case .trafficClass: .text(type.printedName(of: number) ?? texts.plain(number))
        case .decimal, .hexadecimal, .interface, .weekday, .group, .presence:
            type.printedName(of: number).map(JSONValue.text) ?? JSONValue(number)
        }
    }

    /// Flags beside each other: a single one by itself.
    func flags(_ bits: UInt128) -> JSONValue {
        guard bits.nonzeroBitCount > 1 else { return number(bits) }
        return .array(Self.single(bits).map(number))
    }

    /// Flags in pairs of a pair and the next, as nft's grammar reads `a | b | c`; nft 1.1 has all of them in one list.
    func union(_ bits: UInt128) -> JSONValue {
        let parts = Self.single(bits).map(number)
        if ListingVersion.current == .nft116 { return parts.count == 1 ? parts[0] : .object([("|", .array(parts))]) }
        return parts.dropFirst().reduce(parts.first ?? .null) { .object([("|", .array([$0, $1]))]) }
    }

    private static func single(_ bits: UInt128) -> [UInt128] {
        (0..<UInt128(UInt128.bitWidth)).map { 1 << $0 }.filter { bits & $0 != 0 }
    }
}

extension Field {
    /// A key of `meta`, or a field of a header by the words that it is written with, or raw bits.
    var json: JSONValue {
        var parts = words.split(separator: " ", maxSplits: 1).map(String.init)
        switch source {
        case .meta:
            let kind = self == .rtMtu ? "rt" : "meta"
            return .object([(kind, .object([("key", .text(parts.popLast() ?? words))]))])
        case .connection: return connectionJSON
        case .generated(let generator): return generator.json
        case .constant: return UInt64(words).map(JSONValue.number) ?? .text(words)
        case .searched(let header, let bitOffset) where header.kind == .payload:
            return .object([
                (
                    "payload",
                    .object([("base", .text("ih")), ("offset", .number(UInt64(bitOffset))), ("len", .number(UInt64(bitWidth)))])
                )
            ])
        case .searched(let header, _) where header.isInner:
            let parts = words.split(separator: " ", maxSplits: 2).map(String.init)
            guard parts.count > 2 else {
                let field = parts.last ?? words
                return .object([
                    ("payload", .object([("tunnel", .text(parts[0])), ("protocol", .text(parts[0])), ("field", .text(field))]))
                ])
            }
            return .object([
                ("payload", .object([("tunnel", .text(parts[0])), ("protocol", .text(parts[1])), ("field", .text(parts[2]))]))
            ])
        case .searched(let header, let bitOffset): return searchedJSON(header, bitOffset: bitOffset)
        case .presence(let header): return searchedJSON(header, bitOffset: 0)
        case .payload(_, let bitOffset):
            if words.hasPrefix("@") {
                return .object([
                    (
                        "payload",
                        .object([
                            ("base", .text(String(words.dropFirst().prefix(2)))), ("offset", .number(UInt64(bitOffset))),
                            ("len", .number(UInt64(bitWidth))),
                        ])
                    )
                ])
            }
            let header = parts.isEmpty ? "" : parts.removeFirst()
            let name = parts.first.map { words == Field.icmpv6ParamProblem.words ? "parameter-problem" : $0 } ?? ""
            return .object([("payload", .object([("protocol", .text(header)), ("field", .text(name))]))])
        }
    }
}
