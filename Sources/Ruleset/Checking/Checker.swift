/// Builds the checked tree: carries the commands out one after the other, checks rules, and follows the jumps.
struct Checker {
    var sink: DiagnosticSink
    var tables: [Table] = []
    var indices: [TableName: Int] = [:]
    /// What is known of a table besides its tree.
    var contents: [Contents] = []
    /// Tables that are gone again: they keep their place, so that indices stay what they are.
    var deleted: Set<Int> = []
    /// Chains and sets that were deleted one by one.
    var deletions = 0
    /// What commands have gathered, to be done together.
    var deletion: PendingDeletion?
    var insertion: PendingInsertion?
    var deletionWork = 0
    private var indexedInsertions = 0
    /// Translations of destinations that are set aside.
    var translations: [(word: String, location: SourceLocation)] = []
    /// Marks that rules set aside set, with the first of these.
    var marksSetAside: [Mark: SourceLocation] = [:]

    struct Contents {
        var chains: [String: Int] = [:]
        var sets: [String: Int] = [:]
        var declarations: SetDeclarations
        /// Something in it has to be set aside.
        var hasUseless = false
        /// What is said of it.
        var notices: [Diagnostic] = []
        /// Names of sets that rules have of their own.
        var meters: Set<String> = []
        /// What the elements of a set count from that have no counter of their own, by the sets that count.
        var counters: [Int: SetElement.Counter] = [:]
        /// Named by a rule.
        var usedSets: Set<String> = []
        /// By set: the number of elements that were there when a `create element` came.
        var creations: [(set: Int, range: Range<Int>)] = []
        /// Jumps to chains that are not there when their command ends.
        var early: [(target: String, location: SourceLocation)] = []
    }

    let localTime: LocalTime

    init(sink: DiagnosticSink, localTime: LocalTime) {
        self.sink = sink
        self.localTime = localTime
    }

    static func check(_ file: FileSyntax, sink: DiagnosticSink, localTime: LocalTime) -> (tables: [Table], sink: DiagnosticSink) {
        var checker = Checker(sink: sink, localTime: localTime)
        for command in file.commands { checker.carryOut(command) }
        checker.settle()
        let remaining = checker.tables.indices.filter { !checker.deleted.contains($0) }
        for table in remaining { checker.finish(tableAt: table) }
        for table in remaining.map({ checker.tables[$0] }) {
            for chain in table.chains { chain.warnOfUnreachableRules(into: &checker.sink) }
            table.warnOfUnmatchedRules(into: &checker.sink)
        }
        for notice in remaining.flatMap({ checker.contents[$0].notices }) { checker.sink.report(notice) }
        checker.warnOfSetAside(remaining.map { checker.tables[$0] })
        checker.warnOfUnseenFrames(in: remaining.map { checker.tables[$0] })
        return (remaining.map { checker.tables[$0] }, checker.sink)
    }

    /// What can be said of a table only when it is whole.
    mutating func finish(tableAt table: Int) {
        moveBlocks(ofTableAt: table)
        reportMissingChains(ofTableAt: table)
        setAside(inTableAt: table)
        for set in tables[table].sets.indices { finish(set: set, ofTableAt: table) }
        ChainGraph.check(tables[table], into: &sink)
    }

