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

    /// `tcp reset`, `icmp port-unreachable`, `icmp type 3`: as a rule has it after `reject with`.
    private mutating func answer() throws(Diagnostic) -> String {
        let note = "as in => reject with tcp reset, or => reject with icmp port-unreachable"
        if skip("tcp") {
            guard skip("reset") else { throw unexpected("'reset'", note: note) }
            return Rejection.tcpReset.spelled
        }
        guard let message = Rejection.messages.first(where: { skip($0) }) else { throw unexpected("what was answered", note: note) }
        _ = skip("type")
        let token = current
        guard token.kind == .word else { throw unexpected("a code", note: note) }
        guard let rejection = Rejection(message: message, code: token.text) else {
            let names = Rejection.codeNames(of: message)
            let near = PacketNames.nearest(to: token.text, among: names)
            throw fail(
                token, "unknown \(message) code '\(PacketNames.shown(token.text))'",
                note: (near.map { "did you mean '\($0)'? " } ?? "") + "accepted: " + names.joined(separator: ", "))
        }
        next()
        return rejection.spelled
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
    func asks(for answer: String, _ program: Program) -> Bool { program.rejection(of: rule)?.spelled == answer }
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
