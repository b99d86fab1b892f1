/// Commands at the top of a file: blocks, and what can be said of tables, chains, rules and sets one by one.
extension Parser {
    mutating func command(into file: inout FileSyntax) throws(Abandoned) {
        if try definition() { return }
        let word = current
        guard word.kind == .word else { throw unexpected(expecting: "a table: table bridge NAME { … }") }
        switch word.text {
        case "add", "create":
            next()
            let accepted = ["table", "chain", "rule", "set", "map", "element", "counter", "quota", "limit", "ct"].filter {
                $0 != "rule" || word.text == "add"
            }
            guard current.kind == .word, accepted.contains(current.text) || isAtUselessObject else {
                let note = "accepted after '\(word.text)': \(accepted.joined(separator: ", "))"
                throw fail(current.location, "unexpected \(current.described)", note: note)
            }
            try declaration(isCreated: word.text == "create", into: &file)
        case "table", "chain", "rule", "set", "map", "element", "counter", "quota", "limit", "ct":
            try declaration(isCreated: false, into: &file)
        case "insert":
            next()
            guard at(word: "rule") else { throw unexpected(expecting: "'rule'") }
            try ruleCommand(isInserted: true, into: &file)
        case "flush":
            try flush(into: &file)
        case "delete", "destroy":
            let count = file.commands.count
            try delete(from: &file)
            if word.text == "destroy" {
                for index in file.commands.indices.dropFirst(count) { file.commands[index].mayBeMissing = true }
            }
        case _ where isAtUselessObject:
            try declaration(isCreated: false, into: &file)
        default:
            if let reason = Unsupported.commands[word.text] {
                throw fail(word.location, "'\(word.text)' is not supported", note: reason)
            }
            let note = Words.advice(for: word.text, accepted: ["table", "add", "insert", "delete", "flush", "define", "include"])
            throw fail(word.location, "unknown command '\(printable(word.text))'", note: note)
        }
    }

    /// From the word that says what is declared.
    private mutating func declaration(isCreated: Bool, into file: inout FileSyntax) throws(Abandoned) {
        let start = index
        if isAtUselessObject {
            guard let (table, part) = try uselessObject(ofCommand: true) else { return }
            let location = part.location
            file.commands.append(CommandSyntax(table: table, isCreated: isCreated, location: location, action: .setAside(part)))
            return
        }
        switch current.text {
        case "table":
            let table = try table()
            file.commands.append(
                CommandSyntax(table: table.name, isCreated: isCreated, location: table.location, action: .table(table)))
        case "chain":
            next()
            let table = try tableName()
            let name = try identifier("chain")
            var chain = ChainSyntax(name: name, hook: nil, policy: nil, rules: [], location: location(from: start))
            if skip(.leftBrace) { try chainBlock(of: &chain, in: table.family) }
            file.commands.append(CommandSyntax(table: table, isCreated: isCreated, location: chain.location, action: .chain(chain)))
        case "rule":
            try ruleCommand(isInserted: false, into: &file)
        case "element":
            next()
            let table = try tableName()
            let name = try identifier("set")
            let location = location(from: start)
            let entries = try elementList()
            file.commands.append(
                CommandSyntax(table: table, isCreated: isCreated, location: location, action: .elements(entries, set: name)))
        case "counter", "quota", "limit":
            let kind: NamedObject.Kind = at(word: "counter") ? .counter : at(word: "quota") ? .quota : .limit
            next()
            let table = try tableName()
            let object = try namedObject(kind, from: start)
            file.commands.append(CommandSyntax(table: table, isCreated: isCreated, location: object.location, action: .object(object)))
        case "ct":
            next()
            try connectionObjectWord()
            let table = try tableName()
            let object = try connectionTimeout(in: table.family, from: start)
            file.commands.append(CommandSyntax(table: table, isCreated: isCreated, location: object.location, action: .object(object)))
        default:
            let isMap = next().text == "map"
            let table = try tableName()
            let set = try namedSet(isMap: isMap, from: start)
            file.commands.append(CommandSyntax(table: table, isCreated: isCreated, location: set.location, action: .set(set)))
        }
    }

