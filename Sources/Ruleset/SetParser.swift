/// Named sets and maps, and the elements of all sets.
extension Parser {
    /// `set NAME { … }` or `map NAME { … }`.
    mutating func namedSet() throws(Abandoned) -> SetSyntax {
        let start = index
        return try namedSet(isMap: next().text == "map", from: start)
    }

    /// From the name on.
    mutating func namedSet(isMap: Bool, from start: Int) throws(Abandoned) -> SetSyntax {
        let what = isMap ? "map" : "set"
        let name = try identifier(what)
        var set = SetSyntax(name: name, isMap: isMap, location: location(from: start))
        try expect(.leftBrace, for: "on the same line")
        try block("\(what) '\(printable(name))'") { (parser) throws(Abandoned) in
            try parser.item(of: &set)
        }
        return set
    }

    private mutating func item(of set: inout SetSyntax) throws(Abandoned) {
        let word = current
        switch word.kind == .word ? word.text : "" {
        case "type", "typeof":
            if set.hasKey { throw fail(word.location, "the type is given twice") }
            set.hasKey = true
            set.key = try key(isMap: set.isMap)
        case "flags":
            try flags(of: &set)
        case "auto-merge" where !set.isMap:
            next()
            set.mergesElements = true
        case "size":
            next()
            guard current.kind == .number else { throw unexpected(expecting: "a number of elements") }
            let token = next()
            guard let size = UInt32(exactly: try number(token)), size > 0 else {
                throw fail(token.location, "the size is out of range", note: "accepted: 1 to \(UInt32.max)")
            }
            set.size = size
        case "elements":
            next()
            try expect(.assign, for: "behind 'elements'")
            set.elements += try elementList()
        case "comment":
            try blockComment(&set.comment)
        case "timeout" where !set.isMap:
            next()
            set.dynamics.timeout = try duration(behind: "timeout")
            set.dynamics.hasTimeout = true
        case "gc-interval" where !set.isMap:
            next()
            set.dynamics.collectionInterval = try duration(behind: "gc-interval")
        case "counter" where !set.isMap, "quota" where !set.isMap, "limit" where !set.isMap:
            while let statement = try elementStatement() { set.dynamics.statements.append(statement) }
        case "timeout", "gc-interval", "policy", "counter", "quota", "limit":
            throw fail(word.location, "'\(word.text)' in a \(set.isMap ? "map" : "set") is not supported")
        default:
            if try definition() { return }
            let accepted = ["type", "typeof", "flags", "auto-merge", "size", "elements", "comment"]
            guard word.kind == .word else { throw unexpected(expecting: "\(accepted.joined(separator: ", ")) or '}'") }
            throw fail(
                word.location, "unknown word '\(printable(word.text))' in a set", note: Words.advice(for: word.text, accepted: accepted))
        }
    }

    /// `type T` or `typeof SELECTOR`, in a map with `: verdict`.
    private mutating func key(isMap: Bool) throws(Abandoned) -> SetKey {
        let isTypeof = next().text == "typeof"
        let token = current
        var key: SetKey
        if isTypeof {
            guard token.kind == .word, Selector.grammar[token.text] != nil else {
                throw unexpected(expecting: "a selector such as 'ip saddr'")
            }
            let start = index
            let selector = try selector()
            guard selector.canBeKey else { throw fail(location(from: start), "sets of '\(selector.text)' are not supported") }
            key = SetKey(field: selector.field, isTypeof: true)
        } else {
            guard token.kind == .word else { throw unexpected(expecting: SetKey.accepted) }
            guard let field = SetKey.field(ofType: token.text) else {
                let isKnown = ["integer", "mark", "ct_state", "iface_index", "boolean", "string"].contains(token.text)
                throw fail(
                    token.location, "type '\(printable(token.text))' \(isKnown ? "is not supported" : "is unknown")", note: SetKey.accepted)
            }
            next()
            key = SetKey(field: field, isTypeof: false)
        }
        if at(.dot) { throw fail(current.location, "concatenations are not supported") }
        if isMap {
            try expect(.colon, for: "and 'verdict' behind a map's type")
            guard at(word: "verdict") else {
                throw fail(current.location, "maps to other things than verdicts are not supported", note: "expected 'verdict'")
            }
            next()
        }
        return key
    }

    private mutating func flags(of set: inout SetSyntax) throws(Abandoned) {
        next()
        repeat {
            guard current.kind == .word else { throw unexpected(expecting: "constant, interval, dynamic or timeout") }
            switch current.text {
            case "constant": set.isConstant = true
            case "interval": set.isInterval = true
            case "timeout" where !set.isMap: set.dynamics.hasTimeout = true
            case "dynamic" where !set.isMap: set.dynamics.isDynamic = true
            case "timeout", "dynamic":
                throw fail(current.location, "flag '\(current.text)' is not supported", note: "maps hold what the file gives them")
            default: throw unexpected(expecting: "constant, interval, dynamic or timeout")
            }
            next()
        } while skip(.comma)
    }

