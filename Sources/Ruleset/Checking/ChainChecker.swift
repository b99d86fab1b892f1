// Chains, and the rules that come into them.

extension Checker {
    mutating func declare(_ syntax: ChainSyntax, inTableAt table: Int) {
        if let index = contents[table].chains[syntax.name] {
            merge(syntax, intoChainAt: index, ofTableAt: table)
            return
        }
        if let policy = syntax.policy, syntax.hook == nil, syntax.uselessHook == nil { refuse(policy) }
        contents[table].chains[syntax.name] = tables[table].chains.count
        let base = syntax.hook.map { BaseChain(hook: $0.hook, priority: $0.priority, policy: syntax.policy?.policy ?? .accept) }
        tables[table].chains.append(
            Chain(name: syntax.name, comment: syntax.comment, base: base, rules: [], location: syntax.location))
        guard var useless = syntax.uselessHook else { return }
        useless.policy = syntax.policy?.policy
        contents[table].hasUseless = true
        tables[table].chains[tables[table].chains.count - 1].uselessHook = useless
    }

    private mutating func refuse(_ policy: PolicySyntax) {
        sink.error(
            policy.location, "only a base chain has a policy",
            note: "make it one with: type filter hook forward priority filter;")
    }

    /// A further block of a chain adds rules, and may repeat the hook and change the policy.
    private mutating func merge(_ syntax: ChainSyntax, intoChainAt chain: Int, ofTableAt table: Int) {
        if let useless = syntax.uselessHook {
            guard tables[table].chains[chain].uselessHook != nil else {
                return sink.error(useless.location, "chain '\(printable(syntax.name))' already exists, with another hook or with none")
            }
        }
        guard let hook = syntax.hook else {
            guard let policy = syntax.policy else { return }
            if tables[table].chains[chain].uselessHook != nil {
                tables[table].chains[chain].uselessHook?.policy = policy.policy
                return
            }
            if tables[table].chains[chain].base == nil { refuse(policy) }
            tables[table].chains[chain].base?.policy = policy.policy
            return
        }
        guard let base = tables[table].chains[chain].base else {
            sink.error(hook.location, "chain '\(printable(syntax.name))' already exists, and is not a base chain")
            return
        }
        if base.hook != hook.hook {
            sink.error(hook.location, "chain '\(printable(syntax.name))' already has the hook \(base.hook.rawValue)")
            return
        }
        if base.priority != hook.priority {
            sink.error(hook.location, "chain '\(printable(syntax.name))' already has the priority \(base.priority)")
            return
        }
        if let policy = syntax.policy { tables[table].chains[chain].base?.policy = policy.policy }
    }

    mutating func append(_ syntax: [RuleSyntax], toChain name: String, ofTableAt table: Int) {
        for rule in syntax { put(rule, at: .end, ofChain: name, ofTableAt: table) }
    }

    mutating func put(_ rule: RuleSyntax, at place: RulePlace, ofChain name: String, ofTableAt table: Int) {
        guard let chain = contents[table].chains[name] else { return }
        let count = tables[table].chains[chain].rules.count
        guard let checked = check(rule, inTableAt: table) else { return }
        contents[table].usedSets.formUnion(checked.namedSets)
        for rule in checked.withBlock { noteUpdates(of: rule, inTableAt: table) }
        switch place {
        case .end: tables[table].chains[chain].rules.append(checked)
        case .start: insert(checked, intoChainAt: chain, ofTableAt: table)
        case .before(let index, let location), .after(let index, let location):
            guard let index = Int(exactly: index), index < count else {
                return sink.error(
                    location, "chain '\(printable(name))' has no rule of this index", note: "it has \(count) so far, from 0 on")
            }
            indexedInsertions += 1
            guard indexedInsertions <= Self.insertionLimit else {
                return sink.error(location, "more than \(Self.insertionLimit) rules have an index", note: "write them in their order")
            }
            if case .before = place {
                tables[table].chains[chain].rules.insert(checked, at: index)
            } else {
                tables[table].chains[chain].rules.insert(checked, at: index + 1)
            }
        }
    }

    /// Rules that may be put between others: each moves those after it.
    private static let insertionLimit = 10_000

    /// A rule that keeps its text may be one that no frame meets: then it is no error that Weir lacks something.
    private mutating func check(_ rule: RuleSyntax, inTableAt table: Int) -> Rule? {
        let (family, sets) = (tables[table].family, contents[table].declarations)
        guard var written = rule.written else { return RuleChecker.check(rule, family: family, sets: sets, into: &sink) }
        if written.failure == nil {
            var found = sink.empty
            if var checked = RuleChecker.check(rule, family: family, sets: sets, into: &found) {
                sink.add(found)
                checked.written = written
                return checked
            }
            guard let failure = found.errors.first, found.errors.allSatisfy(\.isLimit) else {
                sink.add(found)
                return nil
            }
            written.failure = failure
        }
        contents[table].hasUseless = true
        var unchecked = Rule(statements: [], comment: nil, location: rule.location)
        unchecked.written = written
        return unchecked
    }

    /// nft gives a set what the rules that change it need.
    private mutating func noteUpdates(of rule: Rule, inTableAt table: Int) {
        for case .update(let update) in rule.statements {
            if update.meterSize != nil {
                // nft takes the name of an equal meter again, and gives both rules one set.
                if contents[table].sets[update.set] != nil || !contents[table].meters.insert(update.set).inserted {
                    sink.error(update.location, "there is already a set or meter '\(printable(update.set))' in this table")
                }
                continue
            }
            guard let set = contents[table].sets[update.set] else { continue }
            if tables[table].sets[set].isMap {
                tables[table].sets[set].dynamics.isChanged = true
            } else {
                tables[table].sets[set].dynamics.isDynamic = true
            }
            tables[table].sets[set].size = tables[table].sets[set].size ?? SetUpdate.defaultSize
        }
    }
}

extension Rule {
    /// Sets and maps of the table that the rule looks into.
    var namedSets: [String] {
        withBlock.lazy.flatMap(\.statements).compactMap(\.traits.set)
    }
}
