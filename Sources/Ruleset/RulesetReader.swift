extension Ruleset {
    /// Reads and checks a text of rules with what it includes, and reports as many mistakes as can be told apart in one go.
    ///
    /// Files of other programs are refused as what they are, and JSON of `nft -j` is read by way of nft's own syntax. The passes, one
    /// after the other:
    ///
    /// 1. `Parser` reads the text and what it includes, and substitutes definitions: text to syntax.
    /// 2. `Checker` carries the commands out and resolves names and values: syntax to tree. Each rule goes through `RuleChecker`, which
    ///    adds the matches that nft implies, and `CanonicalRule`, which brings it into the form that nft lists.
    /// 3. `ChainGraph` follows the jumps of each table.
    /// 4. Warnings of what is accepted and can't be meant.
    ///
    /// What is accepted here, nft accepts with the same meaning; what nft refuses is refused. Chains that no frame on a wire meets are only
    /// read for their syntax: they are set aside in their tables, and each is among the warnings. No file is opened here.
    ///
    /// - Parameters:
    ///   - source: the text, with the name that diagnostics call it by.
    ///   - loader: opens what the text includes. Without it `include` is refused.
    ///   - definitions: texts of nothing but definitions, read before the source.
    ///   - localTime: the zone in which `meta hour "17:00"` and `meta time "2024-06-06 17:00"` are written. As nft does, they become
    ///     UTC here, and the tree says UTC.
    ///   - fragments: What rules see of datagrams in fragments, for warnings.
    ///   - limit: Errors that are told at most, and warnings.
    /// - Returns: the checked tree, and what is accepted but worth a second look.
    /// - Throws: `RejectedRuleset`, with at most `limit` errors.
    public static func read(
        _ source: SourceFile, loader: RuleLoader? = nil, definitions: [SourceFile] = [], localTime: LocalTime = .utc,
        fragments: FragmentView = .whole, limit: Int = RejectedRuleset.diagnosticLimit
    ) throws(RejectedRuleset) -> (ruleset: Ruleset, warnings: [Diagnostic]) {
        try read(
            source, loader: loader, definitions: definitions, localTime: localTime, fragments: fragments, limit: limit,
            packingFrom: PackedLiterals.threshold)
    }

    /// - Parameter threshold: Addresses in a list from which on they are packed; it changes no result.
    package static func read(
        _ source: SourceFile, loader: RuleLoader? = nil, definitions: [SourceFile] = [], localTime: LocalTime = .utc,
        fragments: FragmentView = .whole, limit: Int = RejectedRuleset.diagnosticLimit, packingFrom threshold: Int
    ) throws(RejectedRuleset) -> (ruleset: Ruleset, warnings: [Diagnostic]) {
        var source = source
        if JSONCommands.isIn(source.text) {
            do throws(JSONFault) {
                source = SourceFile(name: "\(source.name) (as text)", text: try JSONCommands.text(of: source.text))
            } catch {
                throw RejectedRuleset(sources: [source], diagnostics: [error.diagnostic(in: source.text)])
            }
        }
        if let (format, line) = ForeignFile.recognised(in: source.text) {
            throw RejectedRuleset(sources: [source], diagnostics: [format.diagnostic(line: line)])
        }
        let parsed = Parser.parse(source, loader: loader, definitions: definitions, packingFrom: threshold, limit: limit)
        let checked = Checker.check(parsed.file, sink: parsed.sink, localTime: localTime, fragments: fragments)
        guard checked.sink.errors.isEmpty else {
            throw RejectedRuleset(sources: parsed.sources, diagnostics: checked.sink.faults)
        }
        return (Ruleset(sources: parsed.sources, tables: checked.tables), checked.sink.all)
    }
}
