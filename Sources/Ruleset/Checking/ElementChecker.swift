/// What a set's elements lead to.
enum SetUse {
    case membership
    case verdicts
    /// Values of the selector's type.
    case values(Selector)
    case objects(NamedObject.Kind)

    /// What elements of such a set need.
    init(_ contents: NamedSet.Contents) {
        switch contents {
        case .keys: self = .membership
        case .verdicts: self = .verdicts
        case .values(let data): self = .values(Selector.reading(data.field))
        case .objects(let kind): self = .objects(kind)
        }
    }

    /// As rules ask for it.
    var word: String {
        switch self {
        case .membership: ""
        case .verdicts: "vmap "
        case .values, .objects: "map "
        }
    }

    var isMap: Bool { if case .membership = self { false } else { true } }
}

/// Reads the elements of one set or map as values, and holds them against each other.
struct ElementChecker {
    /// One for each component of the key.
    private let values: [ValueChecker]
    private let use: SetUse
    /// What elements without a counter of their own begin with; nil in a set that does not count.
    private let counter: SetElement.Counter?
    /// The set stands in a rule: each of its elements may have statements of its own.
    private let isAnonymous: Bool

    init(
        _ selectors: [Selector], _ use: SetUse, counter: SetElement.Counter? = nil, isAnonymous: Bool = false, localTime: LocalTime = .utc
    ) {
        values = selectors.map { ValueChecker(selector: $0, localTime: localTime) }
        self.use = use
        self.counter = counter
        self.isAnonymous = isAnonymous
    }

    private var isConcatenation: Bool { values.count > 1 }
    private var bitWidths: [Int] { values.map(\.selector.field.bitWidth) }

    /// True if addresses that the lexer has packed are elements of the set as they are: of its only field, with nothing of their own.
    func takes(_ literals: PackedLiterals, _ set: NamedSet) -> Bool {
        guard case .membership = use, !isConcatenation, counter == nil, !set.dynamics.changes else { return false }
        guard set.isInterval || !literals.hasIntervals else { return false }
        let field = values[0].selector.field
        guard field.bitWidth == literals.elements.bitWidth, field.isWholeOctets else { return false }
        switch (values[0].selector.type.form, literals.elements.content) {
        case (.ipv4, .ipv4), (.ipv6, .ipv6): return true
        default: return false
        }
    }

    private func failure(_ location: SourceLocation, _ message: String, note: String? = nil) -> Diagnostic {
        Diagnostic(severity: .error, location: location, message: message, note: note)
    }

    /// - Parameters:
    ///   - hasIntervals: Ranges, prefixes and wildcards are taken.
    ///   - dynamics: What elements may have of their own.
    func elements(
        _ entries: [EntrySyntax], hasIntervals: Bool, dynamics: SetDynamics = SetDynamics()
    ) throws(Diagnostic) -> [SetElement] {
        var elements: [SetElement] = []
        elements.reserveCapacity(entries.count)
        for entry in entries {
            let location = entry.element.location
            let value = try value(entry.element)
            if !hasIntervals, entry.element.isInterval || value.isWildcard {
                throw failure(location, "ranges, prefixes and wildcards are for sets with 'flags interval'")
            }
            try checkTimes(of: entry, dynamics)
            let statements = try statements(of: entry, dynamics)
            var element = SetElement(value: value, mapped: try mapped(of: entry), location: location)
            element.counter = try counter(of: entry, dynamics)
            element.comment = entry.comment
            element.timeout = entry.timeout
            element.expires = entry.expires
            element.statements = statements
            elements.append(element)
        }
        return elements
    }

    /// In a set that counts and does not change.
    private func counter(of entry: EntrySyntax, _ dynamics: SetDynamics) throws(Diagnostic) -> SetElement.Counter? {
        if dynamics.changes || isAnonymous { return nil }
        switch entry.statements.first {
        case nil: return counter
        case .counter(let packets, let bytes) where counter != nil && entry.statements.count == 1:
            return SetElement.Counter(packets: packets, bytes: bytes)
        case .counter, .limit, .quota, .last, .connectionCount:
            let words = entry.statements.map(\.kind.rawValue).joined(separator: " ")
            var failure = failure(entry.element.location, "a \(words) of an element needs '\(words)' in the declaration of its set")
            failure.isUnsupported = true
            throw failure
        }
    }

