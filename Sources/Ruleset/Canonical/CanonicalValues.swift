// Values and sets in the form in which nft lists what the kernel holds, as far as that form says the same.

extension Value {
    /// Masks by octets are prefixes, all others are masks, and a range of addresses that is a prefix is one.
    ///
    /// - Parameter isInSet: In sets prefixes are ranges, and ranges of one are single values.
    func canonical(for selector: Selector, isInSet: Bool) -> Value {
        guard isInSet else { return self }
        switch self {
        case .range(let low, let high):
            if low == high { return .number(low) }
            return selector.type.hasPrefixes ? Self.canonicalAddresses(low, high, bitWidth: selector.field.bitWidth) : self
        case .prefix(_, let length) where length == selector.field.bitWidth:
            return .number(bounds(of: selector.field).low)
        case .prefix where !selector.type.hasPrefixes:
            let bounds = bounds(of: selector.field)
            return .range(bounds.low, bounds.high)
        case .number, .prefix, .interface, .concatenation, .any: return self
        }
    }

    /// Each part of a concatenation as in a set.
    func canonical(for fields: [Field]) -> Value {
        guard case .concatenation(let parts) = self else { return self }
        return .concatenation(zip(parts, fields).map { $0.canonical(for: Selector.reading($1), isInSet: true) })
    }

    /// Addresses in the form that elements of sets have: a number, a prefix, or else a range.
    static func canonicalAddresses(_ low: UInt128, _ high: UInt128, bitWidth: Int) -> Value {
        if low == high { return .number(low) }
        return prefixLength(low, high, bitWidth: bitWidth).map { .prefix(low, length: $0) } ?? .range(low, high)
    }

    /// The length of the prefix that is the whole range, if there is one.
    private static func prefixLength(_ low: UInt128, _ high: UInt128, bitWidth: Int) -> Int? {
        let host = low ^ high
        guard host & (host &+ 1) == 0, low & host == 0, high & host == host else { return nil }
        return bitWidth - (UInt128.bitWidth - host.leadingZeroBitCount)
    }

    /// Ranges, prefixes and wildcards: a set with one of them is one of intervals.
    var isInterval: Bool {
        switch self {
        case .range, .prefix, .interface(_, isPrefix: true): true
        case .number, .interface, .concatenation, .any: false
        }
    }
}

/// The order in which nft lists elements.
struct ElementOrder {
    let selector: Selector
    /// Names are compared by their first octets in sets of intervals, and elsewhere as the machine's own numbers.
    let isInterval: Bool

    private func key(_ value: Value) -> (UInt128, UInt128) {
        if case .number(let number) = value, selector.type.isBitmask {
            // Flags in combination stand where their first one stands.
            return (number & (~number &+ 1), number)
        }
        if case .interface(let name, isPrefix: false) = value, !isInterval {
            return (name.utf8.prefix(16).reversed().reduce(0) { $0 << 8 | UInt128($1) }, 0)
        }
        let bounds = value.bounds(of: selector.field)
        return (bounds.low, bounds.high)
    }

    func sorted<Element>(_ elements: [Element], by value: (Element) -> Value) -> [Element] {
        let keyed = elements.map { (key: key(value($0)), element: $0) }
        return keyed.sorted { $0.key < $1.key }.map(\.element)
    }
}

extension Array where Element == Value {
    /// An anonymous set's elements: sorted, each once, and in a set of intervals neighbours joined.
    func canonical(for selector: Selector) -> [Value] {
        if contains(.any) { return filter { $0 != .any }.canonical(for: selector) + [.any] }
        let hasIntervals = contains(where: \.isInterval)
        guard hasIntervals else {
            return ElementOrder(selector: selector, isInterval: false).sorted(uniqued()) { $0 }
        }
        return joined(for: selector)
    }

