import Ruleset

/// The number of which the low `count` bits are ones.
private func ones(_ count: Int) -> UInt128 {
    count >= UInt128.bitWidth ? .max : (UInt128(1) << UInt128(max(0, count))) &- 1
}

/// The operand's values; those of a named set are looked up in its table.
func values(of match: Match, in sets: [String: NamedSet]) throws(ProgramError) -> [Value] {
    switch match.operand {
    case .single(let value): return [value]
    case .set(let values): return values
    case .named(let name):
        guard let set = sets[name] else { throw ProgramError(reason: .unknownSet(name), location: match.location) }
        return set.elements.map(\.value)
    }
}

/// The operand as intervals of the field's octets, ascending, none of them touching another. `*` is all of them.
func merged(_ match: Match, in sets: [String: NamedSet]) throws(ProgramError) -> [Interval] {
    if case .named(let name) = match.operand, let set = sets[name], !set.isMap, let packed = set.elements.packed,
        packed.bitWidth == match.field.bitWidth
    {
        return merged(packed, shift: UInt128(match.field.trailingBits))
    }
    return try merged(values(of: match, in: sets), of: match)
}

/// Packed elements are sorted.
private func merged(_ packed: PackedElements, shift: UInt128) -> [Interval] {
    var merged: [Interval] = []
    merged.reserveCapacity(packed.count)
    func add(_ low: UInt128, _ high: UInt128) {
        let interval = Interval(low: low << shift, high: high << shift)
        if let last = merged.last, interval.low <= last.high || interval.low == last.high &+ 1 {
            merged[merged.count - 1].high = max(last.high, interval.high)
        } else {
            merged.append(interval)
        }
    }
    switch packed.content {
    case .ipv4(let elements): for element in elements { add(UInt128(element.low), UInt128(element.high)) }
    case .ipv6(let elements): for element in elements { add(element.low, element.high) }
    }
    return merged
}

/// Values as intervals of the field's octets, ascending, none of them touching another. `*` is all of them.
private func merged(_ values: [Value], of match: Match) throws(ProgramError) -> [Interval] {
    var intervals: [Interval] = []
    for value in values {
        if let interval = try placedInterval(of: value, field: match.field, match.location) { intervals.append(interval) }
    }
    intervals.sort { $0.low < $1.low }

    var merged: [Interval] = []
    for interval in intervals {
        if let last = merged.last, interval.low <= last.high || interval.low == last.high &+ 1 {
            merged[merged.count - 1].high = max(last.high, interval.high)
        } else {
            merged.append(interval)
        }
    }
    return merged
}

/// The value as an interval of the field's octets, in which the bits after the field are zeros; nil if no value of the field is in it.
func placedInterval(of value: Value, field: Field, _ location: SourceLocation) throws(ProgramError) -> Interval? {
    let interval = try interval(of: value, field: field, location)
    let (highest, shift) = (field.allOnes, UInt128(field.trailingBits))
    guard interval.low <= highest else { return nil }
    return Interval(low: interval.low << shift, high: min(interval.high, highest) << shift)
}

private func interval(of value: Value, field: Field, _ location: SourceLocation) throws(ProgramError) -> Interval {
    switch value {
    case .any:
        return Interval(low: 0, high: .max)
    case .number(let number):
        return Interval(low: number, high: number)
    case .range(let low, let high) where low <= high:
        return Interval(low: low, high: high)
    case .prefix(let bits, let length) where length >= 0 && length <= field.bitWidth:
        let host = ones(field.bitWidth - length)
        return Interval(low: bits & ~host, high: bits | host)
    case .range, .prefix, .interface, .concatenation:
        throw ProgramError(reason: .value(field), location: location)
    }
}

/// The ports by which frames come that the component means, a bit for each: those with the name, or with `oifname` the other of them.
func ingressPorts(
    _ values: [Value], of component: MatchKey.Component, ports: [String], _ location: SourceLocation
) throws(ProgramError) -> UInt128 {
    let isIngress = component.field.port == .ingress
    var mask: UInt128 = 0
    for value in values {
        if value == .any {
            mask = 0b11
            continue
        }
        guard case .interface(let name, let isPrefix) = value, component.mask == nil else {
            throw ProgramError(reason: .value(component.field), location: location)
        }
        for (index, port) in ports.enumerated() where isPrefix ? port.hasPrefix(name) : port == name {
            mask |= 1 << UInt128(isIngress ? index : 1 - index)
        }
    }
    return mask
}
