package import Ruleset

/// Matches in nft's words, as a rule would have them: `ip daddr 10.0.0.5 tcp dport 22`.
package struct QueryExpression: Sendable {
    /// As it is written.
    package let text: String
    /// Accepts what the matches match, and drops all else.
    package let ruleset: Ruleset

    /// Lines of the rule set before the expression.
    private static let linesBefore = 3

    /// - Throws: `RejectedRuleset` with the expression as its source.
    package init(_ text: String) throws(RejectedRuleset) {
        self.text = text
        let source = SourceFile(
            name: "query",
            text: "table bridge query {\nchain query {\ntype filter hook forward priority 0; policy drop;\n\(text) accept\n}\n}\n")
        do throws(RejectedRuleset) {
            ruleset = try Ruleset.read(source).ruleset
        } catch {
            let diagnostics = error.diagnostics.map(Self.moved)
            // What is wrong with the verdict after the expression is wrong with its end.
            let last = text.split(separator: "\n", omittingEmptySubsequences: false).last?.unicodeScalars.count ?? 0
            guard let first = diagnostics.first, first.location.column <= last else { throw Self.refusal(of: text) }
            throw RejectedRuleset(sources: [SourceFile(name: "query", text: text)], diagnostics: diagnostics)
        }
        guard Self.isQuestion(ruleset) else { throw Self.refusal(of: text) }
    }

    private static func refusal(of text: String) -> RejectedRuleset {
        let place = SourceLocation(file: 0, line: 1, column: 1, length: 1)
        return RejectedRuleset(
            sources: [SourceFile(name: "query", text: text)],
            diagnostics: [
                Diagnostic(
                    severity: .error, location: place, message: "a query takes the matches of one rule only",
                    note: "write for example: ip daddr 10.0.0.5 tcp dport { 22, 80 } ct state new")
            ])
    }

    /// The place as it is in the expression.
    private static func moved(_ diagnostic: Diagnostic) -> Diagnostic {
        var diagnostic = diagnostic
        diagnostic.location.file = 0
        diagnostic.location.line = max(1, diagnostic.location.line - linesBefore)
        return diagnostic
    }

    /// True if there is one chain with one rule of nothing but matches.
    private static func isQuestion(_ ruleset: Ruleset) -> Bool {
        guard ruleset.tables.count == 1, let table = ruleset.tables.first, table.chains.count == 1, table.sets.isEmpty,
            table.objects.isEmpty, table.setAside.isEmpty, let chain = table.chains.first, chain.base?.policy == .drop,
            chain.rules.count == 1, let rule = chain.rules.first,
            case .verdict(.accept, _)? = rule.statements.last
        else { return false }
        return rule.statements.dropLast().allSatisfy { if case .match = $0 { true } else { false } }
    }
}
