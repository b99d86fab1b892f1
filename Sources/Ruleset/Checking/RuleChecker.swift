/// Checks the statements of one rule and puts the dependencies before the matches that need them.
struct RuleChecker {
    var context: ProtocolContext
    /// What is known of packets inside of tunnels.
    var innerContexts: [SearchedHeader.Kind: ProtocolContext] = [:]
    var statements: [Statement] = []
    private var joined = PayloadMerge()
    private var block: InlineChain?
    private let sets: SetDeclarations

    let family: Family

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
                        severity: .error, location: statement.location, message: "statement after a verdict is never reached",
                        note: "put it before the verdict")
                }
                try checker.add(statement, into: &sink)
                isTerminated = statement.isTerminal
            }
        } catch {
            sink.report(error)
            return nil
        }
        let statements = CanonicalRule.statements(checker.statements, family: family)
        var rule = Rule(statements: statements, comment: syntax.comment, location: syntax.location)
        rule.block = checker.block
        return rule
    }

    private mutating func add(_ statement: StatementSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        switch statement {
        case .plain(let statement):
            try check(statement)
            statements.append(statement)
        case .block(let syntax):
            // Nothing is known there of what this rule has matched.
            let rules = syntax.rules.compactMap { RuleChecker.check($0, family: family, sets: sets, into: &sink) }
            let chain = InlineChain(rules: rules)
            block = chain
            statements.append(.verdict(syntax.isJump ? .jump(chain.target) : .goto(chain.target), location: syntax.location))
        case .reject(let rejection):
            try add(rejection)
        case .match(let match):
            try add(match, into: &sink)
        case .verdictMap(let map):
            let (key, elements) = try lowered(map, .verdicts, into: &sink)
            statements.append(.verdictMap(VerdictMap(key: key, elements: elements, location: map.location)))
        case .assignment(let assignment):
            if assignment.selector.field.isMark { try addMark(assignment, into: &sink) } else { try add(assignment, into: &sink) }
        case .update(let update):
            try add(update, into: &sink)
        case .objectMap(let object):
            let (key, elements) = try lowered(object.map, .objects(object.kind), into: &sink)
            if case .anonymous(let elements) = elements { try sets.check(elements, of: object.kind) }
            statements.append(.objectMap(ObjectMap(kind: object.kind, key: key, elements: elements, location: object.map.location)))
        }
    }

    /// What a statement names has to be there.
    private func check(_ statement: Statement) throws(Diagnostic) {
        switch statement {
        case .object(let object, let location): try sets.check(object, location)
        case .connectionCount(_, let location) where family == .arp:
            throw Diagnostic(
                severity: .error, location: location, message: "ARP has no connections", note: "write it in a table inet, ip or ip6")
        default: break
        }
    }

    mutating func append(_ statement: Statement) { statements.append(statement) }

    /// The selector's field where it follows the tags that have been matched.
    func placed(_ selector: Selector) -> Field { context.placed(selector.field, of: selector.header) }

    /// nft concludes nothing from a map: it may hold several protocols.
    mutating func lowered(
        _ syntax: MapSyntax, _ use: SetUse, into sink: inout DiagnosticSink
    ) throws(Diagnostic) -> (key: MatchKey, elements: VerdictMap.Elements) {
        var key = try lowered(syntax.key, at: syntax.location, into: &sink)
        let selectors = syntax.key.selectors
        let isTurned = !key.isConcatenation && syntax.key.first.operations.last?.operator == .exclusiveOr
        try refuseBits(ofInterfacesIn: syntax.key)
        switch syntax.elements {
        case .named(let name, let location):
            try sets.check(name, use, for: selectors, location)
            if isTurned {
                throw Diagnostic(
                    severity: .error, location: location, message: "after '^' only elements written in the rule can be looked up",
                    note: "nft turns the bits of the bounds of an interval instead")
            }
            return (key, .named(name))
        case .anonymous(let entries):
            let checker = ElementChecker(selectors, use, isAnonymous: true, localTime: sets.localTime)
            let (elements, conflict) = checker.withoutDuplicates(
                try checker.elements(entries, hasIntervals: true), mayOverlap: false)
            if let conflict {
                throw Diagnostic(severity: .error, location: conflict.location, message: "the element overlaps another of the map")
            }
            if elements.isEmpty { throw Diagnostic(severity: .error, location: syntax.location, message: "the map is empty") }
            if let rest = elements.first(where: { $0.value == .any }), let selector = selectors.first(where: { $0.endsWithinLaterOctet }) {
                throw Diagnostic(
                    severity: .error, location: rest.location,
                    message: "'*' can't be used in a map of '\(selector.text)': the kernel refuses it",
                    note: "write the rest as a range")
            }
            if !syntax.key.first.operations.isEmpty,
                let prefix = elements.first(where: { if case .prefix = $0.value { true } else { false } })
            {
                throw Diagnostic(
                    severity: .error, location: prefix.location, message: "a mask with '&' and a prefix exclude each other")
            }
            guard isTurned else { return (key, .anonymous(elements)) }
            let turned = try elements.turned(by: key.first.xor)
            key.first.xor = 0
            return (key, .anonymous(turned))
        }
    }

    /// Puts what the key's fields depend on in front, for one after the other.
    private mutating func lowered(
        _ syntax: KeySyntax, at location: SourceLocation, into sink: inout DiagnosticSink
    ) throws(Diagnostic) -> MatchKey {
        let isConcatenation = syntax.components.count > 1
        if isConcatenation, MatchKey.octets(of: syntax.selectors.map(\.field)) > MatchKey.octetLimit {
            throw Diagnostic(
                severity: .error, location: syntax.location,
                message: "the parts take more than the \(MatchKey.octetLimit) octets of the kernel's registers")
        }
        var components: [MatchKey.Component] = []
        for component in syntax.components {
            let selector = component.selector
            if component.constant != nil {
                guard let number = component.number else {
                    throw Diagnostic(
                        severity: .error, location: component.location, message: "a constant is no part of this key",
                        note: "it may stand where a set with a name says what it is: ip saddr . 22 @set")
                }
                components.append(MatchKey.Component(selector.field, mask: 0, xor: number))
                continue
            }
            if isConcatenation, !selector.canBeKey {
                throw Diagnostic(
                    severity: .error, location: component.location, message: "'\(selector.text)' in a concatenation is not supported",
                    note: "write a match of its own")
            }
            try addDependencies(of: selector, component.location, location, into: &sink)
            if selector.needsKnownFamily {
                throw Diagnostic(
                    severity: .error, location: component.location, message: "'\(selector.text)' can only be compared with single values",
                    note: "nft needs the family for anything else: ct original ip saddr")
            }
            _ = try context.resolved(selector, component.location)
            var lowered = try ValueChecker(selector: selector).component(component)
            lowered.field = context.placed(selector.field, of: selector.header)
            try component.checkOrder()
            components.append(lowered)
        }
        return MatchKey(components[0], rest: Array(components.dropFirst()))
    }

    private mutating func add(_ syntax: SetUpdateSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        var syntax = syntax
        try syntax.key.resolveConstants(by: sets.declaration(of: syntax.set))
        let elementStatements = try sets.statements(of: syntax)
        let key = try lowered(syntax.key, at: syntax.location, into: &sink)
        try refuseBits(ofInterfacesIn: syntax.key)
        let data = try syntax.data.map { (data) throws(Diagnostic) in try lowered(data, of: syntax, into: &sink) }
        var update = SetUpdate(operation: syntax.operation, key: key, set: syntax.set, location: syntax.location)
        update.data = data
        update.meterSize = syntax.meterSize
        update.timeout = syntax.timeout
        update.statements = elementStatements
        statements.append(.update(update))
    }

    /// What the element of a map is mapped to; what the field depends on stands in front like what the key does.
    private mutating func lowered(
        _ data: SetUpdateSyntax.DataSyntax, of update: SetUpdateSyntax, into sink: inout DiagnosticSink
    ) throws(Diagnostic) -> SetUpdate.Data {
        switch data {
        case .field(let component):
            if component.selector.field.isInterface {
                throw Diagnostic(severity: .error, location: component.location, message: "rules can't put names into a map")
            }
            let key = try lowered(KeySyntax(components: [component], location: component.location), at: update.location, into: &sink)
            return .field(key.first)
        case .constant(let expression):
            guard let field = sets.declaration(of: update.set)?.data?.field, !field.isInterface else {
                throw Diagnostic(severity: .error, location: expression.location, message: "rules can't put names into a map")
            }
            return .constant(try ValueChecker(selector: Selector.reading(field)).number(expression), of: field)
        }
    }

    private func refuseBits(ofInterfacesIn key: KeySyntax) throws(Diagnostic) {
        guard let part = key.components.first(where: { $0.selector.field.isInterface && !$0.operations.isEmpty }) else { return }
        throw Diagnostic(severity: .error, location: part.location, message: "interface names have no bits")
    }

    private mutating func add(_ syntax: MatchSyntax, into sink: inout DiagnosticSink) throws(Diagnostic) {
        if syntax.key.components.count > 1 {
            var syntax = syntax
            if case .named(let name, _) = syntax.operand { try syntax.key.resolveConstants(by: sets.declaration(of: name)) }
            let key = try lowered(syntax.key, at: syntax.location, into: &sink)
            let (operand, elements) = try concatenationOperand(of: syntax)
            var match = Match(key: key, relation: try syntax.setRelation(), operand: operand, location: syntax.location)
            match.elements = elements
            statements.append(.match(match))
            return
        }
        var syntax = syntax
        try addDependencies(of: syntax.selector, syntax.key.first.location, syntax.location, into: &sink)
        let selector = try context.resolved(syntax.selector, syntax.key.first.location)
        if syntax.selector.needsKnownFamily { try syntax.refuseSets() }
        syntax.key.components[0].selector = selector
        let lowered = try MatchChecker(syntax, sets: sets).lowered()
        let field = context.placed(selector.field, of: selector.header)
        try conclude(from: lowered, of: syntax)
        let key = MatchKey(MatchKey.Component(field, mask: lowered.mask, xor: lowered.xor))
        var match = Match(
            key: key, relation: lowered.relation, operand: lowered.operand,
            order: syntax.comparison.flatMap { Order(rawValue: $0.rawValue) }, location: syntax.location)
        match.elements = lowered.elements
        let hasOperator = syntax.comparison != nil || !syntax.key.first.operations.isEmpty
        if joined.isHarmed(match, hasOperator: hasOperator) {
            throw Diagnostic(
                severity: .error, location: syntax.location, message: "flags without an operator next to a match of the neighbouring octet",
                note: "nft joins the two and then compares with ==; write 'tcp flags == …' or 'tcp flags & … != 0'")
        }
        if case .set(let values) = match.operand, values.contains(.any), selector.endsWithinLaterOctet {
            throw Diagnostic(
                severity: .error, location: syntax.location,
                message: "'*' can't be used in a set of '\(selector.text)': the kernel refuses it",
                note: "write the rest as a range")
        }
        statements.append(.match(match))
    }

    /// nft concludes nothing of a protocol from a concatenation either.
    private func concatenationOperand(of syntax: MatchSyntax) throws(Diagnostic) -> (Operand, elements: [SetElement]) {
        try refuseBits(ofInterfacesIn: syntax.key)
        switch syntax.operand {
        case .named(let name, let location):
            try sets.check(name, .membership, for: syntax.key.selectors, location)
            return (.named(name), [])
        case .set(let list, let location):
            let checker = ElementChecker(syntax.key.selectors, .membership, isAnonymous: true)
            let kept = try syntax.members(list.entries, checker, location).apart(by: checker)
            return (.set(kept.map(\.value)), kept.withStatements)
        case .element(let element):
            throw concatenationNeedsSet(at: element.location)
        case .list(_, let location), .masked(_, _, let location):
            throw concatenationNeedsSet(at: location)
        }
    }

    private func concatenationNeedsSet(at location: SourceLocation) -> Diagnostic {
        Diagnostic(
            severity: .error, location: location, message: "a concatenation can only be matched against a set",
            note: "put it in braces, or write one match after the other")
    }
}

extension StatementSyntax {
    /// nft refuses what follows any verdict but `continue`.
    fileprivate var isTerminal: Bool {
        switch self {
        case .plain(let statement): statement.traits.isTerminal
        case .match, .verdictMap, .update, .assignment, .objectMap: false
        case .block, .reject: true
        }
    }
}

extension [SetElement] {
    /// A map's elements for a key without the `^` that was its last operator.
    fileprivate func turned(by bits: UInt128) throws(Diagnostic) -> [SetElement] {
        var turned = self
        for index in turned.indices {
            switch turned[index].value {
            case .number, .any: turned[index].value = turned[index].value.turned(by: bits)
            case .range, .prefix, .interface, .concatenation:
                throw Diagnostic(
                    severity: .error, location: turned[index].location, message: "after '^' only single values can be looked up",
                    note: "nft turns the bits of the bounds of an interval instead")
            }
        }
        return turned
    }
}
