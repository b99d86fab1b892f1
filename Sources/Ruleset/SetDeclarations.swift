/// What rules have to know of the sets and objects of their table, and of the time zone that their texts are written in.
struct SetDeclarations {
    let localTime: LocalTime
    private var known: [String: (key: SetKey, isMap: Bool)] = [:]
    private var objects: Set<ObjectReference> = []

    init(localTime: LocalTime) {
        self.localTime = localTime
    }

    /// False if there is one of this kind and name.
    mutating func declare(_ object: NamedObject) -> Bool {
        objects.insert(ObjectReference(kind: object.kind, name: object.name)).inserted
    }

    /// Whether a rule may name the object.
    func check(_ object: ObjectReference, _ location: SourceLocation) throws(Diagnostic) {
        guard !objects.contains(object) else { return }
        let (kind, name) = (object.kind.rawValue, printable(object.name))
        let others = objects.filter { $0.kind == object.kind }.map(\.name).sorted()
        throw Diagnostic(
            severity: .error, location: location, message: "there is no \(kind) '\(name)' in this table so far",
            note: Words.nearest(to: object.name, among: others).map { "did you mean '\($0)'?" }
                ?? "declare it in the table: \(kind) \(name) { … }")
    }

    private var declared: [String: NamedSet] = [:]

    mutating func declare(_ set: NamedSet) {
        known[set.name] = (set.key, set.isVerdictMap)
        declared[set.name] = set
    }

    /// The set as it was declared, without its elements.
    func declaration(of name: String) -> NamedSet? { declared[name] }

    mutating func remove(_ name: String) { known[name] = nil }

    /// Whether a rule may name the set for that selector.
    func check(_ name: String, isMap: Bool, for selector: Selector, _ location: SourceLocation) throws(Diagnostic) {
        let what = isMap ? "map" : "set"
        guard let set = known[name] else {
            let near = Words.nearest(to: name, among: known.filter { $0.value.isMap == isMap }.keys.sorted())
            throw Diagnostic(
                severity: .error, location: location, message: "there is no \(what) '\(printable(name))' in this table so far",
                note: near.map { "did you mean '@\($0)'?" })
        }
        guard set.isMap == isMap else {
            throw Diagnostic(
                severity: .error, location: location, message: "'\(printable(name))' is \(isMap ? "a set and no map" : "a map and no set")",
                note: isMap ? nil : "write: \(selector.text) vmap @\(printable(name))")
        }
        guard set.key.fits(selector) else {
            throw Diagnostic(
                severity: .error, location: location,
                message: "the \(what) '\(printable(name))' has other elements than '\(selector.text)': \(set.key.text)")
        }
    }
}

/// Reads the elements of one named set or verdict map as values, and holds them against each other.
struct ElementChecker {
    private let values: ValueChecker
    private let bitWidth: Int

    init(_ selector: Selector, localTime: LocalTime = .utc) {
        values = ValueChecker(selector: selector, localTime: localTime)
        bitWidth = selector.field.bitWidth
    }

    /// - Parameters:
    ///   - isMap: Each element has a verdict, else none has.
    ///   - hasIntervals: Ranges, prefixes and wildcards are taken.
    ///   - hasTimeouts: Elements may have timeouts of their own.
    func elements(_ entries: [EntrySyntax], isMap: Bool, hasIntervals: Bool, hasTimeouts: Bool = false) throws(Diagnostic) -> [SetElement] {
        var elements: [SetElement] = []
        elements.reserveCapacity(entries.count)
        for entry in entries {
            let location = entry.element.location
            if isMap, entry.verdict == nil {
                throw values.failure(location, "an element of a map without a verdict", note: "write: element : accept")
            }
            if !isMap, entry.verdict != nil { throw values.failure(location, "a set's elements have no verdicts; a map's have") }
            let value = try values.value(entry.element)
            if !hasIntervals, entry.element.isInterval || value.isWildcard {
                throw values.failure(location, "ranges, prefixes and wildcards are for sets with 'flags interval'")
            }
            if entry.timeout != nil, !hasTimeouts {
                throw values.failure(location, "timeouts are for elements of sets with 'flags timeout'")
            }
            elements.append(SetElement(value: value, verdict: entry.verdict, timeout: entry.timeout, location: location))
        }
        return elements
    }

    /// Leaves out what is there twice, and finds elements that overlap another or map the same to something else.
    /// - Returns: The elements in their order, and of the conflicts the one that is written first.
    func withoutDuplicates(_ elements: [SetElement], mayOverlap: Bool) -> (elements: [SetElement], conflict: SetElement?) {
        let bounds = elements.map { $0.value.bounds(bitWidth: bitWidth) }
        let order = elements.indices.sorted { (bounds[$0].low, bounds[$0].high, $0) < (bounds[$1].low, bounds[$1].high, $1) }
        var isKept = Array(repeating: true, count: elements.count)
        var conflict: Int?
        var highest: Int?
        for index in order {
            if let before = highest, bounds[index].low <= bounds[before].high {
                if bounds[index] == bounds[before] {
                    isKept[index] = false
                    if elements[index].verdict != elements[before].verdict { conflict = min(conflict ?? index, index) }
                } else if !mayOverlap {
                    let later = max(index, before)
                    conflict = min(conflict ?? later, later)
                }
            }
            if highest.map({ bounds[index].high > bounds[$0].high }) ?? true { highest = index }
        }
        let kept = elements.indices.filter { isKept[$0] }.map { elements[$0] }
        return (kept, conflict.map { elements[$0] })
    }

    /// Elements that remain when neighbours and overlaps are joined.
    func mergedCount(_ elements: [SetElement]) -> Int {
        var count = 0
        var end: UInt128?
        for bounds in elements.map({ $0.value.bounds(bitWidth: bitWidth) }).sorted(by: { $0.low < $1.low }) {
            if let last = end, last == .max || bounds.low <= last + 1 {
                end = max(last, bounds.high)
            } else {
                count += 1
                end = bounds.high
            }
        }
        return count
    }
}

extension ElementSyntax {
    fileprivate var isInterval: Bool {
        switch self {
        case .value: false
        case .range, .prefix: true
        }
    }
}

/// The first and the last number that a value holds.
struct ValueBounds: Hashable {
    var low: UInt128
    var high: UInt128
}

extension Value {
    fileprivate var isWildcard: Bool {
        if case .interface(_, isPrefix: true) = self { true } else { false }
    }

    /// Names are their bytes, as nft compares them: a wildcard is the range of all that begin so.
    func bounds(bitWidth: Int) -> ValueBounds {
        switch self {
        case .number(let number): return ValueBounds(low: number, high: number)
        case .range(let low, let high): return ValueBounds(low: low, high: high)
        case .prefix(let base, let length):
            let host = max(0, bitWidth - length)
            return ValueBounds(low: base, high: host >= 128 ? .max : base | ((1 << UInt128(host)) - 1))
        case .interface(let name, let isPrefix):
            let bytes = name.utf8.prefix(16)
            let base = bytes.reduce(0 as UInt128) { $0 << 8 | UInt128($1) } << UInt128((16 - bytes.count) * 8)
            guard isPrefix, bytes.count < 16 else { return ValueBounds(low: base, high: base) }
            return ValueBounds(low: base, high: base | (.max >> UInt128(bytes.count * 8)))
        }
    }
}