    private func checkTimes(of entry: EntrySyntax, _ dynamics: SetDynamics) throws(Diagnostic) {
        let location = entry.element.location
        if entry.timeout != nil || entry.expires != nil, !dynamics.hasTimeout {
            throw failure(location, "timeouts are for elements of sets with 'flags timeout'")
        }
        guard let expires = entry.expires else { return }
        guard let timeout = entry.timeout ?? dynamics.timeout else {
            throw failure(location, "'expires' needs a timeout, of the element or of its set")
        }
        if timeout == 0 { throw failure(location, "an element that stays for ever does not expire") }
        if expires > timeout { throw failure(location, "the element expires later than its timeout of \(Duration.text(of: timeout))") }
    }

    /// In a set that changes; none where they are the set's own.
    private func statements(of entry: EntrySyntax, _ dynamics: SetDynamics) throws(Diagnostic) -> [ElementStatement] {
        if isAnonymous {
            guard let first = entry.statements.first, case .objects = use else { return entry.statements }
            throw failure(entry.element.location, "elements of a map to objects have no '\(first.kind.rawValue)'")
        }
        guard dynamics.changes, !entry.statements.isEmpty else { return [] }
        let (own, location) = (dynamics.statements, entry.element.location)
        if own.isEmpty, !dynamics.isDynamic {
            let words = entry.statements.map(\.kind.rawValue).joined(separator: " ")
            throw failure(location, "a \(words) of an element needs '\(words)' in the declaration of its set")
        }
        guard own.isEmpty || own.map(\.kind) == entry.statements.map(\.kind) else {
            throw failure(location, "the set's elements have other statements: \(own.map(\.text).joined(separator: " "))")
        }
        return entry.statements == own ? [] : entry.statements
    }

    private func mapped(of entry: EntrySyntax) throws(Diagnostic) -> SetElement.Mapped {
        let location = entry.element.location
        switch use {
        case .membership:
            if entry.verdict != nil || entry.data != nil { throw failure(location, "a set's elements have no verdicts; a map's have") }
            return .nothing
        case .verdicts:
            if let verdict = entry.verdict { return .verdict(verdict) }
            guard let data = entry.data else {
                throw failure(location, "an element of a map without a verdict", note: "write: element : accept")
            }
            guard case .constant(let token) = data else { throw failure(data.location, "an expression is not a verdict") }
            let note = Words.advice(for: token.text, accepted: ["accept", "drop", "jump", "goto", "return", "continue"])
            throw failure(token.location, "'\(printable(token.text))' is not a verdict", note: note)
        case .values(let selector):
            if entry.verdict != nil { throw failure(location, "this map has \(selector.type.described) for each element, and no verdicts") }
            return .value(try value(of: entry, selector))
        case .objects(let kind): return .object(try Self.object(of: entry, kind))
        }
    }

    private func value(of entry: EntrySyntax, _ selector: Selector) throws(Diagnostic) -> Value {
        guard let data = entry.data else {
            throw failure(
                entry.element.location, "an element of a map without a value", note: "expected ': ' and \(selector.type.described)")
        }
        let value = try ValueChecker(selector: selector).value(.value(data))
        if value.isWildcard { throw failure(data.location, "an element is mapped to a single value") }
        return value
    }

    /// An element as the key's components have it.
    func value(_ element: ElementSyntax) throws(Diagnostic) -> Value {
        let count = values.count
        switch element {
        case .any: return .any
        case .concatenation(let parts, let location):
            guard count == parts.count else {
                throw failure(location, "\(parts.count) parts where \(count == 1 ? "one value is" : "\(count) are") expected")
            }
            var found: [Value] = []
            for (part, checker) in zip(parts, values) { found.append(try checker.value(part, isElement: true)) }
            return .concatenation(found)
        case .value, .range, .prefix:
            guard !isConcatenation else {
                throw failure(element.location, "one value where \(count) parts are expected", note: "join them with ' . '")
            }
            return try values[0].value(element, isElement: true)
        }
    }