    /// `{ … }` or a variable that stands for one.
    mutating func elementList() throws(Abandoned) -> [EntrySyntax] {
        guard at(.dollar) else {
            guard at(.leftBrace) else { throw unexpected(expecting: "'{' or a variable") }
            return try entries()
        }
        let start = index
        guard case .set(let entries, _) = try variable() else {
            throw fail(location(from: start), "the variable is no set of elements", note: "put it in braces: { $name }")
        }
        return entries
    }

    /// `{ a, b-c, d/n, e : verdict }`: nft allows one line break on either side of an element, and a comma behind the last.
    /// - Parameter isDefinition: There may be none.
    mutating func entries(isDefinition: Bool = false, example: String = "elements") throws(Abandoned) -> [EntrySyntax] {
        next()
        var entries: [EntrySyntax] = []
        var isFirst = true
        while true {
            try skipLineBreak()
            if !isFirst || isDefinition, skip(.rightBrace) { return entries }
            isFirst = false
            if at(.leftBrace) { throw fail(current.location, "a set can't stand in a set") }
            if at(.rightBrace) { throw fail(current.location, "the set is empty", note: "expected \(example)") }
            if at(.asterisk) { throw fail(current.location, "'*' as an element is not supported") }
            try entry(into: &entries)
            if at(word: "timeout"), !entries.isEmpty {
                next()
                entries[entries.count - 1].timeout = try duration(behind: "timeout")
            }
            for word in ["comment", "timeout", "expires", "counter"] where at(word: word) {
                throw fail(current.location, "'\(word)' in an element is not supported")
            }
            try skipLineBreak()
            if skip(.rightBrace) { return entries }
            guard skip(.comma) else { throw unexpected(expecting: "',' or '}' in the set") }
        }
    }

    private mutating func entry(into entries: inout [EntrySyntax]) throws(Abandoned) {
        let start = index
        let element: ElementSyntax
        if isVariableAlone {
            switch try variable() {
            case .set(let more, _):
                entries += more
                return
            case .element(let one): element = one
            case .list, .masked, .named: throw fail(location(from: start), "the variable can't stand in a set")
            }
        } else {
            element = try self.element(beginningWith: try expression(depth: 0), from: start)
        }
        entries.append(EntrySyntax(element: element, verdict: skip(.colon) ? try mappedVerdict() : nil))
    }

    private mutating func mappedVerdict() throws(Abandoned) -> Verdict {
        let word = current
        guard word.kind == .word else { throw unexpected(expecting: "a verdict") }
        switch word.text {
        case "accept", "drop", "return", "continue":
            next()
            return word.text == "accept" ? .accept : word.text == "drop" ? .drop : word.text == "return" ? .return : .continue
        case "jump", "goto":
            next()
            return try target(isJump: word.text == "jump")
        default:
            let note = Words.advice(for: word.text, accepted: ["accept", "drop", "jump", "goto", "return", "continue"])
            throw fail(word.location, "'\(printable(word.text))' is no verdict", note: note)
        }
    }

    /// Behind `jump` or `goto`.
    mutating func target(isJump: Bool) throws(Abandoned) -> Verdict {
        if at(.leftBrace) { throw fail(current.location, "a chain inside a rule is not supported", note: "name a chain of the table") }
        let chain: String
        if at(.dollar) {
            let start = index
            guard case .constant(let token) = try scalarVariable(), token.kind == .word || token.kind == .quoted else {
                throw fail(location(from: start), "the variable is no chain's name")
            }
            chain = token.text
        } else {
            chain = try identifier("chain")
        }
        return isJump ? .jump(chain) : .goto(chain)
    }

    private mutating func skipLineBreak() throws(Abandoned) {
        guard current.kind == .newline else { return }
        next()
        if current.kind == .newline {
            throw fail(current.location, "an empty line, or a line with nothing but a comment, in a set", note: "nft takes none there")
        }
    }
}

extension SetKey {
    /// nft's name of a type, and a field that has it.
    private static let types: [(name: String, field: Field)] = [
        ("ipv4_addr", .ipSaddr), ("ipv6_addr", .ip6Saddr), ("ether_addr", .etherSaddr), ("inet_proto", .metaL4proto),
        ("inet_service", .thDport), ("ether_type", .metaProtocol), ("ifname", .metaIifname), ("icmp_type", .icmpType),
        ("icmpv6_type", .icmpv6Type), ("arp_op", .arpOperation), ("tcp_flag", .tcpFlags), ("nf_proto", .metaNfproto),
    ]

    static func field(ofType name: String) -> Field? { types.first { $0.name == name }?.field }

    static var accepted: String { "accepted: " + types.map(\.name).joined(separator: ", ") }

    /// As it is written: `type ipv4_addr`, `typeof ip saddr`.
    var text: String {
        if !isTypeof, let type = Self.types.first(where: { $0.field == field }) { return "type \(type.name)" }
        return "typeof \(Selector.reading(field).text)"
    }

    /// Whether the field's values are of the set's type.
    func fits(_ selector: Selector) -> Bool {
        selector.canBeKey && Selector.reading(field).type == selector.type && field.bitWidth == selector.field.bitWidth
    }
}
