/// Lowers one match as nft lowers it: masks, comparisons and sets become a mask, a relation and an operand.
struct MatchChecker {
    /// A match without its dependencies.
    struct Lowered {
        var mask: UInt128?
        var relation: Relation
        var operand: Operand
    }

    let syntax: MatchSyntax
    private let values: ValueChecker
    private let sets: SetDeclarations

    init(_ syntax: MatchSyntax, sets: SetDeclarations) {
        self.syntax = syntax
        self.sets = sets
        values = ValueChecker(selector: syntax.selector, localTime: sets.localTime)
    }

    private var type: ValueType { syntax.selector.type }

    func lowered() throws(Diagnostic) -> Lowered {
        if syntax.selector.field.isInterface { try checkInterfaceMatch() }
        let mask = try values.combined(syntax.masks)
        switch syntax.operand {
        case .list(let expressions, let location):
            return try single(.number(try bits(expressions, location)), mask, location)
        case .masked(let expressions, let maskExpressions, let location):
            return try masked(expressions, maskExpressions, mask, location)
        case .element(let element):
            if let bounds = try values.overnight(element) { return try overnight(bounds, element.location) }
            return try single(try values.value(element), mask, element.location)
        case .set(let elements, let location):
            if let timed = elements.first(where: { $0.timeout != nil }) {
                throw values.failure(timed.element.location, "timeouts are for elements of named sets with 'flags timeout'")
            }
            // nft takes a set of one element for the element.
            if elements.count == 1, let only = elements.first, only.verdict == nil {
                return try single(try values.value(only.element), mask, only.element.location)
            }
            return try set(elements, mask, location)
        case .named(let name, let location):
            try sets.check(name, isMap: false, for: syntax.selector, location)
            return Lowered(mask: mask, relation: try setRelation(location), operand: .named(name))
        }
    }

    private func checkInterfaceMatch() throws(Diagnostic) {
        if let mask = syntax.masks.first { throw values.failure(mask.location, "interface names have no bits") }
        switch syntax.comparison {
        case nil, .equal, .notEqual: break
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .negation:
            throw values.failure(syntax.location, "interface names are only equal or not", note: "accepted: ==, !=")
        }
    }

    /// The union of flags.
    private func bits(_ expressions: [ExpressionSyntax], _ location: SourceLocation) throws(Diagnostic) -> UInt128 {
        guard type.isBitmask else {
            throw values.failure(location, "a list without braces is for bits alone", note: "write a set: { a, b }")
        }
        var bits: UInt128 = 0
        for expression in expressions { bits |= try values.number(expression) }
        return bits
    }

    /// `flags / mask` is `& mask == flags`.
    private func masked(
        _ expressions: [ExpressionSyntax], _ maskExpressions: [ExpressionSyntax], _ outer: UInt128?, _ location: SourceLocation
    ) throws(Diagnostic) -> Lowered {
        if outer != nil { throw values.failure(location, "a mask with '&' and one with '/' exclude each other") }
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
        if case .prefix = value, mask != nil {
            throw values.failure(location, "a mask with '&' and a prefix exclude each other")
        }
        switch syntax.comparison {
        case nil:
            // Flags without an operator: any of them (nft's OP_IMPLICIT on a bitmask).
            if type.isBitmask, mask == nil, case .number(let bits) = value {
                return Lowered(mask: bits, relation: .notEqual, operand: .single(.number(0)))
            }
            return Lowered(mask: mask, relation: .equal, operand: .single(value))
        case .equal:
            return Lowered(mask: mask, relation: .equal, operand: .single(value))
        case .notEqual:
            return Lowered(mask: mask, relation: .notEqual, operand: .single(value))
        case .negation:
            guard type.isBitmask, case .number(let bits) = value else {
                throw values.failure(syntax.location, "'!' is for a single value of bits alone", note: "write !=")
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

    private func setRelation(_ location: SourceLocation) throws(Diagnostic) -> Relation {
        switch syntax.comparison {
        case nil, .equal: return .equal
        case .notEqual: return .notEqual
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .negation:
            throw values.failure(location, "a set is only matched or not", note: "accepted: no operator, ==, !=")
        }
    }

    private func set(_ entries: [EntrySyntax], _ mask: UInt128?, _ location: SourceLocation) throws(Diagnostic) -> Lowered {
        let relation = try setRelation(location)
        guard !entries.isEmpty else { throw values.failure(location, "the set is empty") }
        var members: [Value] = []
        members.reserveCapacity(entries.count)
        for entry in entries {
            guard entry.verdict == nil else {
                throw values.failure(
                    entry.element.location, "a verdict stands in a map alone", note: "write: \(syntax.selector.text) vmap { … }")
            }
            let value = try values.value(entry.element)
            if case .prefix = value, mask != nil {
                throw values.failure(entry.element.location, "a mask with '&' and a prefix exclude each other")
            }
            members.append(value)
        }
        return Lowered(mask: mask, relation: relation, operand: .set(members))
    }
}

extension ValueChecker {
    /// All masks in one; nil if there is none.
    func combined(_ masks: [ExpressionSyntax]) throws(Diagnostic) -> UInt128? {
        guard let first = masks.first else { return nil }
        if selector.type.isTime { throw failure(first.location, "'\(selector.text)' has no bits to be masked") }
        if selector.field.trailingBits > 0, selector.field.octets.count > 1 {
            throw failure(
                first.location, "'\(selector.text)' can't be masked: it ends within its second octet or a later one",
                note: "what nft 1.0.6 makes of this never matches")
        }
        var mask = try number(first)
        for other in masks.dropFirst() { mask &= try number(other) }
        return mask
    }
}
