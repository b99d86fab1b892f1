/// JSON of `nft -j list ruleset`, or commands for `nft -j -f`, as the same commands in nft's own syntax (libnftables-json(5)).
///
/// What is listed stands in no particular order: declarations that follow each other are put into the order in which they can refer to
/// each other. The text is then read like every rule file, so that all checks and limits of the language hold.
struct JSONCommands {
    /// What a set's values are written as, by family, table and name.
    var styles: [String: [TextStyle]] = [:]
    private var lines: [String] = []
    /// Declarations that have not been followed by another command yet.
    private var pending: [(rank: Int, line: String)] = []

    private init() {}

    /// True if the text is an object with rules: it begins with a brace, which no rule file does.
    static func isIn(_ text: String) -> Bool {
        text.utf8.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "{") && text.prefix(4096).contains("\"nftables\"")
    }

    /// A line for each command.
    static func text(of text: String) throws(JSONFault) -> String {
        let document = try JSONReader.document(text)
        guard let list = document["nftables"], case .array(let objects) = list.content else {
            throw JSONFault(offset: document.offset, message: "expected an object with a list 'nftables'")
        }
        var commands = JSONCommands()
        for object in objects { try commands.add(object) }
        commands.settle()
        return commands.lines.map { $0 + "\n" }.joined()
    }

    private mutating func settle() {
        let sorted = pending.enumerated().sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }
        lines += sorted.map(\.element.line)
        pending = []
    }

    private mutating func add(_ node: JSONNode) throws(JSONFault) {
        guard let (word, value) = node.onlyMember else {
            throw JSONFault(offset: node.offset, message: "expected an object with one member, a command or what is declared")
        }
        switch word {
        case "metainfo":
            guard case .number(let version)? = value["json_schema_version"]?.content, version > 1 else { return }
            throw JSONFault(offset: value.offset, message: "JSON of schema version \(version) is not read", note: "version 1 is")
        case "add", "create":
            guard let (kind, object) = value.onlyMember else {
                throw JSONFault(offset: value.offset, message: "expected what is declared after '\(word)'")
            }
            try declare(kind, object, word)
        case "insert", "delete", "destroy", "flush":
            guard let (kind, object) = value.onlyMember else {
                throw JSONFault(offset: value.offset, message: "expected an object with one member after '\(word)'")
            }
            settle()
            lines.append(word == "insert" ? try rule(object, word) : try removal(word, kind, object))
        case "replace", "rename", "list", "reset":
            throw JSONFault(
                offset: node.offset, message: "'\(word)' is not supported", note: "a file is the whole rule set; there is nothing before it"
            )
        default: try declare(word, value, "add")
        }
    }

    private mutating func declare(_ kind: String, _ object: JSONNode, _ word: String) throws(JSONFault) {
        let (rank, line): (Int, String) =
            switch kind {
            case "table": (0, "\(word) table \(try family(object)) \(try name(object)) \(try tableBlock(object))")
            case "chain": (1, "\(word) chain \(try place(object)) \(try name(object))\(try chainBlock(object))")
            case "set", "map": (3, "\(word) \(kind) \(try place(object)) \(try name(object)) \(try setBlock(object, isMap: kind == "map"))")
            case "element": (4, "\(word) element \(try place(object)) \(try name(object)) \(try elements(of: object))")
            case "rule": (5, try rule(object, word))
            case "counter", "quota", "limit", "ct timeout", "ct helper", "ct expectation", "flowtable", "secmark", "synproxy":
                (2, "\(word) \(kind) \(try place(object)) \(try name(object)) \(try JSONObjects.block(of: kind, object))")
            case "meter": throw JSONFault(offset: object.offset, message: "a meter is declared by its rule")
            default: throw JSONFault(offset: object.offset, message: "'\(kind)' is not supported in JSON")
            }
        pending.append((rank, line))
    }

    private func removal(_ word: String, _ kind: String, _ object: JSONNode) throws(JSONFault) -> String {
        switch kind {
        case "ruleset": return "\(word) ruleset" + (object["family"] == nil ? "" : " " + (try family(object)))
        case "table": return "\(word) table \(try family(object)) \(try name(object))"
        case "element": return "\(word) element \(try place(object)) \(try name(object)) \(try elements(of: object))"
        case "rule":
            throw JSONFault(
                offset: object.offset, message: "'\(word)' of a rule is not supported", note: "only the kernel gives rules their handles")
        case "chain", "set", "map", "counter", "quota", "limit", "ct timeout", "ct helper", "ct expectation", "flowtable", "secmark",
            "synproxy":
            return "\(word) \(kind) \(try place(object)) \(try name(object))"
        default: throw JSONFault(offset: object.offset, message: "'\(word)' of '\(kind)' is not supported")
        }
    }

    // MARK: Names

    private func family(_ object: JSONNode) throws(JSONFault) -> String { try object.word("family") }

    private func name(_ object: JSONNode) throws(JSONFault) -> String { try object.word("name") }

    /// Family and table.
    private func place(_ object: JSONNode) throws(JSONFault) -> String { "\(try family(object)) \(try object.word("table"))" }

    // MARK: Blocks

    private func tableBlock(_ object: JSONNode) throws(JSONFault) -> String {
        var parts: [String] = []
        if let flags = object["flags"] { parts.append("flags \(try flags.words(separator: ","))") }
        if let comment = try object.quoted("comment") { parts.append("comment \(comment)") }
        return JSONObjects.block(parts)
    }

    private func chainBlock(_ object: JSONNode) throws(JSONFault) -> String {
        var parts: [String] = []
        if object["type"] != nil || object["hook"] != nil {
            var head = "type \(try object.word("type")) hook \(try object.word("hook"))"
            if let devices = object["dev"] {
                var names: [String] = []
                for device in devices.items { names.append(try device.quotedText()) }
                head += names.count == 1 ? " device \(names[0])" : " devices = { \(names.joined(separator: ", ")) }"
            }
            parts.append("\(head) priority \(try object.number("prio") ?? 0)")
            if object["policy"] != nil { parts.append("policy \(try object.word("policy"))") }
        }
        if let comment = try object.quoted("comment") { parts.append("comment \(comment)") }
        return parts.isEmpty ? "" : " " + JSONObjects.block(parts)
    }

    private mutating func setBlock(_ object: JSONNode, isMap: Bool) throws(JSONFault) -> String {
        guard let type = object["type"] else { throw JSONFault(offset: object.offset, message: "'type' is missing") }
        var key = try SetType(type)
        if isMap {
            guard let mapped = object["map"] else { throw JSONFault(offset: object.offset, message: "'map' is missing") }
            key = try key.mapped(to: try SetType(mapped), mapped)
        }
        styles["\(try place(object)) \(try name(object))"] = key.styles
        var parts = [key.text]
        if let flags = object["flags"] { parts.append("flags \(try flags.words(separator: ","))") }
        if let size = try object.number("size") { parts.append("size \(size)") }
        for name in ["timeout", "gc-interval"] { if let seconds = try object.number(name) { parts.append("\(name) \(seconds)s") } }
        if object["policy"] != nil { parts.append("policy \(try object.word("policy"))") }
        if let statements = object["stmt"], !statements.isNull {
            var texts: [String] = []
            for statement in statements.items { texts.append(try JSONStatement.text(of: statement)) }
            parts.append(texts.joined(separator: " "))
        }
        if object["auto-merge"]?.isTrue == true { parts.append("auto-merge") }
        if let comment = try object.quoted("comment") { parts.append("comment \(comment)") }
        if let elements = object["elem"], !elements.items.isEmpty {
            parts.append("elements = \(try JSONExpression.set(elements, key.styles))")
        }
        return JSONObjects.block(parts)
    }

    private func elements(of object: JSONNode) throws(JSONFault) -> String {
        guard let elements = object["elem"] else { throw JSONFault(offset: object.offset, message: "'elem' is missing") }
        return try JSONExpression.set(elements, styles["\(try place(object)) \(try name(object))"] ?? [])
    }

    private func rule(_ object: JSONNode, _ word: String) throws(JSONFault) -> String {
        guard let expressions = object["expr"], case .array(let statements) = expressions.content else {
            throw JSONFault(offset: object.offset, message: "'expr' is missing")
        }
        var parts = ["\(word) rule \(try place(object)) \(try object.word("chain"))"]
        if let index = try object.number("index") { parts.append("index \(index)") }
        for statement in statements { parts.append(try JSONStatement.text(of: statement)) }
        if let comment = try object.quoted("comment") { parts.append("comment \(comment)") }
        return parts.joined(separator: " ")
    }
}