    private mutating func ruleCommand(isInserted: Bool, into file: inout FileSyntax) throws(Abandoned) {
        let start = index
        next()
        let table = try tableName()
        let chain = try identifier("chain")
        let location = location(from: start)
        for word in ["position", "handle"] where at(word: word) {
            throw fail(current.location, "'\(word)' is not supported", note: "only the kernel gives rules their handles; write: index N")
        }
        var place = isInserted ? RulePlace.start : .end
        if skip(word: "index") {
            let number = current
            guard number.kind == .number else { throw unexpected(expecting: "a number after 'index'") }
            next()
            let value = try self.number(number)
            place = isInserted ? .before(value, location: number.location) : .after(value, location: number.location)
        }
        if isAtEndOfCommand { throw unexpected(expecting: "a statement") }
        let rule = try keptRule()
        file.commands.append(
            CommandSyntax(table: table, location: location, action: .rule(rule, chain: chain, place: place)))
    }

    /// After `delete`, `element TABLE SET { … }`: what the file itself has put there.
    private mutating func deleteElements(from file: inout FileSyntax, start: Int) throws(Abandoned) {
        next()
        let table = try tableName()
        let name = try identifier("set")
        let location = location(from: start)
        file.commands.append(CommandSyntax(table: table, location: location, action: .deletion(try elementList(), set: name)))
    }

    private mutating func flush(into file: inout FileSyntax) throws(Abandoned) {
        let start = index
        next()
        let what = current
        switch what.kind == .word ? what.text : "" {
        case "ruleset":
            next()
            // nft takes netdev too; a rule set never has such a table.
            if at(word: "netdev") {
                next()
                return
            }
            let family = try family()
            let location = location(from: start)
            file.commands.append(
                CommandSyntax(table: TableName(family: family ?? .ip, name: ""), location: location, action: .flushRuleset(family)))
        case "table":
            next()
            let table = try tableName()
            file.commands.append(CommandSyntax(table: table, location: location(from: start), action: .flushTable))
        case "chain", "set", "map":
            next()
            let table = try tableName()
            let name = try identifier(what.text)
            let action: CommandSyntax.Action = what.text == "chain" ? .flushChain(name) : .flushSet(name, isMap: what.text == "map")
            file.commands.append(CommandSyntax(table: table, location: location(from: start), action: action))
        default:
            throw unexpected(expecting: "ruleset, table, chain, set or map after 'flush'")
        }
    }

    private mutating func delete(from file: inout FileSyntax) throws(Abandoned) {
        let start = index
        next()
        let what = current
        switch what.kind == .word ? what.text : "" {
        case "table":
            next()
            let table = try tableName()
            file.commands.append(CommandSyntax(table: table, location: location(from: start), action: .deleteTable))
        case "chain", "set", "map":
            next()
            let table = try tableName()
            let name = try identifier(what.text)
            let action: CommandSyntax.Action =
                what.text == "chain" ? .deleteChain(name) : .deleteSet(name)
            file.commands.append(CommandSyntax(table: table, location: location(from: start), action: action))
        case "counter", "quota", "limit":
            next()
            let table = try tableName()
            let object = ObjectReference(kind: NamedObject.Kind(rawValue: what.text) ?? .counter, name: try identifier(what.text))
            file.commands.append(CommandSyntax(table: table, location: location(from: start), action: .deleteObject(object)))
        case "ct":
            next()
            try connectionObjectWord()
            let table = try tableName()
            let object = ObjectReference(kind: .timeout, name: try identifier("timeout"))
            file.commands.append(CommandSyntax(table: table, location: location(from: start), action: .deleteObject(object)))
        case "rule":
            guard tokens[start].text == "destroy" else {
                throw fail(what.location, "'delete rule' is not supported", note: "only the kernel gives rules their handles")
            }
            // A file begins with nothing: there is no rule with a handle so far.
            next()
            let table = try tableName()
            let name = try identifier("chain")
            guard skip(word: "handle"), current.kind == .number else { throw unexpected(expecting: "'handle' and a number") }
            next()
            file.commands.append(CommandSyntax(table: table, location: location(from: start), action: .destroyRule(chain: name)))
        case _ where isAtUselessObject:
            var kind = next().text
            if kind == "ct" { kind += " \(next().text)" }
            let table = try tableName()
            let name = try identifier(kind)
            file.commands.append(CommandSyntax(table: table, location: location(from: start), action: .deleteSetAside(kind: kind, name)))
        case "element":
            try deleteElements(from: &file, start: start)
        default:
            throw unexpected(expecting: "table, chain, set, map, element, counter, quota or limit after '\(tokens[start].text)'")
        }
    }
}
