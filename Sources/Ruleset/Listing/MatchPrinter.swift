extension Match {
    /// The match as it is written.
    func text(_ localTime: LocalTime = .utc) -> String {
        if case .named(let name) = operand { return "\(key.text)\(relation == .equal ? "" : " !=") @\(name)" }
        if key.isConcatenation || key.first.xor != 0 || !elements.isEmpty { return generalText }
        let selector = Selector.reading(field)
        let values = ValueText(selector, localTime)
        if let order, case .single(.range(let low, let high)) = operand {
            let limit = order.limit(of: low, high)
            return "\(key.text) \(order.rawValue) \(selector.type.isConnectionBitmask ? values.plain(limit) : values.single(limit))"
        }
        if selector.type.isBitmask { return "\(selector.text) \(bits(values))" }
        var text = selector.text
        if let mask { text += " & \(values.operand(mask))" }
        switch relation {
        // After a mask nft writes the operator, which is easier to read.
        case .equal: text += mask == nil ? " " : " == "
        case .notEqual: text += " != "
        }
        if ListingVersion.current == .nft116, selector.type == .hour, relation == .notEqual,
            case .single(.range(let low, let high)) = operand
        {
            return "\(selector.text) \(values.quoted(high))-\(values.quoted(low))"
        }
        // After a mask nft no longer knows the elements of a set for raw bits.
        if mask != nil, case .set = operand { return text + values.ofElements.text(of: operand) }
        return text + values.text(of: operand)
    }

    /// For flags: `tcp flags & syn != 0x0` in place of `tcp flags syn`.
    var textWithOperator: String { "\(key.text) != \(ValueText(Selector.reading(field)).plain(0))" }

    private var generalText: String {
        let elements = ElementText(key.components.map(\.field))
        if let order, case .single(.range(let low, let high)) = operand {
            return "\(key.text) \(order.rawValue) \(elements.text(of: .number(order.limit(of: low, high))))"
        }
        let hasBits = key.first.mask != nil || key.first.xor != 0
        let sign = relation == .notEqual ? " !=" : key.isConcatenation || !hasBits ? "" : " =="
        switch operand {
        case .set where !self.elements.isEmpty:
            return "\(key.text)\(sign) { \(self.elements.map(elements.text).joined(separator: ", ")) }"
        case .single(let value): return "\(key.text)\(sign) \(elements.text(of: value))"
        case .set(let values): return "\(key.text)\(sign) { \(values.map(elements.text).joined(separator: ", ")) }"
        case .named(let name): return "\(key.text)\(sign) @\(name)"
        }
    }

    /// Flags have a short form for each common test: any of them, none of them, exactly these among those.
    private func bits(_ values: ValueText) -> String {
        let sign = relation == .equal ? "==" : "!="
        guard let mask else {
            switch operand {
            case .single(.number(let number)): return "\(sign) \(values.single(number))"
            case .single, .set, .named: return relation == .equal ? values.text(of: operand) : "!= \(values.text(of: operand))"
            }
        }
        guard case .single(.number(let number)) = operand else {
            return "& \(values.flags(mask, isOperand: true)) \(sign) \(values.text(of: operand))"
        }
        switch (relation, number) {
        case (.notEqual, 0): return values.flags(mask)
        case (.equal, 0): return "! \(values.flags(mask))"
        default: break
        }
        // The form with a slash needs two flags after it.
        if ListingVersion.current == .nft116 {
            return "& \(values.flags(mask, isOperand: true)) \(sign) \(values.flags(number, isElement: true))"
        }
        guard mask.nonzeroBitCount > 1 else { return "& \(values.flags(mask, isOperand: true)) \(sign) \(values.flags(number))" }
        return "\(relation == .notEqual ? "!= " : "")\(values.flags(number)) / \(values.flags(mask))"
    }
}

/// Constants of a type as text.
struct ValueText {
    let type: ValueType
    /// Raw bits, which are written in hexadecimal.
    private var isRaw: Bool
    /// Elements of sets are written so too.
    private let keepsRawElements: Bool
    private let localTime: LocalTime

    init(_ selector: Selector, _ localTime: LocalTime = .utc) {
        self.localTime = localTime
        type = selector.type
        let isNew = ListingVersion.current == .nft116
        isRaw =
            selector.text.hasPrefix("@") || selector.text == Field.compFlags.words || (isNew && selector.text == Field.ipFragOff.words)
        keepsRawElements = isNew && isRaw
    }

