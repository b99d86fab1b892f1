// Chains that stand in a rule and have no name: `jump { … }` and `goto { … }`.
//
// They end up among the table's chains, under names that no file can say.

/// `jump { … }` as it is written.
struct ChainBlockSyntax {
    var isJump: Bool
    var rules: [RuleSyntax]
    var location: SourceLocation
}

// MARK: Reading

extension Parser {
    /// After `jump` or `goto`, at the brace. A block has rules and nothing else, and none of them has a block of its own.
    mutating func chainBlock(isJump: Bool, from start: Int) throws(Abandoned) -> ChainBlockSyntax {
        if isInChainBlock {
            throw fail(
                current.location, "a chain inside a rule has no rules with a chain of their own",
                note: "nft nests them no deeper; give the inner one a name")
        }
        next()
        isInChainBlock = true
        defer { isInChainBlock = false }
        var rules: [RuleSyntax] = []
        let location = location(from: start)
        try block("the chain inside a rule") { (parser) throws(Abandoned) in
            for word in ["type", "policy", "comment", "define", "include"] where parser.at(word: word) {
                throw parser.fail(
                    parser.current.location, "'\(word)' can't be used in a chain inside a rule", note: "such a chain only has rules")
            }
            rules.append(try parser.rule())
        }
        return ChainBlockSyntax(isJump: isJump, rules: rules, location: location)
    }
}

// MARK: Checking

extension Rule {
    /// It, and those of the chain that stands in it.
    var withBlock: [Rule] { [self] + (block ?? []) }
}

extension Checker {
    /// Gives chains that stand in rules their names and a place after the others.
    mutating func nameBlocks(ofTableAt table: Int) {
        var blocks: [Chain] = []
        for chain in tables[table].chains.indices {
            for rule in tables[table].chains[chain].rules.indices {
                guard let rules = tables[table].chains[chain].rules[rule].block else { continue }
                let name = Chain.blockName(blocks.count + 1)
                let owner = tables[table].chains[chain].name
                let location = tables[table].chains[chain].rules[rule].location
                tables[table].chains[chain].rules[rule].lead(toBlock: name)
                blocks.append(Chain(name: name, base: nil, owner: owner, rules: rules, location: location))
            }
        }
        tables[table].chains += blocks
    }
}

extension Rule {
    /// From here on the block is a chain like any other.
    fileprivate mutating func lead(toBlock name: String) {
        block = nil
        guard case .verdict(let verdict, let location) = statements.last else { return }
        let named: Verdict = if case .goto = verdict { .goto(name) } else { .jump(name) }
        statements[statements.count - 1] = .verdict(named, location: location)
    }
}

extension Chain {
    fileprivate static func blockName(_ number: Int) -> String { "{\(number)}" }

    /// Whether a chain of this name stands in a rule.
    static func isBlock(_ name: String) -> Bool { name.hasPrefix("{") }
}

// MARK: Writing

/// The chains of a table that stand in rules, by their names.
struct ChainBlocks {
    private var chains: [String: Chain] = [:]

    init(_ table: Table) {
        for chain in table.chains where chain.owner != nil { chains[chain.name] = chain }
    }

    /// As nft lists it, in lines of a chain's depth; nil for other verdicts.
    func text(of verdict: Verdict, _ localTime: LocalTime) -> String? {
        guard let target = verdict.target, let chain = chains[target] else { return nil }
        let word = if case .goto = verdict { "goto" } else { "jump" }
        return "\(word) {\n" + chain.rules.map { "\t\t\t\($0.listing(localTime))\n" }.joined() + "\t\t}"
    }
}
