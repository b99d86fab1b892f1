/// Builds the checked tree: merges what is declared in several blocks, checks rules, and follows the jumps.
struct Checker {
    private var sink: DiagnosticSink
    private var tables: [Table] = []
    private var tableIndex: [String: Int] = [:]
    private var chainIndex: [[String: Int]] = []
    /// Jumps to chains that are not there when their block ends.
    private var early: [(table: Int, target: String, location: SourceLocation)] = []

    private init(sink: DiagnosticSink) {
        self.sink = sink
    }

    static func check(_ file: FileSyntax, sink: DiagnosticSink) -> (tables: [Table], sink: DiagnosticSink) {
        var checker = Checker(sink: sink)
        for table in file.tables { checker.add(table) }
        checker.reportEarlyJumps()
        for table in checker.tables { ChainGraph.check(table, into: &checker.sink) }
        return (checker.tables, checker.sink)
    }

    /// A table may be declared in several blocks; they add up.
    private mutating func add(_ syntax: TableSyntax) {
        let index: Int
        if let known = tableIndex[syntax.name] {
            index = known
        } else {
            index = tables.count
            tableIndex[syntax.name] = index
            tables.append(Table(family: .bridge, name: syntax.name, chains: [], location: syntax.location))
            chainIndex.append([:])
        }
        for chain in syntax.chains { add(chain, toTableAt: index) }
        for rule in syntax.chains.flatMap(\.rules) {
            for case .verdict(let verdict, let location) in rule.statements {
                if let target = verdict.target, chainIndex[index][target] == nil { early.append((index, target, location)) }
            }
        }
    }

    /// nft makes one block after the other, so a jump can't lead to a chain that only a later one declares. Jumps to chains that
    /// are nowhere are `ChainGraph`'s to report.
    private mutating func reportEarlyJumps() {
        for jump in early where chainIndex[jump.table][jump.target] != nil {
            sink.error(
                jump.location, "chain '\(printable(jump.target))' is declared only in a later block of its table",
                note: "declare it in this block or in one before it")
        }
    }

    private mutating func add(_ syntax: ChainSyntax, toTableAt table: Int) {
        if let policy = syntax.policy, syntax.hook == nil {
            sink.error(
                policy.location, "a policy is for a base chain alone",
                note: "make it one with: type filter hook forward priority filter;")
        }
        let rules = syntax.rules.compactMap { RuleChecker.check($0, into: &sink) }
        if let index = chainIndex[table][syntax.name] {
            merge(syntax, intoChainAt: index, ofTableAt: table)
            tables[table].chains[index].rules += rules
            return
        }
        chainIndex[table][syntax.name] = tables[table].chains.count
        let base = syntax.hook.map { BaseChain(hook: $0.hook, priority: $0.priority, policy: syntax.policy?.policy ?? .accept) }
        tables[table].chains.append(Chain(name: syntax.name, base: base, rules: rules, location: syntax.location))
    }

    /// A further block of a chain adds rules, and may repeat the hook and change the policy.
    private mutating func merge(_ syntax: ChainSyntax, intoChainAt chain: Int, ofTableAt table: Int) {
        guard let hook = syntax.hook else { return }
        guard let base = tables[table].chains[chain].base else {
            sink.error(hook.location, "chain '\(printable(syntax.name))' is already there, and is no base chain")
            return
        }
        if base.priority != hook.priority {
            sink.error(hook.location, "chain '\(printable(syntax.name))' already has the priority \(base.priority)")
            return
        }
        if let policy = syntax.policy { tables[table].chains[chain].base?.policy = policy.policy }
    }
}

extension Ruleset {
    /// Reads and checks one text of rules, and reports as many mistakes as can be told apart in one go.
    ///
    /// What is accepted here, nft 1.0.6 accepts with the same meaning; what nft refuses is refused. No file is opened.
    ///
    /// - Parameter source: the text, with the name that diagnostics call it by.
    /// - Returns: the checked tree, and what is accepted but worth a second look.
    /// - Throws: `RejectedRuleset`, with at most `RejectedRuleset.diagnosticLimit` errors.
    public static func read(_ source: SourceFile) throws(RejectedRuleset) -> (ruleset: Ruleset, warnings: [Diagnostic]) {
        let parsed = Parser.parse(Lexer.tokens(of: source.text, file: 0))
        let checked = Checker.check(parsed.file, sink: parsed.sink)
        guard checked.sink.errors.isEmpty else {
            throw RejectedRuleset(sources: [source], diagnostics: checked.sink.all)
        }
        return (Ruleset(sources: [source], tables: checked.tables), checked.sink.all)
    }
}