    /// Sorted intervals with neighbours and overlaps joined.
    func joined(for selector: Selector) -> [Value] {
        var joined: [(value: Value, bounds: ValueBounds)] = []
        let sorted = map { (value: $0, bounds: $0.bounds(of: selector.field)) }.sorted {
            ($0.bounds.low, $0.bounds.high) < ($1.bounds.low, $1.bounds.high)
        }
        for (value, bounds) in sorted {
            guard let last = joined.last else {
                joined.append((value, bounds))
                continue
            }
            if bounds.high <= last.bounds.high { continue }
            let touches = last.bounds.high == .max || bounds.low <= last.bounds.high + 1
            if touches, !selector.field.isInterface {
                let both = ValueBounds(low: last.bounds.low, high: bounds.high)
                joined[joined.count - 1] = (.range(both.low, both.high), both)
            } else {
                joined.append((value, bounds))
            }
        }
        return joined.map { $0.value.canonical(for: selector, isInSet: true) }
    }
}

extension NamedSet {
    /// The elements in nft's order; with `auto-merge` joined.
    var canonicalElements: [SetElement] {
        let elements = Array(elements)
        // The first of overlapping concatenations is found, so that they stay in their order.
        if !key.rest.isEmpty { return elements.canonical(ofConcatenated: key.fields) }
        if elements.contains(where: { $0.value == .any }) {
            var others = self
            others.elements.removeAll { $0.value == .any }
            return others.canonicalElements + elements.filter { $0.value == .any }
        }
        let selector = Selector.reading(key.field)
        guard isInterval else { return ElementOrder(selector: selector, isInterval: false).sorted(elements) { $0.value } }
        if mergesElements, !isMap, dynamics.changes { return elements.joinedApart(for: selector) }
        if mergesElements, !isMap {
            let places = Dictionary(
                elements.map { ($0.value.bounds(of: selector.field).low, $0.location) }
            ) { first, _ in first }
            return elements.map(\.value).joined(for: selector).map { value in
                let low = value.bounds(of: selector.field).low
                return SetElement(value: value, location: places[low] ?? location)
            }
        }
        return elements.canonical(for: selector)
    }
}

extension Array where Element == SetElement {
    /// Sorted intervals with neighbours and overlaps joined, each with what the first of them has beside its key (nft's `set_automerge`).
    func joinedApart(for selector: Selector) -> [SetElement] {
        let sorted = enumerated().map { (bounds: $1.value.bounds(of: selector.field), offset: $0, element: $1) }
            .sorted { ($0.bounds.low, $0.offset) < ($1.bounds.low, $1.offset) }
        var joined: [(bounds: ValueBounds, element: SetElement)] = []
        for (bounds, _, element) in sorted {
            guard let last = joined.last, !selector.field.isInterface else {
                joined.append((bounds, element))
                continue
            }
            if bounds.high <= last.bounds.high { continue }
            if last.bounds.high == .max || bounds.low <= last.bounds.high + 1 {
                let both = ValueBounds(low: last.bounds.low, high: bounds.high)
                joined[joined.count - 1].bounds = both
                joined[joined.count - 1].element.value = .range(both.low, both.high)
            } else {
                joined.append((bounds, element))
            }
        }
        return joined.map { _, element in
            var element = element
            element.value = element.value.canonical(for: selector, isInSet: true)
            return element
        }
    }

    /// In their order, but for `*`, which comes last.
    func canonical(ofConcatenated fields: [Field]) -> [SetElement] {
        let elements = map { element in
            var element = element
            element.value = element.value.canonical(for: fields)
            return element
        }
        return elements.filter { $0.value != .any } + elements.filter { $0.value == .any }
    }

    func canonical(of key: MatchKey) -> [SetElement] {
        key.isConcatenation ? canonical(ofConcatenated: key.components.map(\.field)) : canonical(for: Selector.reading(key.first.field))
    }

    /// A map's elements, or a set's that are not to be joined.
    func canonical(for selector: Selector) -> [SetElement] {
        if contains(where: { $0.value == .any }) {
            return filter { $0.value != .any }.canonical(for: selector) + filter { $0.value == .any }
        }
        let isInterval = contains { $0.value.isInterval }
        let values = map { element in
            var element = element
            element.value = element.value.canonical(for: selector, isInSet: true)
            return element
        }
        return ElementOrder(selector: selector, isInterval: isInterval).sorted(values) { $0.value }
    }
}
