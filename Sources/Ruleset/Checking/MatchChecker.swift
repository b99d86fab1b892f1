/// Lowers one match of a single field as nft lowers it: masks, comparisons and sets become a mask, a relation and an operand.
struct MatchChecker {
    /// A match without its dependencies.
    struct Lowered {
        var mask: UInt128?
        var xor: UInt128 = 0
        var relation: Relation
        var operand: Operand
        /// Of a set some of whose elements have statements.
        var elements: [SetElement] = []
    }

    let syntax: MatchSyntax
    private let values: ValueChecker
    private let sets: SetDeclarations

    init(_ syntax: MatchSyntax, sets: SetDeclarations) {
        self.syntax = syntax
        self.sets = sets
        values = ValueChecker(selector: syntax.selector, localTime: sets.localTime)
    }

    private var operations: [(operator: ExpressionSyntax.Operator, operand: ExpressionSyntax)] { syntax.key.first.operations }
    private var type: ValueType { syntax.selector.type }

    func lowered() throws(Diagnostic) -> Lowered {
        if syntax.selector.field.isInterface { try checkInterfaceMatch() }
        let component = try values.component(syntax.key.first)
        var lowered = try lowered(mask: component.mask)
        lowered.xor = component.xor
        try syntax.key.first.checkOrder()
        if operations.last?.operator == .exclusiveOr, !lowered.hasNumbersAlone {
            throw values.failure(
                syntax.operand.location, "after '^' only single values and sets of them can be compared",
                note: "nft turns the bits of the bounds of an interval instead")
        }
        if operations.last?.operator == .exclusiveOr { lowered.turnValues() }
        return lowered
    }

    private func lowered(mask: UInt128?) throws(Diagnostic) -> Lowered {
        switch syntax.operand {
        case .list(let expressions, let location):
            return try single(.number(try bits(expressions, location)), mask, location)
        case .masked(let expressions, let maskExpressions, let location):
            return try masked(expressions, maskExpressions, location)
        case .element(let element):
            if let bounds = try values.overnight(element) { return try overnight(bounds, element.location) }
            return try single(try values.value(element), mask, element.location)
        case .set(let list, let location):
            let elements = list.entries
            if let timed = elements.first(where: { $0.timeout != nil }) {
                throw values.failure(timed.element.location, "timeouts are for elements of named sets with 'flags timeout'")
            }
            // nft takes a set of one element for the element.
            if elements.count == 1, let only = elements.first, only.isPlain, !only.element.isAny {
                return try single(try values.value(only.element), mask, only.element.location)
            }
            let found = try members(elements, location)
            return Lowered(
                mask: mask, relation: try syntax.setRelation(), operand: .set(found.map(\.value)), elements: found.withStatements)
        case .named(let name, let location):
            let relation = try syntax.setRelation()
            try sets.check(name, .membership, for: [syntax.selector], location)
            return Lowered(mask: mask, relation: relation, operand: .named(name))
        }
    }

    private func checkInterfaceMatch() throws(Diagnostic) {
        if let operation = operations.first { throw values.failure(operation.operand.location, "interface names have no bits") }
        switch syntax.comparison {
        case nil, .equal, .notEqual: break
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .negation:
            throw values.failure(syntax.location, "interface names are only equal or not", note: "accepted: ==, !=")
        }
    }

    /// The union of flags.
    private func bits(_ expressions: [ExpressionSyntax], _ location: SourceLocation) throws(Diagnostic) -> UInt128 {
        guard type.isBitmask else {
            throw values.failure(location, "only bits take a list without braces", note: "write a set: { a, b }")
        }
        var bits: UInt128 = 0
        for expression in expressions { bits |= try values.number(expression) }
        return bits
    }