/// What a set holds, as its declaration has it.
private struct SetType {
    var text: String
    /// How its values are written.
    var styles: [TextStyle]
    private var isTypeof = false
    private var words: String

    init(_ node: JSONNode) throws(JSONFault) {
        if let expression = node["typeof"] {
            (words, isTypeof) = (try JSONExpression.written(expression).text, true)
            styles = TextStyle.styles(of: expression)
        } else {
            words = try node.words(separator: " . ")
            styles = node.items.map { TextStyle(type: $0.text ?? "") }
        }
        text = "\(isTypeof ? "typeof" : "type") \(words)"
    }

    /// A map's type. Both sides are given as types or both as selectors.
    func mapped(to data: SetType, _ node: JSONNode) throws(JSONFault) -> SetType {
        var map = self
        var right = data.words
        if isTypeof, !data.isTypeof, !["verdict", "counter", "quota", "limit"].contains(right) {
            guard let selector = Self.selectors[right] else {
                throw JSONFault(
                    offset: node.offset, message: "a map with 'typeof' needs 'typeof' for its values too",
                    note: "nft's JSON does not say how many bits these values have; list the rules as text")
            }
            right = selector
        } else if !isTypeof, data.isTypeof {
            throw JSONFault(offset: node.offset, message: "a map with 'type' needs a type for its values too")
        }
        map.text += " : \(right)"
        map.styles += data.styles
        return map
    }

    /// Selectors that stand for types which maps often have.
    private static let selectors = [
        "mark": "meta mark", "ipv4_addr": "ip saddr", "ipv6_addr": "ip6 saddr", "inet_service": "tcp dport", "ether_addr": "ether saddr",
        "inet_proto": "meta l4proto", "ifname": "meta iifname", "dscp": "ip dscp",
    ]
}
