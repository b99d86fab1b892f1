/// How the texts among a selector's values are written.
enum TextStyle {
    /// Names of constants and addresses, as words.
    case word
    /// Names of interfaces and times, in quotation marks.
    case quoted

    /// By the name of a set's type.
    init(type: String) { self = ["ifname", "iface_index", "time", "hour", "day"].contains(type) ? .quoted : .word }

    /// One for each part of a selector.
    static func styles(of node: JSONNode) -> [TextStyle] {
        if let parts = node["concat"] { return parts.items.flatMap(styles) }
        let quoted: Set<String> = [
            "iif", "oif", "iifname", "oifname", "ibrname", "obrname", "iifkind", "oifkind", "sdifname", "time", "hour", "day",
        ]
        return [node["meta"]?["key"]?.text.map(quoted.contains) == true ? .quoted : .word]
    }
}

/// Expressions of rules and values of sets, from JSON.
enum JSONExpression {
    /// A text, and how tightly it is bound together.
    struct Written {
        var text: String
        var strength = Self.word

        static let (or, exclusiveOr, and, shift, word) = (0, 1, 2, 3, 4)

        init(_ text: String, strength: Int = Self.word) {
            self.text = text
            self.strength = strength
        }
    }

    /// - Parameter styles: Of each part of what the value is compared with; none if they are words.
    static func written(_ node: JSONNode, _ styles: [TextStyle] = []) throws(JSONFault) -> Written {
        switch node.content {
        case .null: throw JSONFault(offset: node.offset, message: "expected a value")
        case .boolean(let isTrue): return Written(isTrue ? "exists" : "missing")
        case .number(let number): return Written("\(number)")
        case .text(let text): return Written(try constant(text, node, styles.first ?? .word))
        case .array(let items):
            var parts: [String] = []
            for item in items { parts.append(try written(item, styles).text) }
            return Written(parts.joined(separator: ","))
        case .object:
            guard let (word, value) = node.onlyMember else { throw JSONFault(offset: node.offset, message: "expected an expression") }
            return try written(word, value, node, styles)
        }
    }

    private static func written(
        _ word: String, _ value: JSONNode, _ node: JSONNode, _ styles: [TextStyle]
    ) throws(JSONFault) -> Written {
        switch word {
        case "concat":
            var parts: [String] = []
            for (index, item) in value.items.enumerated() {
                parts.append(try written(item, styles.indices.contains(index) ? [styles[index]] : []).text)
            }
            return Written(parts.joined(separator: " . "))
        case "set": return Written(try set(value, styles))
        case "elem": return Written(try element(value, styles))
        case "map":
            guard let key = value["key"], let data = value["data"] else { throw missing("key", value) }
            return Written("\(try written(key).text) map \(try elements(data, TextStyle.styles(of: key) + styles))")
        case "prefix":
            guard let address = value["addr"], let length = try value.number("len") else { throw missing("addr", value) }
            return Written("\(try written(address, styles).text)/\(length)")
        case "range":
            guard case .array(let bounds) = value.content, bounds.count == 2 else {
                throw JSONFault(offset: value.offset, message: "a range has two bounds")
            }
            // Between names the sign would be part of them.
            return Written("\(try written(bounds[0], styles).text) - \(try written(bounds[1], styles).text)")
        case "|", "^", "&", "<<", ">>": return try operation(word, value, styles)
        case "accept", "drop", "continue", "return": return Written(word)
        case "jump", "goto": return Written("\(word) \(try value.word("target"))")
        default: return Written(try JSONSelector.text(of: word, value, node))
        }
    }

    static func missing(_ name: String, _ node: JSONNode) -> JSONFault {
        JSONFault(offset: node.offset, message: "'\(name)' is missing")
    }

    /// Several operands of one operator are joined from left to right.
    private static func operation(_ sign: String, _ value: JSONNode, _ styles: [TextStyle]) throws(JSONFault) -> Written {
        guard case .array(let operands) = value.content, operands.count >= 2 else {
            throw JSONFault(offset: value.offset, message: "'\(sign)' has at least two operands")
        }
        let strength =
            switch sign {
            case "|": Written.or
            case "^": Written.exclusiveOr
            case "&": Written.and
            default: Written.shift
            }
        var text = ""
        for (index, operand) in operands.enumerated() {
            // nft before 1.1 lists the flags of a mask as a list.
            let part = operand.items.count > 1 ? try flags(operand) : try written(operand, styles)
            let isBound = index == 0 ? part.strength >= strength : part.strength > strength
            text += (index == 0 ? "" : " \(sign) ") + (isBound ? part.text : "(\(part.text))")
        }
        return Written(text, strength: strength)
    }

    /// A list of flags as one value.
    static func flags(_ node: JSONNode) throws(JSONFault) -> Written {
        var parts: [String] = []
        for item in node.items { parts.append(try written(item).text) }
        return Written(parts.joined(separator: " | "), strength: parts.count > 1 ? Written.or : Written.word)
    }

    /// A set's name, `*`, or a constant.
    private static func constant(_ text: String, _ node: JSONNode, _ style: TextStyle) throws(JSONFault) -> String {
        if text == "*" { return text }
        if text.hasPrefix("@") { return "@\(try node.checked(String(text.dropFirst())))" }
        let isWord = !text.isEmpty && text.utf8.allSatisfy { $0.isPartOfConstant }
        return style == .word && isWord ? text : try node.quotedText()
    }

    // MARK: Sets

    /// The name of a set or map, or its elements.
    static func elements(_ node: JSONNode, _ styles: [TextStyle]) throws(JSONFault) -> String {
        if node.text != nil { return try written(node).text }
        guard let members = node["set"] else { throw JSONFault(offset: node.offset, message: "expected a set or its name") }
        return try set(members, styles)
    }