    /// A number that is compared with: of flags the name of one, else their bits.
    func single(_ number: UInt128) -> String {
        if type.isConnectionBitmask { return flags(number, isElement: true) }
        return type.isBitmask && number.nonzeroBitCount > 1 ? plain(number) : text(of: .single(.number(number)))
    }

    func text(of operand: Operand) -> String {
        switch operand {
        case .single(let value): text(of: value, isElement: false)
        case .set(let values): "{ " + values.map { text(of: $0, isElement: true) }.joined(separator: ", ") + " }"
        case .named(let name): "@\(name)"
        }
    }

    /// After an `&`.
    func operand(_ mask: UInt128) -> String { type.isBitmask ? flags(mask, isOperand: true) : single(mask) }

    /// In a named set or a map, where raw bits are decimal numbers.
    var ofElements: ValueText {
        var values = self
        if !keepsRawElements { values.isRaw = false }
        return values
    }

    func text(of value: Value, isElement: Bool) -> String {
        switch value {
        case .number(let number):
            type.isBitmask ? flags(number, isElement: isElement) : name(number)
        // Names may have a '-' or '/' of their own, so ranges and prefixes are written in numbers.
        case .range(let low, let high) where type.isTime: times(from: low, to: high, isElement: isElement)
        case .range(let low, let high): "\(plain(low))-\(plain(high))"
        case .prefix(let base, let length): "\(plain(base))/\(length)"
        case .interface(let name, let isPrefix): "\"\(Self.escaped(name))\(isPrefix ? "*" : "")\""
        case .any: "*"
        case .concatenation(let parts): parts.map { text(of: $0, isElement: true) }.joined(separator: " . ")
        }
    }

    /// A name that ends in an asterisk, and is no wildcard.
    static func escaped(_ name: String) -> String {
        name.hasSuffix("*") ? String(name.dropLast()) + "\\*" : name
    }

    /// The name if nft prints one: ports are printed as numbers.
    private func name(_ number: UInt128) -> String {
        switch type.form {
        case .span: Duration.text(of: UInt64(clamping: number))
        case .date, .timeOfDay, .weekday: "\"\(type.printedName(of: number) ?? plain(number))\""
        case .group: type.printedName(of: number).map { "\"\($0)\"" } ?? plain(number)
        case .decimal, .hexadecimal, .ipv4, .ipv6, .ethernet, .interface, .trafficClass, .presence:
            type.printedName(of: number) ?? plain(number)
        }
    }

    /// Without names.
    func plain(_ number: UInt128) -> String {
        if isRaw { return Self.hexadecimal(number) }
        return switch type.form {
        case .ipv4: AddressText.text(ipv4: number)
        case .ipv6: AddressText.text(ipv6: number)
        case .ethernet: AddressText.text(ethernet: number)
        case .hexadecimal(let digits): Self.hexadecimal(number, digits: digits)
        case .span where number % 1_000 == 0: "\(number / 1_000)s"
        case .span: Duration.text(of: UInt64(clamping: number))
        case .trafficClass: "\(String(number >> 16, radix: 16)):\(String(number & 0xffff, radix: 16))"
        case .decimal, .interface, .weekday, .group, .presence: String(number)
        case .date: TimeText.text(ofDate: max(0, localTime.date(Int64(clamping: number / TimeText.nanoseconds))))
        case .timeOfDay: TimeText.text(ofDay: localTime.timeOfDay(Int64(clamping: number)))
        }
    }

    private static func hexadecimal(_ number: UInt128, digits count: Int = 1) -> String {
        let digits = String(number, radix: 16)
        return "0x" + String(repeating: "0", count: max(0, count - digits.count)) + digits
    }

    /// The flags' names, lowest first: with commas, or with `|` in a set and, in parentheses, after an `&`.
    func flags(_ bits: UInt128, isElement: Bool = false, isOperand: Bool = false) -> String {
        let single = (0..<UInt128(32)).map { 1 << $0 }.filter { bits & $0 != 0 }
        let names = single.map { type.names?.name(of: $0) ?? plain($0) }
        if names.isEmpty { return plain(0) }
        if isOperand, names.count > 1 { return "(" + names.joined(separator: " | ") + ")" }
        return names.joined(separator: isElement ? " | " : ",")
    }
}
