/// Checks the statements of one rule and puts the dependencies in front of the matches that need them.
struct RuleChecker {
    private var context = ProtocolContext()
    private var statements: [Statement] = []

    /// The checked rule, or nil if there is an error in it, which has been reported.
    static func check(_ syntax: RuleSyntax, into sink: inout DiagnosticSink) -> Rule? {
        var checker = RuleChecker()
        var isTerminated = false
        do throws(Diagnostic) {
            for statement in syntax.statements {
                if isTerminated {
                    throw Diagnostic(
                        severity: .error, location: statement.location, message: "a statement behind a verdict has no effect",
                        note: "put it in front of the verdict")
                }
                try checker.add(statement, into: &sink)
                isTerminated = statement.isTerminal
            }
        } catch {
            sink.report(error)
            return nil
        }
        return Rule(statements: checker.statements, comment: syntax.comment, location: syntax.location)
    }

    private mutating func add(_ statement: StatementSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        switch statement {
        case .counter(let packets, let bytes, let location):
            statements.append(.counter(packets: packets, bytes: bytes, location: location))
        case .verdict(let verdict, let location):
            statements.append(.verdict(verdict, location: location))
        case .match(let match):
            try add(match, into: &sink)
        }
    }

    private mutating func add(_ syntax: MatchSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        if let header = syntax.selector.header {
            let dependencies = try dependencies(on: header, of: syntax)
            if header == .icmp || header == .icmpv6, let first = dependencies.first, first.field == .etherType {
                warnOfUntagged(syntax, header, into: &sink)
            }
            for dependency in dependencies {
                let match = Match(
                    field: dependency.field, operand: .single(.number(dependency.number)), isImplied: true, location: syntax.location)
                statements.append(.match(match))
            }
        }
        let lowered = try MatchChecker(syntax).lowered()
        conclude(from: lowered, of: syntax.selector)
        let match = Match(
            field: syntax.selector.field, mask: lowered.mask, relation: lowered.relation, operand: lowered.operand,
            location: syntax.location)
        statements.append(.match(match))
    }

    private mutating func dependencies(
        on header: NetworkProtocol, of syntax: MatchSyntax
    ) throws(Diagnostic) -> [ProtocolContext.Dependency] {
        do throws(ProtocolContext.Failure) {
            return try context.require(header)
        } catch {
            switch error {
            case .conflict(let first, let second):
                var note: String?
                if second == .vlan { note = "match the tag first: vlan id … ip saddr …" }
                throw Diagnostic(
                    severity: .error, location: syntax.selectorLocation,
                    message: "conflicting protocols: \(first.rawValue) and \(second.rawValue)",
                    note: note)
            case .innerTag:
                throw Diagnostic(
                    severity: .error, location: syntax.selectorLocation, message: "a field behind a second VLAN tag is not supported",
                    note: "'vlan id' and 'vlan type' are read from the outermost tag")
            }
        }
    }

    /// nft makes `icmp type` depend on the frame's EtherType, which in a tagged frame is the tag's.
    private func warnOfUntagged(_ syntax: MatchSyntax, _ header: NetworkProtocol, into sink: inout DiagnosticSink) {
        let network = header == .icmp ? "ip" : "ip6"
        sink.warning(
            syntax.selectorLocation, "'\(syntax.selector.text)' alone does not match frames with a VLAN tag",
            note: "to match those as well, write 'meta protocol \(network)' in front of it")
    }

    /// Only an equality with numbers says which header comes next; a range, a prefix or a mask says nothing.
    private mutating func conclude(from lowered: MatchChecker.Lowered, of selector: Selector) {
        guard selector.conclusion != nil, lowered.mask == nil, lowered.relation == .equal else { return }
        switch lowered.operand {
        case .single(.number(let number)): context.conclude(from: selector.field, number)
        case .set(let members):
            for case .number(let number) in members { context.conclude(from: selector.field, number) }
        case .single: break
        }
    }
}

extension StatementSyntax {
    /// nft refuses what stands behind any verdict but `continue`.
    fileprivate var isTerminal: Bool {
        switch self {
        case .verdict(.continue, _), .match, .counter: false
        case .verdict: true
        }
    }
}