    /// Leaves out what is there twice, and finds elements that overlap another or map the same to something else.
    /// - Returns: The elements in their order, and of the conflicts the one that is written first.
    func withoutDuplicates(
        _ elements: [SetElement], mayOverlap: Bool, timeout: UInt64? = nil
    ) -> (elements: [SetElement], conflict: SetElement?) {
        var elements = elements
        let bounds = elements.map { $0.value.bounds(bitWidths: bitWidths) }
        var isKept = Array(repeating: true, count: elements.count)
        var conflict: Int?
        if isConcatenation {
            conflict = BoxOverlap.conflict(in: elements, bounds, &isKept)
        } else {
            conflict = singleConflict(in: elements, bounds, mayOverlap: mayOverlap, &isKept)
        }
        let catchAlls = elements.indices.filter { bounds[$0].isEmpty }
        for index in catchAlls.dropFirst() {
            isKept[index] = false
            if elements[index].mapped != elements[catchAlls[0]].mapped { conflict = min(conflict ?? index, index) }
        }
        if elements.contains(where: { $0.timeout != nil || $0.expires != nil }) { renew(&elements, isKept, bounds, timeout) }
        let kept = elements.indices.filter { isKept[$0] }.map { elements[$0] }
        return (kept, conflict.map { elements[$0] })
    }

    /// An element that is added again takes the new timeout, and what is left of it (Linux 6.12, `nft_add_set_elem`).
    private func renew(_ elements: inout [SetElement], _ isKept: [Bool], _ bounds: [[ValueBounds]], _ timeout: UInt64?) {
        let first = Dictionary(elements.indices.filter { isKept[$0] }.map { (bounds[$0], $0) }) { first, _ in first }
        for index in elements.indices where !isKept[index] {
            guard let kept = first[bounds[index]], let new = elements[index].timeout ?? timeout,
                let old = elements[kept].timeout ?? timeout
            else { continue }
            if new != old || elements[index].expires != nil {
                elements[kept].timeout = elements[index].timeout
                elements[kept].expires = elements[index].expires
            }
        }
    }

    private func singleConflict(
        in elements: [SetElement], _ bounds: [[ValueBounds]], mayOverlap: Bool, _ isKept: inout [Bool]
    ) -> Int? {
        let bounds = bounds.map { $0.first ?? ValueBounds(low: 0, high: 0) }
        let order = elements.indices.filter { elements[$0].value != .any }
            .sorted { (bounds[$0].low, bounds[$0].high, $0) < (bounds[$1].low, bounds[$1].high, $1) }
        var conflict: Int?
        var highest: Int?
        for index in order {
            if let before = highest, bounds[index].low <= bounds[before].high {
                if bounds[index] == bounds[before] {
                    isKept[index] = false
                    if elements[index].mapped != elements[before].mapped { conflict = min(conflict ?? index, index) }
                } else if !mayOverlap {
                    let later = max(index, before)
                    conflict = min(conflict ?? later, later)
                }
            }
            if highest.map({ bounds[index].high > bounds[$0].high }) ?? true { highest = index }
        }
        return conflict
    }

    /// Elements that remain when neighbours and overlaps are joined; `*` is none of them.
    func mergedCount(_ elements: [SetElement]) -> Int {
        let elements = elements.filter { $0.value != .any }
        if isConcatenation { return elements.count }
        var count = 0
        var end: UInt128?
        for bounds in elements.compactMap({ $0.value.bounds(bitWidths: bitWidths).first }).sorted(by: { $0.low < $1.low }) {
            if let last = end, last == .max || bounds.low <= last + 1 {
                end = max(last, bounds.high)
            } else {
                count += 1
                end = bounds.high
            }
        }
        return count
    }

    /// Elements that hold the same have the same.
    func identity(of element: SetElement) -> [ValueBounds] { element.value.bounds(bitWidths: bitWidths) }
}

extension ElementSyntax {
    fileprivate var isInterval: Bool {
        switch self {
        case .value, .any: false
        case .range, .prefix: true
        case .concatenation(let parts, _): parts.contains(where: \.isInterval)
        }
    }
}