    private mutating func carryOut(_ command: CommandSyntax) {
        settle(before: command)
        switch command.action {
        case .table(let syntax): return add(syntax, isCreated: command.isCreated)
        case .flushRuleset(let family): return deleteTables(of: family)
        default: break
        }
        guard let table = indices[command.table] else {
            if command.mayBeMissing, case .deleteTable = command.action { return }
            return missingTable(command.table, command.location)
        }
        if command.mayBeMissing, isMissing(command.action, inTableAt: table) { return }
        switch command.action {
        case .table, .flushRuleset, .destroyRule: break
        case .deleteSetAside(let kind, let name):
            guard let index = tables[table].setAside.firstIndex(where: { $0.kind == kind && $0.name == name }) else {
                return missing(kind, name, among: tables[table].setAside.map(\.name), command.location)
            }
            let part = tables[table].setAside.remove(at: index)
            contents[table].notices.removeAll { $0.location == part.location }
        case .deleteTable: delete(tableAt: table)
        case .deleteChain(let name): deleteChain(name, ofTableAt: table, command.location)
        case .deleteSet(let name): deleteSet(name, ofTableAt: table, command.location)
        case .deleteObject(let object): deleteObject(object, ofTableAt: table, command.location)
        case .chain(let syntax):
            if command.isCreated, contents[table].chains[syntax.name] != nil {
                return sink.error(command.location, "chain '\(printable(syntax.name))' already exists")
            }
            declare(syntax, inTableAt: table)
            append(syntax.rules, toChain: syntax.name, ofTableAt: table)
        case .set(let syntax):
            if command.isCreated, contents[table].sets[syntax.name] != nil {
                return sink.error(command.location, "set '\(printable(syntax.name))' already exists")
            }
            declare(syntax, inTableAt: table)
        case .object(let object):
            declare(object, inTableAt: table)
        case .setAside(let part):
            declare(part, inTableAt: table)
        case .rule(let syntax, let chain, let place):
            guard contents[table].chains[chain] != nil else {
                return missing("chain", chain, among: tables[table].chains.map(\.name), command.location)
            }
            put(syntax, at: place, ofChain: chain, ofTableAt: table)
        case .elements(let entries, let name):
            guard let set = contents[table].sets[name] else {
                return missing("set", name, among: tables[table].sets.map(\.name), command.location)
            }
            let before = tables[table].sets[set].elements.count
            add(entries, toSetAt: set, ofTableAt: table, command.location)
            if command.isCreated {
                contents[table].creations.append((set, before..<tables[table].sets[set].elements.count))
            }
        case .deletion(let entries, let name):
            guard let set = contents[table].sets[name] else {
                return missing("set", name, among: tables[table].sets.map(\.name), command.location)
            }
            delete(entries, fromSetAt: set, mayBeMissing: command.mayBeMissing, ofTableAt: table)
        case .flushTable:
            for chain in tables[table].chains.indices { tables[table].chains[chain].rules = [] }
        case .flushChain(let name):
            guard let chain = contents[table].chains[name] else {
                return missing("chain", name, among: tables[table].chains.map(\.name), command.location)
            }
            tables[table].chains[chain].rules = []
        case .flushSet(let name, let isMap):
            guard let set = contents[table].sets[name], tables[table].sets[set].isMap == isMap else {
                return missing(isMap ? "map" : "set", name, among: tables[table].sets.map(\.name), command.location)
            }
            finish(set: set, ofTableAt: table)
            contents[table].creations.removeAll { $0.set == set }
            tables[table].sets[set].elements = []
        }
        noteEarlyJumps(of: command, inTableAt: table)
    }

    /// Whether there is nothing that the command could delete.
    private func isMissing(_ action: CommandSyntax.Action, inTableAt table: Int) -> Bool {
        switch action {
        case .deleteChain(let name): contents[table].chains[name] == nil
        case .deleteSet(let name): contents[table].sets[name] == nil
        case .deleteObject(let object): !tables[table].objects.contains { $0.kind == object.kind && $0.name == object.name }
        case .deleteSetAside(let kind, let name): !tables[table].setAside.contains { $0.kind == kind && $0.name == name }
        default: false
        }
    }

    private mutating func missingTable(_ table: TableName, _ location: SourceLocation) {
        if let other = Family.allCases.first(where: { indices[TableName(family: $0, name: table.name)] != nil }) {
            return sink.error(
                location, "there is no table '\(table.family.rawValue) \(printable(table.name))' so far",
                note: "did you mean '\(other.rawValue) \(printable(table.name))'? without a family it is ip")
        }
        missing("table", table.name, among: indices.keys.map(\.name).sorted(), location)
    }

    mutating func missing(_ what: String, _ name: String, among names: [String], _ location: SourceLocation) {
        sink.error(
            location, "there is no \(what) '\(printable(name))' so far",
            note: Words.nearest(to: name, among: names).map { "did you mean '\($0)'?" })
    }

    /// A table may be declared in several blocks; they add up. In each nft makes the objects and sets first, then the chains, then the rules.
    private mutating func add(_ syntax: TableSyntax, isCreated: Bool) {
        let table: Int
        if let known = indices[syntax.name] {
            if isCreated { return sink.error(syntax.location, "table '\(printable(syntax.name.name))' already exists") }
            table = known
        } else {
            table = tables.count
            indices[syntax.name] = table
            tables.append(
                Table(family: syntax.name.family, name: syntax.name.name, comment: syntax.comment, chains: [], location: syntax.location))
            contents.append(Contents(declarations: SetDeclarations(localTime: localTime)))
        }
        tables[table].flags = TableFlag.allCases.filter(syntax.flags.contains)
        for object in syntax.objects { declare(object, inTableAt: table) }
        for part in syntax.setAside { declare(part, inTableAt: table) }
        for set in syntax.unsupportedSets { declare(set, inTableAt: table) }
        for set in syntax.sets { declare(set, inTableAt: table) }
        for chain in syntax.chains { declare(chain, inTableAt: table) }
        for chain in syntax.chains { append(chain.rules, toChain: chain.name, ofTableAt: table) }
        let command = CommandSyntax(table: syntax.name, location: syntax.location, action: .table(syntax))
        noteEarlyJumps(of: command, inTableAt: table)
    }
}