    /// `flags / mask` is `& mask == flags`.
    private func masked(
        _ expressions: [ExpressionSyntax], _ maskExpressions: [ExpressionSyntax], _ location: SourceLocation
    ) throws(Diagnostic) -> Lowered {
        if !operations.isEmpty { throw values.failure(location, "a mask with '&' and one with '/' exclude each other") }
        let relation: Relation
        switch syntax.comparison {
        case nil, .equal: relation = .equal
        case .notEqual: relation = .notEqual
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .negation:
            throw values.failure(location, "with '/' bits are only equal or not", note: "accepted: ==, !=")
        }
        let value = try bits(expressions, location)
        return Lowered(mask: try bits(maskExpressions, location), relation: relation, operand: .single(.number(value)))
    }

    private func single(_ value: Value, _ mask: UInt128?, _ location: SourceLocation) throws(Diagnostic) -> Lowered {
        if case .prefix = value, !operations.isEmpty {
            throw values.failure(location, "a mask with '&' and a prefix exclude each other")
        }
        switch syntax.comparison {
        case nil:
            // Flags without an operator: any of them (nft's OP_IMPLICIT on a bitmask).
            if type.isBitmask, operations.isEmpty, case .number(let bits) = value {
                return Lowered(mask: bits, relation: .notEqual, operand: .single(.number(0)))
            }
            return Lowered(mask: mask, relation: .equal, operand: .single(value))
        case .equal:
            return Lowered(mask: mask, relation: .equal, operand: .single(value))
        case .notEqual:
            return Lowered(mask: mask, relation: .notEqual, operand: .single(value))
        case .negation:
            guard type.isBitmask, case .number(let bits) = value else {
                throw values.failure(syntax.location, "'!' is only for a single value of bits", note: "write !=")
            }
            return Lowered(mask: bits, relation: .equal, operand: .single(.number(0)))
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            guard case .number(let number) = value else { throw values.failure(location, "an order needs a single value") }
            return Lowered(mask: mask, relation: .equal, operand: .single(try range(number, location)))
        }
    }

    /// `<`, `<=`, `>` and `>=` as a range. nft takes those that no value fulfils; they can only be a mistake.
    private func range(_ number: UInt128, _ location: SourceLocation) throws(Diagnostic) -> Value {
        switch syntax.comparison {
        case .less where number > 0: return .range(0, number - 1)
        case .greater where number < values.maximum: return .range(number + 1, values.maximum)
        case .lessOrEqual: return .range(0, number)
        case .greaterOrEqual where number == 0 && type.isTime:
            throw values.failure(location, "every value of '\(syntax.selector.text)' fulfils this")
        case .greaterOrEqual: return .range(number, values.maximum)
        default:
            throw values.failure(location, "no value of '\(syntax.selector.text)' fulfils this", note: "values are 0 to \(values.maximum)")
        }
    }

    private func members(_ entries: [EntrySyntax], _ location: SourceLocation) throws(Diagnostic) -> [SetElement] {
        let checker = ElementChecker([syntax.selector], .membership, isAnonymous: true, localTime: sets.localTime)
        let members = try syntax.members(entries, checker, location)
        if !members.withStatements.isEmpty { return try members.apart(by: checker) }
        for (member, entry) in zip(members, entries) where !operations.isEmpty {
            if case .prefix = member.value {
                throw values.failure(entry.element.location, "a mask with '&' and a prefix exclude each other")
            }
        }
        return members
    }
}

extension KeySyntax.Component {
    /// What a `^` has turned over can only be compared: nft turns over the other side's bits in its place.
    func checkOrder() throws(Diagnostic) {
        guard let turned = operations.dropLast().first(where: { $0.operator == .exclusiveOr }) else { return }
        throw Diagnostic(severity: .error, location: turned.operand.location, message: "'^' must be the last operator")
    }
}

extension MatchChecker.Lowered {
    /// `field ^ bits == number` is `field == number ^ bits`.
    fileprivate mutating func turnValues() {
        switch operand {
        case .single(let value): operand = .single(value.turned(by: xor))
        case .set(let values):
            operand = .set(values.map { $0.turned(by: xor) })
            for index in elements.indices { elements[index].value = elements[index].value.turned(by: xor) }
        case .named: return
        }
        xor = 0
    }

    fileprivate var hasNumbersAlone: Bool {
        func isNumber(_ value: Value) -> Bool { if case .number = value { true } else { false } }
        return switch operand {
        case .single(let value): isNumber(value)
        case .set(let values): values.allSatisfy(isNumber)
        case .named: false
        }
    }
}

