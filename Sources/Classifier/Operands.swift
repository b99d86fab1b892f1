import Ruleset

extension Field {
    /// As many ones as the field has bits.
    var allOnes: UInt128 { ones(bitWidth) }

    var isInterfaceName: Bool { self == .metaIifname || self == .metaOifname }
}

/// The number of which the low `count` bits are ones.
private func ones(_ count: Int) -> UInt128 {
    count >= UInt128.bitWidth ? .max : (UInt128(1) << UInt128(max(0, count))) &- 1
}

/// The operand as intervals, ascending, none of them touching another.
func operandIntervals(of match: Match) throws(ProgramError) -> [Interval] {
    let values: [Value] =
        switch match.operand {
        case .single(let value): [value]
        case .set(let values): values
        }
    var intervals: [Interval] = []
    for value in values {
        intervals.append(try interval(of: value, in: match))
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

private func interval(of value: Value, in match: Match) throws(ProgramError) -> Interval {
    switch value {
    case .number(let number):
        return Interval(low: number, high: number)
    case .range(let low, let high) where low <= high:
        return Interval(low: low, high: high)
    case .prefix(let bits, let length) where length >= 0 && length <= match.field.bitWidth:
        let host = ones(match.field.bitWidth - length)
        return Interval(low: bits & ~host, high: bits | host)
    case .range, .prefix, .interface:
        throw ProgramError(reason: .value(match.field), location: match.location)
    }
}

/// The ports by which frames come that the match means, a bit for each: those with the name, or with `oifname` the other of them.
func ingressPorts(of match: Match, ports: [String]) throws(ProgramError) -> UInt128 {
    let values: [Value] =
        switch match.operand {
        case .single(let value): [value]
        case .set(let values): values
        }
    var mask: UInt128 = 0
    for value in values {
        guard case .interface(let name, let isPrefix) = value, match.mask == nil else {
            throw ProgramError(reason: .value(match.field), location: match.location)
        }
        for (index, port) in ports.enumerated() where isPrefix ? port.hasPrefix(name) : port == name {
            mask |= 1 << UInt128(match.field == .metaIifname ? index : 1 - index)
        }
    }
    return mask
}
