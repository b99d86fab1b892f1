/// Checks the statements of one rule and puts the dependencies in front of the matches that need them.
struct RuleChecker {
    private var context = ProtocolContext()
    private var statements: [Statement] = []
    private let sets: SetDeclarations

    private init(sets: SetDeclarations) {
        self.sets = sets
    }

    /// The checked rule, or nil if there is an error in it, which has been reported.
    static func check(_ syntax: RuleSyntax, sets: SetDeclarations, into sink: inout DiagnosticSink) -> Rule? {
        var checker = RuleChecker(sets: sets)
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
        case .verdictMap(let map):
            try add(map, into: &sink)
        }
    }

    /// nft concludes nothing from a map: it may hold several protocols.
    private mutating func add(_ syntax: VerdictMapSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        try addDependencies(of: syntax.selector, syntax.selectorLocation, syntax.location, into: &sink)
        let mask = try ValueChecker(selector: syntax.selector).combined(syntax.masks)
        var map = VerdictMap(field: syntax.selector.field, mask: mask, elements: .anonymous([]), location: syntax.location)
        switch syntax.elements {
        case .named(let name, let location):
            try sets.check(name, isMap: true, for: syntax.selector, location)
            map.elements = .named(name)
        case .anonymous(let entries):
            let checker = ElementChecker(syntax.selector)
            let (elements, conflict) = checker.withoutDuplicates(
                try checker.elements(entries, isMap: true, hasIntervals: true), mayOverlap: false)
            if let conflict {
                throw Diagnostic(severity: .error, location: conflict.location, message: "the element overlaps another of the map")
            }
            if elements.isEmpty { throw Diagnostic(severity: .error, location: syntax.location, message: "the map is empty") }
            if mask != nil, let prefix = elements.first(where: { if case .prefix = $0.value { true } else { false } }) {
                throw Diagnostic(
                    severity: .error, location: prefix.location, message: "a mask with '&' and a prefix exclude each other")
            }
            map.elements = .anonymous(elements)
        }
        if mask != nil, syntax.selector.type == .interfaceName {
            throw Diagnostic(severity: .error, location: syntax.location, message: "interface names have no bits")
        }
        statements.append(.verdictMap(map))
    }

    private mutating func add(_ syntax: MatchSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        try addDependencies(of: syntax.selector, syntax.selectorLocation, syntax.location, into: &sink)
        let lowered = try MatchChecker(syntax, sets: sets).lowered()
        conclude(from: lowered, of: syntax.selector)
        let match = Match(
            field: syntax.selector.field, mask: lowered.mask, relation: lowered.relation, operand: lowered.operand,
            location: syntax.location)
        statements.append(.match(match))
    }

    private mutating func addDependencies(
        of selector: Selector, _ selectorLocation: SourceLocation, _ location: SourceLocation, into sink: inout DiagnosticSink
    ) throws(Diagnostic) {
        guard let header = selector.header else { return }
        let dependencies = try dependencies(on: header, selectorLocation)
        if header == .icmp || header == .icmpv6, let first = dependencies.first, first.field == .etherType {
            warnOfUntagged(selector, selectorLocation, header, into: &sink)
        }
        for dependency in dependencies {
            let match = Match(
                field: dependency.field, operand: .single(.number(dependency.number)), isImplied: true, location: location)
            statements.append(.match(match))
        }
    }

    private mutating func dependencies(
        on header: NetworkProtocol, _ selectorLocation: SourceLocation
    ) throws(Diagnostic) -> [ProtocolContext.Dependency] {
        do throws(ProtocolContext.Failure) {
            return try context.require(header)
        } catch {
            switch error {
            case .conflict(let first, let second):
                var note: String?
                if second == .vlan { note = "match the tag first: vlan id … ip saddr …" }
                throw Diagnostic(
                    severity: .error, location: selectorLocation,
                    message: "conflicting protocols: \(first.rawValue) and \(second.rawValue)",
                    note: note)
            case .innerTag:
                throw Diagnostic(
                    severity: .error, location: selectorLocation, message: "a field behind a second VLAN tag is not supported",
                    note: "'vlan id' and 'vlan type' are read from the outermost tag")
            }
        }
    }

    /// nft makes `icmp type` depend on the frame's EtherType, which in a tagged frame is the tag's.
    private func warnOfUntagged(
        _ selector: Selector, _ location: SourceLocation, _ header: NetworkProtocol, into sink: inout DiagnosticSink
    ) {
        let network = header == .icmp ? "ip" : "ip6"
        sink.warning(
            location, "'\(selector.text)' alone does not match frames with a VLAN tag",
            note: "to match those as well, write 'meta protocol \(network)' in front of it")
    }

    /// Only an equality with numbers says which header comes next; a range, a prefix or a mask says nothing.
    private mutating func conclude(from lowered: MatchChecker.Lowered, of selector: Selector) {
        guard selector.conclusion != nil, lowered.mask == nil, lowered.relation == .equal else { return }
        switch lowered.operand {
        case .single(.number(let number)): context.conclude(from: selector.field, number)
        case .set(let members):
            for case .number(let number) in members { context.conclude(from: selector.field, number) }
        case .single, .named: break
        }
    }
}

extension StatementSyntax {
    /// nft refuses what stands behind any verdict but `continue`.
    fileprivate var isTerminal: Bool {
        switch self {
        case .verdict(.continue, _), .match, .counter, .verdictMap: false
        case .verdict: true
        }
    }
}
