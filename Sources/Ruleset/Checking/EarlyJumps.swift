// Jumps to chains that are declared later, or never.

extension Checker {
    /// nft carries one command out after the other, so a jump can't lead to a chain that only a later one declares.
    mutating func noteEarlyJumps(of command: CommandSyntax, inTableAt table: Int) {
        func note(_ verdict: Verdict?, _ location: SourceLocation) {
            guard case .named(let target) = verdict?.target, contents[table].chains[target] == nil else { return }
            contents[table].early.append((target, location))
        }
        func note(_ entries: [EntrySyntax]) {
            for entry in entries { note(entry.verdict, entry.element.location) }
        }
        func note(_ list: EntryList) {
            if case .entries(let entries) = list { note(entries) }
        }
        func note(_ rules: [RuleSyntax]) {
            for rule in rules where rule.written?.failure != nil {
                for target in rule.written?.targets ?? [] { note(.jump(.named(target)), rule.location) }
            }
            for statement in rules.lazy.flatMap(\.statements) {
                switch statement {
                case .plain(.verdict(let verdict, let location)): note(verdict, location)
                case .block(let block): note(block.rules)
                case .verdictMap(let map):
                    if case .anonymous(let entries) = map.elements { note(entries) }
                case .plain, .match, .reject, .update, .assignment, .objectMap: break
                }
            }
        }
        switch command.action {
        case .table(let syntax):
            for set in syntax.sets { set.elements.forEach(note) }
            for chain in syntax.chains { note(chain.rules) }
        case .chain(let syntax): note(syntax.rules)
        case .set(let syntax): syntax.elements.forEach(note)
        case .rule(let rule, _, _): note([rule])
        case .elements(let entries, _): note(entries)
        case .deletion, .object, .setAside, .flushTable, .flushChain, .flushSet, .deleteTable, .deleteChain, .deleteSet, .deleteObject,
            .deleteSetAside, .destroyRule,
            .flushRuleset:
            break
        }
    }

    mutating func reportMissingChains(ofTableAt table: Int) {
        for jump in contents[table].early {
            if contents[table].chains[jump.target] != nil {
                sink.error(
                    jump.location, "chain '\(printable(jump.target))' is declared only later",
                    note: "declare it in this block or in one before it")
                continue
            }
            let table = tables[table]
            let near = Words.nearest(to: jump.target, among: table.chains.filter { $0.base == nil }.map(\.name))
            sink.error(
                jump.location, "there is no chain '\(printable(jump.target))' in table '\(printable(table.name))'",
                note: near.map { "did you mean '\($0)'?" })
        }
    }
}