extension ElementSyntax {
    var isAny: Bool { if case .any = self { true } else { false } }
}

extension MatchSyntax {
    /// The relation to a set.
    func setRelation() throws(Diagnostic) -> Relation {
        switch comparison {
        case nil, .equal: return .equal
        case .notEqual: return .notEqual
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .negation:
            throw Diagnostic(
                severity: .error, location: operand.location, message: "a set is only matched or not",
                note: "accepted: no operator, ==, !=")
        }
    }

    /// The elements of an anonymous set.
    func members(_ entries: [EntrySyntax], _ checker: ElementChecker, _ location: SourceLocation) throws(Diagnostic) -> [SetElement] {
        func failure(_ location: SourceLocation, _ message: String, note: String? = nil) -> Diagnostic {
            Diagnostic(severity: .error, location: location, message: message, note: note)
        }
        guard !entries.isEmpty else { throw failure(location, "the set is empty") }
        var members: [SetElement] = []
        members.reserveCapacity(entries.count)
        for entry in entries {
            let place = entry.element.location
            if entry.verdict != nil { throw failure(place, "only maps have verdicts", note: "write: \(key.text) vmap { … }") }
            if entry.data != nil { throw failure(place, "only maps have mapped values") }
            if entry.timeout != nil || entry.expires != nil {
                throw failure(place, "elements with timeouts are for sets with a name", note: "declare a set, and write @name")
            }
            if entry.element.isAny, comparison == .notEqual {
                throw failure(place, "a set with '*' holds everything, so that nothing is outside of it")
            }
            var member = SetElement(value: try checker.value(entry.element), location: place)
            member.statements = entry.statements
            member.comment = entry.comment
            members.append(member)
        }
        return members
    }
}

extension [SetElement] {
    /// All of them if one has statements or a comment, else none.
    var withStatements: [SetElement] { contains { !$0.statements.isEmpty || $0.comment != nil } ? self : [] }

    /// Each once; throws where one overlaps another, whose statements would run as well.
    func apart(by checker: ElementChecker) throws(Diagnostic) -> [SetElement] {
        let (elements, conflict) = checker.withoutDuplicates(self, mayOverlap: false)
        guard let conflict else { return elements }
        throw Diagnostic(severity: .error, location: conflict.location, message: "the element overlaps another of the set")
    }
}

extension ValueChecker {
    /// The field with all that is done to its bits in one.
    func component(_ syntax: KeySyntax.Component) throws(Diagnostic) -> MatchKey.Component {
        var component = MatchKey.Component(selector.field)
        guard let first = syntax.operations.first else { return component }
        if selector.type.isTime { throw failure(first.operand.location, "'\(selector.text)' has no bits to be masked") }
        if selector.field.trailingBits > 0, selector.field.octets.count > 1 {
            throw failure(
                first.operand.location, "'\(selector.text)' can't be masked: it ends within its second octet or a later one",
                note: "what some versions of nft make of this never matches")
        }
        var mask = selector.field.allOnes
        for (operation, operand) in syntax.operations {
            let bits = try number(operand)
            switch operation {
            case .and:
                mask &= bits
                component.xor &= bits
            case .exclusiveOr: component.xor ^= bits
            case .or:
                mask &= ~bits
                component.xor = (component.xor & ~bits) | bits
            }
        }
        // A mask that was written stays, so that it is one when it has been printed and read.
        if syntax.operations.contains(where: { $0.operator != .exclusiveOr }) || component.xor == 0 { component.mask = mask }
        return component
    }
}

extension MatchSyntax {
    /// nft wants to know the family of an address in a set.
    func refuseSets() throws(Diagnostic) {
        switch operand {
        case .set, .named:
            throw Diagnostic(
                severity: .error, location: operand.location, message: "'\(selector.text)' can only be compared with single values",
                note: "nft needs the family for sets: \(selector.text.replacingLast(with: "ip"))")
        case .element, .list, .masked: return
        }
    }
}
