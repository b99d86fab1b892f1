// Chains that stand in a rule and have no name: `jump { … }` and `goto { … }`.
//
// They end up among the table's chains, after those with names.

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
    var withBlock: [Rule] { [self] + (block?.rules ?? []) }
}

extension Checker {
    /// Moves chains that stand in rules to the end of the table: from here on each is a chain like any other.
    mutating func moveBlocks(ofTableAt table: Int) {
        var blocks: [Chain] = []
        for chain in tables[table].chains.indices {
            for rule in tables[table].chains[chain].rules.indices {
                let location = tables[table].chains[chain].rules[rule].location
                guard let block = tables[table].chains[chain].rules[rule].takeBlock(number: blocks.count + 1) else { continue }
                blocks.append(Chain(block, of: tables[table].chains[chain].name, location: location))
            }
        }
        tables[table].chains += blocks
    }
}

extension Rule {
    /// The chain that stands in the rule, which leads to it by this number from here on.
    fileprivate mutating func takeBlock(number: Int) -> InlineChain? {
        guard var taken = block else { return nil }
        taken.number = number
        block = nil
        guard case .verdict(let verdict, let location) = statements.last else { return taken }
        let named: Verdict = if case .goto = verdict { .goto(taken.target) } else { .jump(taken.target) }
        statements[statements.count - 1] = .verdict(named, location: location)
        return taken
    }
}

// MARK: Writing

/// The chains of a table that stand in rules.
struct ChainBlocks {
    private var chains: [JumpTarget: Chain] = [:]

    init(_ table: Table) {
        for chain in table.chains where chain.owner != nil { chains[chain.target] = chain }
    }

    /// As nft lists it, in lines of a chain's depth; nil for other verdicts.
    func text(of verdict: Verdict, _ localTime: LocalTime) -> String? {
        guard let target = verdict.target, let chain = chains[target] else { return nil }
        let word = if case .goto = verdict { "goto" } else { "jump" }
        return "\(word) {\n" + chain.rules.map { "\t\t\t\($0.listing(localTime))\n" }.joined() + "\t\t}"
    }
}
