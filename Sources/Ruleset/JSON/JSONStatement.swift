/// Statements of rules, from JSON.
enum JSONStatement {
    static func text(of node: JSONNode) throws(JSONFault) -> String {
        guard let (word, value) = node.onlyMember else {
            if let text = node.text, ["accept", "drop", "continue", "return", "notrack"].contains(text) { return text }
            throw JSONFault(
                offset: node.offset, message: "expected a statement",
                note: node.text == nil ? nil : "nft wrote it as text, and reads none: list the rules without -j")
        }
        return try text(of: word, value, node)
    }

    static func text(of word: String, _ value: JSONNode, _ node: JSONNode) throws(JSONFault) -> String {
        switch word {
        case "accept", "drop", "continue", "return", "jump", "goto": return try JSONExpression.written(node).text
        case "match": return try match(value)
        case "vmap":
            guard let key = value["key"], let data = value["data"] else { throw JSONExpression.missing("key", value) }
            return "\(try JSONExpression.written(key).text) vmap \(try JSONExpression.elements(data, TextStyle.styles(of: key) + [.word]))"
        case "mangle":
            guard let key = value["key"], let new = value["value"] else { throw JSONExpression.missing("key", value) }
            let styles = TextStyle.styles(of: key)
            var text = new.items.count > 1 ? try JSONExpression.flags(new).text : try JSONExpression.written(new, styles).text
            // A header's name would begin a field.
            if let number = protocols[text] { text = "\(number)" }
            return "\(try JSONExpression.written(key).text) set \(text)"
        case "counter":
            if let reference = try reference(word, value) { return reference }
            guard let packets = try value.number("packets"), let bytes = try value.number("bytes") else { return word }
            return "counter packets \(packets) bytes \(bytes)"
        case "quota", "limit":
            if let reference = try reference(word, value) { return reference }
            return "\(word) \(word == "quota" ? try JSONObjects.quota(value) : try JSONObjects.limit(value))"
        case "last":
            guard let used = try value.number("used") else { return word }
            return "last used \(used)ms"
        case "ct count":
            guard let limit = try value.number("val") else { throw JSONExpression.missing("val", value) }
            return "ct count \(value["inv"]?.isTrue == true ? "over " : "")\(limit)"
        case "ct timeout", "ct helper", "ct expectation":
            return "\(word) set \(value.text == nil ? try JSONExpression.written(value).text : try value.quotedText())"
        case "notrack": return word
        case "log": return try log(value)
        case "reject": return try reject(value)
        case "set", "map": return try update(word, value)
        case "meter": return try meter(value)
        case "reset":
            return "reset \(try JSONExpression.written(value).text)"
        default: return try JSONWay.text(of: word, value, node)
        }
    }

    /// Numbers of protocols and of EtherTypes, where a value has the name of a header.
    private static let protocols = [
        "icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "comp": 108, "sctp": 132,
        "udplite": 136, "ip": 0x0800, "arp": 0x0806, "vlan": 0x8100, "ip6": 0x86dd,
    ]

    /// What a named object is used by: its name, or a map of names.
    private static func reference(_ word: String, _ value: JSONNode) throws(JSONFault) -> String? {
        if value.text != nil { return "\(word) name \(try value.quotedText())" }
        return value["map"] == nil ? nil : "\(word) name \(try JSONExpression.written(value, [.quoted]).text)"
    }

    /// The operator is left out where the text has none: before sets, ranges and prefixes, and for flags of which one is enough.
    private static func match(_ node: JSONNode) throws(JSONFault) -> String {
        guard let left = node["left"], let right = node["right"] else { throw JSONExpression.missing("left", node) }
        let styles = TextStyle.styles(of: left)
        guard let sign = node["op"]?.text else { throw JSONExpression.missing("op", node) }
        guard ["==", "!=", "<", ">", "<=", ">=", "in", "!"].contains(sign) else {
            throw JSONFault(offset: node["op"]?.offset ?? node.offset, message: "'\(printable(sign))' is no operator")
        }
        // The existence of an option without a name is asked by its number.
        if case .boolean = right.content, let option = left["tcp option"], let number = try option.number("base") {
            return "tcp option \(number) \(try JSONExpression.written(right).text)"
        }
        let key = try JSONExpression.written(left).text
        if sign == "in" || sign == "!", left["payload"] != nil, right.items.allSatisfy({ $0.text?.hasPrefix("@") == false }) {
            // nft joins flags without an operator with a match of the neighbouring octet.
            return "\(key) & (\(try JSONExpression.flags(right).text)) \(sign == "in" ? "!=" : "==") 0"
        }
        var value = try JSONExpression.written(right, styles).text
        let isList = right.items.count > 1
        if isList, sign != "in", sign != "!" { value = try JSONExpression.flags(right).text }
        if sign == "in" || (sign == "==" && !isList && hasOwnForm(right, styles)) { return "\(key) \(value)" }
        return "\(key) \(sign) \(value)"
    }

