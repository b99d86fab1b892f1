/// Brings a rule into the form in which nft lists what the kernel holds of it, as far as that form reads back as the same rule.
///
/// A match that nft would add by itself is marked as implied, whether or not it was written; one that nft lists although it
/// would add it is not.
struct CanonicalRule {
    private var context: ProtocolContext
    private var statements: [Statement]
    private let family: Family

    /// The statements in canonical form, in the order in which they were.
    static func statements(_ statements: [Statement], family: Family) -> [Statement] {
        var rule = CanonicalRule(statements: statements, family: family)
        rule.normalise()
        rule.context = ProtocolContext(family: family)
        rule.markImplied()
        return rule.statements
    }

    private init(statements: [Statement], family: Family) {
        context = ProtocolContext(family: family)
        self.family = family
        self.statements = statements
    }

    /// Every statement by itself.
    private mutating func normalise() {
        for index in statements.indices {
            switch statements[index] {
            case .match(var match) where match.key.isConcatenation:
                match.key.name(in: context)
                statements[index] = .match(match)
                if !match.elements.isEmpty {
                    match.sort(match.elements.canonical(of: match.key))
                    statements[index] = .match(match)
                } else if case .set(let values) = match.operand {
                    let fields = match.key.components.map(\.field)
                    match.operand = .set(values.filter { $0 != .any }.map { $0.canonical(for: fields) } + values.filter { $0 == .any })
                    statements[index] = .match(match)
                }
            case .match(var match):
                match.normalise(in: context, hasFollowers: statements[(index + 1)...].contains(where: \.mayDepend))
                statements[index] = .match(match)
                context.conclude(from: match)
            case .verdictMap(var map):
                map.key.name(in: context)
                if case .anonymous(let elements) = map.elements {
                    map.elements = .anonymous(elements.canonical(of: map.key))
                }
                statements[index] = .verdictMap(map)
            case .objectMap(var map):
                map.key.name(in: context)
                if case .anonymous(let elements) = map.elements {
                    map.elements = .anonymous(elements.canonical(of: map.key))
                }
                statements[index] = .objectMap(map)
            case .assignment(var assignment):
                assignment.name(in: context)
                if case .mapped(var map) = assignment.value, case .anonymous(let elements) = map.elements {
                    map.key.name(in: context)
                    map.elements = .anonymous(elements.canonical(of: map.key))
                    assignment.value = .mapped(map)
                }
                statements[index] = .assignment(assignment)
            default: break
            }
        }
    }

    private mutating func markImplied() {
        // The statement before which matches are implied.
        var owner = -1
        for index in statements.indices {
            if owner <= index {
                let count = impliedCount(at: index)
                if count > 0 { owner = index + count }
            }
            guard case .match(var match) = statements[index] else { continue }
            if index < owner {
                match.isImplied = true
            } else if match.isImplied, let next = statements[index...].lazy.compactMap(\.writtenSelector).first,
                next.lists(match, in: family)
            {
                match.isImplied = false
            }
            statements[index] = .match(match)
            context.conclude(from: match)
        }
    }

    /// How many statements from here on the one after them would bring with it.
    private func impliedCount(at index: Int) -> Int {
        for count in stride(from: min(3, statements.count - 1 - index), through: 1, by: -1) {
            guard let selector = statements[index + count].selector else { continue }
            let dependencies = context.dependencies(of: selector)
            guard dependencies.count == count else { continue }
            let isSame = zip(dependencies, statements[index...]).allSatisfy { dependency, statement in
                guard case .match(let match) = statement, dependency.numbers.count == 1, !selector.lists(match, in: family) else {
                    return false
                }
                return match.field == dependency.field && match.mask == nil && match.key.first.xor == 0
                    && match.relation == .equal
                    && match.operand == .single(.number(dependency.numbers[0]))
            }
            if isSame { return count }
        }
        return 0
    }
}

extension Statement {
    /// The selector whose header has to be there first; of a concatenation, what was written before it stays written.
    fileprivate var selector: Selector? {
        switch self {
        case .match(let match) where !match.key.isConcatenation: Selector.reading(match.field)
        case .verdictMap(let map) where !map.key.isConcatenation: Selector.reading(map.field)
        case .objectMap(let map) where !map.key.isConcatenation: Selector.reading(map.key.first.field)
        default: nil
        }
    }

    /// True if what precedes it may decide what it means.
    fileprivate var mayDepend: Bool {
        if let selector { return selector.header != nil }
        switch self {
        case .counter, .verdict: return false
        default: return true
        }
    }

    /// The same, if it is no match that is implied.
    fileprivate var writtenSelector: Selector? {
        switch self {
        case .match(let match) where match.isImplied: nil
        case .match(let match): Selector.reading(match.field)
        case .verdictMap(let map): Selector.reading(map.field)
        case .objectMap(let map): Selector.reading(map.key.first.field)
        default: nil
        }
    }
}

