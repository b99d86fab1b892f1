/// Checks the statements of one rule and puts the dependencies in front of the matches that need them.
struct RuleChecker {
    private var context: ProtocolContext
    private var statements: [Statement] = []
    private let sets: SetDeclarations

    private let family: Family

    private init(family: Family, sets: SetDeclarations) {
        context = ProtocolContext(family: family)
        self.family = family
        self.sets = sets
    }

    /// The checked rule, or nil if there is an error in it, which has been reported.
    static func check(_ syntax: RuleSyntax, family: Family, sets: SetDeclarations, into sink: inout DiagnosticSink) -> Rule? {
        var checker = RuleChecker(family: family, sets: sets)
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
        let statements = CanonicalRule.statements(checker.statements, family: family)
        return Rule(statements: statements, comment: syntax.comment, location: syntax.location)
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
        case .limit(let limit, let location):
            statements.append(.limit(limit, location: location))
        case .quota(let quota, let location):
            statements.append(.quota(quota, location: location))
        case .object(let object, let location):
            try sets.check(object, location)
            statements.append(.object(object, location: location))
        case .log(let log, let location):
            statements.append(.log(log, location: location))
        case .update(let update):
            try add(update, into: &sink)
        case .assignment(let assignment):
            try add(assignment, into: &sink)
        }
    }

    mutating func append(_ statement: Statement) { statements.append(statement) }

    /// The selector's field where it stands behind the tags that have been matched.
    func placed(_ selector: Selector) -> Field { context.placed(selector.field, of: selector.header) }

    /// nft concludes nothing from a map: it may hold several protocols.
    private mutating func add(_ syntax: VerdictMapSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        try addDependencies(of: syntax.selector, syntax.selectorLocation, syntax.location, into: &sink)
        let mask = try ValueChecker(selector: syntax.selector).combined(syntax.masks)
        let field = context.placed(syntax.selector.field, of: syntax.selector.header)
        var map = VerdictMap(field: field, mask: mask, elements: .anonymous([]), location: syntax.location)
        switch syntax.elements {
        case .named(let name, let location):
            try sets.check(name, isMap: true, for: syntax.selector, location)
            map.elements = .named(name)
        case .anonymous(let entries):
            let checker = ElementChecker(syntax.selector, localTime: sets.localTime)
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
        if mask != nil, syntax.selector.field.isInterface {
            throw Diagnostic(severity: .error, location: syntax.location, message: "interface names have no bits")
        }
        statements.append(.verdictMap(map))
    }

    private mutating func add(_ syntax: SetUpdateSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        try addDependencies(of: syntax.selector, syntax.selectorLocation, syntax.location, into: &sink)
        let elementStatements = try sets.statements(of: syntax)
        let mask = try ValueChecker(selector: syntax.selector).combined(syntax.masks)
        let field = context.placed(syntax.selector.field, of: syntax.selector.header)
        statements.append(
            .update(
                SetUpdate(
                    operation: syntax.operation, field: field, mask: mask, set: syntax.set, meterSize: syntax.meterSize,
                    timeout: syntax.timeout, statements: elementStatements, location: syntax.location)))
    }

    private mutating func add(_ syntax: MatchSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        try addDependencies(of: syntax.selector, syntax.selectorLocation, syntax.location, into: &sink)
        let lowered = try MatchChecker(syntax, sets: sets).lowered()
        let field = context.placed(syntax.selector.field, of: syntax.selector.header)
        try conclude(from: lowered, of: syntax)
        let match = Match(
            field: field, mask: lowered.mask, relation: lowered.relation, operand: lowered.operand,
            order: syntax.comparison.flatMap { Order(rawValue: $0.rawValue) }, location: syntax.location)
        statements.append(.match(match))
    }

    mutating func addDependencies(
        of selector: Selector, _ selectorLocation: SourceLocation, _ location: SourceLocation, into sink: inout DiagnosticSink
    ) throws(Diagnostic) {
        try checkFamily(of: selector, selectorLocation)
        if let network = selector.field.searchedHeader?.network {
            try addDependencyAtStart(on: network, selectorLocation, location)
        }
        guard let header = selector.header else { return }
        let dependencies = try dependencies(on: header, of: selector, selectorLocation)
        warnOfUntagged(selector, selectorLocation, header, dependencies, into: &sink)
        for dependency in dependencies {
            let values = dependency.numbers.map { Value.number($0) }
            let operand = values.count == 1 ? Operand.single(values[0]) : .set(values)
            statements.append(.match(Match(field: dependency.field, operand: operand, isImplied: true, location: location)))
        }
    }

    /// In front of the rule's first statement, a counter as well.
    private mutating func addDependencyAtStart(
        on network: NetworkProtocol, _ selectorLocation: SourceLocation, _ location: SourceLocation
    ) throws(Diagnostic) {
        do throws(ProtocolContext.Failure) {
            guard let dependency = try context.requireAtStart(network), let number = dependency.numbers.first else { return }
            let match = Match(field: dependency.field, operand: .single(.number(number)), isImplied: true, location: location)
            statements.insert(.match(match), at: 0)
        } catch {
            guard case .conflict(let first, let second) = error else { return }
            throw Diagnostic(
                severity: .error, location: selectorLocation,
                message: "conflicting protocols: \(first.rawValue) and \(second.rawValue)")
        }
    }

    private mutating func dependencies(
        on header: NetworkProtocol, of selector: Selector, _ selectorLocation: SourceLocation
    ) throws(Diagnostic) -> [ProtocolContext.Dependency] {
        do throws(ProtocolContext.Failure) {
            let dependencies = try context.require(header)
            guard let message = try context.requireMessage(of: selector) else { return dependencies }
            return dependencies + [message]
        } catch {
            switch error {
            case .conflict(let first, let second):
                var note: String?
                if first == family.network, first != second {
                    note = "a table \(family.rawValue) sees no other packets; write the rule in a table bridge or inet"
                }
                if second == .vlan { note = "match the tag first: vlan id … ip saddr …" }
                throw Diagnostic(
                    severity: .error, location: selectorLocation,
                    message: "conflicting protocols: \(first.rawValue) and \(second.rawValue)",
                    note: note)
            case .family(let family, let header):
                throw Diagnostic(
                    severity: .error, location: selectorLocation,
                    message: "conflicting protocols: \(family.rawValue) and \(header.rawValue)",
                    note: "a table \(family.rawValue) sees no such packets; write the rule in a table bridge")
            case .messageType(let known, let needed):
                let names = header == .icmpv6 ? NameTable.icmpv6Types : .icmpTypes
                throw Diagnostic(
                    severity: .error, location: selectorLocation,
                    message: "a message of type \(names.name(of: known) ?? String(known)) has no '\(selector.text)'",
                    note: "it stands in those of type \(names.name(of: needed) ?? String(needed))")
            }
        }
    }

    /// nft takes it in one family alone, which is the only one in which it says anything.
    private func checkFamily(of selector: Selector, _ location: SourceLocation) throws(Diagnostic) {
        guard selector.field == .metaNfproto, family != .inet else { return }
        var note = "in a table \(family.rawValue) it is always the same"
        if family == .bridge { note = "write: meta protocol ip, or meta protocol ip6" }
        throw Diagnostic(
            severity: .error, location: location, message: "'meta nfproto' is only taken in a table inet", note: note)
    }

    /// nft makes `icmp type` on a bridge, and all of IP behind `ether` elsewhere, depend on the frame's EtherType, which in a tagged
    /// frame is the tag's.
    private func warnOfUntagged(
        _ selector: Selector, _ location: SourceLocation, _ header: NetworkProtocol, _ dependencies: [ProtocolContext.Dependency],
        into sink: inout DiagnosticSink
    ) {
        guard let type = dependencies.first(where: { $0.field == .etherType })?.numbers.first, header.layer != .link,
            type != 0x0806
        else { return }
        let isIPv6 = type == 0x86dd
        var note = "to match those as well, write 'meta protocol \(isIPv6 ? "ip6" : "ip")' in front of it"
        if family != .bridge { note = "to match those as well, write 'meta nfproto \(isIPv6 ? "ipv6" : "ipv4")' in front of the rule" }
        let what = family == .bridge ? "alone" : "behind a field of the Ethernet header"
        sink.warning(location, "'\(selector.text)' \(what) does not match frames with a VLAN tag", note: note)
    }

    /// Only an equality with numbers says which header comes next; a range, a prefix or a mask says nothing.
    private mutating func conclude(from lowered: MatchChecker.Lowered, of syntax: MatchSyntax) throws(Diagnostic) {
        guard syntax.selector.conclusion != nil, lowered.mask == nil, lowered.relation == .equal else { return }
        switch lowered.operand {
        case .single(let value): try conclude(from: value, of: syntax)
        case .set(let members):
            for value in members { try conclude(from: value, of: syntax) }
        case .named: break
        }
    }

    private mutating func conclude(from value: Value, of syntax: MatchSyntax) throws(Diagnostic) {
        guard case .number(let number) = value else { return }
        if syntax.selector.conclusion == .innerTransport, let next = NetworkProtocol(protocolNumber: number),
            ![.icmp, .icmpv6, .igmp].contains(next)
        {
            throw Diagnostic(
                severity: .error, location: syntax.operand.location,
                message: "'\(syntax.selector.text)' can't be compared with \(next.rawValue): nft 1.0.6 ends itself there",
                note: "write a range: \(number)-\(number)")
        }
        context.conclude(from: syntax.selector.field, number)
    }
}

extension StatementSyntax {
    /// nft refuses what stands behind any verdict but `continue`.
    fileprivate var isTerminal: Bool {
        switch self {
        case .verdict(.continue, _), .match, .counter, .verdictMap, .limit, .quota, .object, .log, .update, .assignment: false
        case .verdict: true
        }
    }
}
