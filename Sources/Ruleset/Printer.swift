extension Ruleset {
    /// The rule set as `nft list ruleset` writes it, but for what nft's own listing loses: matches stand as they were written,
    /// sets in the order of their elements. Reads back as an equal tree, locations aside.
    public func printed() -> String {
        tables.map(\.text).joined()
    }
}

extension Table {
    fileprivate var text: String {
        let chains = chains.map(\.text).joined(separator: "\n")
        return "table \(family.rawValue) \(name) {\n\(chains)}\n"
    }
}

extension Chain {
    fileprivate var text: String {
        var text = "\tchain \(name) {\n"
        if let base {
            text += "\t\ttype filter hook \(base.hook.rawValue) priority \(base.priorityText); policy \(base.policy.rawValue);\n"
        }
        for rule in rules { text += "\t\t\(rule.text)\n" }
        return text + "\t}\n"
    }
}

extension BaseChain {
    /// Near the one standard priority of this hook nft counts from its name.
    fileprivate var priorityText: String {
        let distance = Int(priority) + 200
        return switch distance {
        case 0: "filter"
        case 1...10: "filter + \(distance)"
        case -10 ... -1: "filter - \(-distance)"
        default: "\(priority)"
        }
    }
}

extension Rule {
    /// The rule in one line, canonical, without the matches that nft implies: `tcp dport 23 counter drop comment "no telnet"`.
    public var text: String {
        var parts = statements.compactMap(\.text)
        if let comment { parts.append("comment \"\(comment)\"") }
        return parts.joined(separator: " ")
    }
}

extension Statement {
    /// Nil for an implied match.
    fileprivate var text: String? {
        switch self {
        case .match(let match): match.isImplied ? nil : match.text
        case .counter(0, 0, _): "counter"
        case .counter(let packets, let bytes, _): "counter packets \(packets) bytes \(bytes)"
        case .verdict(let verdict, _): verdict.text
        }
    }
}

extension Verdict {
    fileprivate var text: String {
        switch self {
        case .accept: "accept"
        case .drop: "drop"
        case .return: "return"
        case .continue: "continue"
        case .jump(let chain): "jump \(chain)"
        case .goto(let chain): "goto \(chain)"
        }
    }
}
