/// Objects of tables, from JSON.
enum JSONObjects {
    static func block(_ parts: [String]) -> String { parts.isEmpty ? "{ }" : "{ \(parts.map { $0 + "; " }.joined())}" }

    static func block(of kind: String, _ object: JSONNode) throws(JSONFault) -> String {
        var parts: [String] = []
        if let comment = try object.quoted("comment") { parts.append("comment \(comment)") }
        switch kind {
        case "counter":
            if let packets = try object.number("packets"), let bytes = try object.number("bytes") {
                parts.append("packets \(packets) bytes \(bytes)")
            }
        case "quota":
            var text = "\(object["inv"]?.isTrue == true ? "over " : "")\(try object.number("bytes") ?? 0) bytes"
            if let used = try object.number("used"), used > 0 { text += " used \(used) bytes" }
            parts.append(text)
        case "limit": parts.append(try limit(object))
        case "ct timeout":
            parts.append("protocol \(try object.word("protocol"))")
            if object["l3proto"] != nil { parts.append("l3proto \(try object.word("l3proto"))") }
            if case .object(let policy)? = object["policy"]?.content {
                var states: [String] = []
                for (name, value) in policy { states.append("\(try value.checked(name)) : \(try value.number())") }
                parts.append("policy = { \(states.joined(separator: ", ")) }")
            }
        case "ct helper":
            parts.append("type \(try object.quoted("type") ?? "\"\"") protocol \(try object.word("protocol"))")
            if object["l3proto"] != nil { parts.append("l3proto \(try object.word("l3proto"))") }
        case "ct expectation":
            parts.append("protocol \(try object.word("protocol"))")
            for (name, unit) in [("dport", ""), ("timeout", "ms"), ("size", "")] {
                if let number = try object.number(name) { parts.append("\(name) \(number)\(unit)") }
            }
            if object["l3proto"] != nil { parts.append("l3proto \(try object.word("l3proto"))") }
        case "flowtable":
            parts.append("hook \(try object.word("hook")) priority \(try object.number("prio") ?? 0)")
            if let devices = object["dev"] {
                var names: [String] = []
                for device in devices.items { names.append(try device.quotedText()) }
                parts.append("devices = { \(names.joined(separator: ", ")) }")
            }
        case "secmark": parts.append(try object.quoted("context") ?? "\"\"")
        default:
            var text: [String] = []
            for name in ["mss", "wscale"] { if let number = try object.number(name) { text.append("\(name) \(number)") } }
            parts += text
            if let flags = object["flags"] { parts.append(try flags.words(separator: " ")) }
        }
        return block(parts)
    }

    /// `rate over 10 kbytes/second burst 5 kbytes`.
    static func limit(_ object: JSONNode) throws(JSONFault) -> String {
        let unit = object["rate_unit"] == nil ? "" : try object.word("rate_unit")
        let isBytes = !["", "packets"].contains(unit)
        let per = object["per"] == nil ? "second" : try object.word("per")
        let over = object["inv"]?.isTrue == true ? "over " : ""
        var text = "rate \(over)\(try object.number("rate") ?? 0)\(isBytes ? " " + unit : "")/\(per)"
        if let burst = try object.number("burst"), burst > 0 {
            let burstUnit = object["burst_unit"] == nil ? "bytes" : try object.word("burst_unit")
            text += " burst \(burst) \(isBytes ? burstUnit : "packets")"
        }
        return text
    }

    /// `over 5 mbytes used 3 kbytes`.
    static func quota(_ object: JSONNode) throws(JSONFault) -> String {
        let unit = object["val_unit"] == nil ? "bytes" : try object.word("val_unit")
        var text = "\(object["inv"]?.isTrue == true ? "over " : "")\(try object.number("val") ?? 0) \(unit)"
        if let used = try object.number("used"), used > 0 {
            text += " used \(used) \(object["used_unit"] == nil ? "bytes" : try object.word("used_unit"))"
        }
        return text
    }
}

// MARK: Members

extension JSONNode {
    /// The member, a word that can stand in a rule file as it is.
    func word(_ name: String) throws(JSONFault) -> String {
        guard let member = self[name] else { throw JSONFault(offset: offset, message: "'\(name)' is missing") }
        guard let text = member.text else { throw JSONFault(offset: member.offset, message: "'\(name)' is no text") }
        return try member.checked(text)
    }

    /// A name or symbol; throws where it would be more than one word in a rule file.
    func checked(_ text: String) throws(JSONFault) -> String {
        guard let first = text.utf8.first, first != UInt8(ascii: "-"), text.utf8.allSatisfy(\.isPartOfName) else {
            throw JSONFault(offset: offset, message: "'\(printable(text))' is no name of nft's")
        }
        return text
    }

    /// One word, or a list of some.
    func words(separator: String) throws(JSONFault) -> String {
        var words: [String] = []
        for item in items {
            guard let text = item.text else { throw JSONFault(offset: item.offset, message: "expected a text") }
            words.append(try item.checked(text))
        }
        return words.joined(separator: separator)
    }

    /// The member in quotation marks; nil if there is none.
    func quoted(_ name: String) throws(JSONFault) -> String? { try self[name]?.quotedText() }

    func quotedText() throws(JSONFault) -> String {
        guard let text else { throw JSONFault(offset: offset, message: "expected a text") }
        guard !text.unicodeScalars.contains(where: { $0 == "\"" || ($0.value < 0x20 && $0 != "\t") }) else {
            throw JSONFault(
                offset: offset, message: "nft has no way to write this text", note: "a text has no quotation marks and no line breaks")
        }
        return "\"\(text)\""
    }

    /// The member, a number; nil if there is none.
    func number(_ name: String) throws(JSONFault) -> Int128? { try self[name]?.number() }

    func number() throws(JSONFault) -> Int128 {
        guard case .number(let number) = content else { throw JSONFault(offset: offset, message: "expected a number") }
        return number
    }
}

extension UInt8 {
    /// Letters, digits and what names have between them.
    fileprivate var isPartOfName: Bool {
        isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) || "_.-/".utf8.contains(self)
    }
}