    /// Whether an equality is written without its sign.
    private static func hasOwnForm(_ right: JSONNode, _ styles: [TextStyle]) -> Bool {
        switch right.content {
        case .boolean: true
        case .text(let text): text.hasPrefix("@") || text.hasSuffix("*") || styles.contains(.quoted)
        case .object: ["set", "range", "prefix", "concat"].contains { right[$0] != nil }
        case .null, .number, .array: false
        }
    }

    private static func log(_ value: JSONNode) throws(JSONFault) -> String {
        var parts = ["log"]
        if let prefix = try value.quoted("prefix") { parts.append("prefix \(prefix)") }
        for name in ["group", "snaplen", "queue-threshold"] { if let number = try value.number(name) { parts.append("\(name) \(number)") } }
        if value["level"] != nil { parts.append("level \(try value.word("level"))") }
        for flag in value["flags"]?.items ?? [] {
            guard let text = flag.text, ["tcp sequence", "tcp options", "ip options", "skuid", "ether", "all"].contains(text) else {
                throw JSONFault(offset: flag.offset, message: "unknown flag of 'log'")
            }
            parts.append("flags \(text)")
        }
        return parts.joined(separator: " ")
    }

    private static func reject(_ value: JSONNode) throws(JSONFault) -> String {
        guard let type = value["type"] else { return "reject" }
        if type.text == "tcp reset" { return "reject with tcp reset" }
        let code = try value["expr"].map { code throws(JSONFault) in try JSONExpression.written(code).text }
        return "reject with \(try value.word("type")) \(code ?? "port-unreachable")"
    }

    /// `add @set { key counter }`, `update @map { key : data }`.
    private static func update(_ word: String, _ value: JSONNode) throws(JSONFault) -> String {
        guard let element = value["elem"], let name = value[word]?.text, name.hasPrefix("@") else {
            throw JSONExpression.missing("elem", value)
        }
        var parts = try JSONExpression.written(element).text
        if let statements = value["stmt"], !statements.isNull {
            for statement in statements.items { parts += " \(try text(of: statement))" }
        }
        if let data = value["data"] { parts += " : \(try JSONExpression.written(data).text)" }
        return "\(try value.word("op")) @\(try value.checked(String(name.dropFirst()))) { \(parts) }"
    }

    private static func meter(_ value: JSONNode) throws(JSONFault) -> String {
        guard let key = value["key"], let statement = value["stmt"] else { throw JSONExpression.missing("key", value) }
        let size = try value.number("size").map { " size \($0)" } ?? ""
        return "meter \(try value.word("name"))\(size) { \(try JSONExpression.written(key).text) \(try text(of: statement)) }"
    }
}

/// Statements of hosts and routers, from JSON: they stand in chains that are set aside.
enum JSONWay {
    static func text(of word: String, _ value: JSONNode, _ node: JSONNode) throws(JSONFault) -> String {
        switch word {
        case "snat", "dnat", "masquerade", "redirect", "tproxy":
            var text = word
            let family = value["family"] == nil ? "" : " \(try value.word("family"))"
            let address = try value["addr"].map { node throws(JSONFault) in try JSONExpression.written(node) }
            let port = try value["port"].map { node throws(JSONFault) in ":\(try JSONExpression.written(node).text)" } ?? ""
            if address != nil || !port.isEmpty {
                let target = address.map { port.isEmpty || !$0.text.contains(":") ? $0.text : "[\($0.text)]" } ?? ""
                text += "\(family) to \(target)\(port)"
            }
            if let flags = value["flags"] { text += " \(try flags.words(separator: ","))" }
            return text
        case "flow":
            guard let table = value["flowtable"]?.text, table.hasPrefix("@") else { throw JSONExpression.missing("flowtable", value) }
            return "flow add @\(try value.checked(String(table.dropFirst())))"
        case "queue":
            var text = word
            if let flags = value["flags"] { text += " flags \(try flags.words(separator: ","))" }
            if let number = value["num"] { text += " to \(try JSONExpression.written(number).text)" }
            return text
        case "dup", "fwd":
            let device = try value["dev"].map { node throws(JSONFault) in try JSONExpression.written(node, [.quoted]).text }
            guard let address = value["addr"] else { return "\(word) to \(device ?? "\"\"")" }
            let family = word == "fwd" && value["family"] != nil ? " \(try value.word("family"))" : ""
            return "\(word)\(family) to \(try JSONExpression.written(address).text)" + (device.map { " device \($0)" } ?? "")
        case "synproxy":
            if value.text != nil { return "synproxy name \(try value.quotedText())" }
            var text = word
            for name in ["mss", "wscale"] { if let number = try value.number(name) { text += " \(name) \(number)" } }
            if let flags = value["flags"] { text += " \(try flags.words(separator: " "))" }
            return text
        case "xt":
            throw JSONFault(
                offset: node.offset, message: "a statement of iptables can't be read",
                note: "translate the rules that made it: iptables-restore-translate -f FILE")
        default: throw JSONFault(offset: node.offset, message: "'\(printable(word))' is no statement that is read")
        }
    }
}