extension Selector {
    /// True if nft lists the match before this selector, though the selector implies it.
    fileprivate func lists(_ match: Match, in family: Family) -> Bool {
        if case .set = match.operand { return true }
        // Where the family says which protocol it is, nothing before it does.
        guard family.network == nil else { return false }
        if match.field.words == Field.etherType.words { return field.words == Field.vlanType.words || header == .igmp }
        return match.field == .metaNfproto && header == .igmp
    }
}

extension ProtocolContext {
    /// What the selector needs before it here; nothing where it can't stand.
    fileprivate func dependencies(of selector: Selector) -> [Dependency] {
        var trial = self
        guard let header = selector.header, let dependencies = try? trial.require(header) else { return [] }
        guard let message = try? trial.requireMessage(of: selector) else { return dependencies }
        return dependencies + [message]
    }

    /// Takes note of what a match says of the headers; only equalities with numbers do.
    fileprivate mutating func conclude(from match: Match) {
        guard match.mask == nil, match.key.first.xor == 0, !match.key.isConcatenation, match.relation == .equal else { return }
        switch match.operand {
        case .single(.number(let number)): conclude(from: match.field, number)
        case .set(let values):
            for case .number(let number) in values { conclude(from: match.field, number) }
        case .single, .named: break
        }
    }
}

extension Match {
    fileprivate mutating func normalise(in context: ProtocolContext, hasFollowers: Bool) {
        if elements.isEmpty { widenRawBits() }
        field = renamed(in: context)
        let selector = Selector.reading(field)
        if !elements.isEmpty {
            let isInterval = elements.contains { $0.value.isInterval } && !elements.contains { $0.value == .any }
            return sort(isInterval ? elements.joinedApart(for: selector) : elements.canonical(of: key))
        }
        switch operand {
        case .single(let value): normalise(value, of: selector)
        case .set(let values):
            var sorted = self
            let elements = values.canonical(for: selector)
            // nft keeps the braces of elements that have become one. Read again they are gone, which is the same but for flags, that
            // have no operator then, and for what other matches depend on.
            let isTheSame = !selector.type.isBitmask && selector.conclusion == nil
            sorted.operand = elements.count == 1 && values.count > 1 && !isTheSame ? .single(elements[0]) : .set(elements)
            // What follows may depend on the last of the protocols.
            var (before, after) = (context, context)
            before.conclude(from: self)
            after.conclude(from: sorted)
            if !hasFollowers || before.isSame(as: after) { self = sorted }
        case .named: break
        }
    }

    /// Puts the elements, which have statements, into this order.
    fileprivate mutating func sort(_ sorted: [SetElement]) {
        elements = sorted
        operand = .set(sorted.map(\.value))
    }

    private mutating func normalise(_ value: Value, of selector: Selector) {
        guard key.first.xor == 0 else { return }
        switch value {
        case .prefix(let base, let length):
            guard mask == nil, !selector.keepsPrefix(of: length) else { return }
            mask = Self.mask(of: length, in: field)
            operand = .single(.number(base))
        case .number(let number):
            guard let mask else { return }
            if selector.type.hasPrefixes, number & ~mask == 0 {
                let length = mask.nonzeroBitCount
                if length > 0, length < field.bitWidth, mask == Self.mask(of: length, in: field) {
                    self.mask = nil
                    operand = .single(.prefix(number, length: length))
                }
            }
            if mask == field.allOnes, field.isWholeOctets, selector.conclusion == nil, !(selector.type.isBitmask && number == 0) {
                self.mask = nil
            }
        case .range, .interface, .concatenation, .any: break
        }
    }

    private static func mask(of length: Int, in field: Field) -> UInt128 {
        let host = UInt128(field.bitWidth - length)
        return host >= 128 ? 0 : (field.allOnes >> host) << host
    }

    /// Raw bits and ports of no known header by the name that they have in the header that has been matched.
    private func renamed(in context: ProtocolContext) -> Field {
        if field.words == Field.vlanCfi.words { return Field(like: .vlanDei, at: field) }
        guard case .payload(let header, _) = field.source, field.words.hasPrefix("@") || field == .thSport || field == .thDport else {
            return field
        }
        switch operand {
        case .single(.prefix), .named: return field
        case .single, .set: break
        }
        return field.named(in: context, header) ?? field
    }
}

extension Selector {
    /// True if nft writes such a prefix as one: it sees them by the octets that are loaded, and otherwise a mask.
    fileprivate func keepsPrefix(of length: Int) -> Bool {
        if type == .ipv4 || type == .ipv6 || length == 0 || length == field.bitWidth || field.words.hasPrefix("@") { return true }
        if case .payload = field.source { return length % 8 == 0 }
        return false
    }
}

extension Field {
    /// The name of the one in the place of the other.
    fileprivate init(like name: Field, at place: Field) {
        guard case .payload(_, let offset) = place.source, case .payload(_, let start) = name.source else {
            self = name
            return
        }
        self = name.moved(byBits: offset - start)
    }
}
