import Classifier
import Decisions
import Firewall
import Reporting
import Ruleset

extension PacketParser {
    /// What follows `=>`: `accept`, `drop by edge.nft:14`, `held then drop reason fragment-timeout`.
    mutating func expectation() throws(Diagnostic) -> Expectation {
        var expectation = Expectation()
        if skip("held") {
            expectation.isHeld = true
            if !skip("then") {
                guard isAtEnd else { throw unexpected("'then' or the end of the line", note: "as in => held then accept") }
                return expectation
            }
        }
        guard let verdict = Expectation.verdicts.first(where: { skip(VerdictWords($0).word) }) else {
            let words = Expectation.verdicts.map { VerdictWords($0).word }
            let later = expectation.isHeld ? [] : ["held"] + words.map { "held then \($0)" }
            throw unexpected("a verdict", note: "accepted: " + (words + later).joined(separator: ", "))
        }
        expectation.verdict = verdict
        if verdict == .reject, skip("with") { expectation.answer = try answer() }
        if skip("by") { expectation.author = try author() }
        if current.kind == .open {
            // `(chain forward)`, as verdicts are printed.
            while !isAtEnd, current.kind != .close { next() }
            guard skip(.close) else { throw unexpected("')'") }
        }
        expectation.reason = try reason()
        guard isAtEnd else { throw unexpected("'by', 'reason' or the end of the line") }
        return expectation
    }

    /// `tcp reset`, `icmp port-unreachable`.
    private mutating func answer() throws(Diagnostic) -> String {
        var words: [String] = []
        while current.kind == .word, words.count < 2 { words.append(next().text) }
        guard words.count == 2, ["tcp", "icmp", "icmpv6", "icmpx"].contains(words[0]) else {
            throw unexpected("what was answered", note: "as in => reject with tcp reset, or => reject with icmp port-unreachable")
        }
        return words.joined(separator: " ")
    }

    private mutating func author() throws(Diagnostic) -> Expectation.Author {
        let note = "accepted: a rule as in edge.nft:14, its comment in quotes, policy"
        if case .quoted = current.kind { return .comment(next().text) }
        if skip("policy") {
            if skip("of") {
                while current.kind == .word, !current.text.hasPrefix("reason") { next() }
            }
            return .policy
        }
        _ = skip("rule")
        let token = current
        guard token.kind == .word, let colon = token.text.lastIndex(of: ":"), let line = Int(token.text[token.text.index(after: colon)...]),
            colon > token.text.startIndex
        else { throw unexpected("who says so", note: note) }
        next()
        if case .quoted = current.kind { next() }
        return .rule(file: String(token.text[..<colon]), line: line)
    }

    private mutating func reason() throws(Diagnostic) -> String? {
        guard current.kind == .word else { return nil }
        var token = current
        var name: Substring
        if token.text.hasPrefix("reason=") {
            name = token.text.dropFirst("reason=".count)
        } else if skip("reason") {
            token = current
            name = token.text[...]
        } else {
            return nil
        }
        let names = Reason.allCases.filter { $0 != .held }.map(\.name)
        guard names.contains(String(name)) else {
            let near = PacketNames.nearest(to: String(name), among: names)
            throw fail(
                token, "unknown reason '\(PacketNames.shown(String(name)))'",
                note: (near.map { "did you mean '\($0)'? " } ?? "") + "accepted: " + names.joined(separator: ", "))
        }
        next()
        return String(name)
    }
}

extension Judgement {
    /// True if the rule that has rejected the frame says so, in these words.
    func asks(for answer: String, _ program: Program) -> Bool { program.rejection(of: rule)?.asked == "with \(answer)" }
}

extension Expectation {
    /// What a frame can come to in the end.
    fileprivate static let verdicts = FrameVerdict.allCases.filter { $0.fate != .waits }

    /// True if the judgement is the expected one, as far as its author and its reason go.
    func isMet(by judgement: Judgement, _ program: Program) -> Bool {
        if let verdict, judgement.verdict != verdict { return false }
        if let reason, judgement.reason.name != reason { return false }
        let rule = program.rule(at: judgement.rule)
        switch author {
        case nil: return true
        case .policy: return judgement.reason == .policy || judgement.reason == .acceptByPolicy
        case .comment(let comment): return rule?.rule.comment == comment
        case .rule(let file, let line):
            guard let rule, rule.line == line else { return false }
            return rule.source == file || rule.source.hasSuffix("/" + file)
        }
    }
}
