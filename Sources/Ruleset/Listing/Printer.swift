extension Ruleset {
    /// The rule set as `nft list ruleset` writes it, but for what nft's own listing loses. Reads back as an equal tree, locations and
    /// braces around a single element aside.
    /// - Parameters:
    ///   - localTime: The zone in which times are written, and have to be read.
    ///   - version: As which nft lists.
    public func printed(localTime: LocalTime = .utc, as version: ListingVersion = .nft106) -> String {
        ListingVersion.$current.withValue(version) { tables.map { $0.text(localTime) }.joined() }
    }
}

extension Table {
    func text(_ localTime: LocalTime) -> String {
        let blocks = ChainBlocks(self)
        let written = chains.filter { $0.owner == nil }
        let useless = setAside.filter { $0.kind != "chain" }.map(\.text) + setAside.filter { $0.kind == "chain" }.map(\.text)
        let parts = objects.map(\.text) + listedSets.map(\.text) + written.map { $0.text(in: family, localTime, blocks) } + useless
        var comment = comment.map { "\tcomment \"\($0)\"\n" } ?? ""
        if !flags.isEmpty { comment += "\tflags \(flags.map(\.rawValue).joined(separator: ","))\n\n" }
        return "table \(family.rawValue) \(name) {\n\(comment)\(parts.joined(separator: "\n"))}\n"
    }
}

extension NamedSet {
    fileprivate var text: String {
        let mapped =
            switch contents {
            case .keys: ""
            case .verdicts: " : verdict"
            case .values(let data): " : \(data.list)"
            case .objects(let kind): " : \(kind.rawValue)"
            }
        var lines = ["\(key.text)\(mapped)"]
        if policy != .performance { lines.append("policy \(policy.rawValue)") }
        if let size = listedSize { lines.append("size \(size)") }
        let isNew = ListingVersion.current == .nft116
        var flags = [isConstant ? "constant" : nil, isInterval ? "interval" : nil].compactMap { $0 } + dynamics.flags
        if isNew, isInterval, dynamics.hasTimeout, !flags.contains("timeout") { flags.append("timeout") }
        if !flags.isEmpty { lines.append("flags " + flags.joined(separator: ",")) }
        if isNew {
            // A statement of all elements comes first.
            if hasCounters { lines.append("counter") }
            lines += dynamics.statementLines
            if mergesElements { lines.append("auto-merge") }
            lines += dynamics.timeLines
        } else {
            lines += dynamics.timeLines + dynamics.statementLines
            if hasCounters { lines.append("counter") }
            if mergesElements { lines.append("auto-merge") }
        }
        if let comment { lines.append("comment \"\(comment)\"") }
        if !elements.isEmpty {
            let values = ElementText(key.fields, data: data?.field, statements: dynamics.statements)
            var width = key.fields.count == 1 ? Selector.reading(key.field).type.record.elementsInLine : 1
            let isApart =
                isMap || dynamics.hasTimeout || hasCounters || !dynamics.statements.isEmpty || elements.contains { $0.comment != nil }
            if isNew, isApart { width = 1 }
            var text = "elements = { "
            for (index, element) in elements.enumerated() {
                if index > 0 { text += index % width == 0 ? ",\n\t\t\t     " : ", " }
                text += values.text(of: element)
            }
            lines.append(text + " }")
        }
        return "\t\(isMap ? "map" : "set") \(name) {\n" + lines.map { "\t\t\($0)\n" }.joined() + "\t}\n"
    }
}

extension NamedSet {
    /// The declaration as it is written, without elements and without all that changes nothing: sets of one text are the same set.
    public var declarationText: String {
        var set = self
        set.elements = SetElements([])
        set.comment = nil
        set.policy = .performance
        set.dynamics.collectionInterval = nil
        return set.text
    }
}

extension VerdictMap {
    func text(_ localTime: LocalTime) -> String {
        "\(key.text) vmap \(elements.text(ElementText(key.components.map(\.field), localTime: localTime)))"
    }
}

extension VerdictMap.Elements {
    func text(_ values: ElementText) -> String {
        switch self {
        case .named(let name): "@\(name)"
        case .anonymous(let elements): "{ \(elements.map(values.text).joined(separator: ", ")) }"
        }
    }
}

extension Chain {
    fileprivate func text(in family: Family, _ localTime: LocalTime, _ blocks: ChainBlocks) -> String {
        var text = "\tchain \(name) {\n"
        if let comment { text += "\t\tcomment \"\(comment)\"\n" }
        if let base {
            text += "\t\t\(base.text(in: family))\n"
        }
        for rule in rules { text += "\t\t\(rule.listing(localTime, blocks))\n" }
        return text + "\t}\n"
    }
}

extension Rule {
    /// The rule in one line, canonical, without the matches that nft implies: `tcp dport 23 counter drop comment "no telnet"`.
    public var text: String {
        var parts = statements.compactMap { $0.text(in: self) }
        if let comment { parts.append("comment \"\(comment)\"") }
        return parts.joined(separator: " ")
    }
}

extension Rule {
    /// As nft lists it: with the numbers of its counters.
    /// - Parameter blocks: Of the rule's table; without them what stands in a chain inside the rule is left out.
    func listing(_ localTime: LocalTime = .utc, _ blocks: ChainBlocks? = nil) -> String {
        var parts = statements.compactMap { $0.listing(in: self, localTime, blocks) }
        if let comment { parts.append("comment \"\(comment)\"") }
        return parts.joined(separator: " ")
    }
}

extension Statement {
    fileprivate func listing(in rule: Rule, _ localTime: LocalTime, _ blocks: ChainBlocks?) -> String? {
        switch self {
        case .match: text(in: rule, localTime)
        case .verdict(let verdict, _): blocks?.text(of: verdict, localTime) ?? verdict.text
        default: listing(localTime)
        }
    }

    /// Nil for an implied match.
    func text(in rule: Rule, _ localTime: LocalTime = .utc) -> String? {
        guard case .match(let match) = self else { return text(localTime) }
        return match.isImplied ? nil : PayloadMerge.needsOperator(match, in: rule) ? match.textWithOperator : match.text(localTime)
    }
}

extension Verdict {
    var text: String {
        switch self {
        case .accept: "accept"
        case .drop: "drop"
        case .reject(let rejection): rejection.text
        case .return: "return"
        case .continue: "continue"
        case .jump(let chain): "jump \(chain.text)"
        case .goto(let chain): "goto \(chain.text)"
        }
    }
}

extension JumpTarget {
    /// Where the rules of a chain that stands in the rule are not at hand.
    fileprivate var text: String {
        switch self {
        case .named(let name): name
        case .inline: "{ … }"
        }
    }
}
