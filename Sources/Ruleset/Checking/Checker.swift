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
    /// Rules that were put in by their index so far.
    var indexedInsertions = 0
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

    /// Sets whose declarations are wrong.
    var brokenSets: Set<String> = []

    init(sink: DiagnosticSink, localTime: LocalTime) {
        self.sink = sink
        self.localTime = localTime
    }

    static func check(
        _ file: FileSyntax, sink: DiagnosticSink, localTime: LocalTime, fragments: FragmentView
    ) -> (tables: [Table], sink: DiagnosticSink) {
        var checker = Checker(sink: sink, localTime: localTime)
        checker.brokenSets = file.brokenSets
        for command in file.commands { checker.carryOut(command) }
        checker.settle()
        let remaining = checker.tables.indices.filter { !checker.deleted.contains($0) }
        for table in remaining { checker.finish(tableAt: table) }
        for table in remaining.map({ checker.tables[$0] }) {
            for chain in table.chains { chain.warnOfUnreachableRules(into: &checker.sink) }
            table.warnOfUnmatchedRules(fragments, into: &checker.sink)
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

    /// True if there is nothing that the command could delete.
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
            contents.append(Contents(declarations: SetDeclarations(of: syntax.name, localTime: localTime)))
            contents[table].declarations.broken = brokenSets
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
