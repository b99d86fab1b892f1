// A warning of rules after one that decides every frame.

extension Rule {
    /// True if every frame that comes to this rule ends its way through the chain here.
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
    func warnOfUnreachableRules(into sink: inout DiagnosticSink) {
        guard let last = rules.firstIndex(where: \.decidesAll), last + 1 < rules.count else { return }
        let more = rules.count - last - 2
        sink.warning(
            rules[last + 1].location,
            more == 0 ? "this rule can't be reached" : "this rule and the rest of the chain can't be reached",
            note: "the rule in line \(rules[last].location.line) decides every frame that comes to it")
    }
}