// Chains and rules.
extension Checker {
    private mutating func declare(_ syntax: ChainSyntax, inTableAt table: Int) {
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

    private mutating func append(_ syntax: [RuleSyntax], toChain name: String, ofTableAt table: Int) {
        for rule in syntax { put(rule, at: .end, ofChain: name, ofTableAt: table) }
    }

    private mutating func put(_ rule: RuleSyntax, at place: RulePlace, ofChain name: String, ofTableAt table: Int) {
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
            var found = DiagnosticSink()
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
            // A map has to say it itself.
            if !tables[table].sets[set].isMap { tables[table].sets[set].dynamics.isDynamic = true }
            tables[table].sets[set].size = tables[table].sets[set].size ?? SetUpdate.defaultSize
        }
    }

    /// nft carries one command out after the other, so a jump can't lead to a chain that only a later one declares.
    private mutating func noteEarlyJumps(of command: CommandSyntax, inTableAt table: Int) {
        func note(_ verdict: Verdict?, _ location: SourceLocation) {
            guard case .named(let target) = verdict?.target, contents[table].chains[target] == nil else { return }
            contents[table].early.append((target, location))
        }
        func note(_ entries: [EntrySyntax]) {
            for entry in entries { note(entry.verdict, entry.element.location) }
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
            for set in syntax.sets { note(set.elements) }
            for chain in syntax.chains { note(chain.rules) }
        case .chain(let syntax): note(syntax.rules)
        case .set(let syntax): note(syntax.elements)
        case .rule(let rule, _, _): note([rule])
        case .elements(let entries, _): note(entries)
        case .deletion, .object, .setAside, .flushTable, .flushChain, .flushSet, .deleteTable, .deleteChain, .deleteSet, .deleteObject,
            .deleteSetAside, .destroyRule,
            .flushRuleset:
            break
        }
    }

    private mutating func reportMissingChains(ofTableAt table: Int) {
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

// Objects.
extension Checker {
    private mutating func declare(_ part: SetAside, inTableAt table: Int) {
        if tables[table].setAside.contains(where: { $0.kind == part.kind && $0.name == part.name && $0 != part }) {
            return sink.error(part.location, "\(part.kind) '\(printable(part.name))' already exists")
        }
        tables[table].setAside.append(part)
        contents[table].notices.append(part.diagnostic)
    }

    private mutating func declare(_ set: UnsupportedSet, inTableAt table: Int) {
        tables[table].setAside.append(set.setAside)
        contents[table].declarations.refuse(set.setAside.name, set.failure)
        contents[table].notices.append(set.setAside.diagnostic)
    }

    /// nft takes the same name again and leaves the object as it was; that can only be a mistake.
    private mutating func declare(_ object: NamedObject, inTableAt table: Int) {
        guard contents[table].declarations.declare(object) else {
            return sink.error(object.location, "\(object.kind.rawValue) '\(printable(object.name))' already exists")
        }
        tables[table].objects.append(object)
    }
}

extension Rule {
    /// Sets and maps of the table that the rule looks into.
    var namedSets: [String] {
        withBlock.lazy.flatMap(\.statements).compactMap(\.traits.set)
    }

    /// Whether every frame that comes to this rule ends its way through the chain here.
    fileprivate var decidesAll: Bool {
        for traits in statements.lazy.map(\.traits) {
            if traits.canFail { return false }
            guard traits.isTerminal else { continue }
            if case .one(.jump) = traits.verdicts { return false }
            return true
        }
        return false
    }
}

extension Chain {
    fileprivate func warnOfUnreachableRules(into sink: inout DiagnosticSink) {
        guard let last = rules.firstIndex(where: \.decidesAll), last + 1 < rules.count else { return }
        let more = rules.count - last - 2
        sink.warning(
            rules[last + 1].location,
            more == 0 ? "this rule can't be reached" : "this rule and the rest of the chain can't be reached",
            note: "the rule in line \(rules[last].location.line) decides every frame that comes to it")
    }
}