    /// `{ 1, 2 : accept }`.
    /// - Parameter styles: Of each part of the key, and then of what it is mapped to.
    static func set(_ node: JSONNode, _ styles: [TextStyle]) throws(JSONFault) -> String {
        var parts: [String] = []
        for item in node.items {
            guard case .array(let pair) = item.content else {
                parts.append(try written(item, styles).text)
                continue
            }
            guard pair.count == 2 else { throw JSONFault(offset: item.offset, message: "an element of a map is a pair") }
            let key = try written(pair[0], styles).text
            parts.append("\(key) : \(try written(pair[1], Array(styles.suffix(1))).text)")
        }
        return parts.isEmpty ? "{ }" : "{ \(parts.joined(separator: ", ")) }"
    }

    /// A value with its statements, times and comment.
    private static func element(_ node: JSONNode, _ styles: [TextStyle]) throws(JSONFault) -> String {
        guard let value = node["val"], case .object(let members) = node.content else { throw missing("val", node) }
        var parts = [try written(value, styles).text]
        for (name, member) in members where ["counter", "limit", "quota", "last", "ct count"].contains(name) {
            parts.append(try JSONStatement.text(of: name, member, node))
        }
        for name in ["timeout", "expires"] {
            guard let seconds = try node.number(name) else { continue }
            // nft writes "never" as the kernel's largest number of milliseconds.
            parts.append("\(name) \(seconds >= Int128(UInt64.max / 1_000) ? "never" : "\(seconds)s")")
        }
        if let comment = try node.quoted("comment") { parts.append("comment \(comment)") }
        return parts.joined(separator: " ")
    }
}

extension UInt8 {
    fileprivate var isPartOfConstant: Bool {
        isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) || "_.-:/".utf8.contains(self)
    }
}

/// Selectors, from JSON.
enum JSONSelector {
    static func text(of word: String, _ value: JSONNode, _ node: JSONNode) throws(JSONFault) -> String {
        switch word {
        case "payload": return try payload(value)
        case "exthdr", "tcp option", "ip option", "sctp chunk": return try searched(word, value)
        case "dccp option": return "dccp option \(try value.number("type") ?? 0)"
        case "meta": return "meta \(try value.word("key"))"
        case "rt", "socket": return try [word, optional("family", value), phrase("key", value)].compactMap(\.self).joined(separator: " ")
        case "ct":
            let parts = try ["ct", optional("dir", value), optional("family", value), phrase("key", value)]
            return parts.compactMap(\.self).joined(separator: " ")
        case "numgen":
            let offset = try value.number("offset") ?? 0
            return "numgen \(try value.word("mode")) mod \(try value.number("mod") ?? 0)" + (offset == 0 ? "" : " offset \(offset)")
        case "jhash", "symhash":
            var text = word
            if let expression = value["expr"] { text += " \(try JSONExpression.written(expression).text)" }
            text += " mod \(try value.number("mod") ?? 0)"
            for name in ["seed", "offset"] { if let number = try value.number(name) { text += " \(name) \(number)" } }
            return text
        case "fib":
            let flags = try value["flags"]?.words(separator: " . ") ?? ""
            return "fib \(flags) \(try value.word("result"))"
        case "osf":
            return "osf\(value["ttl"] == nil ? "" : " ttl \(try value.word("ttl"))") \(try value.word("key"))"
        case "ipsec":
            let number = try value.number("spnum").map { "spnum \($0)" }
            let parts = try ["ipsec", optional("dir", value), number, optional("family", value), phrase("key", value)]
            return parts.compactMap(\.self).joined(separator: " ")
        default: throw JSONFault(offset: node.offset, message: "'\(printable(word))' is no expression that is read")
        }
    }

    private static func optional(_ name: String, _ node: JSONNode) throws(JSONFault) -> String? {
        node[name] == nil ? nil : try node.word(name)
    }

    /// Words with blanks between them.
    private static func phrase(_ name: String, _ node: JSONNode) throws(JSONFault) -> String {
        guard let member = node[name], let text = member.text else { throw JSONExpression.missing(name, node) }
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            // `addr[1]` of a routing header.
            _ = try member.checked(String(word.replacing(/\[\d{1,3}\]$/, with: "")))
        }
        return text
    }

    /// `ip saddr`, `vxlan ip saddr`, `@nh,96,32`.
    private static func payload(_ node: JSONNode) throws(JSONFault) -> String {
        if node["base"] != nil {
            guard let offset = try node.number("offset"), let length = try node.number("len") else {
                throw JSONExpression.missing("offset", node)
            }
            return "@\(try node.word("base")),\(offset),\(length)"
        }
        let (header, field) = (try node.word("protocol"), try phrase("field", node))
        let tunnel = try optional("tunnel", node)
        let text = "\(header) \(header == "icmpv6" && field == "parameter-problem" ? "param-problem" : field)"
        return tunnel == nil || tunnel == header ? text : "\(tunnel ?? "") \(text)"
    }

    /// Extension headers, options and chunks, by their names or by raw bits.
    private static func searched(_ word: String, _ node: JSONNode) throws(JSONFault) -> String {
        if let base = try node.number("base") {
            guard let offset = try node.number("offset"), let length = try node.number("len") else {
                throw JSONExpression.missing("offset", node)
            }
            return length == 0 ? "\(word) \(base)" : "\(word) @\(base),\(offset),\(length)"
        }
        let name = try node.word("name")
        guard node["field"] != nil else { return "\(word) \(name)" }
        return "\(word == "exthdr" ? "" : "\(word) ")\(name) \(try phrase("field", node))"
    }
}
